"""Blocks → units and items with exact offsets; nothing here judges what a line means.

A unit is the smallest stretch of a block that could be an item by itself: a sentence, or a clause
of one. An item is one unit or several.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from coach.blocks import Block, blocks, trim
from coach.schema import Segment

Cut = Literal[
    "block", "sentence", "line", "semicolon", "dash", "ellipsis", "colon", "connective", "comma", "run"
]

_SENTENCE = 6  # words of a cell that is more than a value
MAX_UNIT = 1200  # characters; a longer stretch is cut at a space, whatever it is


@dataclass(frozen=True, slots=True)
class Unit:
    """draft[start:end], in the block with this number; `cut` says what parts it from the last."""

    start: int
    end: int
    block: int
    cut: Cut


_ABBREVIATIONS = frozenset(
    "dr mr mrs ms prof st sr jr vs approx appr no nr nos inc ltd co corp dept est fig min max avg temp incl excl "
    "e.g i.e eg ie cf etc resp ca rev ver vol wk wks mo yr yrs jan feb mar apr jun jul aug sep sept oct nov dec "
    "mon tue tues wed thu thur thurs fri sat sun p pp ph.d u.s u.k a.m p.m tel ext ref art sec gen gov sgt lt capt "
    "z.b d.h bzw ggf".split()
)
_A_WORD = re.compile(r"[^\W_][\w'’-]*")
_DIGIT = re.compile(r"\d")
_STOP = re.compile(r"(?:\.{2,}|…|[.!?]+)[\"'”’)\]]*(?=\s|$)|[.!?](?=[A-Z][a-z]+ )")
_SUBJECT_WORD = (
    r"(?:i|i'm|i’m|i've|i’ve|i'd|im|ive|we|we're|we’re|they|they're|he|he's|she|she's|it|it's|its|that|that's|thats|"
    r"this|there|there's|theres|dont|don't|nobody|no one|everyone|everybody|my|our|his|her|their|the|a|who|whoever|you|what|not|now|"
    r"[A-Z][a-zà-ÿ]+)"
)
_CONNECTIVE = re.compile(
    r"(?:,[ \t]*|[ \t]+)(?P<word>(?:oh )?(?:and|but|plus|also|though|although|while|whereas|because|since|cause|so|"
    r"which|unless|except|anyway|besides|meanwhile|otherwise|then|btw|ps|p\.s\.|"
    r"uh|um|okay|ok so|on a side note|between us|honestly|frankly|tbh)),?[ \t]+(?=(?P<next>\S+))",
    re.I,
)
_NEEDS_COMMA = frozenset({"which", "since", "then", "also", "so", "ok so", "honestly", "frankly", "tbh", "anyway", "except", "otherwise"})
_COMMA = re.compile(rf",[ \t]+(?=(?:{_SUBJECT_WORD})\b)", re.I)
_DASH = re.compile(r"[ \t]+(?:—|–|--|-)[ \t]+|(?<=\w)—(?=\w)")
_COLON = re.compile(r"(?<=[\w)]):[ \t]+(?=\S)")
_ASIDE = re.compile(r"\((?=[^()]*[^\W\d_][^()]* [^()]* [^()]* )[^()]{12,300}\)")  # four words and more
_OPEN = {"(": ")", "[": "]", "“": "”", "«": "»"}


def units(text: str, found: Sequence[Block]) -> tuple[Unit, ...]:
    """Every unit of these blocks in order. A table row is cut only at and inside a cell that holds a sentence."""
    out: list[Unit] = []
    for number, block in enumerate(found):
        out.extend(_units_of(text, block, number))
    return tuple(out)


# No matter ends with one of these.
_WANTS_MORE = re.compile(
    r"(?<![\w'’-])(?:a|an|the|of|to|for|from|with|by|at|into|onto|per|than|as|if|unless|until|because|since|while|how|why|which|who|whose|whom|what|when|"
    r"where|whether|my|our|your|his|her|their|its|is|are|was|were|be|been|has|have|had|will|would|can|could|should|must|may|might|not|no|every|each|"
    r"or|nor|either|neither|between|about|against|under|over|vs|[\d]+ of|out of)[ \t]+$|[-–—/(:%$€£#@=<>][ \t]*$|\b\d+[ \t]+of[ \t]+\d+[ \t]+$",
    re.I,
)
_JOINING = re.compile(
    r"(?:(?<![\w'’-])(?:and|also|oh|then|so|but|plus|anyway|uh|um|okay|ok|well|yeah|next|what else|other than that|besides)[ \t]+)*$",
    re.I,
)


def parted(text: str, parts: Sequence[Unit], begins: Sequence[int]) -> tuple[Unit, ...]:
    """The units, cut again at these offsets of the draft: where a new matter begins with no mark at all.

    An offset with no space before it, too near to an end of its unit for both sides to stand alone, or behind a word that
    wants another after it, is passed over.
    """
    out: list[Unit] = []
    asked = sorted(at - len(_JOINING.search(text, max(0, at - 40), at)[0]) for at in begins)  # type: ignore[index]
    for unit in parts:
        start, cut = unit.start, unit.cut
        for at in asked[bisect_right(asked, unit.start) : bisect_left(asked, unit.end)]:
            if not text[at - 1].isspace() or _WANTS_MORE.search(text, max(0, at - 24), at):
                continue
            left = trim(text, start, at)
            if _enough(text, *left, 3) and _enough(text, at, unit.end, 3):
                out.append(Unit(*left, unit.block, cut))
                start, cut = at, "run"
        out.append(Unit(start, unit.end, unit.block, cut))
    return tuple(out)


def _units_of(text: str, block: Block, number: int) -> Iterator[Unit]:
    at = block.start
    cut: Cut = "block"
    cuts = _row_cuts(text, block) if block.kind == "row" else _cuts(text, block.start, block.end)
    for where, after, kind in cuts:
        start, end = trim(text, at, where)
        least = 2 if kind in ("sentence", "line") else 3
        if not _enough(text, start, end, least) or not _enough(text, after, block.end, least):
            continue
        yield Unit(start, end, number, cut)
        at, cut = after, kind
    start, end = trim(text, at, block.end)
    if _A_WORD.search(text, start, end):
        yield Unit(start, end, number, cut)


def _enough(text: str, start: int, end: int, words: int) -> bool:
    """Whether a stretch can stand alone: so many words, or one with a digit in it."""
    return len(_A_WORD.findall(text, start, end)) >= words or bool(_DIGIT.search(text, start, end))


def _row_cuts(text: str, block: Block) -> Iterator[tuple[int, int, Cut]]:
    """Cuts of a row: what somebody wrote out in a cell is more than the value of a column."""
    for start, end in block.cells:
        if len(_A_WORD.findall(text, start, end)) < _SENTENCE:
            continue
        if start > block.start:
            yield start, start, "semicolon"
        yield from _cuts(text, start, end)


def _cuts(text: str, start: int, end: int) -> list[tuple[int, int, Cut]]:
    """(end of the left unit, start of the right one, kind), sorted, never inside brackets."""
    shut = _shut(text, start, end)
    found: dict[int, tuple[int, int, Cut]] = {}

    def add(where: int, after: int, kind: Cut) -> None:
        if start < where < after <= end and after not in found and not shut[where - start]:
            found[after] = (where, after, kind)

    for match in _STOP.finditer(text, start, end):
        if match[0][0] == "." and _is_abbreviation(text, start, match.start(), end):
            continue
        # The stop belongs to the sentence; what is inside a quotation ends with it.
        closing = 0 if match.end() >= end else len(re.match(r"\s*", text[match.end() : match.end() + 50])[0])  # type: ignore[index]
        kind: Cut = "ellipsis" if match[0].startswith("..") or match[0][0] == "…" else "sentence"
        add(match.end(), match.end() + closing, kind)
    for match in re.finditer(r"\n\s*", text[start:end]):
        above = text[start : start + match.start()]
        width = len(above) - above.rfind("\n") - 1
        if above.rstrip().endswith((".", "!", "?")) or width < 45:
            add(start + match.start(), start + match.end(), "line")
    for match in _COLON.finditer(text, start, end):
        add(match.start() + 1, match.end(), "colon")
    for match in re.finditer(r";[ \t\n]+|[ \t]+/{2}[ \t]+|[ \t]+\|[ \t]+", text[start:end]):
        add(start + match.start(), start + match.end(), "semicolon")
    for match in _ASIDE.finditer(text, start, end):
        # What stands in brackets may be another's business than what stands around them.
        before = len(text[start : match.start()].rstrip()) + start
        for where, after in ((before, match.start()), (match.end(), match.end() + len(text[match.end() : end]) - len(text[match.end() : end].lstrip(" ,;.")))):
            if start < where <= after < end and after not in found:
                found[after] = (where, after, "dash")
    for match in _DASH.finditer(text, start, end):
        add(match.start(), match.end(), "dash")
    for match in _CONNECTIVE.finditer(text, start, end):
        word = match["word"].lower()
        comma = match[0].startswith(",")
        if word in _NEEDS_COMMA and not comma:
            continue
        if word in ("and", "but", "so", "then") and not comma and not re.match(_SUBJECT_WORD + r"\b", match["next"], re.I):
            continue
        add(match.start(), match.start("word"), "connective")
    for match in _COMMA.finditer(text, start, end):
        add(match.start(), match.end(), "comma")
    cuts = sorted(found.values(), key=lambda cut: cut[1])
    return _with_length_limit(text, start, end, cuts)


def _shut(text: str, start: int, end: int) -> bytearray:
    """For each offset whether it lies inside brackets or quotation marks that close nearby."""
    inside = bytearray(end - start + 1)
    index = start
    while index < end:
        mark = text[index]
        close = _OPEN.get(mark) or ('"' if mark == '"' else None)
        if close is not None:
            stop = text.find(close, index + 1, min(end, index + 200))
            if stop > index and (mark != '"' or "\n" not in text[index:stop]):
                inside[index - start + 1 : stop - start + 1] = b"\x01" * (stop - index)
                index = stop
        index += 1
    return inside


def _is_abbreviation(text: str, start: int, dot: int, end: int) -> bool:
    before = re.search(r"[\w.&'’-]+$", text[max(start, dot - 15) : dot])
    word = before[0].lower() if before else ""
    after = text[dot + 1 : min(end, dot + 12)].lstrip()
    if word.isdigit():
        # `3. ` opens a list, and `14. März` is a date; `at 62. ` ends a sentence.
        return bool(re.match(r"(?:jan|feb|mar|mär|apr|mai|may|jun|jul|aug|sep|okt|oct|nov|de[cz])", after, re.I)) or (
            not before or max(start, dot - 15) + before.start() == start
        )
    if word in ("no", "min", "max", "sat", "sun", "mon", "wed", "fri", "sec", "gen", "art", "co", "mar", "jan", "p", "mo", "est", "fig", "rev"):
        return after[:1].isdigit()
    if len(word) == 1 and word.isalpha() and word not in ("i",) and text[dot - 1].isupper():
        return after[:1].isupper()
    return word in _ABBREVIATIONS and not (word in ("etc", "yr", "yrs", "wk", "wks") and after[:1].isupper())


def _with_length_limit(
    text: str, start: int, end: int, cuts: list[tuple[int, int, Cut]]
) -> list[tuple[int, int, Cut]]:
    """The same cuts, with more at spaces wherever two of them lie too far apart."""
    out: list[tuple[int, int, Cut]] = []
    at = start
    for cut in [*cuts, (end, end, "block")]:
        while cut[0] - at > MAX_UNIT:
            space = text.rfind(" ", at + MAX_UNIT // 2, at + MAX_UNIT)
            where = space if space > 0 else at + MAX_UNIT
            after = where + 1 if space > 0 else where
            out.append((where, after, "comma"))
            at = after
        if cut[1] < end or cut[2] != "block":
            out.append(cut)
        at = cut[1]
    return out


# --- items -------------------------------------------------------------------------------------


def assemble(
    text: str, found: Sequence[Block], parts: Sequence[Unit], starts: Sequence[bool]
) -> tuple[tuple[Segment, tuple[Unit, ...]], ...]:
    """Items out of units: a unit whose `starts` is true opens a new item, as does a new block."""
    groups: list[list[Unit]] = []
    for unit, opens in zip(parts, starts, strict=True):
        if groups and groups[-1][-1].block == unit.block and (not opens or _is_inserted(text, unit)):
            groups[-1].append(unit)
        else:
            groups.append([unit])
    out = []
    for group in groups:
        block = found[group[0].block]
        start, end = _item_span(text, group[0].start, group[-1].end)
        whole = block.kind != "row" or group[0].cut == "block"  # the rest of a row is under no columns
        segment = Segment(
            start=start,
            end=end,
            kind=block.kind if whole else "prose",
            context=block.context,
            columns=block.columns if whole else (),
            block=group[0].block,
            speaker=block.speaker,
        )
        out.append((segment, tuple(group)))
    return tuple(out)


def _is_inserted(text: str, unit: Unit) -> bool:
    """Whether a unit opens with a bracket in the middle of a sentence that goes on behind it."""
    if text[unit.start] != "(" or text[: unit.start].rstrip()[-1:] in ".!?…:":
        return False
    close = text.find(")", unit.start)
    return close >= 0 and bool(re.match(r"[ \t]*[a-z]", text[close + 1 : close + 40]))


_LEADING = re.compile(
    r"(?:(?:oh|ok|okay|and|but|plus|also|so|then|uh|um|umm|well|anyway|right|yeah|next|finally|lastly|separately|btw|"
    r"because|while|though|although|whereas|since|besides|meanwhile|honestly|ps|p\.s\.)\b[,:.…]*[ \t]+)+",
    re.I,
)


def _item_span(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the connective that led into it: the item is what it says, not how it was joined."""
    lead = _LEADING.match(text, start, end)
    if lead and end - lead.end() >= 12:
        start = lead.end()
    return trim(text, start, end)


def sentences(text: str) -> tuple[Segment, ...]:
    """Items by structure alone: each sentence or row one; for commands that load no model."""
    found = blocks(text)
    parts = units(text, found)
    starts = [unit.cut == "block" or (unit.cut == "sentence" and found[unit.block].kind != "row") for unit in parts]
    return tuple(segment for segment, _ in assemble(text, found, parts, starts))


def likely_items(text: str, found: Sequence[Block]) -> tuple[str, ...]:
    """The words of bullets and table rows, of which nearly all become items whole; for who cannot wait for the rest."""
    spans = [_item_span(text, one.start, one.end) for one in found if one.kind in ("bullet", "row")]
    return tuple(text[start:end] for start, end in spans if _A_WORD.search(text, start, end))
