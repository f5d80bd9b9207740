"""Text → the words and signals a linear model reads, and such a model; fitted when a corpus is indexed."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coach.schema import Signal
from coach.signals import Signals

Matrix = NDArray[np.float32]
Row = tuple[NDArray[np.int64], Matrix]  # the numbers of terms and their weights

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+|[$€£%?!]|->|→")


class Words:
    """Text → word and character n-grams of a fixed vocabulary, and dense signals."""

    def __init__(self, vocabulary: Sequence[str], weights: Matrix, signals: Sequence[Signal]) -> None:
        self.vocabulary = {term: number for number, term in enumerate(vocabulary)}
        self.weights = weights
        self._signals = Signals(signals)

    @staticmethod
    def terms(text: str) -> list[str]:
        """Words, word pairs and the character 4-grams inside words; digits count as one digit."""
        tokens = ["0" if token.isdigit() else token.lower().replace("’", "'") for token in _WORD.findall(text[:4000])]
        grams = [f"w:{token}" for token in tokens]
        grams += [f"p:{a} {b}" for a, b in pairwise(tokens)]
        for token in tokens:
            if len(token) > 4:
                padded = f"<{token}>"
                grams += [f"c:{padded[i:i + 4]}" for i in range(len(padded) - 3)]
        return grams

    @classmethod
    def learn(cls, texts: Iterable[str], signals: Sequence[Signal], at_least: int = 2) -> Words:
        """A vocabulary of the terms in at least this many texts, weighted by rarity."""
        seen: Counter[str] = Counter()
        total = 0
        for text in texts:
            seen.update(set(cls.terms(text)))
            total += 1
        vocabulary = sorted(term for term, count in seen.items() if count >= at_least)
        weights = np.array([math.log((1 + total) / (1 + seen[term])) + 1 for term in vocabulary], np.float32)
        return cls(vocabulary, weights, signals)

    def sparse(self, text: str) -> Row:
        """The term numbers of a text and their weights, of length 1 together."""
        counts = Counter([number for number in map(self.vocabulary.get, self.terms(text)) if number is not None])
        numbers = np.fromiter(sorted(counts), np.int64, len(counts))
        values = np.array([1 + math.log(counts[int(number)]) for number in numbers], np.float32)
        values = values * self.weights[numbers] if len(numbers) else values
        return numbers, values / max(float(np.linalg.norm(values)), 1e-9)

    def signals_of(self, text: str) -> list[str]:
        """The ids of the signals that a text shows."""
        return list(self._signals.shown(text))

    def dense(self, text: str) -> Matrix:
        """Signals and length as one row."""
        shown = set(self.signals_of(text))
        flags = [1.0 if name in shown else 0.0 for name in self._signals.names]
        return np.array([*flags, min(len(text.split()), 60) / 30], np.float32) * 0.7

    def rows(self, texts: Sequence[str]) -> tuple[list[Row], Matrix]:
        """Texts as what `Linear.chances` takes: the sparse rows, and the dense ones, (n, d)."""
        return [self.sparse(text) for text in texts], np.stack([self.dense(text) for text in texts])

    def columns(self, texts: Sequence[str]) -> Any:
        """The same as one scipy matrix, (n, terms + d), to fit on."""
        from scipy.sparse import csr_matrix, hstack  # slow, and needed only to fit

        rows, dense = self.rows(texts)
        lengths = np.cumsum([0, *[len(numbers) for numbers, _ in rows]])
        sparse = csr_matrix(
            (np.concatenate([values for _, values in rows]), np.concatenate([numbers for numbers, _ in rows]), lengths),
            shape=(len(texts), len(self.vocabulary)),
        )
        return hstack([sparse, csr_matrix(dense)]).tocsr()

    def fitted(self, columns: Any, labels: Sequence[int], classes: int, strength: float = 4.0) -> Linear:
        """A linear model of these labels on `columns`; deterministic. A class that no label names is never chosen."""
        known, (weights, bias) = len(self.vocabulary), fit_linear(columns, labels, classes, strength)
        return Linear(weights[:, :known].T.copy(), weights[:, known:].T.copy(), bias)


@dataclass(frozen=True)
class Linear:
    """Scores = sparse terms · `sparse` + dense row · `dense` + `bias`; (terms, c), (d, c), (c,)."""

    sparse: Matrix
    dense: Matrix
    bias: Matrix

    def chances(self, rows: Sequence[Row], dense: Matrix) -> Matrix:
        """Probabilities, (n, c)."""
        scores = dense @ self.dense + self.bias
        for row, (numbers, values) in enumerate(rows):
            if len(numbers):
                scores[row] += values @ self.sparse[numbers]
        return shares(scores)


def shares(scores: Matrix) -> Matrix:
    """Scores as chances that add up to 1 in each row."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def fit_linear(columns: Any, labels: Sequence[int], classes: int, strength: float) -> tuple[Matrix, Matrix]:
    """Weights (classes, columns) and bias (classes,) of a logistic regression; a class without a label is never chosen."""
    from sklearn.linear_model import LogisticRegression  # slow, and needed only to fit

    known = sorted(set(labels))
    # A corpus of one's own may lack a room, a goal or anything private; that then has no words of its own.
    weights, bias = np.zeros((classes, columns.shape[1]), np.float32), np.full(classes, -9.0, np.float32)
    if len(known) < 2:
        bias[known] = 0.0
        return weights, bias
    model = LogisticRegression(C=strength, max_iter=400, tol=1e-3, random_state=0).fit(columns, labels)
    two = len(known) == 2  # then there is one row, which speaks for the second
    weights[known] = np.concatenate([-model.coef_, model.coef_]) / 2 if two else model.coef_
    bias[known] = np.concatenate([-model.intercept_, model.intercept_]) / 2 if two else model.intercept_
    return weights, bias
