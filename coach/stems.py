"""Words → stems, from any thread: the stemmer keeps its word in itself, so every thread has one."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import snowballstemmer

_OWN = threading.local()


def stems(words: Sequence[str]) -> list[str]:
    """The English stems of these lower-case words, in their order."""
    if not hasattr(_OWN, "stemmer"):
        _OWN.stemmer = snowballstemmer.stemmer("english")
    return [str(stem) for stem in _OWN.stemmer.stemWords(list(words))]
