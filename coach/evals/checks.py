"""What can be said of a text without asking the coach: pure functions over strings.

Nothing here may import the code that is judged; `lint-imports` refuses it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

Part = Literal["stake", "lever", "owner", "date"]

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")
_SPELLED = {word: str(n) for n, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())}
_SENTENCE = re.compile(r"(?:(?<=[.!?:;])|(?<=^[-*•]))\s+|\n+")
_TIMES = re.compile(
    r"\b(?:today|tomorrow|tonight|yesterday|(?:this|next|last) (?:week|month|quarter|year|sprint|\w+day)"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|end of (?:the )?(?:day|week|month|quarter|year))\b"
)


def flat(text: str) -> str:
    """A text for comparing: straight quotes, single spaces, lower case, Markdown escapes undone."""
    plain = html.unescape(re.sub(r"\\([\\`*_{}\[\]()#+.!|~<>-])", r"\1", text)).translate(_QUOTES)
    return re.sub(r"\s+", " ", plain).strip().casefold()


@lru_cache(maxsize=4096)
def _phrase(words: str) -> re.Pattern[str]:
    bare, open_end = (words[:-1], True) if words.endswith("*") else (words, False)
    body = re.escape(flat(bare))
    return re.compile(("(?<!\\w)" if re.match(r"\w", flat(bare)) else "") + body + ("" if open_end else "(?!\\w)"))


def holds(text: str, words: str) -> bool:
    """Whether a text holds these whole words, letter case aside; `burn*` stands for any ending."""
    return _phrase(words).search(flat(text)) is not None


def missing(text: str, wanted: Iterable[Sequence[str]]) -> list[str]:
    """The wanted words that a text lacks, each by its first spelling."""
    return [spellings[0] for spellings in wanted if not any(holds(text, one) for one in spellings)]


def shared_run(text: str, source: str, length: int, spared: str = "") -> str | None:
    """The first `length` words in a row that text and source share and `spared` does not hold."""
    words = re.findall(r"[\w'%]+", flat(source))
    plain = " ".join(re.findall(r"[\w'%]+", flat(text)))
    free = " ".join(re.findall(r"[\w'%]+", flat(spared)))
    for at in range(len(words) - length + 1):
        run = " ".join(words[at : at + length])
        if f" {run} " in f" {plain} " and f" {run} " not in f" {free} ":
            return run
    return None


def word_count(text: str) -> int:
    """Words as a reader counts them."""
    return len(re.findall(r"\S*\w\S*", text))


def invented(text: str, source: str, openers: Sequence[str], spared: Sequence[str] = ()) -> list[str]:
    """Numbers, times and names of a text that its source does not hold.

    A capital inside a sentence is a name; at its start it is one only when a verb of deciding
    or nothing follows and the word is none of `openers`. `spared`: phrases that count what was said.
    """
    body = re.sub(r"\[[^\]]*\?\]", "blank", text).translate(_QUOTES)
    for phrase in spared:
        body = re.sub(rf"\b{re.escape(phrase)}\b", " ", body, flags=re.I)
    plain, known = flat(body), flat(source)
    digits = set(_DIGITS.findall(known)) | {_SPELLED[word] for word in re.findall(r"[a-z]+", known) if word in _SPELLED}
    found = [one for one in _DIGITS.findall(plain) if one not in digits]
    found += [
        word for word in re.findall(r"[a-z]+", plain)
        if word in _SPELLED and word != "one" and not re.search(rf"\b{word}\b", known) and _SPELLED[word] not in digits
    ]
    found += [one for one in _TIMES.findall(plain) if one not in known]
    for sentence in _SENTENCE.split(body):
        words = re.findall(r"[\w'-]+", sentence)
        for at, word in enumerate(words):
            bare = re.sub(r"'s$", "", word)
            if not re.match(r"[A-ZÀ-Þ][\w'-]+$", bare) or re.search(rf"(?<!\w){re.escape(bare.casefold())}(?!\w)", known):
                continue
            if at == 0 and (bare.casefold() in openers or not (_acts(words[1:3]) or len(words) <= 2)):
                continue
            found.append(bare)
    return list(dict.fromkeys(found))


_ACTS = frozenset("decides decide owns signs approves takes calls picks chooses has will makes gets confirms says and answers by".split())


def _acts(following: Sequence[str]) -> bool:
    return bool(following) and following[0] in _ACTS


def decision_parts(text: str, patterns: dict[Part, tuple[str, ...]]) -> dict[Part, str]:
    """Which parts of a decision a text holds, each with the words that show it; a blank counts."""
    found: dict[Part, str] = {}
    plain = re.sub(r"\s+", " ", text).translate(_QUOTES)
    for part, shapes in patterns.items():
        for shape in shapes:
            match = _compiled(shape).search(plain)
            if match:
                found[part] = match[0]
                break
    return found


@lru_cache(maxsize=512)
def _compiled(shape: str) -> re.Pattern[str]:
    return re.compile(shape)
