"""Units → items → rooms, with models fitted on the corpus examples.

Three small linear models: where a new item starts, which clause is private, and which room an
item goes to. They are fitted with scikit-learn when the corpus is indexed and run on NumPy, so
that an answer needs no more than a few dot products. Whatever else speaks about a room later may
make an item more private, never less.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coach.errors import IndexError_
from coach.schema import ROOMS, ExampleDraft, Room, Signal
from coach.segment import Block, Unit, blocks, units

Matrix = NDArray[np.float32]


class Embeds(Protocol):
    """Anything that turns texts into rows of length 1."""

    def embed(self, texts: Sequence[str]) -> Matrix: ...


# How sure the models must be. Fitted nothing here: chosen on cross-validated corpus drafts so that
# a private clause is let through far less often than a public one is held back.
PRIVATE_AT = 0.4
SURE_AT = 0.75
SPLIT_AT = 0.4
SAID_PRIVATE = 0.95  # the chance given to a clause with words that are private in any draft

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+|[$€£%?!]|->|→")


class Words:
    """Text → word and character n-grams of a fixed vocabulary, and dense signals."""

    def __init__(self, vocabulary: Sequence[str], weights: Matrix, signals: Sequence[Signal]) -> None:
        self.vocabulary = {term: number for number, term in enumerate(vocabulary)}
        self.weights = weights
        self._signals = [
            (
                one.id,
                [re.compile(pattern, re.I) for pattern in one.patterns],
                [re.compile(pattern, re.I) for pattern in one.unless],
            )
            for one in signals
        ]

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

    def sparse(self, text: str) -> tuple[NDArray[np.int64], Matrix]:
        """The term numbers of a text and their weights, of length 1 together."""
        counts = Counter(number for term in self.terms(text) if (number := self.vocabulary.get(term)) is not None)
        numbers = np.fromiter(sorted(counts), np.int64, len(counts))
        values = np.array([1 + math.log(counts[int(number)]) for number in numbers], np.float32)
        values = values * self.weights[numbers] if len(numbers) else values
        return numbers, values / max(float(np.linalg.norm(values)), 1e-9)

    def signals_of(self, text: str) -> list[str]:
        """The ids of the signals that a text shows."""
        shown = []
        for name, patterns, unless in self._signals:
            if any(p.search(text) for p in patterns) and not any(p.search(text) for p in unless):
                shown.append(name)
        return shown

    def dense(self, text: str, vector: Matrix) -> Matrix:
        """Signals, length and the sentence vector as one row."""
        shown = set(self.signals_of(text))
        flags = [1.0 if name in shown else 0.0 for name, _, _ in self._signals]
        length = min(len(text.split()), 60) / 30
        return np.concatenate([np.array([*flags, length], np.float32) * 0.7, vector * 2.0])


@dataclass(frozen=True)
class Linear:
    """Scores = sparse terms · `sparse` + dense row · `dense` + `bias`; (terms, c), (d, c), (c,)."""

    sparse: Matrix
    dense: Matrix
    bias: Matrix

    def scores(self, rows: Sequence[tuple[NDArray[np.int64], Matrix]], dense: Matrix) -> Matrix:
        out = dense @ self.dense + self.bias
        for row, (numbers, values) in enumerate(rows):
            if len(numbers):
                out[row] += values @ self.sparse[numbers]
        return np.asarray(out, np.float32)

    def chances(self, rows: Sequence[tuple[NDArray[np.int64], Matrix]], dense: Matrix) -> Matrix:
        """Probabilities, (n, c); for one column, of yes."""
        scores = self.scores(rows, dense)
        if scores.shape[1] == 1:
            return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))), np.float32)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True), np.float32)


_OPENERS = (
    "and but so because since which unless either or that that's thats it it's its this these those they he she his her "
    "i i'm i've my we our you the a an also plus oh okay ok uh um separately finally otherwise while though not no nothing "
    "if when who what why how need needs proposal decision either's same again twice second third maybe please in on for with "
    "to from at there there's once until then now still"
).split()
_CUTS = ("sentence", "line", "semicolon", "dash", "ellipsis", "colon", "connective", "comma")
_RISKY = re.compile(r"\b(?:either|or|unless|need|decide|sign|propose|option)\b", re.I)


def _edge_row(
    text: str, left: Unit, right: Unit, kind: str, between: Sequence[float], vectors: tuple[Matrix, Matrix]
) -> list[float]:
    """What the item-start model sees of the place between two units."""
    words = text[right.start : right.end].lower().replace("’", "'").split()
    first = words[0].strip(",.:;\"'") if words else ""
    second = words[1].strip(",.:;\"'") if len(words) > 1 else ""
    a, b = text[left.start : left.end], text[right.start : right.end]
    glue = text[left.end : right.start]
    row = [1.0 if right.cut == cut else 0.0 for cut in _CUTS]
    row += [1.0 if first == opener else 0.0 for opener in _OPENERS]
    row += [1.0 if second == opener else 0.0 for opener in _OPENERS]
    row += [1.0 if kind == one else 0.0 for one in ("bullet", "prose", "chat")]
    row += [
        min(len(a.split()), 30) / 15,
        min(len(words), 30) / 15,
        1.0 if len(words) < 4 else 0.0,
        1.0 if len(a.split()) < 4 else 0.0,
        1.0 if re.search(r"\d", a) else 0.0,
        1.0 if re.search(r"\d", b) else 0.0,
        1.0 if _RISKY.search(a) else 0.0,
        1.0 if _RISKY.search(b) else 0.0,
        1.0 if b[:1].isupper() else 0.0,
        1.0 if a.rstrip().endswith("?") else 0.0,
        1.0 if b.rstrip().endswith("?") else 0.0,
        1.0 if ":" in b[:40] else 0.0,
        1.0 if "\n" in glue else 0.0,
        1.0 if re.match(r"(?:uh|um|oh|okay|ok|also|plus|next|separately)\b", b, re.I) else 0.0,
        float(vectors[0] @ vectors[1]) * 2,
        *_ties(a, b),
        *between,
        *[float(x) for vector in (vectors[0], vectors[1], vectors[0] * vectors[1] * 5) for x in vector],
    ]
    return row


_POINTS_BACK = re.compile(
    r"\b(?:it|that|this|they|them|he|she|his|her|their|its|these|those|which|there|then|instead|otherwise|both|either|same|one|neither)\b"
)
_SETTLED = re.compile(
    r"\b(?:done|closed|met|passed|fine|signed|over|delivered|complete|promised|target|goal|we said|ahead|no longer|any (?:more|longer)|budget)\b", re.I
)
_WEIGHS = re.compile(r"\b(?:either|unless|or we|otherwise|so|if|need|would|could|should|decide|without)\b", re.I)
_MINE = re.compile(r"\b(?:I|my|me)\b")


def _ties(left: str, right: str) -> list[float]:
    """What binds two neighbours or parts them: shared words, words that point back, who speaks."""
    a, b = ({word[:5] for word in re.findall(r"[a-z]{4,}", one.lower())} for one in (left, right))
    first = " ".join(right.lower().split()[:5])
    return [
        3 * len(a & b) / (1 + min(len(a), len(b))),
        1.0 if a & b else 0.0,
        1.0 if _POINTS_BACK.search(first) else 0.0,
        1.0 if _SETTLED.search(left) else 0.0,
        1.0 if _WEIGHS.search(right) else 0.0,
        1.0 if _WEIGHS.search(left) else 0.0,
        float(bool(_MINE.search(right))) - float(bool(_MINE.search(left))),
    ]


def _between(left: Matrix, right: Matrix, p_left: float, p_right: float) -> list[float]:
    """How differently two neighbours would be judged: their privacy and their rooms."""
    return [
        abs(p_left - p_right) * 2,
        max(p_left, p_right),
        min(p_left, p_right),
        float(np.abs(left - right).sum()),
        *[float(x) for x in (left * right)],
        *[float(x) for x in right],
    ]


_ABOUT_THE_LAST = re.compile(r"(?:who|whom|whose)\b(?! (?:owns|decides|takes|is going|should|will|can)\b)", re.I)
_NO_TERMS = (np.zeros(0, np.int64), np.zeros(0, np.float32))


def _length(text: str, one: Judged) -> int:
    return len(text[one.unit.start : one.unit.end].split())


@dataclass(frozen=True)
class Judged:
    """A unit with its sentence vector, its chance of being private and of each room."""

    unit: Unit
    vector: Matrix
    private: float
    rooms: Matrix


@dataclass(frozen=True)
class Verdict:
    """A room with how sure the model is, 0 to 1, and the signals that speak for it."""

    room: Room
    confidence: float
    chances: Matrix
    signals: tuple[str, ...]


class Router:
    """The fitted models. `fit` makes one from examples, `save` and `load` keep it without pickle."""

    def __init__(self, words: Words, private: Linear, room: Linear, edge: Linear, signals: Sequence[Signal]) -> None:
        self._words, self._private, self._room, self._edge = words, private, room, edge
        self._given = tuple(signals)

    # --- use -----------------------------------------------------------------------------------

    def judge(self, text: str, found: Sequence[Block], parts: Sequence[Unit], embedder: Embeds) -> tuple[Judged, ...]:
        """Every unit with its chances, each seen together with what stands around it."""
        texts = [text[unit.start : unit.end] for unit in parts]
        vectors = embedder.embed(texts)
        rows, dense = self._rows(texts, vectors)
        if not texts:
            return ()
        rooms = self._room.chances(rows, _beside(dense, vectors))
        around = _around(parts, rows, dense)
        private = [max(float(one), self._floor(texts[n])) for n, one in enumerate(self._private.chances(rows, around)[:, 0])]
        for n in reversed(range(1, len(parts))):
            if parts[n].block == parts[n - 1].block and _ABOUT_THE_LAST.match(texts[n]):
                private[n - 1] = max(private[n - 1], private[n])  # who it is about is as private as what it says
        return tuple(Judged(unit, vectors[n], private[n], rooms[n]) for n, unit in enumerate(parts))

    def _floor(self, text: str) -> float:
        """What words that are private in any draft add to the model's judgement; never takes away."""
        return SAID_PRIVATE if any(name.startswith("always_private.") for name in self._words.signals_of(text)) else 0.0

    def starts(self, text: str, found: Sequence[Block], judged: Sequence[Judged]) -> tuple[bool, ...]:
        """For each unit whether a new item starts with it."""
        out: list[bool] = []
        for n, one in enumerate(judged):
            if n == 0 or one.unit.cut == "block" or judged[n - 1].unit.block != one.unit.block:
                out.append(True)
                continue
            left = judged[n - 1]
            if (one.unit.cut == "colon" and _length(text, left) <= 4) or _ABOUT_THE_LAST.match(text, one.unit.start):
                out.append(False)  # a label belongs to what it labels, a relative clause to its person
                continue
            row = _edge_row(
                text, left.unit, one.unit, found[one.unit.block].kind,
                _between(left.rooms, one.rooms, left.private, one.private), (left.vector, one.vector),
            )
            dense = np.array([row], np.float32)
            chance = float(self._edge.chances([_NO_TERMS], dense)[0, 0])
            # A private clause next to a public one is cut off even where the models would join
            # them: what is whole cannot be half shown.
            apart = abs(left.private - one.private) > 0.55 and min(_length(text, left), _length(text, one)) >= 4
            out.append(chance >= SPLIT_AT or apart)
        return tuple(out)

    def rooms_of(self, items: Sequence[str], private: Sequence[float], embedder: Embeds) -> list[Verdict]:
        """The rooms of a draft's items in order; `private` is the highest chance among each one's clauses."""
        vectors = embedder.embed(items)
        rows, dense = self._rows(items, vectors)
        if not items:
            return []
        chances = self._room.chances(rows, _beside(dense, vectors))
        return [self._verdict(item, chances[n].copy(), private[n]) for n, item in enumerate(items)]

    def _verdict(self, item: str, chances: Matrix, private: float) -> Verdict:
        best = ROOMS[int(chances.argmax())]
        shown = tuple(self._words.signals_of(item))
        alone = float(chances[0])
        if best == "okr_doc" and any(name.startswith("always_review.") for name in shown):
            # What will not come, or waits, is put to the room even when no choice is offered yet.
            best = "okr_review"
            chances[ROOMS.index(best)] = chances.max() + 0.01
            chances /= chances.sum()
        if best != "one_on_one" and (private >= SURE_AT or (private >= PRIVATE_AT and alone >= 0.12)):
            # Monotone: a clause that may be private pulls the item into the private room.
            chances[0] = max(float(chances[0]), private, 0.5)
            chances /= chances.sum()
            best = "one_on_one"
        return Verdict(best, float(chances[ROOMS.index(best)]), chances, shown)

    def _rows(self, texts: Sequence[str], vectors: Matrix) -> tuple[list[tuple[NDArray[np.int64], Matrix]], Matrix]:
        rows = [self._words.sparse(text) for text in texts]
        dense = [self._words.dense(text, vectors[n]) for n, text in enumerate(texts)]
        return rows, np.array(dense, np.float32) if dense else np.zeros((0, 1), np.float32)

    # --- fit and keep --------------------------------------------------------------------------

    @classmethod
    def fit(
        cls,
        drafts: Sequence[ExampleDraft],
        signals: Sequence[Signal],
        embedder: Embeds,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Router:
        """Fit the three models on labelled drafts; deterministic for the same corpus."""
        taught = _Lessons(drafts, embedder, progress)
        words = Words.learn([*taught.unit_texts, *taught.item_texts], signals)
        return taught.fit(cls, words, signals)

    def save(self, folder: Path) -> None:
        """Write router.npz and router.json into an existing folder."""
        arrays: dict[str, Any] = {"weights": self._words.weights}
        for name, model in (("private", self._private), ("room", self._room), ("edge", self._edge)):
            arrays |= {f"{name}_sparse": model.sparse, f"{name}_dense": model.dense, f"{name}_bias": model.bias}
        np.savez(folder / "router.npz", **arrays)
        with (folder / "router.json").open("w", encoding="utf-8") as file:
            json.dump(
                {
                    "vocabulary": list(self._words.vocabulary),
                    "signals": [one.model_dump(mode="json") for one in self._given],
                },
                file,
            )

    @classmethod
    def load(cls, folder: Path) -> Router:
        """Read what `save` wrote. Raises IndexError_ if it is damaged."""
        try:
            data = json.loads((folder / "router.json").read_text("utf-8"))
            signals = [Signal.model_validate(one) for one in data["signals"]]
            with np.load(folder / "router.npz", allow_pickle=False) as arrays:
                models = [
                    Linear(arrays[f"{name}_sparse"], arrays[f"{name}_dense"], arrays[f"{name}_bias"])
                    for name in ("private", "room", "edge")
                ]
                words = Words(data["vocabulary"], arrays["weights"], signals)
        except (OSError, ValueError, KeyError):
            raise IndexError_(
                "The fitted router cannot be read.", "Run `coach index --force` to build it again."
            ) from None
        return cls(words, models[0], models[1], models[2], signals)


def _beside(dense: Matrix, vectors: Matrix) -> Matrix:
    """Each dense row with the sentence vectors of the one before and the one after it (zeros at the ends)."""
    before, after = np.zeros_like(vectors), np.zeros_like(vectors)
    before[1:], after[:-1] = vectors[:-1] * 0.5, vectors[1:] * 0.5
    return np.concatenate([dense, before, after], axis=1)


def _around(parts: Sequence[Unit], rows: Sequence[Any], dense: Matrix) -> Matrix:
    """Each unit's dense row, then those of its neighbours in the same block (zeros outside)."""
    width = dense.shape[1]
    out = np.zeros((len(dense), width * 3), np.float32)
    out[:, :width] = dense
    for n in range(len(dense)):
        if n and parts[n - 1].block == parts[n].block:
            out[n, width : 2 * width] = dense[n - 1] * 0.5
        if n + 1 < len(dense) and parts[n + 1].block == parts[n].block:
            out[n, 2 * width :] = dense[n + 1] * 0.5
    return out


class _Lessons:
    """The labelled drafts cut into units, aligned with their labels."""

    def __init__(
        self, drafts: Sequence[ExampleDraft], embedder: Embeds, progress: Callable[[str, int, int], None] | None
    ) -> None:
        self.embedder = embedder
        self.progress = progress
        self.drafts: list[tuple[ExampleDraft, tuple[Block, ...], tuple[Unit, ...], list[int]]] = []
        self.unit_texts: list[str] = []
        self.unit_private: list[int] = []
        self.unit_group: list[int] = []
        self.item_texts: list[str] = []
        self.item_room: list[int] = []
        self.item_group: list[int] = []
        for number, draft in enumerate(drafts):
            self._add(draft, number)

    def _add(self, draft: ExampleDraft, number: int) -> None:
        text = draft.text
        found = blocks(text)
        parts = units(text, found)
        spans = []
        for item in draft.items:
            start = text.find(item.quote)
            spans.append((start, start + len(item.quote), item))
            self.item_texts.append(item.quote)
            self.item_room.append(ROOMS.index(item.room))
            self.item_group.append(number)
        owner: list[int] = []
        for unit in parts:
            shares = [max(0, min(unit.end, b) - max(unit.start, a)) for a, b, _ in spans]
            best = int(np.argmax(shares)) if shares else 0
            mine = bool(shares) and shares[best] >= 0.5 * (unit.end - unit.start)
            owner.append(best if mine else -1)
            private = 0
            if mine:
                item = spans[best][2]
                hidden = [(text.find(words), text.find(words) + len(words)) for words in item.private_spans]
                touched = any(min(unit.end, b) - max(unit.start, a) > 0.4 * min(unit.end - unit.start, b - a) for a, b in hidden)
                private = int(touched or (item.private and item.room == "one_on_one"))
            self.unit_texts.append(text[unit.start : unit.end])
            self.unit_private.append(private)
            self.unit_group.append(number)
        self.drafts.append((draft, found, parts, owner))

    def _embed(self, texts: Sequence[str]) -> Matrix:
        """All vectors of these texts, once each: together they are more than the embedder remembers."""
        unique = list(dict.fromkeys(texts))
        parts = []
        for at in range(0, len(unique), 200):
            parts.append(self.embedder.embed(unique[at : at + 200]))
            if self.progress:
                self.progress("reading examples", min(at + 200, len(unique)), len(unique))
        place = {text: n for n, text in enumerate(unique)}
        return np.concatenate(parts)[[place[text] for text in texts]]

    def _beside_each(self, vectors: Matrix, groups: Sequence[int], dense: Matrix) -> Matrix:
        """`_beside` draft by draft, so that no neighbour comes from another draft."""
        numbers = np.array(groups)
        return np.concatenate([_beside(dense[numbers == g], vectors[numbers == g]) for g in dict.fromkeys(groups)])

    def fit(self, make: Callable[..., Router], words: Words, signals: Sequence[Signal]) -> Router:
        from scipy.sparse import csr_matrix, hstack  # slow, and needed only to fit
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GroupKFold

        def table(texts: Sequence[str], vectors: Matrix) -> tuple[list[Any], Any, Matrix]:
            rows = [words.sparse(text) for text in texts]
            dense = np.array([words.dense(text, vectors[n]) for n, text in enumerate(texts)], np.float32)
            lengths = np.cumsum([0, *[len(numbers) for numbers, _ in rows]])
            sparse = csr_matrix(
                (
                    np.concatenate([values for _, values in rows]),
                    np.concatenate([numbers for numbers, _ in rows]),
                    lengths,
                ),
                shape=(len(texts), len(words.vocabulary)),
            )
            return rows, sparse, dense

        def solve(sparse: Any, dense: Matrix, labels: Any, strength: float, weights: Any = None) -> Linear:
            wide = sparse.shape[1] if sparse is not None else 0
            features = hstack([sparse, csr_matrix(dense)]).tocsr() if wide else dense
            model = LogisticRegression(C=strength, max_iter=400, tol=1e-3, random_state=0)
            model.fit(features, labels, sample_weight=weights)
            coefficients = np.asarray(model.coef_, np.float32)
            bias = np.asarray(model.intercept_, np.float32)
            return Linear(coefficients[:, :wide].T.copy(), coefficients[:, wide:].T.copy(), bias)

        both = self._embed([*self.unit_texts, *self.item_texts])  # many an item is a single unit
        vectors, item_vectors = both[: len(self.unit_texts)], both[len(self.unit_texts) :]
        unit_rows, unit_sparse, unit_dense = table(self.unit_texts, vectors)
        _, item_sparse, item_dense = table(self.item_texts, item_vectors)
        unit_beside = self._beside_each(vectors, self.unit_group, unit_dense)
        item_beside = self._beside_each(item_vectors, self.item_group, item_dense)
        # Block numbers start again in every draft; keep neighbours of different drafts apart.
        shifted = []
        for number, (_, _, mine, _) in enumerate(self.drafts):
            shifted += [Unit(u.start, u.end, number * 100_000 + u.block, u.cut) for u in mine]
        around = _around(shifted, unit_rows, unit_dense)
        unit_private = np.array(self.unit_private)
        item_room = np.array(self.item_room)
        unit_groups, item_groups = np.array(self.unit_group), np.array(self.item_group)

        # A unit teaches the room too: pieces of items are what the item-start model asks about.
        owned = [
            (n, draft.items[which].room)
            for n, (draft, which) in enumerate(
                (draft, which) for draft, _, _, owner in self.drafts for which in owner
            )
            if which >= 0
        ]
        owned_rows = np.array([n for n, _ in owned])
        owned_room = np.array([ROOMS.index(room) for _, room in owned])

        def fit_room(items: Any, pieces: Any) -> Linear:
            from scipy.sparse import vstack

            return solve(
                vstack([item_sparse[items], unit_sparse[owned_rows[pieces]]]).tocsr(),
                np.vstack([item_beside[items], unit_beside[owned_rows[pieces]]]),
                np.concatenate([item_room[items], owned_room[pieces]]),
                6.0,
                np.concatenate([np.ones(len(items)), np.full(len(pieces), 0.05)]),
            )

        def fit_private(which: Any) -> Linear:
            return solve(unit_sparse[which], around[which], unit_private[which], 1.0)

        # The item-start model must see judgements of drafts that the other two did not learn from.
        p_private = np.zeros(len(unit_private), np.float32)
        p_room = np.zeros((len(unit_private), len(ROOMS)), np.float32)
        folds = GroupKFold(n_splits=min(4, len(self.drafts)))
        for seen, held in folds.split(unit_dense, unit_private, unit_groups):
            groups = set(unit_groups[seen])
            items = np.array([n for n, g in enumerate(item_groups) if g in groups])
            pieces = np.array([n for n, r in enumerate(owned_rows) if unit_groups[r] in groups])
            rows = [unit_rows[n] for n in held]
            p_private[held] = fit_private(seen).chances(rows, around[held])[:, 0]
            p_room[held] = fit_room(items, pieces).chances(rows, unit_beside[held])
        edge_rows, edge_labels = [], []
        at = 0
        for draft, found, mine, owner in self.drafts:
            for n, unit in enumerate(mine):
                if n and unit.cut != "block" and mine[n - 1].block == unit.block:
                    i = at + n
                    edge_rows.append(
                        _edge_row(
                            draft.text, mine[n - 1], unit, found[unit.block].kind,
                            _between(p_room[i - 1], p_room[i], float(p_private[i - 1]), float(p_private[i])),
                            (vectors[i - 1], vectors[i]),
                        )
                    )
                    edge_labels.append(int(owner[n] != owner[n - 1] or owner[n] < 0))
            at += len(mine)
        edge = solve(None, np.array(edge_rows, np.float32), np.array(edge_labels), 0.3)
        everything = np.arange(len(item_room))
        return make(
            words,
            fit_private(np.arange(len(unit_private))),
            fit_room(everything, np.arange(len(owned_rows))),
            Linear(np.zeros((1, 1), np.float32), edge.dense, edge.bias),
            signals,
        )
