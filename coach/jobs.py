"""What a language model is asked for, what it did, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from coach.compose import allowed
from coach.model import Model, Usage
from coach.phrase import Done, Job
from coach.schema import Question, Room, RoomSpec
from coach.work import Work, sides


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


def jobs_of(text: str, work: Sequence[Work], questions: Sequence[Question], answers: Mapping[str, str]) -> list[Job]:
    """Every rewrite and question as a job; one for a public room is given public clauses only."""
    private, public = sides(work)
    jobs: list[Job] = []
    for one in work:
        mine = tuple(words.strip() for key, words in answers.items() if key.startswith(f"{one.id}.") and words.strip())
        for rewrite in one.rewrites:
            jobs.append(
                Job(
                    item=one.id,
                    kind=cast("Any", rewrite.room),
                    room=rewrite.room,
                    text=rewrite.text,
                    draft=text,
                    spans=tuple(allowed(text, rewrite.room, one.clauses)),
                    private=tuple(private),
                    public=tuple(public),
                    rewrite=rewrite,
                    answers=mine,
                    is_private=rewrite.room == "one_on_one",
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


def said_of(dones: Sequence[Done], model: Model, raised: set[int], rooms: Mapping[Room, RoomSpec]) -> list[str]:
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
