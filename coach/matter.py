"""An item → what it is about, in a few of its own words, for a question to begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from coach.schema import Side
from coach.spelling import spelled

_LEAST, _MOST, _BEST = 5, 16, 9  # words
_LEAD = re.compile(
    r"(?:(?:so|and|but|plus|also|oh|ok|okay|well|anyway|because|though|then|now|honestly|frankly|ps|p\.s\.)\b[,:.…]*\s+|[-*•(]\s*|<\w+>\s*|\d{1,2}[.)]\s+)+", re.I
)
_WANTS_MORE = re.compile(
    r"\b(?:a|an|the|of|to|for|from|with|by|at|into|than|as|if|unless|until|because|since|while|how|why|which|who|whose|what|when|where|whether|my|our|your|his|"
    r"her|their|its|is|are|was|were|be|been|has|have|had|will|would|can|could|should|must|not|no|or|and|but|nor|either|about|it|that|this|them|him)$",
    re.I,
)
_OF_ANOTHER = re.compile(
    r"(?:he|she|they|it|that|this|these|those|there|which|who|what|his|her|their|its|him|them|of|than|or|to|who's|if|unless|as)(?:['’]\w+)?\b", re.I
)
_NO_MATTER = re.compile(
    r"(?:please|don['’]?t|do not|let|stop|never|just|only|in front|before|after|from|at|on|in|by|with|without|for|of|anything|nothing|not)\b|"
    r"[^,;]{0,40}\b(?:not|never|n['’]t|cannot|can['’]?t|won['’]?t) (?:going to|asking|saying|looking|here|about)\b",
    re.I,
)
_THIRD = re.compile(r"\b(?:he|she|his|her|him|hers|they|their|them)\b", re.I)
_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"), ("«", "»"))


def matter(
    draft: str,
    clauses: Sequence[tuple[int, int, float]],
    names: Sequence[str],
    side: Side,
    fillers: re.Pattern[str],
    spellings: Mapping[str, str],
) -> str:
    """An item's matter in a few of its own words; empty where no clause of it can stand alone.

    clauses: start, end and weight of each clause of the item, in order; neighbours may be joined. names: the people it
    names, of whom a manager does not speak to the one that is asked.
    """
    best: tuple[float, str] = (0.0, "")
    for first in range(len(clauses)):
        for last in range(first, min(first + 3, len(clauses))):
            start, end = clauses[first][0], clauses[last][1]
            lead = _LEAD.match(draft, start, end)
            words = spelled(fillers.sub("", draft[lead.end() if lead else start : end]), spellings)
            words = words.strip(" \t\n,;:.!–—-|…)")
            count = len(words.split())
            if not _LEAST <= count <= _MOST or not _stands_alone(words):
                continue
            if side == "manager" and (_THIRD.search(words) or any(name in words for name in names)):
                continue
            weight = sum(one[2] for one in clauses[first : last + 1]) / (last - first + 1)
            # The first words of an item mostly name its matter; what comes later hangs on them.
            score = 1 + weight + 0.1 * bool(re.search(r"\d", words)) - 0.02 * abs(count - _BEST) - 0.15 * first
            if score > best[0]:
                best = (score, words)
    words = best[1]
    return words[0].upper() + words[1:] if re.match(r"[a-z]+(?:['’]\w+)?(?:\s|$)", words) else words


def _stands_alone(words: str) -> bool:
    if _OF_ANOTHER.match(words) or _NO_MATTER.match(words) or _WANTS_MORE.search(words) or re.search(r"[?|:\n]|[.!…]\s", words):
        return False
    return all(words.count(a) == words.count(b) for a, b in _PAIRS) and words.count('"') % 2 == 0
