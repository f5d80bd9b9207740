"""Texts of a model that the guards took, kept for the next time the same line is prepared; readable by their owner alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

KEPT = 2000  # texts; the oldest go first


class Accepted:
    """A folder of accepted texts. A text is found again only by exactly what it was asked with."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "accepted"

    def get(self, parts: Sequence[str]) -> str | None:
        """The text that was accepted for these parts, or None."""
        try:
            text = json.loads(self._path(parts).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return text if isinstance(text, str) else None

    def put(self, parts: Sequence[str], text: str) -> None:
        """Keep a text; a disk that refuses costs the next call, not this one."""
        path = self._path(parts)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            rough = path.with_suffix(f".{os.getpid()}")
            with open(os.open(rough, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump(text, file)
            os.replace(rough, path)
            every = sorted(self._folder.glob("*.json"), key=lambda one: one.stat().st_mtime)
            for old in every[:-KEPT]:
                old.unlink(missing_ok=True)
        except OSError:
            pass

    def _path(self, parts: Sequence[str]) -> Path:
        # A digest for a name: it gives nothing of the line away.
        return self._folder / f"{hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()}.json"
