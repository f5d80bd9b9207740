"""Signals → where a text shows them. A signal is data: patterns, and what takes it back.

Letter case is set aside, and a straight apostrophe stands for a curly one too: phones and word processors type those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from coach.schema import Signal
from coach.sieve import Sieve


class Signals:
    """Signals ready to be looked for; `names` in the order they came in."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self.names = tuple(one.id for one in signals)
        self._patterns = [([regex(one) for one in signal.patterns], [regex(one) for one in signal.unless]) for signal in signals]
        self._sieve = Sieve([source(pattern) for pattern in one.patterns] for one in signals)

    @lru_cache(maxsize=1024)  # noqa: B019 - a clause and an item are often the same words; one instance lives as long as its process
    def shown(self, text: str) -> Mapping[str, tuple[int, int]]:
        """The signals that a text shows, each with its first place."""
        found: dict[str, tuple[int, int]] = {}
        for number in sorted(self._sieve.passed(text)):
            patterns, unless = self._patterns[number]
            places = [match.span() for one in patterns if (match := one.search(text))]
            if places and not any(one.search(text) for one in unless):
                found[self.names[number]] = min(places)
        return found


def source(pattern: str) -> str:
    """A pattern of the corpus as it is run."""
    return pattern.replace("'", "['’]")


def regex(pattern: str) -> re.Pattern[str]:
    """A pattern of the corpus, compiled."""
    return re.compile(source(pattern), re.I)
