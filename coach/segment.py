"""Draft text → blocks and units with exact offsets; nothing here judges what a line means.

A block is what the writer set apart: a bullet, a table row, a chat line, a paragraph. A unit is
the smallest stretch of a block that could be an item by itself: a sentence, or a clause of one.
Markdown parsers were tried and set aside: they give no offsets inside a line, and they glue
together the single lines that people type one under the other as separate points.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from coach.schema import Segment

Kind = Literal["bullet", "row", "prose", "chat"]
Cut = Literal[
    "block", "sentence", "line", "semicolon", "dash", "ellipsis", "colon", "connective", "comma", "run"
]

_SENTENCE = 6  # words of a cell that is more than a value
MAX_UNIT = 1200  # characters; a longer stretch is cut at a space, whatever it is


@dataclass(frozen=True, slots=True)
class Block:
    """draft[start:end] without its marker; `cells` are the offsets of a row's cells."""

    start: int
    end: int
    kind: Kind
    context: str | None = None
    columns: tuple[str, ...] = ()
    cells: tuple[tuple[int, int], ...] = ()
    speaker: str | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """draft[start:end], in the block with this number; `cut` says what parts it from the last."""

    start: int
    end: int
    block: int
    cut: Cut


# --- lines -------------------------------------------------------------------------------------

_BULLET = re.compile(
    r"(?P<indent>[ \t]*)(?P<mark>[-*+•▪◦·●○‣►➤✓✔✅❌➡→⇒»›▸▶■□–—]|[\U0001F300-\U0001FAFF\u2600-\u27BF]\ufe0f?(?=[ \t]+[^\s\U0001F300-\U0001FAFF])|\d{1,3}[.)]|\((?:\d{1,3}|[a-zA-Z])\)|[a-zA-Z][.)](?=[ \t])|:[a-z_]+:(?=[ \t]+\S))[ \t]+(?=\S)"
)
_CHECKBOX = re.compile(r"\[[ xX~]\][ \t]+")
_HEADING = re.compile(r"[ \t]{0,3}(?:#{1,6}|={1,5})[ \t]+(?P<text>\S.{0,200}?)[ \t#=]*$")
_BOLD_LINE = re.compile(r"[ \t]*(?:\*\*|__|\*)(?P<text>[^*_]{1,80}?)(?:\*\*|__|\*):?[ \t]*$")
_HTML_HEADING = re.compile(r"[ \t]*<h[1-6][^>]*>(?P<text>[^<]{1,120})</h[1-6]>[ \t]*$", re.I)
_RULE = re.compile(r"[ \t]*(?:[-=_*~][ \t]?){3,}$")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$")
_MAIL_HEADER = re.compile(r"[ \t]*(?:from|to|cc|bcc|sent|date|subject|re|fwd|fw)[ \t]*:", re.I)
_SUBJECT = re.compile(r"[ \t]*(?:subject|betreff)[ \t]*:[ \t]*(?P<text>.*)$", re.I)
_QUOTED = re.compile(r"[ \t]*>")
_THREAD = re.compile(
    r"[ \t]*(?:-{2,}[ \t]*(?:original|forwarded) message|on\b.{4,120}\bwrote:[ \t]*$|_{8,}[ \t]*$)", re.I
)
_GREETING = re.compile(
    r"[ \t]*(?:hi|hey|hello|hallo|dear|good (?:morning|afternoon|evening)|morning|ciao|salut)\b"
    r"[^.?!\n]{0,40}[,!:.–-]*[ \t]*$",
    re.I,
)
_GREETING_START = re.compile(
    r"[ \t]*(?:hi|hey|hello|dear|good (?:morning|afternoon|evening)|morning)\b[^\S\n]+[\w.'-]+(?:[^\S\n]+(?:and|&)?[^\S\n]*[A-Z][\w'-]*)?[ \t]*(?:,|—|–|!|:|-(?=\s))[ \t]+",
    re.I,
)
_SIGN_OFF = re.compile(
    r"[ \t]*(?:best|best regards|kind regards|regards|cheers|thanks|thank you|many thanks|thx|ta|br|rgds|warmly|yours|"
    r"talk soon|see you|speak soon|sent from my .*|--|—)(?:[ \t]+(?:all|again|so much|in advance))?[ \t]*[,.!–-]*"
    r"(?:[ \t]+[A-ZÀ-Þ][\w'-]*\.?)?[ \t]*$",
    re.I,
)
_BRACKETED = re.compile(r"[ \t]*(?:\[[^\]\[]{1,120}\]|\([^()]{1,120}\))[ \t]*$")
_SPEAKER = re.compile(
    r"(?:[ \t]*>)?[ \t]*(?:\[?\d{1,2}[:.]\d\d(?:[:.]\d\d)?[ \t]*(?:[ap]\.?m\.?)?\]?[ \t]*[-–]?[ \t]*)?"
    r"(?:\*\*|<)?@?(?P<who>[^\W\d_][\w.'-]{0,20}(?:[ \t][A-Z][\w.'-]{0,20})?)(?:\*\*|>)?[ \t]*"
    r"(?:[\[(]?\d{1,2}[:.]\d\d(?:[ \t]*[ap]\.?m\.?)?[\])]?(?:[ \t]*:|[ \t]+[-–—]|(?=[ \t]))|:)(?:\*\*)?[ \t]+(?=\S)",
    re.I,
)
_SLACK_HEAD = re.compile(
    r"[ \t]*@?(?P<who>[^\W\d_][\w.'-]{0,20}(?:[ \t][A-Z][\w.'-]{0,20}){0,2})[ \t]+[\[(]?\d{1,2}[:.]\d\d(?:[ \t]*[ap]\.?m\.?)?[\])]?[ \t]*$",
    re.I,
)
# A line about the draft itself: what it is, for when, in which state it was typed.
_ABOUT = re.compile(
    r"\b(?:in no (?:particular )?order|sorry (?:for|about|no|its|it's)|(?:typed|dictated|written|sent) (?:on|from|in|while)|before i forget|"
    r"brain ?dump|dump(?:ing)?\b|(?:rough|first|quick|raw) (?:draft|notes?|thoughts?|cut)|notes? (?:for|to|from|ahead)|draft (?:for|of)|"
    r"my (?:notes?|bits?|part|section|update)|here(?:'s| is| are| goes|s) (?:my|the|what|our)|(?:weekly|monthly|quarter(?:ly)?|sprint|status|progress|team|standup|review|okr|qbr) "
    r"(?:\w+ ){0,2}(?:draft|update|notes?|report|summary|recap|sheet|pre-?read)|pre-?read\b|agenda)\b",
    re.I,
)
_STATES = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|will|won't|can't|cannot|need\w*|must|miss\w*|slip\w*|ship\w*|block\w*|wait\w*|cut|drop|decid\w*|"
    r"went|goes|says?|said|did|does|do|don't|isn't|want\w*|move[sd]?|starts?|ends?|opens?|closes?)\b|\d\s?%|\d+ (?:of|out of|against|vs) \d",
    re.I,
)
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_LABEL_LINE = re.compile(r"[ \t]*[^\n.?!|]{1,70}:[ \t]*$")
_HAS_WORD = re.compile(r"[^\W_]")
_A_WORD = re.compile(r"[^\W_][\w'’-]*")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int  # without the line break


def _lines(text: str) -> list[_Line]:
    found = []
    at = 0
    for part in re.split(r"(\r\n|\n|\r|\x0b|\x0c|\u2028|\u2029)", text):
        if part[:1] not in ("\r", "\n", "\x0b", "\x0c", "\u2028", "\u2029"):
            found.append(_Line(at, at + len(part)))
        at += len(part)
    return found


def blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a draft in order; greetings, signatures, quoted mail and headings are not."""
    return tuple(_trimmed(block, text) for block in _Reader(text).read() if _worth(block, text))


def _worth(block: Block, text: str) -> bool:
    return bool(_HAS_WORD.search(text, block.start, block.end))


def _trimmed(block: Block, text: str) -> Block:
    start, end = trim(text, block.start, block.end)
    return replace(block, start=start, end=end)


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The same stretch without white space and stray list or quote marks at its ends."""
    while start < end and (text[start].isspace() or text[start] in ",;|\u200b\ufeff\x00"):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ",;|\u200b\ufeff\x00"):
        end -= 1
    return start, end


class _Reader:
    """One pass over the lines; holds the headings and parents above the current line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _lines(text)
        self.speakers = self._find_speakers()
        self.heading: str | None = None
        self.parents: list[tuple[int, str]] = []
        self.columns: tuple[str, ...] = ()
        self._stretches: dict[tuple[int, int], tuple[int, int]] = {}

    def _find_speakers(self) -> frozenset[str]:
        """Names that open at least two lines, or `me`; a topic label opens one."""
        seen: Counter[str] = Counter()
        for line in self.lines:
            match = _SPEAKER.match(self.text, line.start, line.end)
            if match:
                seen[match["who"].lower()] += 1
        many = {who for who, count in seen.items() if count >= 2}
        if "me" in seen:
            many |= {"me"} | {who for who in seen if len(who) <= 2}
        return frozenset(many)

    def read(self) -> Iterator[Block]:
        last = self._end_of_mail()
        index = self._start_of_mail()
        while index < last:
            line = self.lines[index]
            if not self.text[line.start : line.end].strip():
                self.columns = ()
                index += 1
                continue
            index = yield from self._one(index, last)

    def _line(self, index: int) -> str:
        line = self.lines[index]
        return self.text[line.start : line.end]

    def _start_of_mail(self) -> int:
        """The first line after front matter and mail headers."""
        index = 0
        count = len(self.lines)
        while index < count and not self._line(index).strip():
            index += 1
        if index < count and self._line(index).strip() == "---":
            for close in range(index + 1, min(count, index + 40)):
                if self._line(close).strip() == "---":
                    return close + 1
        while index < count and _MAIL_HEADER.match(self._line(index)):
            subject = _SUBJECT.match(self._line(index))
            if subject:
                self.heading = subject["text"].strip()[:200] or None
            index += 1
        return index

    def _end_of_mail(self) -> int:
        """The first line of the quoted thread, or of the signature, or the end."""
        count = len(self.lines)
        for index in range(count):
            if index and _THREAD.match(self._line(index)):
                count = index
                break
        index = count
        closing = 0  # lines after a sign-off are a name, a title, a phone number
        for back in range(count - 1, max(-1, count - 10), -1):
            content = self._line(back).strip()
            if not content:
                continue
            if _SIGN_OFF.match(self._line(back)) and back > 0:
                return back
            closing += 1
            if closing > 5 or len(content) > 60 or (content[-1:] in ".?!" and len(content) > 25):
                break
        last = index - 1
        while last > 0 and not self._line(last).strip():
            last -= 1
        name = self._line(last).strip() if last > 0 else ""
        if (
            last > 1
            and re.fullmatch(r"[-–—~]?[ ]?[A-ZÀ-Þ][\w'-]{0,14}\.?(?: [A-Z]\.?)?", name)
            and not self._line(last - 1).strip()
        ):
            return last
        return index

    def _context(self, depth: int) -> str | None:
        parents = [words for level, words in self.parents if level < depth]
        return parents[-1] if parents else self.heading

    def _one(self, index: int, last: int) -> Generator[Block, None, int]:
        """Yield the block that starts at this line; return the index after it (as a generator)."""
        line = self.lines[index]
        words = self._line(index)
        if _FENCE.match(words):
            for close in range(index + 1, last):
                if _FENCE.match(self._line(close)):
                    return close + 1
            return index + 1
        speaker = _SPEAKER.match(words)
        if speaker and speaker["who"].lower() in self.speakers:
            yield from self._chat(index, speaker)
            return index + 1
        if _RULE.match(words) or _QUOTED.match(words):
            return index + 1
        heading = _HEADING.match(words) or _HTML_HEADING.match(words)
        if heading is None and _BOLD_LINE.match(words) and not _BULLET.match(words):
            heading = _BOLD_LINE.match(words)
        if heading is not None:
            self._set_heading(heading["text"].strip())
            return index + 1
        if index + 1 < last and re.fullmatch(r"[ \t]*(?:={3,}|-{3,})[ \t]*", self._line(index + 1)) and "|" not in words:
            self._set_heading(words.strip()[:200])
            return index + 2
        if "|" in words and (words.count("|") >= 2 or _TABLE_RULE.match(self._peek(index + 1, last))):
            yield from self._row(index, last)
            return index + 1
        if _BRACKETED.match(words) or (self._is_opening(index) and _GREETING.match(words)):
            return index + 1
        slack = _SLACK_HEAD.match(words)
        if slack:
            self._set_heading(None)
            return index + 1
        bullet = _BULLET.match(words)
        if bullet and not self._is_number_start(words, bullet):
            return (yield from self._bullet(index, last, bullet))
        if _LABEL_LINE.match(words) and self._peek(index + 1, last).strip() and len(words.split()) <= 9:
            self._set_heading(words.strip().rstrip(":"))
            return index + 1
        if self._is_about(index, last):
            self._set_heading(words.strip()[:200])
            return index + 1
        end = self._paragraph_end(index, last)
        start = line.start
        if self._is_opening(index):
            greeting = _GREETING_START.match(words)
            if greeting:
                start += greeting.end()
        self.parents = [one for one in self.parents if one[0] < _indent(words)]
        yield Block(start, self.lines[end - 1].end, "prose", self._context(99))
        return end

    def _is_about(self, index: int, last: int) -> bool:
        """Whether the draft opens with a line that only says what it is."""
        words = self._line(index)
        below = self._peek(index + 1, last)
        alone = not below.strip() or _BULLET.match(below) or "|" in below
        if not self._is_opening(index) or not alone or len(words.split()) > 14:
            return False
        return bool(_ABOUT.search(words)) or (
            words.rstrip()[-1:] not in ".!?" and len(words.split()) <= 9 and not _STATES.search(words)
        )

    def _is_number_start(self, words: str, bullet: re.Match[str]) -> bool:
        """`3. Mai` and `12. we` are bullets; a lone year or a quantity such as `5. ` never comes."""
        return bullet["mark"][:1].isalpha() and bullet["mark"].lower() in ("i.",) and len(words) > 200

    def _is_opening(self, index: int) -> bool:
        return all(not self._line(i).strip() or _MAIL_HEADER.match(self._line(i)) for i in range(max(0, index - 6), index))

    def _peek(self, index: int, last: int) -> str:
        return self._line(index) if index < last else ""

    def _set_heading(self, words: str | None) -> None:
        self.heading = words.strip("*_# ")[:200] if words else None
        self.parents = []

    def _row(self, index: int, last: int) -> Iterator[Block]:
        line = self.lines[index]
        words = self._line(index)
        if _TABLE_RULE.match(words):
            return
        cells = _cells(self.text, line.start, line.end)
        if _TABLE_RULE.match(self._peek(index + 1, last)) and "-" in self._peek(index + 1, last):
            self.columns = tuple(self.text[a:b].strip("*_ ") for a, b in cells)
            return
        if cells:
            yield Block(
                cells[0][0],
                cells[-1][1],
                "row",
                self.heading,
                self.columns[: len(cells)],
                tuple(cells),
            )

    def _chat(self, index: int, speaker: re.Match[str]) -> Iterator[Block]:
        line = self.lines[index]
        who = speaker["who"]
        body = self._line(index)[speaker.end() :]
        other = "me" in self.speakers and who.lower() not in ("me", "i")
        if other and (len(body.split()) < 7 or body.rstrip().endswith("?")):
            return  # the other side of the talk asks; it reports nothing
        yield Block(line.start + speaker.end(), line.end, "chat", self.heading, speaker=who)

    def _bullet(self, index: int, last: int, bullet: re.Match[str]) -> Generator[Block, None, int]:
        line = self.lines[index]
        depth = _indent(bullet["indent"])
        self.parents = [one for one in self.parents if one[0] < depth]
        start = line.start + bullet.end()
        box = _CHECKBOX.match(self.text, start, line.end)
        if box:
            start = box.end()
        end = index + 1
        while end < last and self._continues(end, depth):
            end += 1
        words = self.text[start : self.lines[end - 1].end].strip()
        below = _BULLET.match(self._peek(end, last))
        has_children = bool(below and _indent(below["indent"]) > depth)
        block = Block(start, self.lines[end - 1].end, "bullet", self._context(depth), depth=depth)
        # A short parent with children only names them: it is their context, not an item.
        if not (has_children and (words.endswith(":") or len(words.split()) <= 4)):
            yield block
        if has_children:
            self.parents.append((depth, words.rstrip(":")[:200]))
        return end

    def _continues(self, index: int, depth: int) -> bool:
        words = self._line(index)
        if not words.strip() or _BULLET.match(words) or _HEADING.match(words) or _FENCE.match(words):
            return False
        if words.count("|") >= 2 or _QUOTED.match(words) or _RULE.match(words):
            return False
        return _indent(words) > depth or (words[:1].islower() and len(self._line(index - 1)) > 55)

    def _paragraph_end(self, index: int, last: int) -> int:
        end = index + 1
        widest = len(self._line(index))
        while end < last and self._is_wrapped(end, widest):
            widest = max(widest, len(self._line(end)))
            end += 1
        return end

    def _is_wrapped(self, index: int, widest: int) -> bool:
        """Whether the break before this line was made by a line width, not by the writer."""
        above, words = self._line(index - 1), self._line(index)
        if not words.strip() or _BULLET.match(words) or _HEADING.match(words) or _FENCE.match(words):
            return False
        if _QUOTED.match(words) or _RULE.match(words) or words.count("|") >= 2 or _BOLD_LINE.match(words):
            return False
        if _SIGN_OFF.match(words):
            return False
        if not (45 <= widest <= 110 and self._is_full(index - 1, widest) and len(above) >= 40):
            return False
        # A width shows in every line of a stretch; lines broken by a writer end where they end.
        breaks, full = self._stretch(self._firsts[index - 1], self._ends[index + 1])
        if breaks <= 1:
            return words.lstrip()[:1].islower() and above.rstrip()[-1:] not in ".!?:;" and len(above) >= 60
        return full >= 0.7 * breaks

    @cached_property
    def _firsts(self) -> list[int]:
        """For each line the first of the plain lines that lead up to it without a gap."""
        firsts: list[int] = []
        for index in range(len(self.lines)):
            firsts.append(firsts[-1] if index and self._is_plain(index - 1) else index)
        return firsts

    @cached_property
    def _ends(self) -> list[int]:
        """For each line, and for the end, where the plain lines that start there stop."""
        ends = [len(self.lines)]
        for index in reversed(range(len(self.lines))):
            ends.append(ends[-1] if self._is_plain(index) else index)
        return ends[::-1]

    def _stretch(self, first: int, end: int) -> tuple[int, int]:
        """How many breaks a stretch of lines has, and how many of them its width would have made."""
        if (first, end) not in self._stretches:
            width = max(len(self._line(i).rstrip()) for i in range(first, end))
            self._stretches[first, end] = (end - 1 - first, sum(self._is_full(i, width) for i in range(first, end - 1)))
        return self._stretches[first, end]

    def _is_plain(self, index: int) -> bool:
        words = self._line(index)
        return bool(words.strip()) and not _BULLET.match(words) and "|" not in words and not _HEADING.match(words)

    def _is_full(self, index: int, width: int) -> bool:
        """Whether the next line's first word would no longer have fitted into this one."""
        following = self._line(index + 1).split(maxsplit=1)
        return bool(following) and width - len(self._line(index).rstrip()) < len(following[0]) + 8


def _indent(words: str) -> int:
    spaces = words[: len(words) - len(words.lstrip(" \t"))]
    return len(spaces.replace("\t", "    "))


def _cells(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The offsets of the cells of a row, outer pipes and empty outer cells left out."""
    start, end = trim(text, start, end)
    cells = []
    at = start
    for match in re.finditer(r"(?<!\\)\|", text[start:end]):
        cells.append((at, start + match.start()))
        at = start + match.end()
    cells.append((at, end))
    return [_strip(text, a, b) for a, b in cells]


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


# --- units -------------------------------------------------------------------------------------

_ABBREVIATIONS = frozenset(
    "dr mr mrs ms prof st sr jr vs approx appr no nr nos inc ltd co corp dept est fig min max avg temp incl excl "
    "e.g i.e eg ie cf etc resp ca rev ver vol wk wks mo yr yrs jan feb mar apr jun jul aug sep sept oct nov dec "
    "mon tue tues wed thu thur thurs fri sat sun p pp ph.d u.s u.k a.m p.m tel ext ref art sec gen gov sgt lt capt "
    "z.b d.h bzw ggf".split()
)
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
    r"or|nor|either|neither|between|about|against|under|over|vs|[\d]+ of|out of)[ \t]+$|[-–—/(:%$€£#@][ \t]*$|\b\d+[ \t]+of[ \t]+\d+[ \t]+$",
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
    if _HAS_WORD.search(text, start, end):
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
        if groups and groups[-1][-1].block == unit.block and not opens:
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
    return tuple(text[start:end] for start, end in spans if _HAS_WORD.search(text, start, end))
