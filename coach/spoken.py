"""The draft's own words → sentences a room can hear: breath, verdicts and marks left out, rows put in words.

No fact is made here and none is looked for: what goes in is what may be said, and every piece says where in the draft it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from coach.facts import row_cells
from coach.schema import CoachPiece, DraftPiece, Phrasing, Piece, Room, Span
from coach.spelling import spelled

MAX_WORDS = 38  # in one sentence; two below what a reader is promised
_BAR = re.compile(r"\s*\|\s*")
# What leads into a sentence and can go: a mark, a number, a connective.
MARKS = re.compile(r"^(?:\(?\d{1,2}[.)]\s+|\([a-z\d]\)\s+|[-*•]\s+|(?:so(?! (?:is|are|was|were|am|do|does|did|has|have|will|far|long|much)\b)|and|but|plus|also|oh|okay|ok|well|anyway|because|while|though|then)\b,?\s+)+", re.I)
# Words that have a capital only where they begin a sentence.
_OPENS_SENTENCE = re.compile(
    r"(?:We|The|An?|Either|They|If|To|Our|My|You|Your|One|Two|Three|Four|Five|No|More|Less|Keep|Cut|Drop|Move|Take|Give|Hire|Buy|Pay|Stop|Ship|Close|Open|Run|Sign|Send|"
    r"Swap|Shift|Split|Delay|Add|Use|Let|Make|Put|Ask|Lower|Raise|Extend|Lend|Rent|Freeze|Pause|Park|Push|Merge|Narrow|Start|Leave|Change|Accept|Allow|Approve|Release|Get|Go|Do)\b"
)
_HUNG = re.compile(r"(?P<topic>(?:the |our )?[\w'’&-]+(?: [\w'’&-]+){0,3}?),? (?:where|which (?:is|are|was|were)(?: still)?)\s+", re.I)


@dataclass(frozen=True)
class Passage:
    """What is said, and where: an item of a draft, the headers of a row's cells, the room that hears it."""

    draft: str
    room: Room
    item: Span
    columns: Sequence[str] = ()


@dataclass
class Text:
    """Pieces in the making; neighbours are joined with single spaces and full stops."""

    spellings: Mapping[str, str]
    pieces: list[Piece] = field(default_factory=list)

    def words(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def coach(self, text: str) -> None:
        if not text:
            return
        if self.pieces and isinstance(self.pieces[-1], CoachPiece):
            text = self.pieces.pop().text + text
        self.pieces.append(CoachPiece(text=text))

    def unsay(self, words: str) -> None:
        """Take back connecting words that stand last."""
        if self.pieces and isinstance(self.pieces[-1], CoachPiece) and self.pieces[-1].text.endswith(words):
            self.pieces[-1] = CoachPiece(text=self.pieces[-1].text.removesuffix(words))

    def draft(self, draft: str, start: int, end: int, capital: bool = False, small: bool = False) -> None:
        """Words of the draft. capital, small: whether a sentence begins with them here, or no longer does."""
        if end <= start:
            return
        text = spelled(draft[start:end], self.spellings)
        if small and _OPENS_SENTENCE.match(text):
            text = text[0].lower() + text[1:]
        if capital and text[:1].islower() and re.match(r"[a-z'’]+(?:-[a-z]+)*(?:[^\w/.-]|[.-]?(?:\s|$))", text):
            text = text[0].upper() + text[1:]
        self.pieces.append(DraftPiece(text=text, start=start, end=end))


def say(out: Text, passage: Passage, phrasing: Phrasing, state: Sequence[Span]) -> None:
    """Write the words of `state` as sentences of a bearable length, breath and fillers left out."""
    if passage.columns:
        _write_row(out, passage, phrasing, state)
    else:
        _write_sentences(out, passage, phrasing, state)


def _write_sentences(out: Text, passage: Passage, phrasing: Phrasing, state: Sequence[Span]) -> None:
    filler = filler_of(phrasing.fillers)
    sentences = [(a, b, span) for span in state for a, b in _sentences(passage.draft, span.start, span.end)]
    joint = ""
    for number, (start, end, span) in enumerate(sentences):
        if passage.room != "one_on_one" and _COLOUR.fullmatch(passage.draft[start:end].strip()) and end - start < span.end - span.start:
            continue  # a colour alone, and other sentences beside it
        lead = MARKS.match(passage.draft[start:end])
        if lead and end - start - lead.end() > 8:
            start += lead.end()
        if passage.room != "one_on_one":
            topic, after = _verdict(phrasing.verdicts, passage.draft, start, end, any(_worded(passage.draft, a, b) for a, b, _ in sentences[number + 1 :]))
            if after > start:
                if _worded(passage.draft, start, topic):
                    out.coach(joint)
                    _write_parts(out, passage.draft, _without(filler, passage.draft, start, topic), joint != ": ")
                    joint = ": "
                start = after
                if hung := _HUNG.match(passage.draft, start, end):
                    # What all was well but for, and what is said of it: that is now a topic and its news.
                    out.coach(joint)
                    _write_parts(out, passage.draft, [(start, hung.end("topic"))], joint != ": ")
                    joint, start = ": ", hung.end()
        parts = _without(filler, passage.draft, start, end)
        if passage.room != "one_on_one":
            parts = [part for a, b in parts for part in _dropped(phrasing.drops, passage.draft, a, b)]
        if not any(_worded(passage.draft, a, b) for a, b in parts):
            continue
        out.coach(joint)
        _write_parts(out, passage.draft, parts, joint != ": ")
        if out.words()[-1:] not in ".?!":
            out.coach(".")
        joint = " "


@lru_cache(maxsize=8)
def filler_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """What finds these words where they only fill a sentence."""
    any_of = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?:^|(?<=[\s,.;:—–-]))(?:{any_of})\b[,:]?\s*", re.I)


def _worded(draft: str, start: int, end: int) -> bool:
    return re.search(r"\w", draft[start:end]) is not None


def _write_parts(out: Text, draft: str, parts: Sequence[tuple[int, int]], capital: bool) -> None:
    cells = [(n, a, b) for n, (a, b) in enumerate(parts) for a, b in _cells(draft, a, b)]
    for number, (part, a, b) in enumerate(cells):
        if number and part == cells[number - 1][0]:
            out.coach(": " if number == 1 else ", ")
        elif number and out.words()[-1:] not in ("", " ") and draft[a] not in ",;:":
            out.coach(" ")
        out.draft(draft, a, b, capital=capital and number == 0)


def _verdict(verdicts: Sequence[str], draft: str, start: int, end: int, more: bool) -> tuple[int, int]:
    """Where the topic of a sentence ends and where what is said of it begins, with a verdict between them.

    (start, start) where there is none, or where nothing would be left to say. more: whether other sentences follow.
    """
    for one in verdicts:
        match = re.search(one, draft[start:end], re.I)
        if match and match.end() > match.start() and (more or len(draft[start + match.end() : end].split()) >= 2):
            return start + match.start(), start + match.end()
    return start, start


def _dropped(drops: Sequence[str], draft: str, start: int, end: int) -> list[tuple[int, int]]:
    """A sentence without what says nothing to a room, as long as five words of it are left."""
    words = draft[start:end]
    for drop in drops:
        match = re.search(drop, words, re.I)
        rest = words[: match.start()] + " " + words[match.end() :] if match else ""
        if match and len(rest.split()) >= 5:
            left = (start, start + len(words[: match.start()].rstrip()))
            right = (end - len(words[match.end() :].lstrip(" " if re.search(r"\w", draft[left[0] : left[1]]) else _LOOSE)), end)
            found = [part for part in (left, right) if re.search(r"\w", draft[part[0] : part[1]])]
            return [piece for part in found for piece in _dropped(drops, draft, *part)]
    return [(start, end)]


def _cells(draft: str, start: int, end: int) -> list[tuple[int, int]]:
    """The cells of a row that was typed without a table around it, or the whole."""
    edges = [start]
    for match in _BAR.finditer(draft, start, end):
        edges += [match.start(), match.end()]
    edges.append(end)
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


_COLOUR = re.compile(
    r"(?:status:?\s*)?(?:green|yellow|red|amber|orange|blue|🟢|🟡|🔴|🟠|on track|off track|ok|rag)(?:[- ]?ish)?"
    r"(?:,? (?:because of|due to) (?:dependenc\w+|(?:other |changing )?priorities|complexity|capacity)|,? (?:the )?team is (?:pushing|on it|working (?:hard )?on it))?[.!]?$",
    re.I,
)
_BARE = re.compile(r"[\s.–—?-]*$")
_HEADS = (
    ("now", re.compile(r"\b(?:now|current(?:ly)?|actual|today|latest|stand|ist)\b", re.I)),
    ("target", re.compile(r"\b(?:target|goal|plan(?:ned)?|promised?|commit\w*|aim|spec|objective value)\b", re.I)),
    ("was", re.compile(r"\b(?:was|last|previous|before|baseline|start|q[1-4] ?actual)\b", re.I)),
    ("owner", re.compile(r"\b(?:owner|dri|who|lead|responsible)\b", re.I)),
    ("due", re.compile(r"\b(?:due|deadline|eta|by when|date)\b", re.I)),
)

_FIGURE = re.compile(r"[<>~≈≤≥]?\s?[$€£]?\s?\d[\d.,'’]*\s?\S{0,6}$")
_ORDER = {"now": 0, "target": 1, "was": 2}  # in which a row is said behind its name


def _write_row(out: Text, passage: Passage, phrasing: Phrasing, state: Sequence[Span]) -> None:
    """A table row as a spoken sentence: what it is, where it stands, against what, and its note. Only words of `state` are said."""
    cells = row_cells(passage.draft, passage.item.start, passage.item.end)
    named = list(zip(passage.columns, cells, strict=False)) if len(passage.columns) >= len(cells) else [("", c) for c in cells]
    kinds = [next((kind for kind, pattern in _HEADS if pattern.search(name)), "") if number else "" for number, (name, _) in enumerate(named)]
    if "now" not in kinds and {"target", "was"} & set(kinds):
        # A figure in a column of another name, beside the target: it is how things stand.
        lone = (n for n, (_, cell) in enumerate(named) if n and not kinds[n] and _FIGURE.match(passage.draft, cell.start, cell.end))
        if (place := next(lone, None)) is not None:
            kinds[place] = "now"
    said: list[tuple[int, str, Span, bool]] = []
    for kind, (_, cell) in zip(kinds, named, strict=True):
        words = passage.draft[cell.start : cell.end]
        if _BARE.fullmatch(words) or (said and _COLOUR.fullmatch(words)):
            continue
        inside = [Span(start=max(cell.start, one.start), end=min(cell.end, one.end)) for one in state if one.start < cell.end and cell.start < one.end]
        for span in inside:
            order = _ORDER.get(kind, len(_ORDER)) if said else -1
            said.append((order, kind, span, len(passage.draft[span.start : span.end].split()) <= 3))
    for number, (_, kind, cell, is_short) in enumerate(sorted(said, key=lambda one: one[0])):
        if not number:
            lead = ""
        elif out.words()[-1:] in ".?!":
            lead = " "
        elif kind == "now" and number == 1 and is_short and "," not in out.words() and re.search(r"\d", passage.draft[cell.start : cell.end]):
            lead = " at "
        elif number == 1 and kind not in ("target", "was"):
            lead = ": "  # a name with a comma in it wants a pause
        elif kind and kind != "now" and is_short:
            lead = f", {kind} "
        else:
            lead = ", " if is_short else ". "
        out.coach(lead)
        if is_short or not number:
            out.draft(passage.draft, cell.start, shorn(passage.draft, cell.start, cell.end, _LOOSE), capital=not number or lead in (". ", " "))
        else:
            _write_sentences(out, passage, phrasing, [cell])
    if out.words()[-1:] not in ".?!":
        out.coach(".")


def _without(filler: re.Pattern[str], draft: str, start: int, end: int) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    at = start
    for match in filler.finditer(draft, start, end):
        if match.start() > at:
            parts.append((at, match.start()))
        at = match.end()
        comma = draft.find(",", match.start(), at)
        if comma > 0 and parts and draft[: match.start()].rstrip()[-1:].isalnum():
            at = comma  # it parts what is before from what comes after, too
    parts.append((at, end))
    trimmed: list[tuple[int, int]] = []
    for a, b in parts:
        while a < b and (draft[a].isspace() or (not trimmed and draft[a] in ",;:.")):
            a += 1
        while b > a and draft[b - 1].isspace():
            b -= 1
        if b > a:
            trimmed.append((a, b))
    while trimmed and not _worded(draft, *trimmed[-1]):
        trimmed.pop()
    if trimmed:
        a, b = trimmed[-1]
        trimmed[-1] = (a, shorn(draft, a, b, _LOOSE))
    return trimmed


_LOOSE = " ,;:—–-\n\t"  # what may hang at the end of words that a full stop is to follow


def shorn(draft: str, start: int, end: int, marks: str) -> int:
    """Where draft[start:end] ends without these marks behind it."""
    return start + len(draft[start:end].rstrip(marks))


_END = re.compile(r"(?<=[.!?])[\"”')\]]?\s+|(?<=[^\w,\s\"”’)\]])[ \t]*\n+|\n[ \t]*\n\s*")  # a break inside a sentence is only a width
_SOFT = re.compile(r"(?:;|\s[—–-]|,)\s+|\s+(?=(?:and|but|so|because|unless|while)\s)", re.I)


_PAIR = re.compile(r"(?:and|but)\b", re.I)
_BETWEEN = re.compile(r"\b(?:between|both|either)\b", re.I)
_HANGS = re.compile(r"(?:because|unless|while|which|who|whose|where|or|if|until|than|as|to|that)\b", re.I)


def _sentences(draft: str, start: int, end: int) -> list[tuple[int, int]]:
    """Sentences of at most MAX_WORDS words; a longer one is broken where it breathes."""
    found: list[tuple[int, int]] = []
    at = start
    for match in _END.finditer(draft, start, end):
        found.append((at, match.start()))
        at = match.end()
    found.append((at, end))
    out: list[tuple[int, int]] = []
    for a, b in found:
        out.extend(_broken(draft, a, b))
    return [(a, b) for a, b in out if draft[a:b].strip()]


def _broken(draft: str, start: int, end: int) -> list[tuple[int, int]]:
    count = len(draft[start:end].split())
    if count <= MAX_WORDS:
        return [(start, end)]
    middle = (start + end) // 2
    places = [
        (match.start(), match.end())
        for match in _SOFT.finditer(draft, start, end)
        if len(draft[start : match.start()].split()) >= 4
        and len(draft[match.end() : end].split()) >= 4
        and not (_PAIR.match(draft, match.end()) and _BETWEEN.search(draft, start, match.start()))
    ]
    # A strong mark (semicolon, dash) a little off the middle is better than a comma in it, and anything than a clause
    # that cannot stand alone.
    best = min(
        places,
        key=lambda place: abs(place[0] - middle) + (60 if draft[place[0]] == "," else 0) + (120 if _HANGS.match(draft, place[1]) else 0),
        default=None,
    )
    if best is None:
        words = list(re.finditer(r"\S+", draft[start:end]))
        cut = start + words[MAX_WORDS - 1].end()
        best = (cut, cut)
    return [*_broken(draft, start, best[0]), *_broken(draft, best[1], end)]
