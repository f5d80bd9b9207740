"""How surely something is so: choices, conditions, may and must, not, wishes, hearsay, reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from coach.faithful.text import BLANK, Fault, Text, share_of, side_of, value_of
from coach.schema import GuardWords


def alternatives(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    linked = any(True for _ in said.places(words.alternative))
    for at, after in given.places(("or", "unless", "otherwise", "if not", "else")):
        begin, end = given.sentence(at)
        either = [n for n in range(begin, at) if given.low[n] == "either"]
        left = side_of(given, (either[-1] + 1) if either else begin, at, backwards=not either)
        right = side_of(given, after, end)
        if len(left) == 0 or len(right) == 0:
            continue
        a, b = share_of(left, said), share_of(right, said)
        if max(a, b) >= 0.5 and min(a, b) < 0.4:
            yield Fault("one of two alternatives lost", " ".join(left if a < b else right))
        elif min(a, b) >= 0.5 and not linked:
            yield Fault("a choice is no longer one", given.around(at - 2, after + 2))


def conditions(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    bound = any(True for _ in said.places(words.condition))
    for at, after in given.places(("unless", "if", "only if", "provided", "as long as", "once", "until", "assuming", "when")):
        _, end = given.sentence(at)
        if not bound and share_of(side_of(given, after, end), said) >= 0.5:
            yield Fault("a condition lost", given.around(at, after + 3))


def _governed(one: Text, phrases: Sequence[str], reach: int) -> dict[str, str]:
    """Stem of the first content words after a phrase → the phrase."""
    found: dict[str, str] = {}
    for at, after in one.places(phrases):
        _, end = one.sentence(at)
        taken = 0
        for word in one.words[after : min(end, after + reach)]:
            if word.low in (",", ":") or word.is_number or taken == 1:
                break
            if word.is_content:
                found[word.stem] = " ".join(one.low[at:after])
                taken += 1
    return found


def force(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """`may` stays `may`, `must` stays `must`, and what is flat stays flat."""
    levels = (("may", words.possible), ("will", words.certain), ("must", words.obliged))
    mine = {name: _governed(said, phrases, 4) for name, phrases in levels}
    theirs = {name: _governed(given, phrases, 4) for name, phrases in levels}
    ours = {name: _governed(plain, phrases, 4) for name, phrases in levels}
    for name, _ in levels:
        for stem, phrase in mine[name].items():
            if stem not in given.stems or stem in theirs[name] or stem in ours[name]:
                continue
            yield Fault("may, will and must changed", f"{phrase} {stem}")
    for name in ("may", "must"):
        for stem, phrase in theirs[name].items():
            if stem in said.stems and not any(stem in mine[level] for level, _ in levels) and not _hedged(said, stem, words):
                yield Fault("may, will and must changed", f"{phrase} {stem}")
    if any(True for _ in said.places(words.obliged)) and not any(True for one in (given, plain) for _ in one.places((*words.obliged, "need", "needs", "required"))):
        yield Fault("may, will and must changed", "nothing is an obligation in the draft")


_STRENGTH = {"should": "should", "ought": "should", "must": "must", "has": "must", "have": "must", "will": "will", "'ll": "will", "shall": "will"}


def strength(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """What should be done is not yet what must or will be."""

    def said_of(one: Text) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for n, word in enumerate(one.words):
            level = _STRENGTH.get(word.low)
            if level is None or (word.low in ("has", "have") and one.low[n + 1 : n + 2] != ["to"]):
                continue
            after = next((w for w in one.words[n + 1 : n + 5] if (w.is_content or w.low == "be") and w.low != "to"), None)
            if after:
                found.setdefault(after.stem, set()).add(level)
        return found

    mine, theirs, ours = said_of(said), said_of(given), said_of(plain)
    for stem, levels in mine.items():
        known = theirs.get(stem, set()) | ours.get(stem, set())
        if known and levels - known:
            yield Fault("may, will and must changed", f"{', '.join(sorted(levels - known))} {stem}")


def answered(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """What is asked of a room is not answered for it."""

    def asks(one: Text) -> int:
        return re.sub(r"\[\w+\?\]", "", one.text).count("?")

    if asks(said) < asks(plain):
        yield Fault("a question turned into a statement", "")
    if re.search(r"(?:^|[.!?]\s)(?:yes|no)[.!](?:\s|$)", said.text, re.I) and not re.search(r"(?:^|[.!?]\s)(?:yes|no)[.!](?:\s|$)", plain.text + given.text, re.I):
        yield Fault("a decision added", "yes or no is for the room to say")
    if "whether" in plain.low and "whether" not in said.low and "if" not in said.low and asks(said) <= asks(plain) and "?" not in re.sub(r"\[\w+\?\]", "", said.text):
        yield Fault("a decision added", "whether")


def dropped(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """A `probably` or a `not` that is gone together with all that it was said of: `likely nothing, but` left out."""

    def count(one: Text, phrases: Sequence[str]) -> int:
        return len({at for at, _ in one.places(phrases)})

    for kind, phrases in (("a negation lost", words.negative), ("may, will and must changed", words.possible)):
        known = min(count(plain, phrases), count(given, phrases))
        if count(said, phrases) < known:
            yield Fault(kind, "one of: " + ", ".join(dict.fromkeys(" ".join(plain.low[at:after]) for at, after in plain.places(phrases))))


def _hedged(said: Text, stem: str, words: GuardWords) -> bool:
    # `whether`, `or` and a question leave open what they hold, as `may` does.
    for n, word in enumerate(said.words):
        if word.stem == stem:
            begin, end = said.sentence(n)
            held = said.low[begin:end]
            if any(one in held for one in ("or", "whether", "if", "unless", "either", "may", "might", "could", "can", "would", "must", "should")):
                return True
            if end < len(said.low) and said.low[end] == "?":
                return True
    return False


def negations(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    def negated(one: Text) -> dict[str, int]:
        found: dict[str, int] = {}
        for at, after in one.places(words.negative):
            for word in one.words[after : after + 4]:
                if word.low in ",.;:!?" or BLANK.match(word.text):
                    break
                if word.is_content:
                    found.setdefault(word.stem, at)
                    break
        return found

    mine, theirs, ours = negated(said), negated(given), negated(plain)
    for stem, at in theirs.items():
        if stem not in said.stems or stem in mine:
            continue
        places = [n for n, word in enumerate(said.words) if word.stem == stem]
        if not any(phrase in said.flat for phrase in (f" {one} " for one in words.negative)) or not any(
            any(said.low[m] in words.negative for m in range(max(0, n - 5), min(len(said.low), n + 4))) for n in places
        ):
            yield Fault("a negation lost", given.around(at, at + 2))
    for stem, at in mine.items():
        if stem in given.stems and stem not in theirs and stem not in ours and not any(
            given.low[m] in words.negative
            for n, word in enumerate(given.words)
            if word.stem == stem
            for m in range(max(0, n - 5), min(len(given.low), n + 4))
        ):
            yield Fault("a negation added", said.around(at, at + 2))


def preferences(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    if any(True for _ in said.places(words.preferred)) or said.text.rstrip().endswith("?"):
        return
    for at, after in given.places(words.preferred):
        _, end = given.sentence(at)
        side = side_of(given, after, end)
        # A choice or an open decision shows the preference as one of its ways, which is true to it.
        if len(side) >= 2 and share_of(side, said) >= 0.6 and not _open(said, side):
            yield Fault("a preference turned into a decision", given.around(at, after + 2))


def _open(said: Text, side: Sequence[str]) -> bool:
    for n, word in enumerate(said.words):
        if word.stem in side:
            begin, end = said.sentence(n)
            if any(one in said.low[begin:end] for one in ("decide", "decides", "decision", "or", "whether", "option", "options", "if", "unless")):
                return True
    return False


def qualified(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """`almost all` and `only one` lose or gain nothing."""

    def held(one: Text) -> dict[str, tuple[int, int]]:
        return {phrase: place for phrase in words.qualifiers for place in one.places((phrase,))}

    mine, theirs, ours = held(said), held(given), held(plain)
    for phrase, (at, after) in theirs.items():
        if phrase in mine or phrase not in ours:
            continue
        thing = next((w for w in given.words[after : after + 4] if w.is_content or w.is_number), None)
        if thing and (thing.stem in said.stems or (thing.is_number and value_of(thing.low) in {value_of(w.low) for w in said.words if w.is_number})):
            yield Fault("how much is changed", given.around(at, after))
    for phrase, (at, after) in mine.items():
        if phrase not in theirs and phrase not in ours:
            yield Fault("how much is changed", said.around(at, after))


def reported(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    if any(True for _ in said.places(words.reported)):
        return
    for at, after in given.places(words.reported):
        _, end = given.sentence(at)
        side = side_of(given, after, end)
        if len(side) >= 2 and share_of(side, said) >= 0.6 and any(True for _ in plain.places(words.reported)):
            yield Fault("whose words these are is lost", given.around(at, after + 2))


def settled(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    for phrase in words.decided:
        if said.says(phrase) and not given.says(phrase) and not plain.says(phrase):
            yield Fault("a preference turned into a decision", phrase)


def reasons(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    if any(True for one in (given, plain) for _ in one.places((*words.reasons, "so", "since"))):
        return
    for at, after in said.places(words.reasons):
        yield Fault("a reason added", said.around(at, after))
