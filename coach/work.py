"""An item on its way through the house: what it says, who may read which clause, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coach.route import Judged, Verdict
from coach.schema import (
    ROOMS,
    Clause,
    Facts,
    Finding,
    PageQuote,
    PrivateClause,
    PublicClause,
    Rewrite,
    Room,
    RoomSpec,
    Segment,
    Span,
)

# Inside a private item a clause must be this surely public before the review may read it.
SAFE_BELOW = 0.12
DOUBT_BELOW = 0.6
THEN_AT = 0.5  # how surely an item has a next stop
THEN_BARE_AT = 0.8  # the same where no word of it may be shown there: a line of blanks must be worth its place
_LEAVE_OUT = ROOMS.index("leave_out")
_REVIEW = ROOMS.index("okr_review")


@dataclass(frozen=True)
class Work:
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


def settle(
    number: int, segment: Segment, mine: tuple[Judged, ...], verdict: Verdict, facts: Facts, text: str
) -> Work:
    """An item with its clauses typed, its room, and where the rest of it goes next."""
    private_room = verdict.room == "one_on_one"
    clauses: list[Clause] = []
    for one in mine:
        start, end = max(one.unit.start, segment.start), min(one.unit.end, segment.end)
        if end <= start:
            continue
        if one.private >= (SAFE_BELOW if private_room else verdict.private_at):
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
        return settle(number, segment, mine, replace(verdict, room="one_on_one"), facts, text)
    elif verdict.room != "leave_out" and (hidden or verdict.to_one_on_one >= THEN_AT):
        then = "one_on_one"
    return Work(
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


def all_private(one: Work) -> tuple[Clause, ...]:
    return tuple(PrivateClause(start=clause.start, end=clause.end) for clause in one.clauses)


def sides(work: Sequence[Work]) -> tuple[list[Span], list[Span]]:
    """The private and the public clauses of a whole draft."""
    private = [Span(start=c.start, end=c.end) for one in work for c in one.clauses if c.private]
    public = [Span(start=c.start, end=c.end) for one in work for c in one.clauses if not c.private]
    return private, public


def because(one: Work, rooms: Mapping[Room, RoomSpec]) -> str:
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
