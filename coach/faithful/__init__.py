"""Whether a produced text says what the draft says: not only the same words, but the same relations between them.

Every check compares a text with the words it was made from and names what differs. A check that cannot tell says so by
a fault: a refused text costs some fluency, an accepted one that is wrong costs trust. Pure.
"""

from __future__ import annotations

from coach.faithful.amounts import counted, labels, limits, pairs, roles
from coach.faithful.choices import (
    alternatives,
    answered,
    conditions,
    dropped,
    force,
    negations,
    preferences,
    qualified,
    reasons,
    reported,
    settled,
    strength,
)
from coach.faithful.held import blanks, days, direction, lost, new_words, numbers, twice
from coach.faithful.parties import deciders, order, together, wants
from coach.faithful.sequence import consequence, contrast, sequence
from coach.faithful.text import Fault, Text
from coach.schema import GuardWords

__all__ = ["Fault", "faults"]

_CHECKS = (
    new_words,
    twice,
    numbers,
    lost,
    blanks,
    roles,
    limits,
    pairs,
    counted,
    alternatives,
    conditions,
    force,
    strength,
    answered,
    negations,
    dropped,
    wants,
    order,
    together,
    sequence,
    consequence,
    contrast,
    preferences,
    qualified,
    reported,
    labels,
    settled,
    reasons,
    days,
    direction,
)


def faults(text: str, source: str, offline: str, words: GuardWords, owner: str | None = None) -> tuple[Fault, ...]:
    """What `text` says otherwise than `source`, the words it may use, and `offline`, the plain text it replaces.

    owner: who decides, where the draft says so.
    """
    said, given, plain = Text(text), Text(source), Text(offline)
    found = [fault for check in _CHECKS for fault in check(said, given, plain, words)]
    return tuple(dict.fromkeys([*found, *deciders(said, given, plain, words, owner)]))
