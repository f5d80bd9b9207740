"""Language rules → findings with exact offsets. Five kinds of check; every rule is data.

phrases    any of a list of phrases, whole words, letter case and white space aside
pattern    regular expressions
structure  signals an item shows (`needs`, all of them) while it shows none of `lacks`
count      more than `at_least` of something: words in a sentence, commas in a sentence
judged     the whole item, where the reader finds it points to a decision less than `below`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from coach.schema import Finding, Rule, Signal, Span

POINTS = 0.5  # from here on an item points to a decision
_COUNTED = {"words": re.compile(r"\S+"), "commas": re.compile(r",\s")}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def lint(
    text: str, rules: tuple[Rule, ...], signals: tuple[Signal, ...], *, spans: Sequence[Span], points: Sequence[float]
) -> tuple[Finding, ...]:
    """The findings in these items of a text, by place; a rule speaks once about the same words.

    points: for each span how surely it points to a decision, 0 to 1.
    """
    compiled = _compiled(rules, signals)
    found: list[Finding] = []
    for span, point in zip(spans, points, strict=True):
        item = text[span.start : span.end]
        before = len(found)
        for rule in compiled:
            if (rule.rule.last and len(found) > before) or (rule.rule.yields and point >= POINTS):
                continue
            last = -1
            for start, end in rule.matches(item, point):
                if start >= last and end > start:
                    found.append(_finding(rule.rule, span.start + start, span.start + end))
                    last = end
    return tuple(sorted(found, key=lambda one: (one.start, -one.end, one.rule)))


def _finding(rule: Rule, start: int, end: int) -> Finding:
    message = f"{rule.message} {rule.hint}".strip()
    return Finding(rule=rule.id, level=rule.level, start=start, end=end, message=message, page=rule.page)


class _Compiled:
    """A rule ready to run; `matches` gives offsets inside an item, in order."""

    def __init__(self, rule: Rule, signals: dict[str, _Signal]) -> None:
        self.rule = rule
        self._unless = [_regex(one) for one in rule.unless]
        self._needs = [signals[one] for one in rule.needs]
        self._lacks = [signals[one] for one in rule.lacks]
        self._patterns = [_regex(one) for one in rule.patterns]
        if rule.phrases:
            self._patterns.append(_any_of(rule.phrases))

    def matches(self, item: str, point: float) -> Iterator[tuple[int, int]]:
        if self.rule.kind == "judged":
            if point < self.rule.below:
                yield 0, len(item)
            return
        places = list(self._places(item))
        if places and not any(one.search(item) for one in self._unless):
            yield from sorted(places)

    def _places(self, item: str) -> Iterator[tuple[int, int]]:
        if self.rule.kind == "count":
            counted = _COUNTED.get(self.rule.counts, _COUNTED["words"])
            at = 0
            for end in [*(match.start() for match in _SENTENCE_END.finditer(item)), len(item)]:
                if len(counted.findall(item[at:end])) >= self.rule.at_least:
                    yield at + len(item[at:end]) - len(item[at:end].lstrip()), end
                at = end
            return
        if self._lacks and any(one.place(item) for one in self._lacks):
            return
        first: tuple[int, int] | None = None
        for need in self._needs:
            place = need.place(item)
            if place is None:
                return
            first = first or place
        if self.rule.kind == "structure":
            yield first or (0, len(item))
            return
        for pattern in self._patterns:
            for match in pattern.finditer(item):
                yield match.span("here") if "here" in pattern.groupindex else match.span()


class _Signal:
    def __init__(self, signal: Signal) -> None:
        self._patterns = [_regex(one) for one in signal.patterns]
        self._unless = [_regex(one) for one in signal.unless]

    def place(self, item: str) -> tuple[int, int] | None:
        """Where an item shows it first, or None."""
        places = [match.span() for one in self._patterns if (match := one.search(item))]
        return min(places) if places and not any(one.search(item) for one in self._unless) else None


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("'", "['’]"), re.I)


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    longest = sorted(phrases, key=len, reverse=True)
    spelled = [r"\s+".join(re.escape(word).replace("'", "['’]") for word in one.split()) for one in longest]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(spelled)})(?![\w-])", re.I)


@lru_cache(maxsize=4)
def _compiled(rules: tuple[Rule, ...], signals: tuple[Signal, ...]) -> tuple[_Compiled, ...]:
    named = {one.id: _Signal(one) for one in signals}
    return tuple(_Compiled(rule, named) for rule in sorted(rules, key=lambda one: one.last))
