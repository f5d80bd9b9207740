"""Jobs → calls: several lines of one kind go to the model together, and each text is judged as it arrives.

Lines of public rooms, private lines and questions never share a call. A text that a guard refuses goes back once, with
what was wrong; then the offline text stays. What one line of an answer lacks costs that line alone.
"""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from coach.accepted import Accepted
from coach.errors import ModelError
from coach.faithful import Fault
from coach.model import Model, Usage, estimate, read_texts
from coach.phrase import LONGER, Done, Job, Outcome, Writer, tidy
from coach.schema import ROOMS, Rewrite

_TOKENS_A_WORD = 2.2
_TOKENS_A_LINE = 30  # for what stands around a text in an answer
_SLOW_STOPS = 2  # calls that may time out before the rest is not tried
_AGAIN = frozenset({"empty reply", "no JSON", "half a JSON", "schema ignored"})
_MISSING = Fault("no text came for it", 'answer with JSON like {"texts": [{"n": 1, "text": "..."}]}')


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

    def note(self, error: ModelError) -> None:
        """A call has failed; what would fail again stops the rest."""
        if error.kind in ("slow", "cut off"):
            self.slow += 1
            if self.slow >= _SLOW_STOPS:
                self.stopped = error
        elif error.stops:
            self.stopped = error


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
    what is still running. Never raises ModelError: a failure is the outcome of its jobs.
    """
    finished: queue.SimpleQueue[Done] = queue.SimpleQueue()
    waiting: list[Job] = []
    for job in jobs:
        if job.is_private and not model.is_here and not private_may_leave:
            yield Done(job, "not sent")
        else:
            waiting.append(job)

    async def one(batch: Sequence[Job]) -> None:
        call = _Call(model, writer, batch, ledger, kept, keep_private, finished)
        try:
            await call.run()
        except asyncio.CancelledError:
            raise
        except Exception:
            # A defect of ours in one call must not cost the others theirs.
            call.end("failed", ModelError("unusable", "The coach failed on this line.", "Run coach doctor.", False))

    async def every() -> None:
        await asyncio.gather(*(one(batch) for batch in batches(writer, waiting, model.lines)))

    running = model.submit(every())
    try:
        for _ in waiting:
            yield finished.get()
        running.result()  # the last text comes before the figures of its call
    finally:
        running.cancel()


def batches(writer: Writer, jobs: Sequence[Job], lines: int) -> list[list[Job]]:
    """Jobs of one kind in calls of about the same size, at most `lines` each; public, private and questions apart."""
    out: list[list[Job]] = []
    for _, group in groupby(sorted(jobs, key=lambda job: (writer.prompt(job).id, job.item)), key=lambda job: writer.prompt(job).id):
        mine = list(group)
        calls = -(-len(mine) // lines)
        out += [mine[len(mine) * n // calls : len(mine) * (n + 1) // calls] for n in range(calls)]
    return out


class _Call:
    """One call, and the one that sends back what was refused."""

    def __init__(
        self,
        model: Model,
        writer: Writer,
        jobs: Sequence[Job],
        ledger: Ledger,
        kept: Accepted | None,
        keep_private: bool,
        finished: queue.SimpleQueue[Done],
    ) -> None:
        self.model, self.writer, self.ledger, self.kept, self.finished = model, writer, ledger, kept, finished
        self.keep_private = keep_private
        self.prompt = writer.prompt(jobs[0])
        self.open = {number: Done(job, "refused") for number, job in enumerate(jobs, 1)}

    async def run(self) -> None:
        """Ask for all that is not known from other times, then once more for what was refused."""
        self._recall()
        for turn in range(2):
            if not self.open or not await self._turn(turn):
                return
        self.end("refused")

    def end(self, outcome: str, error: ModelError | None = None) -> None:
        """What is still open ends so."""
        for done in self.open.values():
            self.finished.put(replace(done, outcome=outcome, error=error))  # type: ignore[arg-type]
        self.open = {}

    async def _turn(self, turn: int) -> bool:
        """One call. Whether another may follow."""
        numbers = list(self.open)
        asked = [self.open[number] for number in numbers]
        messages = self.writer.repair([(one.job, (one.tried or ("",))[-1], one.faults) for one in asked]) if turn else self.writer.messages([one.job for one in asked])
        limit = sum(int(_TOKENS_A_WORD * LONGER * max(len(one.job.text.split()), 20)) + _TOKENS_A_LINE for one in asked) + _TOKENS_A_LINE
        read: set[int] = set()

        def heard(text: str, whole: bool = False) -> None:
            for place, fields in read_texts(text, self.prompt.fields, len(numbers), whole).items():
                if place not in read:
                    read.add(place)
                    self._judge(numbers[place - 1], fields, turn)

        async with self.model.turns:
            if self.ledger.stopped is not None or not self.ledger.may(estimate(messages) + limit):
                self.end("not asked", self.ledger.stopped)
                return False
            self.ledger.begin()
            try:
                self.ledger.usage += await self.model.hold(messages[:-1])
                reply = await self.model.ask(messages, self.prompt.fields, limit, lines=len(numbers), heard=heard)
            except ModelError as error:
                self.ledger.note(error)
                self.end("failed", error)
                return False
            finally:
                self.ledger.end()
        self.ledger.usage += reply.usage
        try:
            heard(reply.text, True)
        except ModelError as error:
            if turn or error.kind not in _AGAIN:
                self.end("failed", error)
                return False
        for place in set(range(1, len(numbers) + 1)) - read:
            done = self.open[numbers[place - 1]]
            self.open[numbers[place - 1]] = replace(done, faults=done.faults or (_MISSING,), tried=(*done.tried, reply.text[:400]) if not done.tried else done.tried)
        return True

    def _judge(self, number: int, fields: Mapping[str, str], turn: int) -> None:
        """Take a text, or keep what is wrong with it for the next turn."""
        job = self.open[number].job
        text = tidy(fields["text"])
        done = replace(_opinions(self.open[number], fields), tried=(*self.open[number].tried, text))
        if _same(text, job.text):
            done = replace(done, outcome="same", faults=())
        else:
            made, wrong = self.writer.judge(job, text)
            way = self.writer.trimmed(job, text) if wrong else None
            if wrong and way is None:
                self.open[number] = replace(done, faults=wrong)
                return
            text, made = way or (text, made)
            outcome: Outcome = "same" if _same(text, job.text) else "repaired" if turn else "trimmed" if way else "taken"
            done = replace(done, outcome=outcome, faults=())
            if outcome != "same":
                done = replace(done, text=text, rewrite=self._signed(made))
        if self.kept and self._may_keep(job):
            self.kept.put(self._key(job), text)
        del self.open[number]
        self.finished.put(done)

    # --- texts of other times --------------------------------------------------------------------

    def _recall(self) -> None:
        for number, done in list(self.open.items()):
            job = done.job
            text = self.kept.get(self._key(job)) if self.kept and self._may_keep(job) else None
            if text is None:
                continue
            recalled = Done(job, "same")
            if not _same(text, job.text):
                made, wrong = self.writer.judge(job, text)
                if wrong:
                    continue  # the rest of the draft has changed what is private
                recalled = Done(job, "taken", text, self._signed(made))
            del self.open[number]
            self.finished.put(recalled)

    def _may_keep(self, job: Job) -> bool:
        return self.keep_private or not job.is_private

    def _key(self, job: Job) -> list[str]:
        return [self.model.name, self.prompt.id, str(self.prompt.version), *(str(one.content) for one in self.writer.messages([job]))]

    def _signed(self, made: Rewrite | None) -> Rewrite | None:
        return made.model_copy(update={"by": self.model.name}) if made else None


def _same(text: str, offline: str) -> bool:
    """Whether a text is the offline one, but for the stop that `tidy` puts at its end."""
    return text.rstrip(".") == offline.rstrip(".")


def _opinions(done: Done, fields: Mapping[str, str]) -> Done:
    """What a model says besides the text, where it is to the point: words it quotes, a room that there is."""
    job = done.job
    said = " ".join(fields.get("private", "").lower().split()).strip(" .\"'“”")
    shown = " ".join(job.source.lower().split())
    quoted = said if len(said.split()) >= 2 and said in shown and job.room != "one_on_one" else ""
    room = fields.get("room", "").strip()
    doubt = next((one for one in ROOMS if one == room and one != job.room), None)
    return replace(done, private_words=quoted or done.private_words, doubt=doubt or done.doubt)
