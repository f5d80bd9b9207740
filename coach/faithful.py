"""Whether a produced text says what the draft says: not only the same words, but the same relations between them.

Every check compares a text with the words it was made from and names what differs. A check that cannot tell says so by
a fault: a refused text costs some fluency, an accepted one that is wrong costs trust. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coach.facts import date_spans, read_facts
from coach.guards import STOP_WORDS
from coach.schema import GuardWords
from coach.stems import stems

_TOKEN = re.compile(r"\[\w+\?\]|[$€£]?\d+(?:[.,:’']\d+)*(?:%|[a-zµ°]{1,3}\b)?|n['’]t\b|['’](?:ll|d)\b|[^\W\d_]+?(?=n['’]t\b)|[^\W\d_](?:[\w-]|['’](?!ll\b|d\b))*|[<>≤≥]|[.!?;:,\n]")
_BLANK = re.compile(r"\[\w+\?\]")
_NUMBER = re.compile(r"[$€£]?\d")
_STOP = re.compile(r"[.!?;\n]")
_OF = re.compile(r"(\d[\d.,]*)\s?(?:of|out of|/)\s?(?:the |a |our )?(\d[\d.,]*)")
_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)(?<!^[-*•] )\b[A-ZÀ-Þ][\w'’&-]+")
_WE = {"i": "we", "we": "we", "us": "we", "me": "we", "our": "we", "my": "we", "they": "they", "them": "they", "their": "they", "you": "you", "your": "you", "he": "he", "him": "he", "she": "she", "her": "she"}
_FROM = {"from": "from", "to": "to"}
# Words that say little in a search, and here who does what.
_STOP_HERE = STOP_WORDS - {"told", "tell", "asked", "ask", "said", "say", "says", "know", "think", "need", "needs", "want", "wants"}
_COUNTS = frozenset("two three four five six seven eight nine ten eleven twelve dozen twenty thirty forty fifty hundred half third quarter".split())
_JOINTS = frozenset({",", ";", ":", "and", "but", "or", "while"})
_WAYS = frozenset({"from", "to"})
_BY = frozenset({"by", "before", "until", "till", "due"})
_SINCE = frozenset({"since", "after", "from"})


@dataclass(frozen=True)
class Fault:
    """One way in which a text differs from what it was made from; `words` quotes the place for whoever repairs it."""

    kind: str
    words: str


@dataclass(frozen=True)
class _Word:
    text: str
    low: str
    stem: str
    start: int
    end: int

    @property
    def is_number(self) -> bool:
        return bool(_NUMBER.match(self.text))

    @property
    def is_content(self) -> bool:
        return self.low != "n't" and self.low[0].isalpha() and (len(self.low) > 2 or self.low[-1].isdigit()) and self.low not in _STOP_HERE


class _Text:
    """A text in words, with what is asked of it again and again."""

    def __init__(self, text: str) -> None:
        text = text.replace("->", "to")  # an arrow, which is no `greater than`; of the same length
        self.text = text
        found = list(_TOKEN.finditer(text))
        # People leave out apostrophes; a model puts them in.
        roots = stems([re.sub("[’']", "", one[0].lower()) or "'" for one in found])
        self.words = [
            _Word(one[0], one[0].lower().replace("’", "'"), root, one.start(), one.end())
            for one, root in zip(found, roots, strict=True)
        ]
        self.low = [self._plain(n) for n in range(len(self.words))]
        self.stems = {one.stem for one in self.words}
        self.flat = " " + " ".join(self.low) + " "

    def _plain(self, n: int) -> str:
        # The month, which is no `may`.
        word = self.words[n]
        beside = self.words[max(0, n - 1) : n + 2]
        return "(may)" if word.text == "May" and n and any(one.is_number or one.low in ("in", "by", "mid") for one in beside) else word.low

    def says(self, phrase: str) -> bool:
        return f" {phrase} " in self.flat

    def places(self, phrases: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Where a phrase stands, as numbers of its first word and of the word after it."""
        for phrase in phrases:
            parts = phrase.split()
            for n in range(len(self.low) - len(parts) + 1):
                if self.low[n : n + len(parts)] == parts:
                    yield n, n + len(parts)

    def sentence(self, at: int) -> tuple[int, int]:
        """The words of the sentence that word `at` is in, as a range."""
        begin = at
        while begin > 0 and not _STOP.fullmatch(self.low[begin - 1]):
            begin -= 1
        end = at
        while end < len(self.low) and not _STOP.fullmatch(self.low[end]):
            end += 1
        return begin, end

    def clauses(self) -> Iterator[list[_Word]]:
        """The words between commas, stops and the words that join clauses."""
        here: list[_Word] = []
        for word in self.words:
            if re.fullmatch(r"[.!?;:,\n]|and|but|or|while|because|so|that|which|who|unless|if|when", word.low):
                if here:
                    yield here
                here = []
            else:
                here.append(word)
        if here:
            yield here

    def around(self, begin: int, end: int) -> str:
        if not self.words:
            return ""
        first, last = max(0, begin - 2), min(len(self.words), end + 3)
        return " ".join(self.text[self.words[first].start : self.words[last - 1].end].split())


def faults(text: str, source: str, offline: str, words: GuardWords, owner: str | None = None) -> tuple[Fault, ...]:
    """What `text` says otherwise than `source`, the words it may use, and `offline`, the plain text it replaces.

    owner: who decides, where the draft says so.
    """
    said, given, plain = _Text(text), _Text(source), _Text(offline)
    found: list[Fault] = []
    for check in (
        _new_words,
        _twice,
        _numbers,
        _lost,
        _blanks,
        _roles,
        _limits,
        _pairs,
        _counted,
        _alternatives,
        _conditions,
        _force,
        _negations,
        _wants,
        _order,
        _together,
        _preferences,
        _qualified,
        _reported,
        _labels,
        _settled,
        _reasons,
        _days,
        _direction,
    ):
        found += check(said, given, plain, words)
    found += _deciders(said, given, plain, words, owner)
    return tuple(dict.fromkeys(found))


# --- words, numbers, dates, names ----------------------------------------------------------------------


def _new_words(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    known = given.stems | plain.stems | set(stems([w for phrase in words.connecting for w in phrase.split()]))
    new = [one.text for one in said.words if one.is_content and one.stem not in known and not _BLANK.match(one.text)]
    if new:
        yield Fault("words that the draft does not hold", ", ".join(dict.fromkeys(new)))


def _twice(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    """The same thing said again: three words running that stand more often than in the draft."""

    def runs(one: _Text) -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter()
        for size in (2, 3):
            for n in range(len(one.words) - size + 1):
                run = one.words[n : n + size]
                if all(w.low[0].isalnum() for w in run) and any(w.is_content or w.is_number for w in run) and (size == 3 or all(w.is_content for w in run)):
                    found[tuple(w.stem for w in run)] += 1
        return found

    known = runs(given) | runs(plain)
    for run, count in runs(said).items():
        if count > 1 and count > known[run]:
            yield Fault("something said twice", " ".join(run))
            return


def _value(word: str) -> str:
    return re.sub(r"[^\d.]", "", word.replace(",", "" if re.search(r",\d{3}", word) else ".")).strip(".").rstrip("0").rstrip(".") or "0"


def _unit(word: str) -> str:
    return re.sub(r"[\d.,:’']", "", word)


def _numbers(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    known = {(_value(one.low), _unit(one.low)) for one in (*given.words, *plain.words) if one.is_number}
    for one in said.words:
        if one.is_number and (_value(one.low), _unit(one.low)) not in known:
            yield Fault("a number that the draft does not hold", one.text)


def _lost(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    kept = {_value(one.low) for one in said.words if one.is_number}
    for one in plain.words:
        if one.is_number and _value(one.low) not in kept:
            yield Fault("a number lost", one.text)
    for one in plain.words:
        if one.low in _COUNTS and one.low not in said.low:
            yield Fault("a number lost", one.text)
    flat = _bare(said.text)
    for a, b in date_spans(plain.text):
        if _bare(plain.text[a:b]) not in flat:
            yield Fault("a date lost", plain.text[a:b])
    known = _bare(given.text) + _bare(plain.text)
    for a, b in date_spans(said.text):
        if _bare(said.text[a:b]) not in known:
            yield Fault("a date that the draft does not hold", said.text[a:b])
    for name in dict.fromkeys(_NAME.findall(plain.text)):
        if _bare(name) not in flat and name in given.text:
            yield Fault("a name lost", name)
    content = [one for one in plain.words if one.is_content and one.stem in given.stems]
    missing = [one.low for one in content if one.stem not in said.stems]
    if len(content) >= 6 and len(missing) > 0.4 * len(content):
        yield Fault("most of the line lost", ", ".join(dict.fromkeys(missing)))


def _bare(text: str) -> str:
    return " " + re.sub(r"\W+", " ", text.lower()).strip() + " "


def _blanks(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    wanted, shown = _BLANK.findall(plain.text), _BLANK.findall(said.text)
    for one in sorted(set(wanted) - set(shown)):
        yield Fault("a blank left out", one)
    for one in sorted(set(shown) - set(wanted)):
        yield Fault("a blank that is none", one)
    if len(shown) > len(wanted) and set(shown) == set(wanted):
        yield Fault("a blank shown twice", ", ".join(sorted(set(shown))))


# --- what a number is ----------------------------------------------------------------------------------


def _kinds(one: _Text, words: GuardWords) -> dict[str, set[str]]:
    """For each number the kinds it has: target, now, was."""
    found: dict[str, set[str]] = {}
    for fact in read_facts(one.text, 0, len(one.text)).numbers:
        value = _value(one.text[fact.start : fact.end].lower())
        found.setdefault(value, set()).add("now" if fact.role == "plain" else fact.role)
        if fact.role == "plain":
            found[value].discard("now")
    for n, word in enumerate(one.words):
        if not word.is_number:
            continue
        kinds = found.setdefault(_value(word.low), set())
        nearest = _nearest(one, n, words)
        if nearest:
            # A nearer word of ours is surer than a pattern over the whole line.
            kinds.clear() if nearest not in kinds else None
            kinds.add(nearest)
    return found


def _nearest(one: _Text, n: int, words: GuardWords) -> str | None:
    """The kind that the nearest word before a number says, up to another number or the end of the clause."""
    if n and one.low[n - 1] == "from":
        return None
    begin = n
    while begin > 0 and n - begin < 5 and not re.fullmatch(r"[.!?;,\n]", one.low[begin - 1]) and not one.words[begin - 1].is_number:
        begin -= 1
    before = _Text(one.text[one.words[begin].start : one.words[n].start]) if begin < n else None
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


def _roles(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
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


def _limit(one: _Text, n: int, words: GuardWords) -> str | None:
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


def _limits(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    def by_value(one: _Text) -> dict[str, set[tuple[str | None, str | None]]]:
        found: dict[str, set[tuple[str | None, str | None]]] = {}
        for n, word in enumerate(one.words):
            if word.is_number:
                way = _FROM.get(one.low[n - 1]) if n else None
                found.setdefault(_value(word.low), set()).add((_limit(one, n, words), way))
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


def _pairs(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    known = {(a.strip(".,"), b.strip(".,")) for a, b in (*_OF.findall(given.text), *_OF.findall(plain.text))}
    mine = {(a.strip(".,"), b.strip(".,")) for a, b in _OF.findall(said.text)}
    for a, b in sorted(mine - known):
        yield Fault("a part and its whole changed", f"{a} of {b}")
    for a, b in _OF.findall(plain.text):
        if (a.strip(".,"), b.strip(".,")) not in mine:
            yield Fault("a part and its whole changed", f"{a} of {b} is gone")


def _counted(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
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
        homes = [k for k, one in enumerate(given.words) if one.is_number and _value(one.low) == _value(word.low)]
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
        homes = [k for k, one in enumerate(given.words) if one.is_number and _value(one.low) == _value(word.low)]
        things = [k for k, one in enumerate(given.words) if one.stem == before.stem]
        others = [k for k, one in enumerate(given.words) if one.is_number and k not in homes]
        if homes and not any(0 < h - k <= 3 for h in homes for k in things) and any(0 < o - k <= 1 for o in others for k in things):
            yield Fault("a number counts something else", f"{before.text} {word.text}")


# --- choices, conditions, force ------------------------------------------------------------------------


def _side(one: _Text, begin: int, end: int, backwards: bool = False) -> list[str]:
    if not backwards:
        # After a comma somebody else may be speaking: who decides, by when.
        commas = (n for n in range(begin, end) if one.low[n] in ",:" and sum(w.is_content for w in one.words[begin:n]) >= 2)
        end = next(commas, end)
    picked = [word.stem for word in one.words[begin:end] if word.is_content or word.is_number]
    return picked[-5:] if backwards else picked[:5]


def _share(side: Sequence[str], said: _Text) -> float:
    return sum(stem in said.stems for stem in side) / len(side) if side else 0.0


def _alternatives(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    linked = any(True for _ in said.places(words.alternative))
    for at, after in given.places(("or", "unless", "otherwise", "if not", "else")):
        begin, end = given.sentence(at)
        either = [n for n in range(begin, at) if given.low[n] == "either"]
        left = _side(given, (either[-1] + 1) if either else begin, at, backwards=not either)
        right = _side(given, after, end)
        if len(left) == 0 or len(right) == 0:
            continue
        a, b = _share(left, said), _share(right, said)
        if max(a, b) >= 0.5 and min(a, b) < 0.4:
            yield Fault("one of two alternatives lost", " ".join(left if a < b else right))
        elif min(a, b) >= 0.5 and not linked:
            yield Fault("a choice is no longer one", given.around(at - 2, after + 2))


def _conditions(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    bound = any(True for _ in said.places(words.condition))
    for at, after in given.places(("unless", "if", "only if", "provided", "as long as", "once", "until", "assuming", "when")):
        _, end = given.sentence(at)
        if not bound and _share(_side(given, after, end), said) >= 0.5:
            yield Fault("a condition lost", given.around(at, after + 3))


def _governed(one: _Text, phrases: Sequence[str], reach: int) -> dict[str, str]:
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


def _force(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
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


def _hedged(said: _Text, stem: str, words: GuardWords) -> bool:
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


def _negations(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    def negated(one: _Text) -> dict[str, int]:
        found: dict[str, int] = {}
        for at, after in one.places(words.negative):
            for word in one.words[after : after + 4]:
                if word.low in ",.;:!?" or _BLANK.match(word.text):
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


# --- who does what to whom -----------------------------------------------------------------------------


def _parties(one: _Text, begin: int, end: int) -> set[str]:
    found: set[str] = set()
    for word in one.words[begin:end]:
        if word.low in _WE:
            found.add(_WE[word.low])
        elif word.is_content:
            found.add(word.stem)
    return found


def _relations(one: _Text, words: GuardWords) -> list[tuple[set[str], set[str], int]]:
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


def _wants(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    theirs = [*_relations(given, words), *_relations(plain, words)]
    if not theirs:
        return
    wanting = set().union(*(left for left, _, _ in theirs))
    giving = set().union(*(right for _, right, _ in theirs))
    only_wanting, only_giving = wanting - giving, giving - wanting
    for left, right, n in _relations(said, words):
        here = said.words[n].stem
        swapped = (left & only_giving, right & only_wanting)
        if any(stem in given.stems or stem in _WE.values() for side in swapped for stem in side) and (
            (swapped[0] and (swapped[1] or not left & only_wanting)) or (swapped[1] and not right & only_giving)
        ):
            yield Fault("who asks and who is asked are swapped", said.around(n - 1, n + 2) or here)


def _order(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    """What stands left and right of a word in a clause, and what comes after `from` and after `to`, stays there."""

    def triples(one: _Text) -> dict[tuple[str, str, str], bool]:
        found: dict[tuple[str, str, str], bool] = {}
        for clause in one.clauses():
            # `Hall B`: a letter is a name where it cannot be the article or the pronoun.
            inner = [n for n, w in enumerate(clause) if w.is_content or w.low in _WE or (n and w.text != "I" and re.fullmatch("[A-Z]", w.text))]
            passive = any(word.low == "by" for word in clause)
            for i, left in enumerate(inner):
                if sum(_named(clause[n]) == _named(clause[left]) for n in inner) > 1:
                    continue  # which of the two is meant cannot be told
                for j in range(i + 1, len(inner)):
                    for right in inner[j + 1 :]:
                        key = (_named(clause[left]), clause[inner[j]].stem, _named(clause[right]))
                        if len(set(key)) == 3 and all(sum(_named(clause[n]) == one for n in inner) == 1 for one in key[1:]):
                            found[key] = passive
        return found

    theirs = triples(given) | triples(plain)
    for (left, middle, right), passive in triples(said).items():
        turned = theirs.get((right, middle, left))
        if turned is not None and (left, middle, right) not in theirs and turned == passive:
            yield Fault("who does what to whom is turned round", f"{right} {middle} {left}")
            return

    def ways(one: _Text) -> dict[str, set[str]]:
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


def _together(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    """Two clauses whose parts have changed places: each of two new clauses holds words of both old ones."""

    def sets(one: _Text) -> list[set[str]]:
        return [{_named(w) for w in clause if w.is_content or w.is_number} for clause in one.clauses()]

    theirs = [one for one in sets(given) if one]
    mine = sets(said)
    for n, a in enumerate(theirs):
        for b in theirs[n + 1 :]:
            only_a, only_b = a - b, b - a
            mixed = [one for one in mine if one & only_a and one & only_b]
            if len(mixed) >= 2:
                first, second = mixed[0], mixed[1]
                if (first & only_a) - second and (second & only_a) - first and (first & only_b) - second and (second & only_b) - first:
                    yield Fault("what belongs together is swapped", " ".join(sorted(first & (only_a | only_b))))
                    return


def _named(word: _Word) -> str:
    return _WE.get(word.low, word.stem)


def _deciders(said: _Text, given: _Text, plain: _Text, words: GuardWords, owner: str | None) -> Iterator[Fault]:
    def deciders(one: _Text) -> set[str]:
        found: set[str] = set()
        for at, _ in one.places(words.deciding):
            before = one.words[max(0, at - 5) : at]
            for word in reversed(before):
                if re.fullmatch(r"[.!?;:,\n]", word.low):
                    break
                if _BLANK.match(word.text):
                    break
                if word.low in _WE or (word.text[:1].isupper() and word.low not in STOP_WORDS):
                    found.add(_WE.get(word.low, word.low))
                    break
        return found

    allowed = deciders(given) | deciders(plain) | {word.lower() for word in re.findall(r"[\w'’-]+", owner or "")}
    for one in sorted(deciders(said) - allowed):
        if one not in ("decision", "options"):
            yield Fault("somebody else decides", one)


def _preferences(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    if any(True for _ in said.places(words.preferred)) or said.text.rstrip().endswith("?"):
        return
    for at, after in given.places(words.preferred):
        _, end = given.sentence(at)
        side = _side(given, after, end)
        # A choice or an open decision shows the preference as one of its ways, which is true to it.
        if len(side) >= 2 and _share(side, said) >= 0.6 and not _open(said, side):
            yield Fault("a preference turned into a decision", given.around(at, after + 2))


def _open(said: _Text, side: Sequence[str]) -> bool:
    for n, word in enumerate(said.words):
        if word.stem in side:
            begin, end = said.sentence(n)
            if any(one in said.low[begin:end] for one in ("decide", "decides", "decision", "or", "whether", "option", "options", "if", "unless")):
                return True
    return False


def _qualified(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    """`almost all` and `only one` lose or gain nothing."""

    def held(one: _Text) -> dict[str, tuple[int, int]]:
        return {phrase: place for phrase in words.qualifiers for place in one.places((phrase,))}

    mine, theirs, ours = held(said), held(given), held(plain)
    for phrase, (at, after) in theirs.items():
        if phrase in mine or phrase not in ours:
            continue
        thing = next((w for w in given.words[after : after + 4] if w.is_content or w.is_number), None)
        if thing and (thing.stem in said.stems or (thing.is_number and _value(thing.low) in {_value(w.low) for w in said.words if w.is_number})):
            yield Fault("how much is changed", given.around(at, after))
    for phrase, (at, after) in mine.items():
        if phrase not in theirs and phrase not in ours:
            yield Fault("how much is changed", said.around(at, after))


def _reported(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    if any(True for _ in said.places(words.reported)):
        return
    for at, after in given.places(words.reported):
        _, end = given.sentence(at)
        side = _side(given, after, end)
        if len(side) >= 2 and _share(side, said) >= 0.6 and any(True for _ in plain.places(words.reported)):
            yield Fault("whose words these are is lost", given.around(at, after + 2))


def _labels(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    """A number that now stands in a clause with another key result or quarter than its own."""

    def homes(one: _Text) -> dict[str, list[set[str]]]:
        found: dict[str, list[set[str]]] = {}
        for clause in one.clauses():
            labels = {w.low for w in clause if re.fullmatch(r"[a-z]{1,4}\d{1,3}", w.low)}
            for word in clause:
                if word.is_number and labels:
                    found.setdefault(_value(word.low), []).append(labels)
        return found

    theirs = homes(given)
    for value, sets in homes(said).items():
        for labels in sets:
            if value in theirs and not any(labels & known for known in theirs[value]):
                yield Fault("a number counts something else", f"{', '.join(sorted(labels))}: {value}")


def _settled(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    for phrase in words.decided:
        if said.says(phrase) and not given.says(phrase) and not plain.says(phrase):
            yield Fault("a preference turned into a decision", phrase)


def _reasons(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    if any(True for one in (given, plain) for _ in one.places((*words.reasons, "so", "since"))):
        return
    for at, after in said.places(words.reasons):
        yield Fault("a reason added", said.around(at, after))


# --- days ------------------------------------------------------------------------------------------------


def _days(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    for phrase in words.now_days:
        if said.says(phrase) and not given.says(phrase) and not plain.says(phrase):
            yield Fault("a day of the draft became another", phrase)


def _direction(said: _Text, given: _Text, plain: _Text, words: GuardWords) -> Iterator[Fault]:
    def leads(one: _Text) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for a, b in date_spans(one.text):
            before = [word.low for word in one.words if word.end <= a][-1:]
            found.setdefault(_bare(one.text[a:b]), set()).update(before)
        return found

    theirs, ours = leads(given), leads(plain)
    for day, before in leads(said).items():
        known = theirs.get(day, set()) | ours.get(day, set())
        if before & _BY and known and not known & _BY and known & _SINCE:
            yield Fault("a day of the draft became another", f"by{day}")
        if before & _SINCE and known and not known & _SINCE and known & _BY:
            yield Fault("a day of the draft became another", f"after{day}")
