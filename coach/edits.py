"""What a person adds to a draft by hand: answers to blanks, and other rooms for items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from coach.errors import OptionError
from coach.schema import ROOMS, Room
from coach.work import Work, all_private


def check_answers(answers: Mapping[str, str], work: Sequence[Work]) -> None:
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


def move(work: list[Work], moves: Mapping[int, Room]) -> tuple[list[Work], list[str]]:
    """Items put into other rooms by hand, and what is said about those that stay."""
    said: list[str] = []
    out: list[Work] = []
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
            out.append(replace(one, room=room, then=None, private=True, clauses=all_private(one)))
        else:
            out.append(replace(one, room=room, then=None))
    unknown = sorted(set(moves) - {one.id for one in work})
    if unknown:
        raise OptionError(f"There is no item {unknown[0]}.", f"Items are 1 to {len(work)}.")
    return out, said
