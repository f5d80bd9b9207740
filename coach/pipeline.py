"""`Coach`: the order in which a draft goes through the parts; the only place that knows it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

from langchain_core.runnables import Runnable, RunnableConfig

from coach.accepted import Accepted
from coach.agenda import MOST_DECISIONS, make_agenda, make_checklist
from coach.batch import Ledger, phrase
from coach.compose import Task, compose
from coach.documents import pre_read_days, private_document, public_document
from coach.draft import check_draft
from coach.errors import CoachError, OptionError
from coach.facts import read_facts
from coach.guards import inventions, is_decidable, leaks, maps_back
from coach.language import judge_language
from coach.library import Library, open_library
from coach.lint import lint
from coach.model import Model, Usage, connect
from coach.phrase import Done, Job, Writer
from coach.questions import Line, choose
from coach.resources import load_guard_words, load_phrased, load_prompts
from coach.route import PRIVATE_AT, Judged, Verdict
from coach.schema import (
    ROOMS,
    SLOTS,
    BlankKey,
    Brief,
    Clause,
    Documents,
    Facts,
    Finding,
    Item,
    Language,
    PageQuote,
    PrivateClause,
    PublicClause,
    Question,
    Rewrite,
    Room,
    RoomSpec,
    Segment,
    Side,
    Span,
)
from coach.segment import assemble, blocks
from coach.settings import Settings, load_settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Answers = Mapping[str, str]
Moves = Mapping[int, Room]
Progress = Callable[[str, int, int], None]

# Inside a private item a clause must be this surely public before the review may read it.
SAFE_BELOW = 0.12
DOUBT_BELOW = 0.6
THEN_AT = 0.5  # how surely an item has a next stop
THEN_BARE_AT = 0.7  # the same where no word of it may be shown there: a line of blanks must be worth its place
_LEAVE_OUT = ROOMS.index("leave_out")
_REVIEW = ROOMS.index("okr_review")


@dataclass(frozen=True)
class _Work:
    """An item on its way through the house."""

    id: int
    segment: Segment
    judged: tuple[Judged, ...]
    verdict: Verdict
    clauses: tuple[Clause, ...]
    facts: Facts
    room: Room
    then: Room | None
    private: bool
    findings: tuple[Finding, ...] = ()
    pages: tuple[PageQuote, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()


@dataclass(frozen=True)
class Stats:
    """What a language model did for one draft: who and where, the cost, the time, and what became of its texts.

    seconds: from the connection to the last text; busy: those of them in which a call was in flight.
    outcomes: for each outcome of coach.phrase the number of texts.
    """

    model: str
    where: str
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    busy: float = 0.0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    price: float | None = None
    dones: tuple[Done, ...] = field(default=(), repr=False)


OnStats = Callable[[Stats], None]


class Coach(Runnable[Any, Brief]):
    """Turns draft updates into briefs: offline, and then, where a model is set, phrased by it past the guards.

    The corpus is indexed at the first use and stays open. As a LangChain `Runnable` it takes a
    draft, or a dict with `text` and any of `as_`, `review_date`, `answers`, `moves`, `on_stats`.
    model: any LangChain chat model, in place of the one of the settings. library: one that another coach has opened.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        progress: Progress | None = None,
        model: BaseChatModel | Model | None = None,
        library: Library | None = None,
    ) -> None:
        self.settings = settings or load_settings()
        self._progress = progress
        self._library = library
        self._lock = threading.Lock()
        self._given_model = model
        self._model: Model | None = None
        self._model_lock = threading.Lock()

    @property
    def model(self) -> Model | None:
        """The language model, connected when first asked for, or None. Raises OptionError or WeightsError."""
        with self._model_lock:
            if self._model is None:
                self._model = connect(self.settings, self._given_model)
            return self._model

    def close(self) -> None:
        """Stop the on-device model server, if one was started."""
        with self._model_lock:
            if self._model is not None:
                self._model.close()
                self._model = None

    @property
    def library(self) -> Library:
        """The compiled corpus; opened, and indexed if need be, when first asked for."""
        with self._lock:
            if self._library is None:
                self._library = open_library(self.settings, self._progress)
            return self._library

    def prep(
        self,
        text: str,
        *,
        as_: Side = "report",
        review_date: date | None = None,
        answers: Answers | None = None,
        moves: Moves | None = None,
        on_stats: OnStats | None = None,
    ) -> Brief:
        """The brief of a draft.

        as_: the side of the 1:1 the writer is on. answers: blanks filled, `{"3.owner": "Mia"}`.
        moves: items sent to another room by hand; a private item stays private.
        on_stats: called once with what a model did, where one is set.
        Raises DraftError, OptionError, or what indexing raises at the first use.
        """
        *_, brief = self._stages(text, as_, review_date, answers or {}, moves or {}, on_stats)
        return brief

    def questions(
        self, text: str, *, as_: Side = "report", count: int = 3, goal: str | None = None
    ) -> tuple[Question, ...]:
        """`count` 1:1 questions that a draft calls for; with `goal`, towards that goal only.

        Raises OptionError for a goal the bank does not have, and what `prep` raises.
        """
        goals = [one.goal for one in self.library.goals]
        if goal is not None and goal not in goals:
            raise OptionError(f"There is no goal {goal!r}.", f"Use one of: {', '.join(goals)}.")
        draft = check_draft(text, self.settings.max_chars)
        work = self._read(draft.text, None, {})
        return self._ask(draft.text, work, as_, count, goal)

    def language(self, text: str) -> Language:
        """How a sentence, or a few, points to a decision when said to a room: score 0 to 1 and findings.

        Raises DraftError as `prep` does.
        """
        draft = check_draft(text, self.settings.max_chars)
        return judge_language(draft.text, self.library.rules, self.library.rule_signals, self.library.reader)

    def search(self, query: str, count: int = 3) -> tuple[PageQuote, ...]:
        """The playbook passages nearest to a query, best first."""
        return self.library.playbook.search(query, count)

    # --- as a LangChain runnable -----------------------------------------------------------------

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Brief:
        """`prep` for a draft, or for a dict of its arguments."""
        return self.prep(**_arguments(input))

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Brief]:
        """Partial briefs: rooms at once, the rewrites item by item, the whole; then again as a model betters it."""
        given = _arguments(input)
        yield from self._stages(
            given["text"],
            given.get("as_", "report"),
            given.get("review_date"),
            given.get("answers") or {},
            given.get("moves") or {},
            given.get("on_stats"),
        )

    # --- the order -------------------------------------------------------------------------------

    def _stages(
        self, text: str, as_: Side, review_date: date | None, answers: Answers, moves: Moves, on_stats: OnStats | None
    ) -> Iterator[Brief]:
        draft = check_draft(text, self.settings.max_chars)
        notices = list(draft.notices)
        work = self._read(draft.text, review_date, moves)
        _check_answers(answers, work)
        work, said = _move(work, moves)
        notices += said
        engine = Brief(engine="offline", draft=draft.text, items=self._items(draft.text, work))
        yield engine
        work = self._judge_language(draft.text, work)
        for number, one in enumerate(work):
            written, notice = self._write(draft.text, one, work, as_, answers)
            work[number] = written
            if notice:
                notices.append(notice)
            yield engine.model_copy(update={"items": self._items(draft.text, work)})
        questions = self._ask(draft.text, work, as_, len(SLOTS), None)
        yield self._finish(draft.text, work, questions, review_date, list(notices))
        if self._given_model is None and not self.settings.model:
            return
        if draft.language:
            notices.append("The language model was not asked: its texts can be checked in English only.")
            yield self._finish(draft.text, work, questions, review_date, notices)
            return
        yield from self._phrased(draft.text, work, questions, as_, review_date, answers, moves, notices, on_stats)

    def _phrased(
        self,
        text: str,
        work: list[_Work],
        questions: tuple[Question, ...],
        as_: Side,
        review_date: date | None,
        answers: Answers,
        moves: Moves,
        notices: list[str],
        on_stats: OnStats | None,
    ) -> Iterator[Brief]:
        """The offline brief again and again, each time with one more text of the model."""
        try:
            model = self.model
            assert model is not None
        except CoachError as error:
            notices.append(f"{error.what} {error.fix} The brief is the coach's own, complete without a model.")
            yield self._finish(text, work, questions, review_date, notices)
            return
        began = time.monotonic()
        library, settings = self.library, self.settings
        writer = Writer(
            prompts=load_prompts(),
            examples=load_phrased(settings.corpus),
            pages={page.id: page for page in library.pages},
            words=load_guard_words(),
            rules=library.rules,
            signals=library.rule_signals,
            spellings=library.phrasing.spellings,
            reader=library.reader,
        )
        jobs = [job for job in _jobs(text, work, questions, answers) if model.writes is None or job.kind in model.writes]
        ledger = Ledger(settings.model_budget)
        kept = Accepted(settings.home) if settings.model_cache != "off" else None
        dones: list[Done] = []
        raised: set[int] = set()
        asked = list(questions)
        engine = "offline"
        # Closed by name: whoever leaves in the middle ends the calls at once.
        with closing(
            phrase(model, writer, jobs, ledger, kept, settings.model_cache == "all", settings.private_to_model)
        ) as ready:
            for done in ready:
                dones.append(done)
                number = done.job.item - 1
                if done.job.kind == "question":
                    if not done.text:
                        continue
                    asked[number] = asked[number].model_copy(update={"text": done.text})
                elif done.private_words and done.job.item not in moves and not work[number].private:
                    raised.add(done.job.item)
                    held = replace(work[number], room="one_on_one", then=None, private=True, rewrites=(), clauses=_all_private(work[number]))
                    work[number] = held
                    work[number], _ = self._write(text, held, work, as_, answers)
                elif done.rewrite and done.job.item not in raised:
                    rewrites = (done.rewrite if one.room == done.job.room else one for one in work[number].rewrites)
                    work[number] = replace(work[number], rewrites=tuple(rewrites))
                else:
                    continue
                engine = model.name
                yield self._finish(text, work, tuple(asked), review_date, list(notices), engine)
        notices += _said(dones, model, raised, {one.id: one for one in library.rooms})
        if on_stats:
            on_stats(
                Stats(
                    model=model.name,
                    where=model.where,
                    usage=ledger.usage,
                    seconds=time.monotonic() - began,
                    busy=ledger.busy,
                    outcomes=Counter(done.outcome for done in dones),
                    price=ledger.usage.price(settings.model_price),
                    dones=tuple(dones),
                )
            )
        yield self._finish(text, work, tuple(asked), review_date, notices, engine)

    def _read(self, text: str, review_date: date | None, moves: Moves) -> list[_Work]:
        """Segment, read and route."""
        library = self.library
        found = blocks(text)
        seen = library.reader.read(text, found)
        parts = library.router.parts(text, found, seen)
        judged = library.router.judge(text, parts, seen)
        starts = library.router.starts(text, found, judged, seen)
        grouped: list[tuple[Segment, tuple[Judged, ...]]] = []
        at = 0
        for segment, group in assemble(text, found, parts, starts):
            grouped.append((segment, judged[at : at + len(group)]))
            at += len(group)
        library.embedder.begin([text[segment.start : segment.end] for segment, _ in grouped])  # ready when the playbook is asked
        verdicts = library.router.rooms_of(
            text,
            [(segment.start, segment.end) for segment, _ in grouped],
            [max(one.private for one in mine) for _, mine in grouped],
            seen,
        )
        work: list[_Work] = []
        for number, ((segment, mine), verdict) in enumerate(zip(grouped, verdicts, strict=True), 1):
            stated = library.reader.stated(text, seen, segment.start, segment.end)
            facts = read_facts(text, segment.start, segment.end, review_date, segment.columns, stated)
            work.append(_settle(number, segment, mine, verdict, facts, text))
        return work

    def _judge_language(self, text: str, work: Sequence[_Work]) -> list[_Work]:
        """Findings and playbook passages for every item."""
        library = self.library
        spans = [one.segment for one in work]
        quotes = [text[one.segment.start : one.segment.end] for one in work]
        # What is told to one person, or to everybody as news, or for the record, need not be decided.
        asked = [one.room in ("okr_review", "leave_out") for one in work]
        points = [float(library.reader.points([quote])[0]) if ask else 1.0 for quote, ask in zip(quotes, asked, strict=True)]
        findings = lint(text, library.rules, library.rule_signals, spans=spans, points=points)
        passages = library.playbook.search_many(quotes, 2)
        return [
            replace(
                one,
                findings=tuple(f for f in findings if one.segment.start <= f.start < one.segment.end),
                pages=pages,
            )
            for one, pages in zip(work, passages, strict=True)
        ]

    def _write(
        self, text: str, one: _Work, work: Sequence[_Work], as_: Side, answers: Answers
    ) -> tuple[_Work, str | None]:
        """The rewrites of an item, each past the guards; the notice when one was refused."""
        mine = {key.split(".", 1)[1]: words for key, words in answers.items() if key.startswith(f"{one.id}.")}
        private, public = _sides(work)
        kept: list[Rewrite] = []
        refused = False
        for room in [one.room, *([one.then] if one.then else [])]:
            if room == "leave_out":
                continue
            task = Task(
                draft=text,
                room=room,
                clauses=one.clauses,
                facts=one.facts,
                signals=one.verdict.signals,
                side=as_,
                columns=one.segment.columns if one.segment.kind == "row" else (),
                answers=cast("dict[BlankKey, str]", mine),
                turn=_turn(text, one, work),
            )
            rewrite = compose(task, self.library.phrasing)
            if rewrite is None:
                continue
            if not maps_back(rewrite, text, self.library.phrasing.spellings) or inventions(rewrite.text, text, list(mine.values())) or (room != "one_on_one" and (
                leaks(rewrite.text, text, private, public) or not is_decidable(rewrite)
                # An answer is short and typed by hand: two words of a private clause in it are too many.
                or any(leaks(words, text, private, public, share=0) for words in mine.values())
            )):
                refused = True
            else:
                kept.append(rewrite)
        if not refused:
            return replace(one, rewrites=tuple(kept)), None
        if one.room == "one_on_one" and kept:
            # Its private words stand; only what was to follow in public is held back.
            return replace(one, then=None, rewrites=tuple(kept)), None
        if one.room == "one_on_one" and one.then is None:
            # Nowhere further in to go: the words stand as they are, in the private room, unwritten.
            return replace(one, rewrites=()), f"Item {one.id} is kept as it was written; no rewrite of it was true to the draft."
        held = replace(one, room="one_on_one", then=None, private=True, rewrites=(), clauses=_all_private(one))
        again, said = self._write(text, held, [held if w.id == one.id else w for w in work], as_, {})
        return again, said or (
            f"Item {one.id} stays in the 1:1: a public line made from it would have given away private words."
        )

    def _ask(
        self, text: str, work: Sequence[_Work], as_: Side, count: int, goal: str | None
    ) -> tuple[Question, ...]:
        quotes = [text[one.segment.start : one.segment.end] for one in work]
        vectors = self.library.embedder.embed(quotes)
        lines = [
            Line(quote, text, one.room, one.verdict.signals, one.facts, vectors[n])
            for n, (one, quote) in enumerate(zip(work, quotes, strict=True))
        ]
        return choose(self.library.bank, lines, as_, count, goal)

    def _finish(
        self,
        text: str,
        work: Sequence[_Work],
        questions: tuple[Question, ...],
        review_date: date | None,
        notices: list[str],
        engine: str = "offline",
    ) -> Brief:
        rooms = self.library.rooms
        private, public = _sides(work)

        def assembled(mine: Sequence[_Work]) -> tuple[tuple[Item, ...], str, Any]:
            items = self._items(text, mine)
            agenda = make_agenda(items, questions)
            said = [one for item in items for one in item.rewrites if one.room != "one_on_one" and not one.is_bare]
            return items, public_document(said, agenda, rooms, review_date), agenda

        items, okr, agenda = assembled(work)
        given_away = leaks(okr, text, private, public)
        if given_away:
            # Lines that are safe one by one can give a clause away together: keep the records out.
            work = [_without_public(one) if one.private or one.then else one for one in work]
            items, okr, agenda = assembled(work)
            given_away = leaks(okr, text, private, public)
        while given_away:
            worst = _guiltiest(work, text, private, public)
            if worst is None:
                break  # nothing of the draft is left in it; what matches are our own fixed words
            notices.append(f"Item {worst} is kept out of the OKR document: together with other lines it told too much.")
            work = [_without_public(one) if one.id == worst else one for one in work]
            items, okr, agenda = assembled(work)
            given_away = leaks(okr, text, private, public)
        if not items:
            notices.append("Nothing here reads as an item: there are greetings or headings only. Add a line that says what happened.")
        most = next(one.decisions for one in rooms if one.id == "okr_review") or MOST_DECISIONS
        checklist = make_checklist(items, review_date, pre_read_days(rooms), most)
        return Brief(
            engine=engine,
            draft=text,
            items=items,
            questions=questions,
            agenda=agenda,
            checklist=checklist,
            documents=Documents(
                one_on_one=private_document(items, questions, agenda, checklist, rooms, review_date), okr=okr
            ),
            notices=tuple(dict.fromkeys(notices)),
        )

    def _items(self, text: str, work: Sequence[_Work]) -> tuple[Item, ...]:
        rooms = {one.id: one for one in self.library.rooms}
        return tuple(
            Item(
                id=one.id,
                start=one.segment.start,
                end=one.segment.end,
                quote=text[one.segment.start : one.segment.end],
                context=one.segment.context,
                room=one.room,
                then=one.then,
                private=one.private,
                confidence=round(one.verdict.confidence, 3),
                because=_because(one, rooms),
                pages=one.pages,
                findings=one.findings,
                rewrites=one.rewrites,
            )
            for one in work
        )


# --- judging ---------------------------------------------------------------------------------------


def _settle(
    number: int, segment: Segment, mine: tuple[Judged, ...], verdict: Verdict, facts: Facts, text: str
) -> _Work:
    """An item with its clauses typed, its room, and where the rest of it goes next."""
    private_room = verdict.room == "one_on_one"
    clauses: list[Clause] = []
    for one in mine:
        start, end = max(one.unit.start, segment.start), min(one.unit.end, segment.end)
        if end <= start:
            continue
        if one.private >= (SAFE_BELOW if private_room else PRIVATE_AT):
            clauses.append(PrivateClause(start=start, end=end))
        else:
            clauses.append(PublicClause(start=start, end=end, role=_role(one, facts, text)))
    shown = [clause for clause in clauses if isinstance(clause, PublicClause)]
    hidden = len(shown) < len(clauses)
    then: Room | None = None
    if private_room:
        safe = {(one.unit.start, one.unit.end): one for one in mine if one.private < SAFE_BELOW}
        asks = [
            one
            for one in safe.values()
            if int(one.rooms.argmax()) == _REVIEW and len(text[one.unit.start : one.unit.end].split()) >= 6
        ]
        if asks and _says_enough(facts, shown):
            then = "okr_review"
        else:
            # Only a decision may follow in public, and none of these words: it is asked for.
            then = "okr_review" if verdict.to_review >= THEN_BARE_AT else None
            clauses = [PrivateClause(start=clause.start, end=clause.end) for clause in clauses]
    elif hidden and not shown:
        return _settle(number, segment, mine, replace(verdict, room="one_on_one"), facts, text)
    elif verdict.room != "leave_out" and (hidden or verdict.to_one_on_one >= THEN_AT):
        then = "one_on_one"
    return _Work(
        id=number,
        segment=segment,
        judged=mine,
        verdict=verdict,
        clauses=tuple(clauses),
        facts=facts,
        room=verdict.room,
        then=then,
        private=private_room or hidden,
    )


def _says_enough(facts: Facts, shown: Sequence[Span]) -> bool:
    """Whether the public clauses hold a lever, or a number: something a room can decide on."""
    return any(
        clause.start <= one.start and one.end <= clause.end
        for clause in shown
        for one in (*facts.levers, *facts.numbers)
    )


def _role(one: Judged, facts: Facts, text: str) -> Any:
    start, end = one.unit.start, one.unit.end
    if any(span.start < end and start < span.end for span in facts.levers):
        return "lever"
    holds_fact = any(start <= span.start < end for span in (*facts.numbers, *facts.dates))
    if not holds_fact and float(one.rooms[_LEAVE_OUT]) >= 0.5:
        return "noise"
    return "detail"


def _turn(text: str, one: _Work, work: Sequence[_Work]) -> int:
    """A number that counts up with the items of a room, so that no two say it alike; drafts start apart."""
    mine = [other for other in work if other.id < one.id and one.room in (other.room, other.then)]
    return len(mine) + crc32(text.encode("utf-8", "surrogatepass"))


def _because(one: _Work, rooms: Mapping[Room, RoomSpec]) -> str:
    spec = rooms[one.room]
    kind = {"staff_meeting": "staff"}.get(one.room, one.room)
    shown = [name.split(".", 1)[1] for name in one.verdict.signals if name.startswith(f"{kind}.")]
    reason = next((spec.because[name] for name in spec.because if name in shown), spec.because["default"])
    if one.verdict.confidence < DOUBT_BELOW:
        order = [ROOMS[int(n)] for n in (-one.verdict.chances).argsort()]
        other = next((room for room in order if room != one.room), None)
        if other:
            title = rooms[other].title
            reason += f" The coach is not sure: it could also belong under “{title}”."
    return reason


# --- privacy ---------------------------------------------------------------------------------------


def _all_private(one: _Work) -> tuple[Clause, ...]:
    return tuple(PrivateClause(start=clause.start, end=clause.end) for clause in one.clauses)


def _sides(work: Sequence[_Work]) -> tuple[list[Span], list[Span]]:
    """The private and the public clauses of a whole draft."""
    private = [Span(start=c.start, end=c.end) for one in work for c in one.clauses if c.private]
    public = [Span(start=c.start, end=c.end) for one in work for c in one.clauses if not c.private]
    return private, public


def _without_public(one: _Work) -> _Work:
    kept = tuple(rewrite for rewrite in one.rewrites if rewrite.room == "one_on_one")
    return replace(one, rewrites=kept, then=None if one.room == "one_on_one" else one.then)


def _guiltiest(work: Sequence[_Work], text: str, private: Sequence[Span], public: Sequence[Span]) -> int | None:
    """The item whose public lines share the most words with private clauses."""
    from coach.guards import content_words, own_words

    own = frozenset().union(*own_words(text, private, public)) if private else frozenset()
    shared = [
        (len(content_words(rewrite.text) & own), one.id)
        for one in work
        for rewrite in one.rewrites
        if rewrite.room != "one_on_one"
    ]
    return max(shared, key=lambda pair: (pair[0], -pair[1]))[1] if shared else None


# --- what a model is asked for, and what is said of it ---------------------------------------------------


def _jobs(text: str, work: Sequence[_Work], questions: Sequence[Question], answers: Answers) -> list[Job]:
    """Every rewrite and question as a job; one for a public room is given public clauses only."""
    private, public = _sides(work)
    jobs: list[Job] = []
    for one in work:
        mine = tuple(words.strip() for key, words in answers.items() if key.startswith(f"{one.id}.") and words.strip())
        for rewrite in one.rewrites:
            inside = rewrite.room == "one_on_one"
            shown = [
                Span(start=clause.start, end=clause.end)
                for clause in one.clauses
                if inside or (isinstance(clause, PublicClause) and clause.role != "noise")
            ]
            jobs.append(
                Job(
                    item=one.id,
                    kind=cast("Any", rewrite.room),
                    room=rewrite.room,
                    text=rewrite.text,
                    draft=text,
                    spans=tuple(shown),
                    private=tuple(private),
                    public=tuple(public),
                    rewrite=rewrite,
                    answers=mine,
                    is_private=inside,
                )
            )
    open_quotes = {text[one.segment.start : one.segment.end] for one in work if not one.private}
    for number, question in enumerate(questions, 1):
        if question.because:
            jobs.append(
                Job(
                    item=number,
                    kind="question",
                    room="one_on_one",
                    text=question.text,
                    draft=text,
                    spans=(),
                    line=question.because,
                    is_private=question.because not in open_quotes,
                )
            )
    return jobs


def _said(dones: Sequence[Done], model: Model, raised: set[int], rooms: Mapping[Room, RoomSpec]) -> list[str]:
    """What a person should know of a model's work: what was not sent, what failed and what to do, what was refused."""
    said: list[str] = []

    def lines(found: Sequence[Done]) -> str:
        numbers = sorted({done.job.item for done in found if done.job.kind != "question"})
        asks = sum(done.job.kind == "question" for done in found)
        parts = [f"item{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"] if numbers else []
        parts += [f"{asks} question{'s' if asks > 1 else ''}"] if asks else []
        return " and ".join(parts)

    unsent = [done for done in dones if done.outcome == "not sent"]
    if unsent:
        said.append(f"Not sent to {model.where}, as they are private: {lines(unsent)}. They stand as the coach wrote them.")
    failures: dict[str, list[Done]] = {}
    for done in dones:
        if done.error is not None:
            failures.setdefault(f"{done.error.what} {done.error.fix}", []).append(done)
    said += [f"{why} As the coach wrote them: {lines(found)}." for why, found in failures.items()]
    unpaid = [done for done in dones if done.outcome == "not asked" and done.error is None]
    if unpaid:
        said.append(f"The token budget is used up; as the coach wrote them: {lines(unpaid)}. Raise COACH_MODEL_BUDGET for more.")
    refused: dict[str, list[Done]] = {}
    for done in dones:
        if done.outcome == "refused":
            refused.setdefault(done.faults[0].kind, []).append(done)
    said += [f"Refused twice ({why}), so as the coach wrote them: {lines(found)}." for why, found in refused.items()]
    said += [f"Item {number} was moved to the 1:1: {model.name} reads words of it as private. Move it back if they are not." for number in sorted(raised)]
    for done in dones:
        if done.doubt and done.job.item not in raised and done.job.kind != "question" and not (done.job.is_private and done.doubt != "leave_out"):
            said.append(f"Item {done.job.item}: {model.name} would put it under “{rooms[done.doubt].title}”. It stays where it is.")
    return said


# --- what the user adds ------------------------------------------------------------------------------


def _check_answers(answers: Answers, work: Sequence[_Work]) -> None:
    keys = ("lever", "owner", "date")
    for name, words in answers.items():
        number, _, key = name.partition(".")
        if not number.isdigit() or not 1 <= int(number) <= len(work) or key not in keys:
            raise OptionError(
                f"There is no blank {name!r}.",
                f"Write item and blank, such as 3.owner; items are 1 to {len(work)}, blanks {', '.join(keys)}.",
            )
        if not isinstance(words, str) or len(words) > 400 or "\n" in words.strip():
            raise OptionError(f"The answer to {name!r} cannot be used.", "Give one line of at most 400 characters.")


def _move(work: list[_Work], moves: Moves) -> tuple[list[_Work], list[str]]:
    """Items put into other rooms by hand, and what is said about those that stay."""
    said: list[str] = []
    out: list[_Work] = []
    for one in work:
        room = moves.get(one.id)
        if room is None or room == one.room:
            out.append(one)
        elif room not in ROOMS:
            raise OptionError(f"There is no room {room!r}.", f"Use one of: {', '.join(ROOMS)}.")
        elif one.private and room not in ("one_on_one", "leave_out"):
            said.append(
                f"Item {one.id} stays in the 1:1: it holds private words. To take its decision public, paste that part as a line of its own."
            )
            out.append(one)
        elif room == "one_on_one":
            out.append(replace(one, room=room, then=None, private=True, clauses=_all_private(one)))
        else:
            out.append(replace(one, room=room, then=None))
    unknown = sorted(set(moves) - {one.id for one in work})
    if unknown:
        raise OptionError(f"There is no item {unknown[0]}.", f"Items are 1 to {len(work)}.")
    return out, said


def _arguments(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        return {"text": given}
    allowed = ("text", "as_", "review_date", "answers", "moves", "on_stats")
    if isinstance(given, Mapping) and isinstance(given.get("text"), str) and set(given) <= set(allowed):
        return dict(given)
    raise OptionError("The coach takes a draft as text.", f"Pass a string, or a dict with {', '.join(allowed)}.")
