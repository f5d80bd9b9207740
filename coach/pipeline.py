"""`Coach`: the order in which a draft goes through the parts; the only place that knows it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable, RunnableConfig

from coach.accepted import Accepted
from coach.batch import Ledger, phrase
from coach.blocks import blocks
from coach.draft import check_draft
from coach.edits import check_answers, move
from coach.errors import CoachError, OptionError
from coach.facts import read_facts
from coach.finish import finish, items_of
from coach.jobs import Stats, jobs_of, said_of
from coach.language import judge_language
from coach.library import Library, open_library
from coach.lint import lint
from coach.matter import matter
from coach.model import Model, connect
from coach.phrase import Done, Writer
from coach.questions import Line, choose
from coach.resources import load_guard_words, load_phrased, load_prompts
from coach.route import Judged
from coach.schema import SLOTS, Brief, Language, PageQuote, Question, Room, Segment, Side
from coach.segment import assemble, likely_items
from coach.settings import Settings, load_settings
from coach.spoken import filler_of
from coach.threads import one_thread
from coach.work import Work, all_private, settle
from coach.writing import write

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Answers = Mapping[str, str]
Moves = Mapping[int, Room]
Progress = Callable[[str, int, int], None]
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
        *_, brief = self._stages(text, as_, review_date, answers or {}, moves or {}, on_stats, partial=False)
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
        work = self._read(draft.text, None)
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
        self,
        text: str,
        as_: Side,
        review_date: date | None,
        answers: Answers,
        moves: Moves,
        on_stats: OnStats | None,
        partial: bool = True,
    ) -> Iterator[Brief]:
        """The offline brief, with `partial` also what there is of it on the way, and then what a model makes of it."""
        draft = check_draft(text, self.settings.max_chars)
        notices = list(draft.notices)
        with one_thread():
            work = self._read(draft.text, review_date)
        check_answers(answers, work)
        work, said = move(work, moves)
        notices += said
        rooms = self.library.rooms
        if partial:
            yield Brief(engine="offline", draft=draft.text, items=items_of(draft.text, work, rooms))
        points = self._begin_points(draft.text, work)
        for number, one in enumerate(work):
            work[number], notice = self._write(draft.text, one, work, as_, answers)
            if notice:
                notices.append(notice)
            if partial:
                yield Brief(engine="offline", draft=draft.text, items=items_of(draft.text, work, rooms))
        # Last, as both wait for what another core has been given to do.
        with one_thread():
            work = self._look_up(draft.text, self._judge_language(draft.text, work, points))
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
        work: list[Work],
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
        jobs = [job for job in jobs_of(text, work, questions, answers) if model.writes is None or job.kind in model.writes]
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
                    held = replace(work[number], room="one_on_one", then=None, private=True, rewrites=(), clauses=all_private(work[number]))
                    work[number] = held
                    work[number], _ = self._write(text, held, work, as_, answers)
                elif done.rewrite and done.job.item not in raised:
                    rewrites = (done.rewrite if one.room == done.job.room else one for one in work[number].rewrites)
                    work[number] = replace(work[number], rewrites=tuple(rewrites))
                else:
                    continue
                engine = model.name
                yield self._finish(text, work, tuple(asked), review_date, list(notices), engine)
        notices += said_of(dones, model, raised, {one.id: one for one in library.rooms})
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

    def _read(self, text: str, review_date: date | None) -> list[Work]:
        """Segment, read and route."""
        library = self.library
        found = blocks(text)
        library.embedder.begin(likely_items(text, found))  # the reader takes one core; this is done on the other
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
        work: list[Work] = []
        for number, ((segment, mine), verdict) in enumerate(zip(grouped, verdicts, strict=True), 1):
            stated = library.reader.stated(text, seen, segment.start, segment.end)
            facts = read_facts(text, segment.start, segment.end, review_date, segment.columns, stated)
            work.append(settle(number, segment, mine, verdict, facts, text))
        return work

    def _begin_points(self, text: str, work: Sequence[Work]) -> list[Future[float] | float]:
        """How surely each item points to a decision: asked of what goes to the review with nothing in it that would change the outcome."""
        # What is told to one person, or to everybody as news, or for the record, need not be decided; what is left out asks nothing.
        return [
            self.library.reader.begin_points(_quote(text, one))
            if one.room == "okr_review" and not one.facts.levers
            else float(one.room != "leave_out")
            for one in work
        ]

    def _judge_language(self, text: str, work: Sequence[Work], coming: Sequence[Future[float] | float]) -> list[Work]:
        """Findings for every item."""
        points = [one if isinstance(one, float) else one.result() for one in coming]
        spans = [one.segment for one in work]
        findings = lint(text, self.library.rules, self.library.rule_signals, spans=spans, points=points)
        return [
            replace(one, findings=tuple(f for f in findings if one.segment.start <= f.start < one.segment.end))
            for one in work
        ]

    def _look_up(self, text: str, work: Sequence[Work]) -> list[Work]:
        """Playbook passages for every item."""
        passages = self.library.playbook.search_many([_quote(text, one) for one in work], 2)
        return [replace(one, pages=pages) for one, pages in zip(work, passages, strict=True)]

    def _write(
        self, text: str, one: Work, work: Sequence[Work], as_: Side, answers: Answers
    ) -> tuple[Work, str | None]:
        return write(text, one, work, as_, answers, self.library.phrasing)

    def _finish(
        self,
        text: str,
        work: Sequence[Work],
        questions: tuple[Question, ...],
        review_date: date | None,
        notices: list[str],
        engine: str = "offline",
    ) -> Brief:
        return finish(text, work, questions, review_date, notices, self.library.rooms, engine)

    def _ask(
        self, text: str, work: Sequence[Work], as_: Side, count: int, goal: str | None
    ) -> tuple[Question, ...]:
        quotes = [_quote(text, one) for one in work]
        vectors = self.library.embedder.embed(quotes)
        towards = self.library.towards.chances(quotes, vectors)
        lines = [
            Line(quote, text, one.room, one.verdict.signals, one.facts, vectors[n], towards[n], self._matter(text, one, as_))
            for n, (one, quote) in enumerate(zip(work, quotes, strict=True))
        ]
        return choose(self.library.bank, lines, as_, count, goal)

    def _matter(self, text: str, one: Work, as_: Side) -> str:
        """What a question about an item may begin with. What others told in confidence is not repeated, not even to one person."""
        if one.segment.kind == "row":
            return ""
        inside = one.room == "one_on_one"
        clauses = [
            (unit.unit.start, unit.unit.end, unit.private if inside else 1 - unit.private) for unit in one.judged
        ]
        phrasing = self.library.phrasing
        names = [text[name.start : name.end] for name in one.facts.names if name.kind == "person"]
        words = matter(text, clauses, names, as_, filler_of(phrasing.fillers), phrasing.spellings)
        shown = one.verdict.signals
        told = "one_on_one.confidence" in shown and not words.startswith(("I ", "I'", "I’", "My "))
        return "" if told or "one_on_one.promised" in shown else words


def _quote(text: str, one: Work) -> str:
    return text[one.segment.start : one.segment.end]


def _arguments(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        return {"text": given}
    allowed = ("text", "as_", "review_date", "answers", "moves", "on_stats")
    if isinstance(given, Mapping) and isinstance(given.get("text"), str) and set(given) <= set(allowed):
        return dict(given)
    raise OptionError("The coach takes a draft as text.", f"Pass a string, or a dict with {', '.join(allowed)}.")
