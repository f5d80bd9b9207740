"""Everything that can go wrong, as one tree.

CoachError                  one line for a person, and what to do about it
├── DraftError              the draft cannot be read: empty, too long, not text
├── UploadError             an uploaded or named file cannot be read as a draft
├── OptionError             an option or setting has a value that cannot be used
├── CorpusError             a data file is wrong; carries path, line and column
├── IndexError_             the playbook index cannot be built or opened
│   └── ChromaUnreachable   a Chroma server was asked for and does not answer
├── EmbeddingError          the embedding file is missing or is not the one we know
├── ModelError              a language model cannot be reached, or answers with nothing usable
├── WeightsError            an on-device model's file is missing, broken, or cannot be served
└── OutputError             a result cannot be written where it was asked for
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "ChromaUnreachable",
    "CoachError",
    "CorpusError",
    "DraftError",
    "EmbeddingError",
    "IndexError_",
    "ModelError",
    "OptionError",
    "OutputError",
    "UploadError",
    "WeightsError",
]


class CoachError(Exception):
    """A failure a person can act on: `what` happened, and `fix`, what to do now.

    Neither text ever holds words of a draft: both may be printed, logged and shown.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}")
        self.what = what
        self.fix = fix


class DraftError(CoachError):
    """The draft cannot be read."""


class UploadError(CoachError):
    """A file cannot be read as a draft."""


class OptionError(CoachError):
    """An option or a setting has a value that cannot be used."""


class CorpusError(CoachError):
    """A data file is wrong at a known place (line and column count from 1)."""

    def __init__(self, path: Path | str, line: int, column: int, what: str, fix: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {what}", fix)
        self.path = Path(path)
        self.line = line
        self.column = column


class IndexError_(CoachError):
    """The playbook index cannot be built or opened."""


class ChromaUnreachable(IndexError_):
    """A Chroma server was asked for and does not answer."""


class EmbeddingError(CoachError):
    """The embedding file is missing, or is not the one we know."""


class ModelError(CoachError):
    """A language model cannot be reached, or answers with nothing usable.

    kind: a word for the failure, such as `refused connection`. stops: whether the next call would fail in the
    same way, so that none is made. Neither text holds what was sent or what came back.
    """

    def __init__(self, kind: str, what: str, fix: str, stops: bool = True) -> None:
        super().__init__(what, fix)
        self.kind = kind
        self.stops = stops


class WeightsError(CoachError):
    """An on-device model's file is missing, broken, or cannot be served."""


class OutputError(CoachError):
    """A result cannot be written where it was asked for."""
