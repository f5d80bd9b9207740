"""Many regular expressions → the few that a text can match, found by the letters they need.

A text holds few of the hundreds of wordings that rules and signals look for, and asking each one
takes most of the time of a draft. Read from a pattern's own tree: literal strings of which every
match holds at least one. A pattern of which nothing is known passes always, so what is found never
changes, only how soon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

_GRAM = 3  # letters by which a needle is looked up
# What letter case aside equals an ASCII letter without being its upper case: such a text is not sieved.
_ODD = re.compile("[\u0130\u0131\u017f\u212a]")


class Sieve:
    """Groups of patterns, read without regard to case; `passed(text)` numbers the groups that may match a text."""

    def __init__(self, groups: Iterable[Sequence[str]]) -> None:
        self._always: list[int] = []
        self._by_gram: dict[str, list[tuple[str, int]]] = {}
        count = 0
        for number, patterns in enumerate(groups):
            count += 1
            found = [needles(pattern) for pattern in patterns]
            if any(one is None for one in found):
                self._always.append(number)
                continue
            for needle in sorted(set().union(*(one for one in found if one))):
                self._by_gram.setdefault(_rarest(needle), []).append((needle, number))
        self._all = frozenset(range(count))

    def passed(self, text: str) -> frozenset[int]:
        """The numbers of the groups of which a pattern may match somewhere in a text."""
        if _ODD.search(text):
            return self._all
        low = text.lower()
        found = set(self._always)
        for gram in self._by_gram.keys() & {low[n : n + _GRAM] for n in range(len(low) - _GRAM + 1)}:
            for needle, number in self._by_gram[gram]:
                if number not in found and needle in low:
                    found.add(number)
        return frozenset(found)


def _rarest(needle: str) -> str:
    """Three letters of a needle, those with fewest of the commonest letters in them."""
    grams = [needle[n : n + _GRAM] for n in range(len(needle) - _GRAM + 1)]
    return min(grams, key=lambda gram: sum(letter in " etaoinsrhl" for letter in gram))


def needles(pattern: str) -> frozenset[str] | None:
    """Lower-case strings of which every match of a pattern holds at least one; None when none are known."""
    try:
        from re import _parser  # type: ignore[attr-defined]  # not promised to stay: without it nothing is sieved

        found = _of_sequence(list(_parser.parse(pattern, re.I)))
    except (ImportError, AttributeError, TypeError, ValueError):
        return None
    return found if found and all(len(one) >= _GRAM and one.isascii() for one in found) else None


def _of_sequence(nodes: Sequence[Any]) -> frozenset[str] | None:
    """The best needles of what must be matched one after the other."""
    options: list[frozenset[str]] = []
    run = ""
    for op, value in nodes:
        if str(op) == "LITERAL":
            run += chr(value).lower()
            continue
        if run:
            options.append(frozenset((run,)))
            run = ""
        inner = _of_node(str(op), value)
        if inner:
            options.append(inner)
    if run:
        options.append(frozenset((run,)))
    return max(options, key=_worth, default=None)


def _of_node(op: str, value: Any) -> frozenset[str] | None:
    if op == "SUBPATTERN":
        return _of_sequence(list(value[3]))
    if op == "ATOMIC_GROUP":
        return _of_sequence(list(value))
    if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _of_sequence(list(value[2])) if value[0] >= 1 else None
    if op == "BRANCH":
        branches = [_of_sequence(list(one)) for one in value[1]]
        return None if any(one is None for one in branches) else frozenset().union(*(one for one in branches if one))
    return None


def _worth(needles: frozenset[str]) -> tuple[int, int]:
    """Longer needles are rarer, and fewer are sooner looked for."""
    return min(map(len, needles)), -len(needles)
