"""What a number is: a target or how things stand, a limit, a part of a whole, a count of something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from coach.facts import date_spans, read_facts
from coach.faithful.text import Fault, Text, value_of
from coach.schema import GuardWords

OF = re.compile(r"(\d[\d.,]*)\s?(?:of|out of|/)\s?(?:the |a |our )?(\d[\d.,]*)")
_LONE_OF = re.compile(r"(?<!\d)(?<!%) of (?:the |a )?$")
_FROM = {"from": "from", "to": "to"}


def _kinds(one: Text, words: GuardWords) -> dict[str, set[str]]:
    """For each number the kinds it has: target, now, was."""
    found: dict[str, set[str]] = {}
    for fact in read_facts(one.text, 0, len(one.text)).numbers:
        kinds = found.setdefault(value_of(one.text[fact.start : fact.end].lower()), set())
        # `an error of 1.8` names no target, as `7 of 12` does.
        is_part = fact.role != "target" or not _LONE_OF.search(one.text[: fact.start])
        if fact.role != "plain" and is_part:
            kinds.add(fact.role)
    days = date_spans(one.text)
    for n, word in enumerate(one.words):
        if not word.is_number or any(a <= word.start < b for a, b in days):
            continue  # `promised by 30 June` makes 30 no target
        kinds = found.setdefault(value_of(word.low), set())
        nearest = _nearest(one, n, words)
        if nearest:
            # A nearer word of ours is surer than a pattern over the whole line.
            kinds.clear() if nearest not in kinds else None
            kinds.add(nearest)
    return found


def _nearest(one: Text, n: int, words: GuardWords) -> str | None:
    """The kind that the nearest word before a number says, up to another number or the end of the clause."""
    if n and one.low[n - 1] == "from":
        return None
    begin = n
    while begin > 0 and n - begin < 5 and not re.fullmatch(r"[.!?;,\n]", one.low[begin - 1]) and not one.words[begin - 1].is_number:
        begin -= 1
    before = Text(one.text[one.words[begin].start : one.words[n].start]) if begin < n else None
    if before:
        places = [(end, "target") for _, end in before.places(words.target)] + [(end, "now") for _, end in before.places(words.now)]
        if places:
            last = max(place for place, _ in places)
            kinds = {kind for place, kind in places if place == last}
            # `the target is 2%`: the verb says nothing of its own.
            if any(kind == "target" for _, kind in places) and before.low[-1] in ("is", "was", "of", "at", "are"):
                return "target"
            return "target" if "target" in kinds else "now"
    after = one.low[n + 1 : n + 3]
    if after and after[0] in ("target", "goal", "promised", "planned", "wanted", "budgeted"):
        return "target"
    if after and after[0] in ("now", "today", "currently"):
        return "now"
    return None


def roles(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    mine, theirs, ours = _kinds(said, words), _kinds(given, words), _kinds(plain, words)
    # A table says in its header what a cell is, which only the offline text spells out.
    theirs = {value: theirs.get(value) or ours.get(value, set()) for value in theirs | ours}
    for value, kinds in mine.items():
        known = theirs.get(value, set())
        if "target" in kinds and "target" not in known:
            yield Fault("target and current swapped", f"{value} is not the target")
        if kinds == {"now"} and known == {"target"}:
            yield Fault("target and current swapped", f"{value} is the target")
        if kinds == {"now"} and known == {"was"}:
            yield Fault("target and current swapped", f"{value} is how it was")


def _limit(one: Text, n: int, words: GuardWords) -> str | None:
    before = " " + " ".join(one.low[max(0, n - 4) : n]) + " "
    after = " " + " ".join(one.low[n + 1 : n + 4]) + " "
    for kind, phrases in (("ceiling", words.ceiling), ("floor", words.floor)):
        # The longest phrase first, as `no more than` holds `more than`.
        for phrase in sorted((*words.ceiling, *words.floor), key=len, reverse=True):
            trails = phrase.startswith("or ") or phrase in ("max", "min", "maximum", "minimum")
            ends = re.search(rf" {re.escape(phrase)} (?:(?:the|a|an|about|of) )*$", before)
            follows = trails and re.match(rf" (?:\w+ )?{re.escape(phrase)} ", after)
            if (ends and not phrase.startswith("or ")) or follows:
                if phrase in phrases:
                    return kind
                break
    return None


def limits(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    def by_value(one: Text) -> dict[str, set[tuple[str | None, str | None]]]:
        found: dict[str, set[tuple[str | None, str | None]]] = {}
        for n, word in enumerate(one.words):
            if word.is_number:
                way = _FROM.get(one.low[n - 1]) if n else None
                found.setdefault(value_of(word.low), set()).add((_limit(one, n, words), way))
        return found

    mine, theirs = by_value(said), by_value(given)
    for value, shapes in mine.items():
        known = theirs.get(value)
        if not known:
            continue
        limits = {limit for limit, _ in known}
        for limit, way in shapes:
            if limit not in limits:
                kind = "a limit lost" if limit is None else "a limit added"
                yield Fault(kind, f"{value} is {'a ' + str(next(iter(limits - {None}), None)) if limits - {None} else 'no limit'}")
            ways = {one for _, one in known}
            if way is not None and way not in ways and ways != {None}:
                yield Fault("a ceiling turned into the action", f"{next(iter(ways - {None}))} {value}, not {way} {value}")
            if way == "to" and ways == {None} and None in limits:
                yield Fault("a ceiling turned into the action", f"nothing goes to {value}")
            if way is None and "from" in ways and None not in ways:
                yield Fault("a ceiling turned into the action", f"from {value}")


def pairs(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    known = {(a.strip(".,"), b.strip(".,")) for a, b in (*OF.findall(given.text), *OF.findall(plain.text))}
    mine = {(a.strip(".,"), b.strip(".,")) for a, b in OF.findall(said.text)}
    for a, b in sorted(mine - known):
        yield Fault("a part and its whole changed", f"{a} of {b}")
    for a, b in OF.findall(plain.text):
        if (a.strip(".,"), b.strip(".,")) not in mine:
            yield Fault("a part and its whole changed", f"{a} of {b} is gone")


def counted(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """A number that now stands with what another number of the draft counts."""
    if sum(one.is_number for one in given.words) < 2:
        return
    for n, word in enumerate(said.words):
        if not word.is_number:
            continue
        thing = next((one for one in said.words[n + 1 : n + 3] if one.is_content), None)
        follows = said.low[n + 1 : n + 2]
        if thing is None or (follows and (follows[0] in "of,.;:" or follows[0] in ("and", "or", "to"))) or thing.stem not in given.stems:
            continue
        homes = [k for k, one in enumerate(given.words) if one.is_number and value_of(one.low) == value_of(word.low)]
        things = [k for k, one in enumerate(given.words) if one.stem == thing.stem]
        if not homes or min(abs(h - k) for h in homes for k in things) <= 3:
            continue
        others = [k for k, one in enumerate(given.words) if one.is_number and k not in homes]
        if any(0 < k - o <= 2 for o in others for k in things):
            yield Fault("a number counts something else", f"{word.text} {thing.text}")
    for n, word in enumerate(said.words):
        before = said.words[n - 1] if n else None
        if not word.is_number or before is None or not before.is_content:
            continue
        homes = [k for k, one in enumerate(given.words) if one.is_number and value_of(one.low) == value_of(word.low)]
        things = [k for k, one in enumerate(given.words) if one.stem == before.stem]
        others = [k for k, one in enumerate(given.words) if one.is_number and k not in homes]
        if homes and not any(0 < h - k <= 3 for h in homes for k in things) and any(0 < o - k <= 1 for o in others for k in things):
            yield Fault("a number counts something else", f"{before.text} {word.text}")


def labels(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """A number that now stands in a clause with another key result or quarter than its own."""

    def homes(one: Text) -> dict[str, list[set[str]]]:
        found: dict[str, list[set[str]]] = {}
        for clause in one.clauses():
            labels = {w.low for w in clause if re.fullmatch(r"[a-z]{1,4}\d{1,3}", w.low)}
            for word in clause:
                if word.is_number and labels:
                    found.setdefault(value_of(word.low), []).append(labels)
        return found

    theirs = homes(given)
    for value, sets in homes(said).items():
        for labels in sets:
            if value in theirs and not any(labels & known for known in theirs[value]):
                yield Fault("a number counts something else", f"{', '.join(sorted(labels))}: {value}")
