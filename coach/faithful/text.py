"""A text in words, and what the checks ask of it again and again; and the fault that a check names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coach.guards import STOP_WORDS
from coach.stems import stems

_TOKEN = re.compile(r"\[\w+\?\]|[$€£]?\d+(?:[.,:’']\d+)*(?:%|[a-zµ°]{1,3}\b)?|n['’]t\b|['’](?:ll|d)\b|[^\W\d_]+?(?=n['’]t\b)|[^\W\d_](?:[\w-]|['’](?!ll\b|d\b))*|[<>≤≥]|[.!?;:,\n]")
BLANK = re.compile(r"\[\w+\?\]")
NUMBER = re.compile(r"[$€£]?\d")
_STOP = re.compile(r"[.!?;\n]")
WE = {"i": "we", "we": "we", "us": "we", "me": "we", "our": "we", "my": "we", "they": "they", "them": "they", "their": "they", "you": "you", "your": "you", "he": "he", "him": "he", "she": "she", "her": "she"}
# Words that say little in a search, and here who does what.
_STOP_HERE = STOP_WORDS - {"told", "tell", "asked", "ask", "said", "say", "says", "know", "think", "need", "needs", "want", "wants"}


@dataclass(frozen=True)
class Fault:
    """One way in which a text differs from what it was made from; `words` quotes the place for whoever repairs it."""

    kind: str
    words: str


@dataclass(frozen=True)
class Word:
    text: str
    low: str
    stem: str
    start: int
    end: int

    @property
    def is_number(self) -> bool:
        return bool(NUMBER.match(self.text))

    @property
    def is_content(self) -> bool:
        return self.low != "n't" and self.low[0].isalpha() and (len(self.low) > 2 or self.low[-1].isdigit()) and self.low not in _STOP_HERE


class Text:
    """A text in words, with what is asked of it again and again."""

    def __init__(self, text: str) -> None:
        text = text.replace("->", "to")  # an arrow, which is no `greater than`; of the same length
        self.text = text
        found = list(_TOKEN.finditer(text))
        # People leave out apostrophes; a model puts them in.
        roots = stems([re.sub("[’']", "", one[0].lower()) or "'" for one in found])
        self.words = [
            Word(one[0], one[0].lower().replace("’", "'"), root, one.start(), one.end())
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

    def clauses(self) -> Iterator[list[Word]]:
        """The words between commas, stops and the words that join clauses."""
        return self._between(r"[.!?;:,\n]|and|but|or|while|because|so|that|which|who|unless|if|when")

    def ways(self) -> Iterator[list[Word]]:
        """The words between commas, stops and `or`: what belongs to one way of a choice, with all that it brings."""
        return self._between(r"[.!?;,\n]|or|while|but")

    def sentences(self) -> Iterator[list[Word]]:
        """The words between stops."""
        return self._between(r"[.!?;\n]")

    def _between(self, marks: str) -> Iterator[list[Word]]:
        here: list[Word] = []
        for word in self.words:
            if re.fullmatch(marks, word.low):
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


def value_of(word: str) -> str:
    """The value of a number word: `1,200` is 1200, `2,5` and `2.50` are 2.5."""
    digits = re.sub(r"[^\d.]", "", word.replace(",", "" if re.search(r",\d{3}", word) else ".")).strip(".")
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) or "0"


def unit_of(word: str) -> str:
    return re.sub(r"[\d.,:’']", "", word)


def bare(text: str) -> str:
    return " " + re.sub(r"\W+", " ", text.lower()).strip() + " "


def named(word: Word) -> str:
    return WE.get(word.low, word.stem)


def side_of(one: Text, begin: int, end: int, backwards: bool = False) -> list[str]:
    if not backwards:
        # After a comma somebody else may be speaking: who decides, by when.
        commas = (n for n in range(begin, end) if one.low[n] in ",:" and sum(w.is_content for w in one.words[begin:n]) >= 2)
        end = next(commas, end)
    picked = [word.stem for word in one.words[begin:end] if word.is_content or word.is_number]
    return picked[-5:] if backwards else picked[:5]


def share_of(side: Sequence[str], said: Text) -> float:
    return sum(stem in said.stems for stem in side) / len(side) if side else 0.0
