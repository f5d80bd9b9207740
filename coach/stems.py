"""Words → stems, from any thread: the stemmer keeps its word in itself, so every thread has one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache

import snowballstemmer

_OWN = threading.local()


def stems(words: Sequence[str]) -> list[str]:
    """The English stems of these lower-case words, in their order."""
    return [_stem(word) for word in words]


@lru_cache(maxsize=20_000)  # a playbook says the same few thousand words over and over
def _stem(word: str) -> str:
    if not hasattr(_OWN, "stemmer"):
        _OWN.stemmer = snowballstemmer.stemmer("english")
    return str(_OWN.stemmer.stemWord(word))
