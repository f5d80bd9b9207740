"""What comes first and what comes of what: `after A, B` is no `B, then A`, and `if A, B` no `if B, A`.

Both are read as pairs of word sets out of a text, by the marks between them, and compared with the pairs of the draft.
Where two pairs cannot be told apart nothing is said: the other checks still hold every word of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coach.facts import date_spans
from coach.faithful.text import BLANK, Fault, Text, Word, named, value_of
from coach.schema import GuardWords

_BREAKS = frozenset({",", ";", ":", ".", "!", "?", "\n"})
_JOINS = frozenset({"and", "but", "or", "so"})
_SUBJECTS = frozenset({"i", "we", "they", "he", "she", "you", "it", "nobody", "everybody"})
_ARTICLES = frozenset({"the", "a", "an", "our", "my", "their"})


@dataclass(frozen=True)
class _Pair:
    """`first` comes before `second` in time, or brings it about; `against`: it is the lack of it that does."""

    first: frozenset[str]
    second: frozenset[str]
    at: int
    against: bool = False

    def straight(self, other: _Pair) -> int:
        """How many words stand on the same side of both pairs."""
        a, b = other.first - other.second, other.second - other.first
        return len(self.first & a) + len(self.second & b) if self.first & a and self.second & b else 0

    def crossed(self, other: _Pair) -> int:
        """How many words stand on the other side."""
        return self.straight(_Pair(other.second, other.first, 0))


def sequence(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """What comes before what stays so, and nothing is put into an order that had none."""
    theirs, ours, mine = _in_time(given, words), _in_time(plain, words), _in_time(said, words)
    known = [*theirs, *ours]
    for one in mine:
        if any(one.crossed(other) > one.straight(other) for other in known) and not any(one.straight(other) > one.crossed(other) for other in known):
            yield Fault("the order of things changed", said.around(one.at, one.at + 2))
        elif not any(one.straight(other) for other in known) and one.first & given.stems and one.second & given.stems:
            yield Fault("an order added", said.around(one.at, one.at + 2))
    for other in ours:
        if not any(one.straight(other) for one in mine) and _is_there(other, said):
            yield Fault("the order of things lost", plain.around(other.at, other.at + 2))


def consequence(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """What follows from what stays so, and so does whether it follows from a thing or from its lack."""
    known = [*_in_cause(given, words), *_in_cause(plain, words)]
    for one in _in_cause(said, words):
        same = [other for other in known if one.straight(other)]
        turned = any(one.crossed(other) > one.straight(other) for other in known) and not same
        other_way = bool(same) and all(other.against != one.against for other in same)
        if turned or other_way or _mixed(one, known):
            yield Fault("what follows from what is changed", said.around(one.at, one.at + 3))


def contrast(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """`this, not that` is no `that, not this`."""

    def pairs(one: Text) -> list[_Pair]:
        found: list[_Pair] = []
        for at, after in one.places(words.contrast):
            begin, end = one.sentence(at)
            if one.low[at] == "not" and (at == begin or one.low[at - 1] not in (",", "and", "but")):
                continue
            stop = next((n for n in range(after, end) if one.low[n] in _BREAKS), end)
            found += _pair(_words(one, range(begin, at)), _words(one, range(after, stop)), at)
        return found

    known = [*pairs(given), *pairs(plain)]
    for one in pairs(said):
        if any(one.crossed(other) > one.straight(other) for other in known):
            yield Fault("what is so and what is not are swapped", said.around(one.at, one.at + 2))


def _mixed(one: _Pair, known: Sequence[_Pair]) -> bool:
    """Whether a pair takes what brings it about from one pair of the draft and what comes of it from another."""
    for a in known:
        for b in known:
            if (
                one.first & (a.first - b.first)
                and not one.first & (b.first - a.first)
                and one.second & (b.second - a.second)
                and not one.second & (a.second - b.second)
            ):
                return True
    return False


def _is_there(pair: _Pair, said: Text) -> bool:
    """Whether a text holds both sides of a pair."""
    here = {named(word) for word in said.words} | {value_of(word.low) for word in said.words if word.is_number}
    return all(len(side & here) >= 0.6 * len(side) for side in (pair.first, pair.second))


# --- reading pairs -------------------------------------------------------------------------------------


def _in_time(one: Text, words: GuardWords) -> list[_Pair]:
    dated = {n for a, b in date_spans(one.text) for n, word in enumerate(one.words) if a <= word.start < b}
    found: list[_Pair] = []
    for phrases, is_first in ((words.earlier, True), (words.later, False)):
        for at, after in one.places(phrases):
            if after < len(one.low) and one.low[after] in ("that", "which"):
                continue  # `after that` points back; it is a mark of its own
            held, rest = _sides(one, at, after, dated)
            inner, outer = _words(one, held, dated), _words(one, rest, dated)
            found += _pair(inner, outer, at) if is_first else _pair(outer, inner, at)
    for at, after in one.places(words.following):
        begin, end = one.sentence(at)
        # `if A, then B` says what follows, not when.
        if any(begin <= n <= at for n, _ in one.places(words.condition)) or one.low[max(begin, at - 1)] in ("since", "until", "by"):
            continue
        before = range(begin, at)
        if not _words(one, before, dated) and begin:
            before = range(one.sentence(begin - 2)[0] if begin > 1 else 0, begin)
        found += _pair(_words(one, before, dated), _words(one, range(after, end), dated), at)
    return found


def _in_cause(one: Text, words: GuardWords) -> list[_Pair]:
    found: list[_Pair] = []
    for begin in {one.sentence(n)[0] for n in range(len(one.low))}:
        # `no driver, no run`
        end = one.sentence(begin)[1] if begin < len(one.low) else begin
        comma = next((n for n in range(begin, end - 1) if one.low[n] in (",", ":") and one.low[n + 1] == "no"), None)
        if comma is not None and one.low[begin] == "no":
            found += _pair(_words(one, range(begin, comma)), _words(one, range(comma, end)), begin, True)
    for phrases, against in ((words.bringing, False), (words.hindering, True)):
        for at, after in one.places(phrases):
            if against and one.low[max(0, at - 1)] == "only":
                continue
            held, rest = _sides(one, at, after)
            found += _pair(_words(one, held), _words(one, rest), at, against)
    for at, after in one.places(words.meaning):
        begin, end = one.sentence(at)
        begin = next((n + 1 for n in range(at - 1, begin - 1, -1) if one.low[n] in _BREAKS or one.low[n] in _JOINS), begin)
        end = next((n for n in range(after, end) if one.low[n] in _BREAKS), end)
        found += _pair(_words(one, range(begin, at)), _words(one, range(after, end)), at)
    return found


def _pair(first: frozenset[str], second: frozenset[str], at: int, against: bool = False) -> list[_Pair]:
    return [_Pair(first, second, at, against)] if first - second and second - first else []


def _words(one: Text, places: Sequence[int], but: set[int] | None = None) -> frozenset[str]:
    return frozenset(_name(one, n) for n in places if _counts(one, n) and n not in (but or ()))


def _counts(one: Text, n: int) -> bool:
    word: Word = one.words[n]
    # `a no` is a thing that can happen.
    return word.is_content or word.is_number or bool(BLANK.match(word.text)) or (word.low in ("yes", "no") and n > 0 and one.low[n - 1] in ("a", "the"))


def _name(one: Text, n: int) -> str:
    word = one.words[n]
    return value_of(word.low) if word.is_number else named(word)


def _sides(one: Text, at: int, after: int, dated: set[int] | None = None) -> tuple[range, range]:
    """What a mark such as `after` or `if` holds, and what that is said of, as places of words."""
    begin, end = one.sentence(at)
    first = at - 1 if at > begin and one.low[at - 1] == "only" else at
    leads = first == begin or one.low[first - 1] in _BREAKS or one.low[first - 1] in _JOINS
    day = next((n for n in range(after, end) if one.low[n] not in _ARTICLES), end)
    if dated and day in dated:  # a day is no event; other checks hold it
        return range(after, after), range(begin, at)
    stop = next((n for n in range(after, end) if one.low[n] in _BREAKS or one.low[n] == "then"), None)
    start = next((n + 1 for n in range(at - 1, begin - 1, -1) if one.low[n] in (",", ":") and any(_counts(one, k) for k in range(n + 1, at))), begin)
    if not leads:
        return range(after, stop if stop is not None else end), range(start, at)
    if stop is None:
        # `Once the boiler is replaced we repaint`: a new subject begins what it is said of.
        content = [n for n in range(after, end) if _counts(one, n)]
        stop = next((n for n in range(after, end) if n > content[0] and one.low[n] in _SUBJECTS), None) if content else None
        if stop is None and len(content) >= 3:
            stop = next((n for n in range(content[0] + 1, end) if one.low[n] in _ARTICLES), None)
        if stop is None and len(content) >= 4:
            stop = content[2]
    if stop is not None and any(_counts(one, n) for n in range(stop, end)):
        return range(after, stop), range(stop, _until(one, stop + 1, end))
    return range(after, end if stop is None else stop), range(start, at)


def _until(one: Text, begin: int, end: int) -> int:
    """Where what a condition is said of ends: at the next stop or comma after some of it."""
    return next((n for n in range(begin, end) if one.low[n] in _BREAKS and any(_counts(one, k) for k in range(begin, n))), end)


