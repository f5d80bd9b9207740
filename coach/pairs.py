"""A team's guide as text → its pairs of what not to say and what to say, and the rhythm it states.

Pure text; which words mark what is data, in corpus/guides/reading.yaml.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import Field

from coach.schema import Frozen, Room

_QUOTED = r"(?:[\"“”„«»‹›]\s*(?P<{0}>[^\"“”„«»‹›\n]{{3,300}}?)\s*[\"“”„«»‹›]|‘(?P<{0}_single>[^‘’\n]{{3,300}}?)’|`(?P<{0}_code>[^`\n]{{3,300}}?)`)"
_BULLET = re.compile(r"^(?P<indent>\s*)(?:[-*+•–]|\d+[.)])\s+(?P<text>.+)$")
_HEADING = re.compile(r"^(?P<marks>#{1,6})\s+(?P<text>.+?)\s*#*$")
_ROW = re.compile(r"^\s*\|(?P<cells>.+)\|\s*$")
_RULE = re.compile(r"^[\s|:-]+$")
_FURTHER = re.compile(r"(?<=[.!?;|”\"»’)] )\**(?P<label>[A-Z][\w'’]*(?: [a-z]+)?)\**:\**(?= )")
_NUMBERS = {word: n for n, word in enumerate("zero one two three four five six seven eight nine ten".split())} | {
    "a": 1, "an": 1, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45, "fifty": 50, "sixty": 60, "ninety": 90,
}


class StatedShape(Frozen):
    """How one number of the rhythm is stated; `is_` captures it, where `about` stands in the same sentence."""

    name: str
    about: str
    is_: str = Field(alias="is")


class GuideWords(Frozen):
    """corpus/guides/reading.yaml."""

    bad_labels: tuple[str, ...]
    good_labels: tuple[str, ...]
    tails: tuple[str, ...]
    bad_starts: tuple[str, ...]
    good_starts: tuple[str, ...]
    acts: tuple[str, ...]
    sentences: tuple[str, ...]
    swapped: tuple[str, ...]
    stated: tuple[StatedShape, ...]
    rooms: dict[Room, str]


class Pair(Frozen):
    """What a guide says not to say, and what to say; `line` of the guide's text, counted from 1."""

    bad: str
    good: str
    line: int
    found_in: Literal["table", "list", "prose"]
    heading: str = ""


class Stated(Frozen):
    """A number of the rhythm that a guide states: the setting it is, its value in words, where it stands."""

    name: str
    value: str
    line: int
    quote: str


@dataclass(frozen=True)
class _Line:
    number: int
    text: str
    heading: str


def find_pairs(text: str, words: GuideWords) -> tuple[Pair, ...]:
    """Every pair in tables, lists and prose, in the order of the text; the same pair once."""
    lines = list(_lines(text))
    found = [*_in_tables(lines, words), *_in_lists(lines, words), *_in_prose(lines, words)]
    once: dict[tuple[str, str], Pair] = {}
    for pair in sorted(found, key=lambda one: one.line):
        key = (_plain(pair.bad), _plain(pair.good))
        if key[0] != key[1] and key[0] and len(key[1].split()) >= (2 if pair.found_in == "prose" else 3) and not _is_no_line(pair, words):
            once.setdefault(key, pair)
    return tuple(once.values())


def _is_no_line(pair: Pair, words: GuideWords) -> bool:
    """Whether a pair is none to say: a row's number, a remark in brackets, or advice on what to do on both sides."""
    if not re.search(r"[^\W\d_]", pair.bad) or re.fullmatch(r"\([^()]*\)|\[[^\[\]]*\]|[-–—/.\s]*", pair.good):
        return True
    if pair.found_in == "prose":
        return False
    first = [_plain(one).partition(" ")[0] for one in (pair.bad, pair.good)]
    return all(one in words.acts for one in first)


def _lines(text: str) -> Iterator[_Line]:
    heading = ""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        if not fenced and (match := _HEADING.match(line)):
            heading = _shown(match["text"])
        yield _Line(number, re.sub(r"^\s*(?:>\s?)+", "", line).rstrip(), heading)


def _shown(text: str) -> str:
    """Without Markdown marks and the quotation marks around a whole line."""
    plain = re.sub(r"\\([\\`*_{}\[\]()#+.!|~<>-])", r"\1", text)
    plain = re.sub(r"\*\*|__|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|~~|`", "", plain)
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", plain)
    plain = re.sub(r"<br\s*/?>", " ", plain)
    plain = re.sub(r"\s+", " ", plain).strip()
    plain = re.sub(r"^[-•*] (?=\S)", "", plain)
    if len(plain) > 2 and plain[0] in "\"“„«‘" and plain[-1] in "\"”“»’" and not re.search(r"[\"“”„«»]", plain[1:-1]):
        plain = plain[1:-1].strip()
    return plain


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _label(text: str, words: GuideWords, is_head: bool = False) -> Literal["bad", "good"] | None:
    """Whether a short text marks what not to say or what to say. is_head: it heads a column."""
    bare = _shown(text).casefold().replace("’", "'").strip(" :.!–—-()\"“”")
    if not bare or len(bare.split()) > 7:
        return None
    for kind, starts in (("bad", words.bad_starts), ("good", words.good_starts)):
        if any(f"{bare} ".startswith(f"{one} ") for one in starts):
            return "bad" if kind == "bad" else "good"
    if len(bare.split()) > 4:
        return None
    for kind, labels in (("bad", words.bad_labels), ("good", words.good_labels)):
        if is_head and any(bare.startswith(one) or bare.endswith(one) for one in labels if not one[0].isalnum()):
            return "bad" if kind == "bad" else "good"  # a sign decides, whatever the words beside it
    signs = [one for one in (*words.bad_labels, *words.good_labels) if not one[0].isalnum()]
    bare = next((bare.removeprefix(one).strip() for one in signs if bare.startswith(one) and bare != one), bare)
    for _ in range(3):
        for kind, labels in (("bad", words.bad_labels), ("good", words.good_labels)):
            if bare in labels:
                return "bad" if kind == "bad" else "good"
        first, _, last = bare.rpartition(" ")
        if not first or last not in words.tails:
            return None
        bare = first
    return None


# --- tables -------------------------------------------------------------------------------------------


def _in_tables(lines: Sequence[_Line], words: GuideWords) -> Iterator[Pair]:
    columns: tuple[int, int] | None = None
    inside = False
    for line in lines:
        match = _ROW.match(line.text)
        if not match:
            columns, inside = None, False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", match["cells"])]
        if not inside and not any(cells):
            continue  # a head row that a converter left empty
        if not inside and not _RULE.match(line.text):
            inside = True
            kinds = [_label(cell, words, is_head=True) for cell in cells]
            columns = _columns(kinds)
        elif columns and not _RULE.match(line.text) and max(columns) < len(cells):
            bad, good = (_shown(cells[column]) for column in columns)
            if bad and good:
                yield Pair(bad=bad, good=good, line=line.number, found_in="table", heading=line.heading)
        elif columns is None and len(cells) >= 2 and not _RULE.match(line.text) and (kind := _label(cells[0], words)):
            # A table that runs down: the label in the first cell, the line in the second.
            yield from _down(lines, line, kind, cells, words)


def _columns(kinds: Sequence[str | None]) -> tuple[int, int] | None:
    """The columns of what not to say and what to say: the two that stand nearest to each other, as `No.` may head a number."""
    both = [(bad, good) for bad, one in enumerate(kinds) if one == "bad" for good, other in enumerate(kinds) if other == "good"]
    return min(both, key=lambda pair: abs(pair[0] - pair[1]), default=None)


def _down(lines: Sequence[_Line], line: _Line, kind: str, cells: Sequence[str], words: GuideWords) -> Iterator[Pair]:
    if kind != "bad":
        return
    below = next((one for one in lines if one.number == line.number + 1), None)
    match = _ROW.match(below.text) if below else None
    if below and match:
        second = [cell.strip() for cell in re.split(r"(?<!\\)\|", match["cells"])]
        if len(second) >= 2 and _label(second[0], words) == "good":
            yield Pair(bad=_shown(cells[1]), good=_shown(second[1]), line=line.number, found_in="table", heading=line.heading)


# --- lists and labelled lines ---------------------------------------------------------------------------


def _in_lists(lines: Sequence[_Line], words: GuideWords) -> Iterator[Pair]:
    waiting: tuple[_Line, str] | None = None
    groups: dict[str, list[tuple[_Line, str]]] = {"bad": [], "good": []}
    group: Literal["bad", "good"] | None = None

    def flush() -> Iterator[Pair]:
        bad, good = groups["bad"], groups["good"]
        if bad and len(bad) == len(good):
            for (line, one), (_, other) in zip(bad, good, strict=True):
                yield Pair(bad=_shown(one), good=_shown(other), line=line.number, found_in="list", heading=line.heading)
        bad.clear()
        good.clear()

    for line in _one_label_a_line(lines, words):
        if not line.text.strip() or _ROW.match(line.text):
            continue
        bullet = _BULLET.match(line.text)
        heading = _HEADING.match(line.text)
        content = bullet["text"] if bullet else heading["text"] if heading else line.text.strip()
        if kind := _label(content, words):
            # A label alone on its line: what follows is a list of such lines.
            if kind == "bad" and groups["good"] and groups["bad"]:
                yield from flush()
            group, waiting = kind, None
            continue
        said = _labelled(content, words)
        if said:
            group = None
            kind, rest = said
            both = re.split(r"\s*(?:→|->|=>|⇒|➜|➔|⟶|\s/\s)\s*(?=\W*\w+)", rest, maxsplit=1)
            after = _labelled(both[1], words) if len(both) == 2 else _inside(rest, words)
            if kind == "bad" and after and after[0] == "good":
                yield Pair(bad=_shown(both[0] if len(both) == 2 else rest[: rest.index(after[1])].rsplit(":", 1)[0].rsplit(maxsplit=1)[0]), good=_shown(after[1]), line=line.number, found_in="list", heading=line.heading)
                waiting = None
            elif kind == "bad":
                waiting = (line, rest)
            elif waiting and line.number - waiting[0].number <= 4:
                yield Pair(bad=_shown(waiting[1]), good=_shown(rest), line=waiting[0].number, found_in="list", heading=line.heading)
                waiting = None
            continue
        if group and bullet:
            groups[group].append((line, bullet["text"]))
        elif group and not bullet and not heading and groups[group] == []:
            groups[group].append((line, line.text))  # a label, and its one line as a paragraph
        elif heading or (group and not bullet):
            yield from flush()
            group = None
    yield from flush()


def _one_label_a_line(lines: Sequence[_Line], words: GuideWords) -> Iterator[_Line]:
    """Lines cut before each further label in them: `Bad: … Good: … Bad: …` as a converter runs them together."""
    for line in lines:
        cuts = [match.start() for match in _FURTHER.finditer(line.text) if _label(match["label"], words)]
        if not cuts or not _labelled(_BULLET.sub(r"\g<text>", line.text), words):
            yield line
            continue
        for start, end in zip([0, *cuts], [*cuts, len(line.text)], strict=True):
            yield _Line(line.number, line.text[start:end].strip(), line.heading)


def _labelled(text: str, words: GuideWords) -> tuple[Literal["bad", "good"], str] | None:
    """`BAD: words`, `**Do** – words`, `❌ words` → the label's kind and the words."""
    plain = text.strip()
    for kind, labels in (("bad", words.bad_labels), ("good", words.good_labels)):
        for sign in (one for one in labels if not one[0].isalnum()):
            if plain.startswith(sign) and (rest := plain.removeprefix(sign).lstrip("\ufe0f :–—-")):
                inner = _labelled(rest, words)
                return inner or ("bad" if kind == "bad" else "good", rest)
    match = re.match(r"^(?:\*\*|__)?(?P<label>[^:*_|]{2,28}?)(?:\*\*|__)?\s*(?::|–|—|\s-\s)(?:\*\*|__)?\s*(?P<rest>\S.+)$", plain)
    if match and (found := _label(match["label"], words)):
        return found, match["rest"]
    match = re.match(r"^(?:\*\*|__)(?P<label>[^*_]{2,28}?):?(?:\*\*|__)\s+(?P<rest>\S.+)$", plain)
    if match and (found := _label(match["label"], words)):
        return found, match["rest"]
    return None


def _inside(text: str, words: GuideWords) -> tuple[Literal["bad", "good"], str] | None:
    """A second label in the middle of a line: `… GOOD: words`."""
    for match in re.finditer(r"(?<=[\s.!?;|])(?P<label>[A-Za-z✅✓✔👍][\w']*)\s*:\s*(?P<rest>\S.+)$", text):
        if _label(match["label"], words) == "good":
            return "good", match["rest"]
    return None


# --- prose --------------------------------------------------------------------------------------------


def _in_prose(lines: Sequence[_Line], words: GuideWords) -> Iterator[Pair]:
    for first, marked in _paragraphs(lines):
        text = re.sub(r"[*_]+(?=[\"“„«‘`])|(?<=[\"”“»’`])[*_]+", "", marked)  # emphasis around a quotation
        for shape in _shapes((*words.sentences, *words.swapped)):
            for match in shape.finditer(text):
                bad, good = (_group(match, name) for name in ("bad", "good"))
                number = first.number + text.count("\n", 0, match.start())
                yield Pair(bad=_shown(bad), good=_shown(good), line=number, found_in="prose", heading=first.heading)


def _group(match: re.Match[str], name: str) -> str:
    return match[name] or match[f"{name}_single"] or match[f"{name}_code"] or ""


def _paragraphs(lines: Sequence[_Line]) -> Iterator[tuple[_Line, str]]:
    """Lines that belong together, joined by their breaks; a table row is none."""
    held: list[_Line] = []
    for line in [*lines, _Line(0, "", "")]:
        ends = not line.text.strip() or _ROW.match(line.text) or _HEADING.match(line.text) or _BULLET.match(line.text)
        if ends and held:
            yield held[0], "\n".join(one.text for one in held)
            held = []
        if line.text.strip() and not _ROW.match(line.text) and not _HEADING.match(line.text):
            held.append(line)


@lru_cache(maxsize=4)
def _shapes(sentences: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    bad, good = _QUOTED.format("bad"), _QUOTED.format("good")
    return tuple(
        re.compile(shape.replace("'", "['’]").replace(" ", r"\s+").replace("{bad}", bad).replace("{good}", good), re.I)
        for shape in sentences
    )


# --- the rhythm -----------------------------------------------------------------------------------------


def find_stated(text: str, words: GuideWords) -> tuple[Stated, ...]:
    """The numbers of the rhythm that a guide states, each setting once, as its first sentence says it.

    A heading counts only for what no sentence says: “the quarterly review” in a title is a name.
    """
    found: dict[str, Stated] = {}
    lines = list(_lines(text))
    for line in (*(one for one in lines if not _HEADING.match(one.text)), *(one for one in lines if _HEADING.match(one.text))):
        for sentence in re.split(r"(?<=[.!?])(?<!\b[Mm]ax\.)\s+", _shown(line.text)):
            where = f"{line.heading} {sentence}"
            for shape in words.stated:
                match = re.search(shape.is_, sentence, re.I)
                about = re.search(shape.about, sentence, re.I) or (not _other(sentence, shape, words) and re.search(shape.about, where, re.I))
                if match and about and shape.name not in found:
                    found[shape.name] = Stated(name=shape.name, value=_value(match), line=line.number, quote=sentence.strip()[:160])
    return tuple(sorted(found.values(), key=lambda one: one.line))


def _other(sentence: str, shape: StatedShape, words: GuideWords) -> bool:
    """Whether a sentence is about another meeting than the heading above it."""
    mine = shape.name.split(".")[0]
    return any(re.search(one.about, sentence, re.I) for one in words.stated if one.name.split(".")[0] != mine and "." in one.name)


def _value(match: re.Match[str]) -> str:
    groups = {name: value for name, value in match.groupdict().items() if value is not None}
    if "half" in groups:
        return "30"
    if "hours" in groups:
        return str(60 * _number(groups["hours"]))
    if "number" in groups:
        number = _number(groups["number"])
        if groups.get("unit", "").startswith("hour"):
            return str(max(1, math.ceil(number / 24)))
        if "working" in groups:
            number += 2 * math.ceil(number / 5)  # a weekend for each five: rather a day early than late
        return str(number * 7 if groups.get("unit", "").startswith("week") else number)
    if "low" in groups:
        low = _number(groups["low"])
        return f"{low} to {_number(groups['high'])}" if "high" in groups else str(low)
    return next(iter(groups)).replace("_", " ")


def _number(words: str) -> int:
    return int(words) if words.isdigit() else _NUMBERS[words.casefold()]


def rooms_of(text: str, words: GuideWords) -> tuple[Room, ...]:
    """The rooms that a section speaks of; the review where it names none."""
    return tuple(room for room, shape in words.rooms.items() if re.search(shape, text, re.I)) or ("okr_review",)
