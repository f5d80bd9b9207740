"""Who does what to whom: who asks and is asked, who decides, what belongs together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from coach.faithful.text import BLANK, WE, Fault, Text, Word, named
from coach.guards import STOP_WORDS
from coach.schema import GuardWords
from coach.stems import stems

_JOINTS = frozenset({",", ";", ":", "and", "but", "or", "while"})
_WAYS = frozenset({"from", "to"})


def _parties(one: Text, begin: int, end: int) -> set[str]:
    found: set[str] = set()
    for word in one.words[begin:end]:
        if word.low in WE:
            found.add(WE[word.low])
        elif word.is_content:
            found.add(word.stem)
    return found


def _relations(one: Text, words: GuardWords) -> list[tuple[set[str], set[str], int]]:
    """(who wants, who gives, place) for every word that says so."""
    wanting, giving = set(stems(list(words.wanting))), set(stems(list(words.giving)))
    found = []
    for n, word in enumerate(one.words):
        if word.stem not in wanting and word.stem not in giving:
            continue
        begin, end = one.sentence(n)
        while (cut := next((k for k in range(n - 1, begin - 1, -1) if one.low[k] in _JOINTS), None)) is not None:
            begin = cut + 1
        end = next((k for k in range(n + 1, end) if one.low[k] in _JOINTS), end)
        left, right = _parties(one, max(begin, n - 6), n), _parties(one, n + 1, min(end, n + 9))
        passive = n > 0 and one.low[n - 1] in ("is", "are", "was", "were", "been", "being", "get", "got") and "by" in one.low[n + 1 : n + 3]
        if passive:
            left, right = right, left
        # `a reply from the landlord`: whoever gives stands behind the word.
        is_given = word.stem in giving and "from" in one.low[n + 1 : n + 3]
        found.append((left, right, n) if word.stem in wanting or is_given else (right, left, n))
    return found


def wants(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    theirs = [*_relations(given, words), *_relations(plain, words)]
    if not theirs:
        return
    wanting = set().union(*(left for left, _, _ in theirs))
    giving = set().union(*(right for _, right, _ in theirs))
    only_wanting, only_giving = wanting - giving, giving - wanting
    for left, right, n in _relations(said, words):
        here = said.words[n].stem
        swapped = (left & only_giving, right & only_wanting)
        if any(stem in given.stems or stem in WE.values() for side in swapped for stem in side) and (
            (swapped[0] and (swapped[1] or not left & only_wanting)) or (swapped[1] and not right & only_giving)
        ):
            yield Fault("who asks and who is asked are swapped", said.around(n - 1, n + 2) or here)


def order(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """What stands left and right of a word in a clause, and what comes after `from` and after `to`, stays there."""

    def triples(one: Text) -> dict[tuple[str, str, str], bool]:
        found: dict[tuple[str, str, str], bool] = {}
        for clause in one.clauses():
            # `Hall B`: a letter is a name where it cannot be the article or the pronoun.
            inner = [n for n, w in enumerate(clause) if w.is_content or w.low in WE or (n and w.text != "I" and re.fullmatch("[A-Z]", w.text))]
            passive = any(word.low == "by" for word in clause)
            for i, left in enumerate(inner):
                if sum(named(clause[n]) == named(clause[left]) for n in inner) > 1:
                    continue  # which of the two is meant cannot be told
                for j in range(i + 1, len(inner)):
                    for right in inner[j + 1 :]:
                        key = (named(clause[left]), clause[inner[j]].stem, named(clause[right]))
                        if len(set(key)) == 3 and all(sum(named(clause[n]) == one for n in inner) == 1 for one in key[1:]):
                            found[key] = passive
        return found

    theirs = triples(given) | triples(plain)
    for (left, middle, right), passive in triples(said).items():
        turned = theirs.get((right, middle, left))
        if turned is not None and (left, middle, right) not in theirs and turned == passive:
            yield Fault("who does what to whom is turned round", f"{right} {middle} {left}")
            return

    def ways(one: Text) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for n, word in enumerate(one.words):
            if word.low in _WAYS:
                thing = next((w for w in one.words[n + 1 : n + 4] if w.is_content), None)
                if thing:
                    found.setdefault(thing.stem, set()).add(word.low)
        return found

    known = ways(given)
    for stem, now in ways(said).items():
        if stem in known and not now & known[stem]:
            yield Fault("who does what to whom is turned round", f"{next(iter(known[stem]))} {stem}")


def together(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """Two clauses, or two ways of a choice, whose parts have changed places: each of two new ones holds words of both old ones."""

    def sets(parts: Iterator[list[Word]]) -> list[set[str]]:
        found = [{named(w) for w in part if w.is_content or w.is_number} for part in parts]
        return [one for one in found if one]

    for mine, theirs in ((sets(said.clauses()), sets(given.clauses())), (sets(said.ways()), sets(given.ways())), (sets(said.sentences()), sets(given.sentences()))):
        for n, a in enumerate(theirs):
            for b in theirs[n + 1 :]:
                only_a, only_b = a - b, b - a
                mixed = [one for one in mine if one & only_a and one & only_b]
                if len(mixed) >= 2:
                    first, second = mixed[0], mixed[1]
                    if (first & only_a) - second and (second & only_a) - first and (first & only_b) - second and (second & only_b) - first:
                        yield Fault("what belongs together is swapped", " ".join(sorted(first & (only_a | only_b))))
                        return


def deciders(said: Text, given: Text, plain: Text, words: GuardWords, owner: str | None) -> Iterator[Fault]:
    def deciders(one: Text) -> set[str]:
        found: set[str] = set()
        for at, _ in one.places(words.deciding):
            before = one.words[max(0, at - 5) : at]
            for word in reversed(before):
                if re.fullmatch(r"[.!?;:,\n]", word.low):
                    break
                if BLANK.match(word.text):
                    break
                if word.low in WE or (word.text[:1].isupper() and word.low not in STOP_WORDS):
                    found.add(WE.get(word.low, word.low))
                    break
        return found

    allowed = deciders(given) | deciders(plain) | {word.lower() for word in re.findall(r"[\w'’-]+", owner or "")}
    for one in sorted(deciders(said) - allowed):
        if one not in ("decision", "options"):
            yield Fault("somebody else decides", one)
