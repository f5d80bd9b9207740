"""What a text holds: words, numbers, dates, names and blanks, no more and no fewer than the line it was made from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from coach.facts import date_spans
from coach.faithful.text import BLANK, Fault, Text, Word, bare, unit_of, value_of
from coach.schema import GuardWords
from coach.stems import stems

NAME = re.compile(r"(?<![.!?:\n] )(?<!^)(?<!^[-*•] )\b[A-ZÀ-Þ][\w'’&-]+")
COUNTS = frozenset("two three four five six seven eight nine ten eleven twelve dozen twenty thirty forty fifty hundred half third quarter".split())
# Words that may go from a line without anything going with them.
_SLIGHT = frozenset(
    "one ones way ways thing things still just really actually honestly basically simply quite rather already currently now then also too even only please "
    "run runs running ran stand stands stood sit sits sat reach reached hit hits been being since after before until ago during off who's what's that's it's "
    "wanted want would yes okay well anyway somehow something somebody someone get gets got going goes make makes made put take takes took come comes came there here".split()
)
_SHORT = frozenset("a i am an as at be by do go he if in is it me my no of on or so to up us we ok".split())  # words that are nobody's name
# What leads to a day; words of one group say the same of it.
_LEADS = ({"by", "before", "due"}, {"until", "till", "til"}, {"on"}, {"since", "after", "from"}, {"in"})


def new_words(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    known = given.stems | plain.stems | set(stems([w for phrase in words.connecting for w in phrase.split()]))
    new = [one.text for one in said.words if one.is_content and one.stem not in known and not BLANK.match(one.text)]
    short = {*given.low, *plain.low}
    new += [one.text for one in said.words if one.low.isalpha() and len(one.low) <= 2 and one.low not in _SHORT and one.low not in short]
    if new:
        yield Fault("words that the draft does not hold", ", ".join(dict.fromkeys(new)))


def twice(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    """The same thing said again: three words running that stand more often than in the draft."""

    def runs(one: Text) -> Counter[tuple[str, ...]]:
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


def numbers(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    known = {(value_of(one.low), unit_of(one.low)) for one in (*given.words, *plain.words) if one.is_number}
    for one in said.words:
        if one.is_number and (value_of(one.low), unit_of(one.low)) not in known:
            yield Fault("a number that the draft does not hold", one.text)


def lost(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    kept = {value_of(one.low) for one in said.words if one.is_number}
    for one in plain.words:
        if one.is_number and value_of(one.low) not in kept:
            yield Fault("a number lost", one.text)
    for one in plain.words:
        if one.low in COUNTS and one.low not in said.low:
            yield Fault("a number lost", one.text)
    flat = bare(said.text)
    for a, b in date_spans(plain.text):
        if bare(plain.text[a:b]) not in flat:
            yield Fault("a date lost", plain.text[a:b])
    known = bare(given.text) + bare(plain.text)
    for a, b in date_spans(said.text):
        if bare(said.text[a:b]) not in known:
            yield Fault("a date that the draft does not hold", said.text[a:b])
    for name in dict.fromkeys(NAME.findall(plain.text)):
        if bare(name) not in flat and name in given.text:
            yield Fault("a name lost", name)
    content = [one for one in plain.words if one.is_content and one.stem in given.stems]
    missing = [one.low for one in content if one.stem not in said.stems]
    if len(content) >= 6 and len(missing) > 0.4 * len(content):
        yield Fault("most of the line lost", ", ".join(dict.fromkeys(missing)))
    for sentence in plain.sentences():
        if not any(BLANK.match(one.text) for one in sentence):  # those are the coach's own
            yield from _topic_lost(said, given, sentence, words)


def _topic_lost(said: Text, given: Text, sentence: Sequence[Word], words: GuardWords) -> Iterator[Fault]:
    """What a sentence is about stands first in it; of the rest one word in eight may be said otherwise."""
    content = [one for one in sentence if one.is_content and one.stem in given.stems and one.low not in _SLIGHT and one.low not in words.negative]
    missing = [one.low for one in content if one.stem not in said.stems]
    topic = [one.low for one in content[:2] if one.stem not in said.stems]
    if topic or len(missing) > len(content) // 8:
        yield Fault("what it is about lost" if topic else "part of the line lost", ", ".join(dict.fromkeys(topic or missing)))


def blanks(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    wanted, shown = BLANK.findall(plain.text), BLANK.findall(said.text)
    for one in sorted(set(wanted) - set(shown)):
        yield Fault("a blank left out", one)
    for one in sorted(set(shown) - set(wanted)):
        yield Fault("a blank that is none", one)
    for lead, blank in re.findall(r"\b(\w+) (\[\w+\?\])", said.text):
        swapped = (blank == "[date?]" and lead.lower() in ("from", "ask", "asks", "whose", "tell")) or (blank == "[owner?]" and lead.lower() == "by")
        if swapped and f"{lead} {blank}".lower() not in plain.text.lower():
            yield Fault("a blank in the place of another", f"{lead} {blank}")
    if len(shown) > len(wanted) and set(shown) == set(wanted):
        yield Fault("a blank shown twice", ", ".join(sorted(set(shown))))


def days(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    for phrase in words.now_days:
        if said.says(phrase) and not given.says(phrase) and not plain.says(phrase):
            yield Fault("a day of the draft became another", phrase)


def direction(said: Text, given: Text, plain: Text, words: GuardWords) -> Iterator[Fault]:
    def leads(one: Text) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for a, b in date_spans(one.text):
            before = [word.low for word in one.words if word.end <= a][-1:]
            found.setdefault(bare(one.text[a:b]), set()).update(before)
        return found

    theirs, ours = leads(given), leads(plain)
    for day, before in leads(said).items():
        known = theirs.get(day, set()) | ours.get(day, set())
        if any(group & known for group in _LEADS) and any(group & before and not group & known for group in _LEADS):
            yield Fault("a day of the draft became another", f"{' '.join(sorted(before))}{day}")
