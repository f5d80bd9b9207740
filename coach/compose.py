"""The offline writer: an item's own public words, put together so that a room can decide.

It never makes a fact. A rewrite is a list of pieces, each of them words of the draft, words of the
user's answer, connecting words of ours, or a visible blank. For a public room the only way in is
`PublicClause`: a private clause is a different type, and there is no path from it to public text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coach.schema import (
    AnswerPiece,
    Blank,
    BlankKey,
    BlankPiece,
    Clause,
    CoachPiece,
    Construction,
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
from coach.spoken import MARKS, Passage, Text, say, shorn

_LEAST = 4  # words of a private line that is more than a title of what follows

_BLANK_TEXT: dict[BlankKey, str] = {
    "lever": "[lever?]",
    "owner": "[owner?]",
    "date": "[date?]",
    "result": "[result?]",
    "fact": "[fact?]",
}
_PREPOSITION = re.compile(r"(?:before|until|till|by|on|at|in|after|when|while|as soon|no later|early|late)\b", re.I)
_SLOT = re.compile(r"\{(state|lever|owner|due)\}")
_OPENS_CHOICE = re.compile(r"(?:so|and|then|but|well)\s+(?!on\b)|(?:two|three|the|2|3|our|my) (?:choices?|options?|ways(?: out)?)\b(?: (?:is|are))?\s*[:,]\s*|options?(?: are| is)?\s*:\s*", re.I)
_CHOICE = re.compile(r"\bor\b|\bbetween\b.+\band\b|/|\bvs\.?\b|\balternative(?:ly)?\b", re.I)
_OUTCOMES: tuple[tuple[Outcome, re.Pattern[str]], ...] = (
    ("escalate", re.compile(r"\b(?:escalat\w+|exemption|someone above|has to call|sign(?:s|ature)?|approv\w+)\b", re.I)),
    ("re-scope", re.compile(r"\b(?:re-?scop\w+|descop\w+|lower|carve|narrow|re-?date|slips? to|re-?commit|instead|without|w/o|smaller|fewer|shift)\b", re.I)),
    ("cut", re.compile(r"\b(?:cut|drop|stop|kill|park|pause|switch off|cancel|remove|close it)\b", re.I)),
    ("continue", re.compile(r"\b(?:continue|keep (?:going|it|the)|stay the course|go ahead)\b", re.I)),
)


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


_HANGS_ON = re.compile(r"(?:which|who|whose|where)\b", re.I)


def allowed(draft: str, room: Room, clauses: Sequence[Clause]) -> list[Span]:
    """The stretches of the draft that a room may read of an item."""
    if room == "one_on_one":
        return [Span(start=clause.start, end=clause.end) for clause in clauses]
    shown = [clause for clause in clauses if isinstance(clause, PublicClause)]
    if room == "okr_review" and all(clause.role == "noise" for clause in shown):
        return [Span(start=clause.start, end=clause.end) for clause in shown]  # it is all the room would hear of it
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


def _whole(task: Task) -> Span:
    return Span(start=min(one.start for one in task.clauses), end=max(one.end for one in task.clauses))


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
    out = Text(phrasing.spellings)
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
                say(out, Passage(task.draft, task.room, _whole(task), task.columns), phrasing, state)
            case "lever":
                if task.answers.get("lever") or lever is None or task.room == "one_on_one":
                    blank("lever")  # what is asked of one person is seldom what the line says should be done
                else:
                    begin = _OPENS_CHOICE.match(task.draft, lever.start, lever.end)
                    start = begin.end() if begin else lever.start
                    out.draft(task.draft, start, shorn(task.draft, start, lever.end, " .,;:"), small=out.words().endswith(": "))
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
    words = MARKS.sub("", re.sub(r"\s+", " ", words)).strip()
    head = re.split(r"(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bMrs)[.!?;:]\s|\s[—–|-]\s|: |, ", words, maxsplit=1)[0]
    subject = _VERB.split(head, maxsplit=1)[0].strip(" ,.:;—–-|(")
    told = [word for word in re.findall(r"[^\W\d_][\w'’-]*|\d\S*", subject) if word.lower() not in _NO_TOPIC and not word.lower().endswith(("'ve", "'re", "'m", "'d", "'ll"))]
    if told and 1 <= len(subject.split()) <= 7 and subject.lower() not in _NO_SUBJECT:
        return subject
    short = " ".join(words.split()[:9]).strip(" ,.:;—–-|")
    return short or "this"


_VERB = re.compile(
    r"\s(?:is|are|was|were|has|have|had|will|would|won't|can't|cannot|can|could|may|might|sits?|stands?|dies|slips?|slipped|misses|missed|needs?|"
    r"went|goes|at|still|now|hit|hits|waits?|waiting|depends?|moved?|rose|fell|dropped|came|comes|done|got|gets|keeps?|says?|said|wants?)\b|\s\d",
    re.I,
)
_NO_TOPIC = frozenset(
    "i we it he she they you that this there what who which where when how why do does did is are was were am be been not no nothing never none nobody yes ok okay "
    "firstly secondly thirdly finally also then so and but or if as at in on of for to from with by the a an my our your his her their its due because between us me "
    "i've i'm i'd i'll we've we're we'd it's that's there's what's he's she's they're don't doesn't haven't real talk one two three four five".split()
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
