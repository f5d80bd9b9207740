"""The model's writer: each offline text is offered to a model, and what comes back is taken only past the guards.

A text that a guard refuses goes back once, with what was wrong; then the offline text stays. A model is given no more
than its room may read: a call for a public room holds public clauses only, and no private one leaves this machine
unless its owner said so.
"""

from __future__ import annotations

import asyncio
import json
import queue
import re
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from coach.accepted import Accepted
from coach.errors import ModelError
from coach.facts import date_spans, read_facts
from coach.faithful import Fault, faults
from coach.guards import inventions, is_decidable, leaks, maps_back
from coach.lint import lint
from coach.model import Model, Usage, estimate, read_fields
from coach.reader import Reader
from coach.schema import (
    ROOMS,
    AnswerPiece,
    BlankPiece,
    CoachPiece,
    DraftPiece,
    GuardWords,
    Kind,
    Page,
    Phrased,
    Piece,
    Prompt,
    Rewrite,
    Room,
    Rule,
    Signal,
    Span,
)

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

Outcome = Literal["taken", "repaired", "same", "refused", "failed", "not sent", "not asked"]
MAX_WORDS = 40  # in one sentence
_LONGER = 1.3  # times the offline text
_GROUND_WORDS = 55
_TOKENS_A_WORD = 2.2
_SLOW_STOPS = 2  # lines that may time out before the rest is not tried
_MARKUP = re.compile(r"[*_#`|<>{}\\~]|https?:|www\.|\]\(|^\s*(?:[-•]|\d+[.)])\s", re.M)
_SPLIT = re.compile(r"\[\w+\?\]")
_WORD = re.compile(r"[^\W_](?:[\w'’-]|[.,:/](?=\w))*[%°]?|[$€£]\s?\d[\d.,]*\w*")
_ASKS = re.compile(r"\b(?:what|who|how|when|where|which|why|whose)\b", re.I)


@dataclass(frozen=True)
class Job:
    """A text to phrase. `spans` are the stretches of the draft that its reader may know; `private` and `public` those of the
    whole draft. A question has no rewrite; its `text` is what is phrased and `line` what it grew from.
    """

    item: int
    kind: Kind
    room: Room
    text: str
    draft: str
    spans: tuple[Span, ...]
    private: tuple[Span, ...] = ()
    public: tuple[Span, ...] = ()
    rewrite: Rewrite | None = None
    answers: tuple[str, ...] = ()
    line: str = ""
    is_private: bool = True

    @property
    def source(self) -> str:
        """The words that a phrased text may use."""
        shown = [self.draft[span.start : span.end] for span in self.spans]
        return "\n".join([*shown, *self.answers, *([self.line, self.text] if self.kind == "question" else [])])


@dataclass(frozen=True)
class Done:
    """What became of a job: the text that was taken, or why the offline one stays.

    private_words: words of a public line that the model reads as private. doubt: another room that it would choose.
    """

    job: Job
    outcome: Outcome
    text: str | None = None
    rewrite: Rewrite | None = None
    faults: tuple[Fault, ...] = ()
    error: ModelError | None = None
    usage: Usage = field(default_factory=Usage)
    private_words: str = ""
    doubt: Room | None = None
    tried: tuple[str, ...] = ()


@dataclass(frozen=True)
class Writer:
    """What a model is asked with and judged by."""

    prompts: Mapping[str, Prompt]
    examples: Sequence[Phrased]
    pages: Mapping[str, Page]
    words: GuardWords
    rules: tuple[Rule, ...]
    signals: tuple[Signal, ...]
    spellings: Mapping[str, str]
    reader: Reader

    # --- asking ----------------------------------------------------------------------------------

    def messages(self, job: Job) -> list[BaseMessage]:
        """The prompt of a job. Everything before the last message is the same for all jobs of its kind."""
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

        prompt = self.prompt(job)
        grounds = [_lead(self.pages[one]) for one in prompt.grounds if one in self.pages]
        static = prompt.system.strip() + "".join(f"\nWhy: {one}" for one in grounds)
        out: list[BaseMessage] = [SystemMessage(static)]
        for one in self.examples:
            if one.kind in prompt.examples:
                question, _, line = one.given.partition("\n")
                out.append(HumanMessage(_filled(prompt, {"line": line or one.given, "keep": list(one.keep), "question": question})))
                out.append(AIMessage(json.dumps({"text": one.text}, ensure_ascii=False)))
        given = {"line": job.line if job.kind == "question" else job.text, "keep": _keep(job), "question": job.text}
        out.append(HumanMessage(_filled(prompt, given)))
        return out

    def prompt(self, job: Job) -> Prompt:
        """The prompt for a kind of job."""
        return self.prompts["question" if job.kind == "question" else "phrase_private" if job.is_private else "phrase_public"]

    def again(self, job: Job, messages: Sequence[BaseMessage], reply: str, wrong: Sequence[Fault]) -> list[BaseMessage]:
        """The same prompt with the refused reply and what was wrong with it."""
        from langchain_core.messages import AIMessage, HumanMessage

        named = "; ".join(f"{one.kind} ({one.words})" if one.words else one.kind for one in wrong[:4])
        asked = _filled(self.prompts["repair"], {"faults": named, "line": job.text})
        return [*messages, AIMessage(reply[:1200]), HumanMessage(asked)]

    # --- judging ---------------------------------------------------------------------------------

    def judge(self, job: Job, text: str) -> tuple[Rewrite | None, tuple[Fault, ...]]:
        """The rewrite that a text makes (None for a question), and everything that is wrong with it."""
        found: list[Fault] = []
        if _MARKUP.search(text.replace("<", "").replace(">", "") if re.search(r"[<>]\s?\d", job.source) else text):
            found.append(Fault("markup", "write plain sentences"))
        if len(text.split()) > _LONGER * max(len(job.text.split()), 12) + (12 if job.kind == "question" else 4):
            found.append(Fault("too long", f"at most {len(job.text.split())} words"))
        if any(len(one.split()) > MAX_WORDS for one in re.split(r"(?<=[.!?])\s+", text)):
            found.append(Fault("too long", f"a sentence has more than {MAX_WORDS} words"))
        owner = job.rewrite.owner if job.rewrite else None
        found += faults(text, job.source, job.text, self.words, owner)
        if job.kind == "question":
            return None, (*found, *_question_faults(text, job.text))
        assert job.rewrite is not None
        made = job.rewrite.model_copy(update={"text": text, "pieces": tuple(pieces(text, job))})
        if not maps_back(made, job.draft, self.spellings):
            found.append(Fault("words that the draft does not hold", "a number or sign of no line"))
        found += [Fault("words that the draft does not hold", one) for one in inventions(text, job.draft, list(job.answers))]
        if job.room != "one_on_one":
            if leaks(text, job.draft, job.private, job.public):
                found.append(Fault("private words given away", ""))
            if not is_decidable(made):
                found.append(Fault("it points to no decision", "who decides, and on what"))
        weak = self._weak(text) - self._weak(job.text)
        found += [Fault("weak language", one) for one in sorted(weak)]
        return made, tuple(dict.fromkeys(found))

    def _weak(self, text: str) -> set[str]:
        return {
            text[one.start : one.end].lower()
            for one in lint(text, self.rules, self.signals, spans=[Span(start=0, end=len(text))], points=list(self.reader.points([text])))
            if one.level == "error"
        }


def _lead(page: Page) -> str:
    sentences = re.split(r"(?<=[.!?])\s+", page.sections[0].text)
    out = ""
    for one in sentences:
        if len((out + one).split()) > _GROUND_WORDS:
            break
        out = f"{out} {one}".strip()
    return out


def _filled(prompt: Prompt, given: Mapping[str, object]) -> str:
    """The user part. Words of a draft go in as JSON strings, so that nothing in them ends what they stand in."""
    text = prompt.user.strip()
    parts = re.split(r"\{(\w+)\}", text)
    for n in range(1, len(parts), 2):
        value = given[parts[n]]
        parts[n] = str(value) if parts[n] == "faults" else json.dumps(value, ensure_ascii=False)
    return "".join(parts)


def _keep(job: Job) -> list[str]:
    """The numbers, dates, names and blanks of the offline text, in order."""
    text = job.text
    spans = [(a, b) for a, b in date_spans(text)]
    facts = read_facts(text, 0, len(text))
    spans += [(one.start, one.end) for one in (*facts.numbers, *facts.names)]
    spans += [match.span() for match in _SPLIT.finditer(text)]
    kept: list[tuple[int, int]] = []
    for a, b in sorted(set(spans), key=lambda span: (span[0], -span[1])):
        if not kept or a >= kept[-1][1]:
            kept.append((a, b))
    return list(dict.fromkeys(text[a:b].strip() for a, b in kept))


def _question_faults(text: str, asked: str) -> Iterator[Fault]:
    if not text.endswith("?") or text.count("?") > max(1, asked.count("?")):
        yield Fault("not one question", "end with a single question mark")
    if len(text.split()) > 34:
        yield Fault("too long", "at most 25 words")
    if _ASKS.search(asked) and not _ASKS.search(text):
        yield Fault("it can be answered by yes or no", "")


def tidy(text: str) -> str:
    """A model's text as one paragraph with a capital and a full stop, without quotes around it."""
    out = re.sub(r"\s+", " ", text).strip()
    if len(out) > 1 and out[0] in "\"“'" and out[-1] in "\"”'" and out.count(out[-1]) <= 2:
        out = out[1:-1].strip()
    if out[:1].islower() and re.match(r"[a-z'’]+(?:[^\w/.-]|[.-]?(?:\s|$))", out):
        out = out[0].upper() + out[1:]
    return out if not out or out[-1] in ".?!" else out.rstrip(",;:—–- ") + "."


def pieces(text: str, job: Job) -> list[Piece]:
    """A text as words of the draft, the user's answers, blanks, and connecting words of the model's."""
    out: list[Piece] = []
    at = 0
    for match in _SPLIT.finditer(text):
        out += _mapped(text[at : match.start()], job)
        out.append(BlankPiece(text=match[0]))
        at = match.end()
    return _joined([*out, *_mapped(text[at:], job)])


def _mapped(text: str, job: Job) -> list[Piece]:
    """Stretches of a text that stand in the draft, longest first from left to right."""
    words = list(_WORD.finditer(text))
    grounds = [
        (span, list(_WORD.finditer(job.draft, span.start, span.end))) for span in job.spans
    ]
    out: list[Piece] = []
    n, at = 0, 0
    while n < len(words):
        best: tuple[int, int, int] | None = None  # words matched, start and end in the draft
        for _, there in grounds:
            for k, one in enumerate(there):
                m = 0
                while (
                    n + m < len(words)
                    and k + m < len(there)
                    and words[n + m][0].lower() == there[k + m][0].lower()
                    and (
                        m == 0
                        or re.sub(r"\s+", " ", text[words[n + m - 1].end() : words[n + m].start()])
                        == re.sub(r"\s+", " ", job.draft[there[k + m - 1].end() : there[k + m].start()])
                    )
                ):
                    m += 1
                if m and (best is None or m > best[0]):
                    best = (m, one.start(), there[k + m - 1].end())
        start = words[n].start()
        answer = next((one for one in job.answers if text[start:].lower().startswith(one.lower())), None)
        if answer and (best is None or len(answer) > best[2] - best[1]):
            out += [CoachPiece(text=text[at:start]), AnswerPiece(text=text[start : start + len(answer)])]
            at = start + len(answer)
            while n < len(words) and words[n].start() < at:
                n += 1
        elif best:
            end = words[n + best[0] - 1].end()
            out += [CoachPiece(text=text[at:start]), DraftPiece(text=re.sub(r"\s+", " ", text[start:end]), start=best[1], end=best[2])]
            at, n = end, n + best[0]
        else:
            n += 1
    return [*out, CoachPiece(text=text[at:])]


def _joined(found: Sequence[Piece]) -> list[Piece]:
    out: list[Piece] = []
    for one in found:
        if not one.text:
            continue
        if isinstance(one, CoachPiece) and out and isinstance(out[-1], CoachPiece):
            out[-1] = CoachPiece(text=out[-1].text + one.text)
        else:
            out.append(one)
    return out


# --- running -----------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """What a draft has cost so far and how long the model was at work; shared by its calls."""

    budget: int
    usage: Usage = field(default_factory=Usage)
    busy: float = 0.0
    stopped: ModelError | None = None
    slow: int = 0
    _open: int = 0
    _since: float = 0.0

    def may(self, tokens: int) -> bool:
        """Whether the budget holds another call of this size."""
        return self.usage.tokens_in + self.usage.tokens_out + tokens <= self.budget

    def begin(self) -> None:
        """A call starts."""
        if self._open == 0:
            self._since = time.monotonic()
        self._open += 1

    def end(self) -> None:
        """A call has ended."""
        self._open -= 1
        if self._open == 0:
            self.busy += time.monotonic() - self._since


_AGAIN = frozenset({"empty reply", "no JSON", "half a JSON", "schema ignored"})


def phrase(
    model: Model,
    writer: Writer,
    jobs: Sequence[Job],
    ledger: Ledger,
    kept: Accepted | None = None,
    keep_private: bool = False,
    private_may_leave: bool = False,
) -> Generator[Done, None, None]:
    """Every job with what became of it, in the order in which they are ready.

    kept: accepted texts of other times; private ones are kept only with `keep_private`. Closing the iterator cancels
    what is still running. Never raises ModelError: a failure is the outcome of its job.
    """
    finished: queue.SimpleQueue[Done] = queue.SimpleQueue()
    waiting: list[Job] = []
    for job in jobs:
        if job.is_private and not model.is_here and not private_may_leave:
            yield Done(job, "not sent")
        else:
            waiting.append(job)
    # Calls with the same start follow each other, so that a cache serves it.
    waiting.sort(key=lambda job: (writer.prompt(job).id, job.item))

    async def one(job: Job) -> None:
        cache = kept if kept and (keep_private or not job.is_private) else None
        try:
            finished.put(await _one(model, writer, job, ledger, cache))
        except asyncio.CancelledError:
            raise
        except Exception:
            # A defect of ours in one line must not cost the others theirs.
            finished.put(Done(job, "failed", error=ModelError("unusable", "The coach failed on this line.", "Run coach doctor.", False)))

    async def every() -> None:
        await asyncio.gather(*(one(job) for job in waiting))

    running = model.submit(every())
    try:
        for _ in waiting:
            yield finished.get()
    finally:
        running.cancel()


async def _one(model: Model, writer: Writer, job: Job, ledger: Ledger, kept: Accepted | None) -> Done:
    prompt = writer.prompt(job)
    messages = writer.messages(job)
    parts = [model.name, prompt.id, str(prompt.version), *(str(one.content) for one in messages)]
    if kept and (text := kept.get(parts)) is not None:
        made, wrong = writer.judge(job, text)
        if not wrong:  # the rest of the draft may have changed what is private
            return Done(job, "taken", text, _signed(made, model))
    spent = Usage()
    tried: list[str] = []
    found: tuple[Fault, ...] = ()
    fields: dict[str, str] = {}
    limit = int(_TOKENS_A_WORD * _LONGER * max(len(job.text.split()), 20)) + 60
    for turn in range(2):
        async with model.turns:
            if ledger.stopped is not None:
                return Done(job, "not asked", error=ledger.stopped, usage=spent, faults=found, tried=tuple(tried))
            if not ledger.may(estimate(messages) + limit):
                return Done(job, "not asked", usage=spent, faults=found, tried=tuple(tried))
            ledger.begin()
            try:
                reply = await model.ask(messages, prompt.fields, limit)
            except ModelError as error:
                _note(error, ledger)
                return Done(job, "failed", error=error, usage=spent, faults=found, tried=tuple(tried))
            finally:
                ledger.end()
        ledger.usage += reply.usage
        spent += reply.usage
        try:
            fields = {**fields, **read_fields(reply.text, prompt.fields)}
        except ModelError as error:
            if turn or error.kind not in _AGAIN:
                return Done(job, "failed", error=error, usage=spent, tried=(*tried, reply.text))
            found = (Fault('the answer was not JSON like {"text": "..."}', ""),)
            tried.append(reply.text)
            messages = writer.again(job, messages, reply.text, found)
            continue
        text = tidy(fields["text"])
        extra = replace(_opinions(job, fields), usage=spent, tried=(*tried, text))
        if text == job.text:
            return replace(extra, outcome="same")
        made, found = writer.judge(job, text)
        if not found:
            if kept:
                kept.put(parts, text)
            return replace(extra, outcome="repaired" if turn else "taken", text=text, rewrite=_signed(made, model))
        tried.append(text)
        messages = writer.again(job, messages, reply.text, found)
    return replace(_opinions(job, fields), outcome="refused", faults=found, usage=spent, tried=tuple(tried))


def _note(error: ModelError, ledger: Ledger) -> None:
    if error.kind in ("slow", "cut off"):
        ledger.slow += 1
        if ledger.slow >= _SLOW_STOPS:
            ledger.stopped = error
    elif error.stops:
        ledger.stopped = error


def _signed(made: Rewrite | None, model: Model) -> Rewrite | None:
    return made.model_copy(update={"by": model.name}) if made else None


def _opinions(job: Job, fields: Mapping[str, str]) -> Done:
    """What a model says besides the text, where it is to the point: words it quotes, a room that there is."""
    said = " ".join(fields.get("private", "").lower().split()).strip(" .\"'“”")
    shown = " ".join(job.source.lower().split())
    quoted = said if len(said.split()) >= 2 and said in shown and job.room != "one_on_one" else ""
    room = fields.get("room", "").strip()
    doubt = next((one for one in ROOMS if one == room and one != job.room), None)
    return Done(job, "same", private_words=quoted, doubt=doubt)
