"""How many threads the matrix library may use: one, while a draft is read.

The matrices of a draft are small. Two threads on one of them wait for each other and take the core
on which a model runs; on a busy machine that wait is longer than the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_LOCK = Lock()
_inside = 0
_limit: Any = None


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_thread() -> Iterator[None]:
    """One matrix thread for this process, until the last of those who asked for it is done; then as it was."""
    global _inside, _limit
    with _LOCK:
        _inside += 1
        if _inside == 1:
            _limit = _libraries().limit(limits=1)
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()
