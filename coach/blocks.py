"""Draft text → blocks with exact offsets: bullets, table rows, chat lines and paragraphs, as the writer set them apart.

Markdown parsers were tried and set aside: they give no offsets inside a line, and they glue
together the single lines that people type one under the other as separate points.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

Kind = Literal["bullet", "row", "prose", "chat"]


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
    r"[ \t]*(?:(?:with )?(?:my |the )?(?:best|kind|kindest|warm|warmest|friendly|many) (?:regards|greetings|wishes)|best|regards|yours (?:sincerely|faithfully|truly)|sincerely|cheers|thanks|thank you|many thanks|thx|ta|br|rgds|warmly|yours|"
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
_FOR_WHEN = re.compile(
    r"(?:for|before|after|until) (?:the |my |our )?(?:mon|tues|wednes|thurs|fri|satur|sun)day(?:'?s)?(?: (?:meeting|review|call|sync|1:1|slot))?[.:]?|"
    r"(?:for|before) (?:the |my |our )?(?:review|room|meeting|steering|board|sync|call|talk|pre-?read)[.:]?",
    re.I,
)
_TALK = re.compile(
    r"(?:(?:notes|prep|for|my|our|the|weekly|next|agenda|to|before|(?-i:[A-ZÀ-Þ])[\w'’.-]*),? ){0,4}(?:1 ?[:-] ?1|1on1|one[- ]on[- ]one|121)s?"
    r"(?: (?:with|w/) (?-i:[A-ZÀ-Þ])[\w'’.-]*(?: (?-i:[A-ZÀ-Þ])[\w'’.-]*)?(?:,? (?:on )?(?:(?:mon|tue|wed|thu|fri)[a-z]*|today|tomorrow))?(?: \([^()\n]{0,80}\))?)?:?",
    re.I,
)
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
_DIGIT = re.compile(r"\d")
_HEADER_CELL = re.compile(
    r"(?:kr|krs|key results?|objective|metric|measure|item|what|topic|area|target|goal|plan|now|current|actual|today|was|baseline|last \w+|status|rag|"
    r"state|owner|who|dri|lead|due|eta|by when|when|date|deadline|notes?|comments?|remarks?|ask|next|next steps?|risk|blocker|trend|confidence|"
    r"ziel|stand|ist|soll|wer|bis|thema|notiz)[.:?#]?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int  # without the line break


_STAMP = re.compile(r"[ \t]*[\[(]\d{1,2}:\d\d(?::\d\d)?[\])][ \t]*(?!@?[^\W\d_][\w.'-]{0,20}:)")


def _lines(text: str) -> list[_Line]:
    found = []
    at = 0
    for part in re.split(r"(\r\n|\n|\r|\x0b|\x0c|\u2028|\u2029)", text):
        if part[:1] not in ("\r", "\n", "\x0b", "\x0c", "\u2028", "\u2029"):
            found.append(_Line(at, at + len(part)))
        at += len(part)
    stamps = [_STAMP.match(text, one.start, one.end) for one in found]
    if sum(stamp is not None for stamp in stamps) < 2:
        return found
    # A recording says when each line was spoken; that is no part of the line.
    return [_Line(stamp.end() if stamp else one.start, one.end) for one, stamp in zip(found, stamps, strict=True)]


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
        if self._is_title(words, self._peek(index + 1, last)):
            self._set_heading(words.strip())
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

    def _is_title(self, words: str, below: str) -> bool:
        """Whether a line of a few bare words stands over a list or a table, or names a talk over what is for it."""
        if below.strip() and (_TALK.fullmatch(words.strip()) or _FOR_WHEN.fullmatch(words.strip())):
            return True
        listed = bool(_BULLET.match(below)) or below.count("|") >= 2
        return listed and len(words.split()) <= 4 and words.rstrip()[-1:].isalpha() and not _DIGIT.search(words)

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
        if self._heads_rows(index, last, cells):
            self.columns = tuple(self.text[a:b] for a, b in cells)
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

    def _heads_rows(self, index: int, last: int, cells: list[tuple[int, int]]) -> bool:
        """Whether a row with no rule under it names the columns of the rows below."""
        if self.columns or (index and "|" in self._line(index - 1)) or self._peek(index + 1, last).count("|") < len(cells) - 1:
            return False
        named = sum(bool(_HEADER_CELL.fullmatch(self.text, a, b)) for a, b in cells)
        return named >= 2 and 2 * named >= len(cells) and not _DIGIT.search(self.text, cells[0][0], cells[-1][1])

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
