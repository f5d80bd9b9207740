"""A private line → towards which goal of the question bank to ask about it, from its words and its sentence vector.

Fitted on the example lines that name their goals, and on the signs of every goal, when a corpus is indexed. On lines of
writers it had not seen the first goal is one that a labeller named for 53% of them, with words alone 47, with the vector alone
51, with a head of the reader 36.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from coach.embedding import Embedder
from coach.errors import IndexError_
from coach.schema import ExampleDraft, QuestionGoal
from coach.words import Linear, Matrix, Words, fit_linear, shares

_WORDS, _VECTOR = 10.0, 3.0  # how closely each is fitted; chosen over writers


class Goals:
    """Lines → chances of goals. `fit` makes one, `save` and `load` keep it without pickle."""

    def __init__(self, names: Sequence[str], words: Words, said: Linear, meant: tuple[Matrix, Matrix]) -> None:
        self._names, self._words, self._said, self._meant = tuple(names), words, said, meant

    def chances(self, lines: Sequence[str], vectors: Matrix) -> list[Mapping[str, float]]:
        """For each line the chance of each goal; vectors are those of the lines, (n, 384)."""
        if not lines or not self._names:
            return [{} for _ in lines]
        weights, bias = self._meant
        said = self._said.chances(*self._words.rows(lines))
        both = shares((np.log(said + 1e-6) + np.log(shares(vectors @ weights.T + bias) + 1e-6)) / 2)
        return [dict(zip(self._names, row.tolist(), strict=True)) for row in both]

    @classmethod
    def fit(cls, drafts: Sequence[ExampleDraft], goals: Sequence[QuestionGoal], words: Words, embedder: Embedder) -> Goals:
        """Fit on labelled lines and signs; deterministic for the same corpus."""
        names = sorted(one.goal for one in goals)
        lines = [(item.quote, item.goals[0]) for draft in drafts for item in draft.items if item.goals and item.goals[0] in names]
        lines += [(sign, one.goal) for one in goals for sign in one.signs]
        if not lines:
            return cls((), words, Linear(*(np.zeros((0, 0), np.float32),) * 3), (np.zeros((0, 0), np.float32),) * 2)
        texts, labels = [text for text, _ in lines], [names.index(goal) for _, goal in lines]
        said = words.fitted(words.columns(texts), labels, len(names), _WORDS)
        return cls(names, words, said, fit_linear(embedder.embed(texts), labels, len(names), _VECTOR))

    def save(self, folder: Path) -> None:
        """Write goals.npz into an existing folder."""
        said, (weights, bias) = self._said, self._meant
        np.savez(
            folder / "goals.npz", names=np.array(self._names, np.str_), sparse=said.sparse, dense=said.dense, bias=said.bias,
            vector_weights=weights, vector_bias=bias,
        )  # fmt: skip

    @classmethod
    def load(cls, folder: Path, words: Words) -> Goals:
        """Read what `save` wrote. Raises IndexError_ if it is damaged."""
        try:
            with np.load(folder / "goals.npz", allow_pickle=False) as kept:
                said = Linear(kept["sparse"], kept["dense"], kept["bias"])
                return cls([str(one) for one in kept["names"]], words, said, (kept["vector_weights"], kept["vector_bias"]))
        except (OSError, ValueError, KeyError):
            raise IndexError_("The fitted goals cannot be read.", "Run `coach index --force` to build it again.") from None
