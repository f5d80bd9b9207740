"""An item → its rewrites, each past the guards; where one is refused, the item moves further in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast
from zlib import crc32

from coach.compose import Task, compose
from coach.guards import inventions, is_decidable, leaks, maps_back
from coach.schema import BlankKey, Phrasing, Rewrite, Side
from coach.work import Work, all_private, sides


def write(
    text: str, one: Work, work: Sequence[Work], as_: Side, answers: Mapping[str, str], phrasing: Phrasing
) -> tuple[Work, str | None]:
    """The rewrites of an item, each past the guards; the notice when one was refused."""
    mine = {key.split(".", 1)[1]: words for key, words in answers.items() if key.startswith(f"{one.id}.")}
    private, public = sides(work)
    kept: list[Rewrite] = []
    refused = told = False
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
        rewrite = compose(task, phrasing)
        if rewrite is None:
            continue
        gives_away = room != "one_on_one" and (
            bool(leaks(rewrite.text, text, private, public))
            # An answer is short and typed by hand: two words of a private clause in it are too many.
            or any(leaks(words, text, private, public, share=0) for words in mine.values())
        )
        is_true = maps_back(rewrite, text, phrasing.spellings) and not inventions(rewrite.text, text, list(mine.values()))
        if gives_away or not is_true or not is_decidable(rewrite):
            refused, told = True, told or gives_away
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
    held = replace(one, room="one_on_one", then=None, private=True, rewrites=(), clauses=all_private(one))
    again, said = write(text, held, [held if w.id == one.id else w for w in work], as_, {}, phrasing)
    why = "would have given away private words" if told else "was not true to the draft"
    return again, said or f"Item {one.id} stays in the 1:1: a public line made from it {why}."


def _turn(text: str, one: Work, work: Sequence[Work]) -> int:
    """A number that counts up with the items of a room, so that no two say it alike; drafts start apart."""
    mine = [other for other in work if other.id < one.id and one.room in (other.room, other.then)]
    return len(mine) + crc32(text.encode("utf-8", "surrogatepass"))
