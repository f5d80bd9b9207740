"""Written items → the brief; what is safe line by line is checked again as one public document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from coach.agenda import MOST_DECISIONS, make_agenda, make_checklist
from coach.documents import pre_read_days, private_document, public_document
from coach.guards import content_words, leaks, own_words
from coach.schema import Brief, Documents, Item, Question, RoomSpec, Span
from coach.work import Work, because, sides


def finish(
    text: str,
    work: Sequence[Work],
    questions: tuple[Question, ...],
    review_date: date | None,
    notices: list[str],
    rooms: Sequence[RoomSpec],
    engine: str = "offline",
) -> Brief:
    """The brief of items that are written. The public document is checked once more as a whole, and `notices` is added to."""
    private, public = sides(work)

    def assembled(mine: Sequence[Work]) -> tuple[tuple[Item, ...], str, Any]:
        items = items_of(text, mine, rooms)
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


def items_of(text: str, work: Sequence[Work], rooms: Sequence[RoomSpec]) -> tuple[Item, ...]:
    """The items as the brief shows them."""
    named = {one.id: one for one in rooms}
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
            because=because(one, named),
            pages=one.pages,
            findings=one.findings,
            rewrites=one.rewrites,
        )
        for one in work
    )


def _without_public(one: Work) -> Work:
    kept = tuple(rewrite for rewrite in one.rewrites if rewrite.room == "one_on_one")
    return replace(one, rewrites=kept, then=None if one.room == "one_on_one" else one.then)


def _guiltiest(work: Sequence[Work], text: str, private: Sequence[Span], public: Sequence[Span]) -> int | None:
    """The item whose public lines share the most words with private clauses."""
    own = frozenset().union(*own_words(text, private, public)) if private else frozenset()
    shared = [
        (len(content_words(rewrite.text) & own), one.id)
        for one in work
        for rewrite in one.rewrites
        if rewrite.room != "one_on_one"
    ]
    return max(shared, key=lambda pair: (pair[0], -pair[1]))[1] if shared else None
