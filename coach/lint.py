"""Language rules → findings with exact offsets. Five kinds of check; every rule is data.

phrases    any of a list of phrases, whole words, letter case and white space aside
pattern    regular expressions
structure  signals an item shows (`needs`, all of them) while it shows none of `lacks`
count      more than `at_least` of something: words in a sentence, commas in a sentence
judged     the whole item, where the reader finds it points to a decision less than `below`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from coach.schema import Finding, Rule, Signal, Span
from coach.sieve import Sieve
from coach.signals import Signals, regex, source

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
        shown = compiled.signals.shown(item)
        for number in sorted(compiled.sieve.passed(item)):
            rule = compiled.rules[number]
            if (rule.rule.last and len(found) > before) or (rule.rule.yields and point >= POINTS):
                continue
            last = -1
            for start, end in rule.matches(item, point, shown):
                if start >= last and end > start:
                    found.append(_finding(rule.rule, span.start + start, span.start + end))
                    last = end
    return tuple(sorted(found, key=lambda one: (one.start, -one.end, one.rule)))


def _finding(rule: Rule, start: int, end: int) -> Finding:
    message = f"{rule.message} {rule.hint}".strip()
    return Finding(rule=rule.id, level=rule.level, start=start, end=end, message=message, page=rule.page)


class _Rule:
    """A rule ready to run; `matches` gives offsets inside an item, in order."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._unless = [regex(one) for one in rule.unless]
        self._sources = [source(one) for one in rule.patterns] + ([_any_of(rule.phrases)] if rule.phrases else [])
        self._patterns = [re.compile(one, re.I) for one in self._sources]

    @property
    def sources(self) -> Sequence[str]:
        """Patterns of which one must match for the rule to speak; one that always does where there are none."""
        return self._sources if self.rule.kind in ("phrases", "pattern") else [""]

    def matches(self, item: str, point: float, shown: Mapping[str, tuple[int, int]]) -> Iterator[tuple[int, int]]:
        if self.rule.kind == "judged":
            if point < self.rule.below:
                yield 0, len(item)
            return
        places = list(self._places(item, shown))
        if places and not any(one.search(item) for one in self._unless):
            yield from sorted(places)

    def _places(self, item: str, shown: Mapping[str, tuple[int, int]]) -> Iterator[tuple[int, int]]:
        if self.rule.kind == "count":
            counted = _COUNTED.get(self.rule.counts, _COUNTED["words"])
            at = 0
            for end in [*(match.start() for match in _SENTENCE_END.finditer(item)), len(item)]:
                if len(counted.findall(item[at:end])) >= self.rule.at_least:
                    yield at + len(item[at:end]) - len(item[at:end].lstrip()), end
                at = end
            return
        if any(one in shown for one in self.rule.lacks):
            return
        first: tuple[int, int] | None = None
        for need in self.rule.needs:
            place = shown.get(need)
            if place is None:
                return
            first = first or place
        if self.rule.kind == "structure":
            yield first or (0, len(item))
            return
        for pattern in self._patterns:
            for match in pattern.finditer(item):
                yield match.span("here") if "here" in pattern.groupindex else match.span()


class _Compiled:
    """Rules in the order in which they speak, with a sieve for them, and the signals they ask about."""

    def __init__(self, rules: Sequence[Rule], signals: Sequence[Signal]) -> None:
        self.rules = [_Rule(one) for one in sorted(rules, key=lambda one: one.last)]
        self.sieve = Sieve(one.sources for one in self.rules)
        self.signals = Signals(signals)


def _any_of(phrases: Iterable[str]) -> str:
    longest = sorted(phrases, key=len, reverse=True)
    spelled = [r"\s+".join(re.escape(word).replace("'", "['’]") for word in one.split()) for one in longest]
    return rf"(?<![\w-])(?:{'|'.join(spelled)})(?![\w-])"


@lru_cache(maxsize=4)
def _compiled(rules: tuple[Rule, ...], signals: tuple[Signal, ...]) -> _Compiled:
    return _Compiled(rules, signals)
