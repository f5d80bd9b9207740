"""The offline writer: an item's own public words, put together so that a room can decide.

It never makes a fact. A rewrite is a list of pieces, each of them words of the draft, words of the
user's answer, connecting words of ours, or a visible blank. For a public room the only way in is
`PublicClause`: a private clause is a different type, and there is no path from it to public text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from coach.facts import row_cells
from coach.schema import (
    AnswerPiece,
    Blank,
    BlankKey,
    BlankPiece,
    Clause,
    CoachPiece,
    Construction,
    DraftPiece,
    Facts,
    Outcome,
    Phrasing,
    Piece,
    PublicClause,
    Rewrite,
    Room,
    Side,
    Span,
)
from coach.spelling import spelled

_LEAST = 4  # words of a private line that is more than a title of what follows
MAX_WORDS = 38  # in one sentence; two below what a reader is promised

_BLANK_TEXT: dict[BlankKey, str] = {
    "lever": "[lever?]",
    "owner": "[owner?]",
    "date": "[date?]",
    "result": "[result?]",
    "fact": "[fact?]",
}
_PREPOSITION = re.compile(r"(?:before|until|till|by|on|at|in|after|when|while|as soon|no later|early|late)\b", re.I)
_BAR = re.compile(r"\s*\|\s*")
_SLOT = re.compile(r"\{(state|lever|owner|due)\}")
_MARKS = re.compile(r"^(?:\(?\d{1,2}[.)]\s+|\([a-z\d]\)\s+|[-*•]\s+|(?:so(?! (?:is|are|was|were|am|do|does|did|has|have|will|far|long|much)\b)|and|but|plus|also|oh|okay|ok|well|anyway|because|while|though|then)\b,?\s+)+", re.I)
_OPENS_CHOICE = re.compile(r"(?:so|and|then|but|well)\s+(?!on\b)|(?:two|three|the|2|3|our|my) (?:choices?|options?|ways(?: out)?)\b(?: (?:is|are))?\s*[:,]\s*|options?(?: are| is)?\s*:\s*", re.I)
# Words that have a capital only where they begin a sentence.
_OPENS_SENTENCE = re.compile(
    r"(?:We|The|An?|Either|They|If|To|Our|My|You|Your|One|Two|Three|Four|Five|No|More|Less|Keep|Cut|Drop|Move|Take|Give|Hire|Buy|Pay|Stop|Ship|Close|Open|Run|Sign|Send|"
    r"Swap|Shift|Split|Delay|Add|Use|Let|Make|Put|Ask|Lower|Raise|Extend|Lend|Rent|Freeze|Pause|Park|Push|Merge|Narrow|Start|Leave|Change|Accept|Allow|Approve|Release|Get|Go|Do)\b"
)
_CHOICE = re.compile(r"\bor\b|/|\bvs\.?\b|\balternative(?:ly)?\b", re.I)
_OUTCOMES: tuple[tuple[Outcome, re.Pattern[str]], ...] = (
    ("escalate", re.compile(r"\b(?:escalat\w+|exemption|someone above|has to call|sign(?:s|ature)?|approv\w+)\b", re.I)),
    ("re-scope", re.compile(r"\b(?:re-?scop\w+|descop\w+|lower|carve|narrow|re-?date|slips? to|re-?commit|instead|without|w/o|smaller|fewer|shift)\b", re.I)),
    ("cut", re.compile(r"\b(?:cut|drop|stop|kill|park|pause|switch off|cancel|remove|close it)\b", re.I)),
    ("continue", re.compile(r"\b(?:continue|keep (?:going|it|the)|stay the course|go ahead)\b", re.I)),
)


@dataclass
class _Text:
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


@dataclass(frozen=True)
class Task:
    """What to write: an item's clauses and facts for one room, the signals it shows, the answers.

    answers: blank key → the user's words. columns: a table row's headers. `turn` lets equal constructions take turns.
    """

    draft: str
    room: Room
    clauses: Sequence[Clause]
    facts: Facts
    signals: Sequence[str]
    side: Side = "report"
    answers: Mapping[BlankKey, str] = field(default_factory=dict)
    columns: Sequence[str] = ()
    turn: int = 0


def compose(task: Task, phrasing: Phrasing) -> Rewrite | None:
    """The rewrite for one room, or None when nothing may be said there."""
    spans = allowed(task.draft, task.room, task.clauses)
    spans = _without_noise(task, spans)
    if not spans and not (task.room == "okr_review" and task.clauses):
        return None
    facts = _facts_within(task.facts, spans)
    conditions = _conditions(task, facts, spans)
    lever = facts.levers[0] if facts.levers else None
    state = spans
    if lever and task.room == "okr_review" and "lever_in_state" not in conditions:
        state = _cut_lever(task.draft, spans, lever)
        if not state:  # it was all there is: said once, as it stands
            state = spans
            conditions.add("lever_in_state")
    if task.room == "one_on_one" and sum(len(task.draft[one.start : one.end].split()) for one in spans) < _LEAST:
        conditions = {"title"}
    chosen = _choose(phrasing.constructions, task.room, conditions, task.turn)
    return _render(task, phrasing, chosen, state, lever, facts, conditions)


_HUNG = re.compile(r"(?P<topic>(?:the |our )?[\w'’&-]+(?: [\w'’&-]+){0,3}?),? (?:where|which (?:is|are|was|were)(?: still)?)\s+", re.I)
_HANGS_ON = re.compile(r"(?:which|who|whose|where)\b", re.I)


def allowed(draft: str, room: Room, clauses: Sequence[Clause]) -> list[Span]:
    """The stretches of the draft that a room may read of an item."""
    if room == "one_on_one":
        return [Span(start=clause.start, end=clause.end) for clause in clauses]
    shown = [clause for clause in clauses if isinstance(clause, PublicClause)]
    return [
        Span(start=clause.start, end=clause.end)
        for clause, after in zip(shown, [*shown[1:], None], strict=False)
        # Noise is left out, unless what follows hangs on it.
        if clause.role != "noise" or (after is not None and _HANGS_ON.match(draft, after.start, after.end))
    ]


def _without_noise(task: Task, spans: list[Span]) -> list[Span]:
    """Neighbouring stretches joined where only white space or a mark stood between them."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if joined and re.fullmatch(r"[\s,;:.!?…—–|-]*", task.draft[joined[-1].end : span.start]):
            joined[-1] = Span(start=joined[-1].start, end=span.end)
        else:
            joined.append(span)
    return joined


def _facts_within(facts: Facts, spans: Sequence[Span]) -> Facts:
    """The facts that stand wholly inside the allowed stretches."""

    def inside(one: Span | None) -> bool:
        return one is not None and any(s.start <= one.start and one.end <= s.end for s in spans)

    return facts.model_copy(
        update={
            "numbers": tuple(one for one in facts.numbers if inside(one)),
            "dates": tuple(one for one in facts.dates if inside(one)),
            "names": tuple(one for one in facts.names if inside(one)),
            "levers": tuple(one for one in facts.levers if inside(one)),
            "owner": facts.owner if inside(facts.owner) else None,
            "due": facts.due if inside(facts.due) else None,
        }
    )


_WAITING = re.compile(r"\b(?:wait\w*|pending|still no|no (?:reply|answer|date)|not (?:signed|answered|replied)|blocked|stuck|owes?|pushed again|chas\w+|pinged)\b", re.I)
_ORPHAN = re.compile(r"\b(?:no owner|no one owns|nobody(?: owns|'s| has)|no one'?s|has nobody|unowned|unassigned|owner(?: is|:)? ?(?:tbd|none|empty)|without an owner|who owns)\b", re.I)


def _conditions(task: Task, facts: Facts, spans: Sequence[Span]) -> set[str]:
    words = " ".join(task.draft[span.start : span.end] for span in spans)
    true: set[str] = set() if spans else {"bare"}
    lever = facts.levers[0] if facts.levers else None
    if lever:
        true.add("lever")
        said = task.draft[lever.start : lever.end]
        if _CHOICE.search(said):
            true.add("choice")
        if task.room == "one_on_one" or _lever_stays(task.draft, spans, lever):
            true.add("lever_in_state")
    if task.answers.get("lever"):
        true.add("lever")
        true.discard("lever_in_state")
    if facts.owner and not task.answers.get("owner"):
        true.add("owner_said")
    if facts.due and not task.answers.get("date"):
        true.add("due_said")
    if _WAITING.search(words):
        true.add("waiting")
    if _ORPHAN.search(words):
        true.add("orphan")
    if facts.at_risk or any(number.role == "target" for number in facts.numbers):
        true.add("gap")
    if "?" in words:
        true.add("question")
    if task.side == "manager":
        true.add("manager")
    if spans:
        true |= {signal.split(".", 1)[1] for signal in task.signals if signal.startswith("one_on_one.")}
    return true


_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Hr|Fr|vs|approx|no)\.$", re.I)


def _lever_stays(draft: str, spans: Sequence[Span], lever: Span) -> bool:
    """Whether taking the lever out of its sentence would leave a stump behind."""
    home = next((span for span in spans if span.start <= lever.start and lever.end <= span.end), None)
    if home is None:
        return True
    before = draft[home.start : lever.start].rstrip()
    after = draft[lever.end : home.end].lstrip(" ,")
    if _TITLE.search(before):
        return True
    starts_sentence = not before or before[-1] in ".!?:;" or re.search(r"(?:[.!?:;]|^)\s*(?:so|and|either|options?(?: are)?|ask|proposal|propose|decision)?:?\s*(?:either)?$", before, re.I) is not None
    hangs = re.match(
        r"(?:if|unless|only|without|once|when|as soon|can|could|should|shall|would|will|may|do|does|did|is|are|who|which)\b", draft[lever.start : lever.end], re.I
    )
    return not starts_sentence or bool(hangs) or bool(after and after[0] not in ".!?;:\n")


def _cut_lever(draft: str, spans: Sequence[Span], lever: Span) -> list[Span]:
    """The allowed stretches without the lever and the words that led into it."""
    out: list[Span] = []
    for span in spans:
        if not (span.start <= lever.start and lever.end <= span.end):
            out.append(span)
            continue
        left = draft[span.start : lever.start]
        lead = re.search(r"(?:\s*[,;:.]?\s*\b(?:so|and|either|options?(?: are| is)?|ask|proposal|propose|decision|two ways out|unless)\b\s*:?)+\s*$", left, re.I)
        end = span.start + (lead.start() if lead else len(left.rstrip()))
        if end - span.start > 2:
            out.append(Span(start=span.start, end=end))
        rest = Span(start=min(lever.end + 1, span.end), end=span.end)
        if re.search(r"\w{2}", draft[rest.start : rest.end]):
            out.append(rest)
    return out


def _choose(found: Sequence[Construction], room: Room, conditions: set[str], turn: int) -> Construction:
    fitting = [one for one in found if one.room == room and set(one.when) <= conditions]
    same = [one for one in fitting if one.when == fitting[0].when]
    return same[turn % len(same)]


def _render(
    task: Task,
    phrasing: Phrasing,
    chosen: Construction,
    state: Sequence[Span],
    lever: Span | None,
    facts: Facts,
    conditions: set[str],
) -> Rewrite:
    out = _Text(phrasing.spellings)
    blanks: dict[BlankKey, Blank] = {}
    topic = _topic(task.draft, facts, [*state, *([lever] if lever else [])])

    def blank(key: BlankKey) -> None:
        given = task.answers.get(key, "").strip().rstrip(".")
        if given:
            out.pieces.append(AnswerPiece(text=re.sub(r"\s+", " ", given)))
            return
        out.pieces.append(BlankPiece(text=_BLANK_TEXT[key]))
        if key not in blanks:
            blanks[key] = Blank(key=key, question=_question(phrasing, key, task.room, conditions, topic))

    at = 0
    for slot in _SLOT.finditer(chosen.text):
        literal = chosen.text[at : slot.start()]
        out.coach(literal if out.pieces else literal.lstrip())
        at = slot.end()
        match slot[1]:
            case "state":
                _write_state(out, task, phrasing, state)
            case "lever":
                if task.answers.get("lever") or lever is None or task.room == "one_on_one":
                    blank("lever")  # what is asked of one person is seldom what the line says should be done
                else:
                    begin = _OPENS_CHOICE.match(task.draft, lever.start, lever.end)
                    start = begin.end() if begin else lever.start
                    out.draft(task.draft, start, _shorn(task.draft, start, lever.end, " .,;:"), small=out.words().endswith(": "))
            case "owner":
                if facts.owner and not task.answers.get("owner"):
                    out.draft(task.draft, facts.owner.start, facts.owner.end, capital=True)
                else:
                    blank("owner")
            case "due":
                if facts.due and not task.answers.get("date"):
                    if _PREPOSITION.match(task.draft, facts.due.start):
                        out.unsay("by ")
                    out.draft(task.draft, facts.due.start, facts.due.end)
                else:
                    blank("date")
    out.coach(chosen.text[at:])
    pieces = _tidy(out.pieces)
    text = "".join(piece.text for piece in pieces)
    said = task.answers.get("lever") or (task.draft[lever.start : lever.end] if lever else None)
    return Rewrite(
        room=task.room,
        text=text,
        outcome=_outcome(said) if task.room == "okr_review" else None,
        lever=said,
        owner=task.answers.get("owner") or (task.draft[facts.owner.start : facts.owner.end] if facts.owner else None),
        due=task.answers.get("date") or (task.draft[facts.due.start : facts.due.end] if facts.due else None),
        blanks=tuple(blanks.values()),
        pieces=tuple(pieces),
    )


def _outcome(lever: str | None) -> Outcome | None:
    if lever is None:
        return None
    found = [outcome for outcome, pattern in _OUTCOMES if pattern.search(lever)]
    return found[0] if len(found) == 1 else None


def _write_state(out: _Text, task: Task, phrasing: Phrasing, state: Sequence[Span]) -> None:
    """The allowed words as sentences of a bearable length, breath and fillers left out."""
    if task.columns:
        _write_row(out, task, phrasing, state)
    else:
        _write_sentences(out, task, phrasing, state)


def _write_sentences(out: _Text, task: Task, phrasing: Phrasing, state: Sequence[Span]) -> None:
    filler = filler_of(phrasing.fillers)
    sentences = [(a, b, span) for span in state for a, b in _sentences(task.draft, span.start, span.end)]
    joint = ""
    for number, (start, end, span) in enumerate(sentences):
        if task.room != "one_on_one" and _COLOUR.fullmatch(task.draft[start:end].strip()) and end - start < span.end - span.start:
            continue  # a colour alone, and other sentences beside it
        lead = _MARKS.match(task.draft[start:end])
        if lead and end - start - lead.end() > 8:
            start += lead.end()
        if task.room != "one_on_one":
            topic, after = _verdict(phrasing.verdicts, task.draft, start, end, any(_worded(task.draft, a, b) for a, b, _ in sentences[number + 1 :]))
            if after > start:
                if _worded(task.draft, start, topic):
                    out.coach(joint)
                    _write_parts(out, task.draft, _without(filler, task.draft, start, topic), joint != ": ")
                    joint = ": "
                start = after
                if hung := _HUNG.match(task.draft, start, end):
                    # What all was well but for, and what is said of it: that is now a topic and its news.
                    out.coach(joint)
                    _write_parts(out, task.draft, [(start, hung.end("topic"))], joint != ": ")
                    joint, start = ": ", hung.end()
        parts = _without(filler, task.draft, start, end)
        if task.room != "one_on_one":
            parts = [part for a, b in parts for part in _dropped(phrasing.drops, task.draft, a, b)]
        if not any(_worded(task.draft, a, b) for a, b in parts):
            continue
        out.coach(joint)
        _write_parts(out, task.draft, parts, joint != ": ")
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


def _write_parts(out: _Text, draft: str, parts: Sequence[tuple[int, int]], capital: bool) -> None:
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


def _write_row(out: _Text, task: Task, phrasing: Phrasing, state: Sequence[Span]) -> None:
    """A table row as a spoken sentence: what it is, where it stands, against what, and its note. Only words of `state` are said."""
    cells = row_cells(task.draft, min(one.start for one in task.clauses), max(one.end for one in task.clauses))
    named = list(zip(task.columns, cells, strict=False)) if len(task.columns) >= len(cells) else [("", c) for c in cells]
    kinds = [next((kind for kind, pattern in _HEADS if pattern.search(name)), "") if number else "" for number, (name, _) in enumerate(named)]
    if "now" not in kinds and {"target", "was"} & set(kinds):
        # A figure in a column of another name, beside the target: it is how things stand.
        lone = (n for n, (_, cell) in enumerate(named) if n and not kinds[n] and _FIGURE.match(task.draft, cell.start, cell.end))
        if (place := next(lone, None)) is not None:
            kinds[place] = "now"
    said: list[tuple[int, str, Span, bool]] = []
    for kind, (_, cell) in zip(kinds, named, strict=True):
        words = task.draft[cell.start : cell.end]
        if _BARE.fullmatch(words) or (said and _COLOUR.fullmatch(words)):
            continue
        inside = [Span(start=max(cell.start, one.start), end=min(cell.end, one.end)) for one in state if one.start < cell.end and cell.start < one.end]
        for span in inside:
            order = _ORDER.get(kind, len(_ORDER)) if said else -1
            said.append((order, kind, span, len(task.draft[span.start : span.end].split()) <= 3))
    for number, (_, kind, cell, is_short) in enumerate(sorted(said, key=lambda one: one[0])):
        if not number:
            lead = ""
        elif out.words()[-1:] in ".?!":
            lead = " "
        elif kind == "now" and number == 1 and is_short and "," not in out.words() and re.search(r"\d", task.draft[cell.start : cell.end]):
            lead = " at "
        elif number == 1 and kind not in ("target", "was"):
            lead = ": "  # a name with a comma in it wants a pause
        elif kind and kind != "now" and is_short:
            lead = f", {kind} "
        else:
            lead = ", " if is_short else ". "
        out.coach(lead)
        if is_short or not number:
            out.draft(task.draft, cell.start, _shorn(task.draft, cell.start, cell.end, _LOOSE), capital=not number or lead in (". ", " "))
        else:
            _write_sentences(out, task, phrasing, [cell])
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
    if trimmed:
        a, b = trimmed[-1]
        trimmed[-1] = (a, _shorn(draft, a, b, _LOOSE))
    return trimmed


_LOOSE = " ,;:—–-\n\t"  # what may hang at the end of words that a full stop is to follow


def _shorn(draft: str, start: int, end: int, marks: str) -> int:
    """Where draft[start:end] ends without these marks behind it."""
    return start + len(draft[start:end].rstrip(marks))


_END = re.compile(r"(?<=[.!?])[\"”')\]]?\s+|(?<=[^\w,\s\"”’)\]])[ \t]*\n+|\n[ \t]*\n\s*")  # a break inside a sentence is only a width
_SOFT = re.compile(r"(?:;|\s[—–-]|,)\s+|\s+(?=(?:and|but|so|because|unless|while)\s)", re.I)


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
        if len(draft[start : match.start()].split()) >= 4 and len(draft[match.end() : end].split()) >= 4
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


def _question(phrasing: Phrasing, key: BlankKey, room: Room, conditions: set[str], topic: str) -> str:
    fitting = [
        one for one in phrasing.questions if one.key == key and one.room == room and set(one.when) <= conditions
    ]
    text = fitting[0].text if fitting else "What is missing in “{topic}”?"
    return text.replace("{topic}", topic)


def _topic(draft: str, facts: Facts, spans: Sequence[Span]) -> str:
    """A few words of the item to hang a question on: what leads up to its first number."""
    if not spans:
        return "this"
    first = spans[0]
    words = draft[first.start : first.end]
    words = _MARKS.sub("", re.sub(r"\s+", " ", words)).strip()
    head = re.split(r"[.!?;:]\s|\s[—–|-]\s|: |, ", words, maxsplit=1)[0]
    subject = _VERB.split(head, maxsplit=1)[0].strip(" ,.:;—–-|(")
    if 1 <= len(subject.split()) <= 7 and subject.lower() not in _NO_SUBJECT:
        return subject
    short = " ".join(head.split()[:8]).strip(" ,.:;—–-|")
    return short or "this"


_VERB = re.compile(
    r"\s(?:is|are|was|were|has|have|had|will|would|won't|can't|cannot|can|could|may|might|sits?|stands?|dies|slips?|slipped|misses|missed|needs?|"
    r"went|goes|at|still|now|hit|hits|waits?|waiting|depends?|moved?|rose|fell|dropped|came|comes|done|got|gets|keeps?|says?|said|wants?)\b|\s\d",
    re.I,
)
_NO_SUBJECT = frozenset("i we it that this they he she there you nobody no one everyone".split()) | {"no one"}


def _tidy(pieces: Sequence[Piece]) -> list[Piece]:
    """No double stops or spaces where pieces meet, and a capital at the start."""
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, CoachPiece):
            text = re.sub(r"\s+", " ", piece.text)
            before = "".join(one.text for one in out)[-1:]
            if before == " ":
                text = text.lstrip()
            if before in ".?!" and text[:1] in ".,;":
                text = text[1:]
            if text[:1] == "?" and out and isinstance(out[-1], BlankPiece):
                text = "." + text[1:] if text[1:] else ""  # a blank asks already
            if not text:
                continue
            piece = CoachPiece(text=text)
        out.append(piece)
    while out and isinstance(out[-1], CoachPiece) and not out[-1].text.strip():
        out.pop()
    if out and isinstance(out[-1], CoachPiece):
        out[-1] = CoachPiece(text=out[-1].text.rstrip())
    return out
