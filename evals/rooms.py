"""Which way of choosing a room is best: the same items, judged by models that have not seen their writers.

    python evals/rooms.py            # the held-out drafts; nothing there was ever learned from
    python evals/rooms.py --folds    # and five folds over the writers of the corpus, for what is quick to fit

Items are taken as labelled, so that only the room is measured. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from coach.blocks import blocks
from coach.embedding import Embedder
from coach.reader import Reader
from coach.resources import load_corpus, load_labelled, load_signals
from coach.route import Router, Words
from coach.schema import ROOMS, ExampleDraft, ExampleItem

ROOT = Path(__file__).resolve().parent.parent
Table = NDArray[np.float64]
Way = Callable[[Sequence[ExampleDraft], Sequence[ExampleDraft]], Table]
SIGNALS = load_signals()
EMBEDDER = Embedder()


def items_of(drafts: Sequence[ExampleDraft]) -> list[ExampleItem]:
    return [item for draft in drafts for item in draft.items]


def rooms_of(drafts: Sequence[ExampleDraft]) -> NDArray[np.int64]:
    return np.array([ROOMS.index(item.room) for item in items_of(drafts)])


def word_table(words: Words, drafts: Sequence[ExampleDraft]) -> csr_matrix:
    rows = [words.sparse(item.quote) for item in items_of(drafts)]
    ends = np.cumsum([0, *[len(numbers) for numbers, _ in rows]])
    sparse = csr_matrix(
        (np.concatenate([v for _, v in rows]), np.concatenate([n for n, _ in rows]), ends), shape=(len(rows), len(words.vocabulary))
    )
    return hstack([sparse, csr_matrix(np.stack([words.dense(item.quote) for item in items_of(drafts)]))]).tocsr()


def vectors_of(drafts: Sequence[ExampleDraft]) -> Table:
    """Each item's sentence vector with those of its neighbours in the draft."""
    out = []
    for draft in drafts:
        mine = EMBEDDER.embed([item.quote for item in draft.items])
        none = np.zeros_like(mine[:1])
        out.append(np.hstack([2 * mine, np.vstack([none, mine[:-1]]) * 0.5, np.vstack([mine[1:], none]) * 0.5]))
    return np.vstack(out)


def nearest(taught: Sequence[ExampleDraft], asked: Sequence[ExampleDraft], k: int = 15) -> Table:
    """Votes of the 15 most alike example items, by sentence vector."""
    known, rooms = EMBEDDER.embed([item.quote for item in items_of(taught)]), rooms_of(taught)
    out = np.full((len(items_of(asked)), len(ROOMS)), 1e-3)
    for row, vector in enumerate(EMBEDDER.embed([item.quote for item in items_of(asked)])):
        likeness = known @ vector
        for number in np.argpartition(-likeness, k)[:k]:
            out[row, rooms[number]] += max(0.0, float(likeness[number])) ** 2
    return out / out.sum(axis=1, keepdims=True)


def linear(with_vectors: bool) -> Way:
    """Logistic regression on words, characters and signals, with or without sentence vectors."""

    def way(taught: Sequence[ExampleDraft], asked: Sequence[ExampleDraft]) -> Table:
        words = Words.learn([item.quote for item in items_of(taught)], SIGNALS)
        tables = [word_table(words, drafts) for drafts in (taught, asked)]
        if with_vectors:
            tables = [hstack([t, csr_matrix(vectors_of(d))]).tocsr() for t, d in zip(tables, (taught, asked), strict=True)]
        model = LogisticRegression(C=4.0, max_iter=400, tol=1e-3).fit(tables[0], rooms_of(taught))
        return np.asarray(model.predict_proba(tables[1]))

    return way


def read(mixed: bool) -> Way:
    """The fine-tuned reader, alone or together with the words."""

    def way(taught: Sequence[ExampleDraft], asked: Sequence[ExampleDraft]) -> Table:
        reader = Reader()
        router = Router.fit(taught, SIGNALS, reader)
        out = []
        for draft in asked:
            seen = reader.read(draft.text, blocks(draft.text))
            quotes = [item.quote for item in draft.items]
            spans = [(draft.text.find(quote), draft.text.find(quote) + len(quote)) for quote in quotes]
            means = seen.means(spans)
            chances = reader.rooms(means)
            out.append(router.mixed(quotes, chances, reader.private(means))[0] if mixed else chances)
        return np.vstack(out)

    return way


def main() -> None:
    """Print the table."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--folds", action="store_true")
    given = ask.parse_args()
    corpus = load_corpus().drafts
    held = [draft for path in sorted((ROOT / "evals" / "held-out").glob("drafts*.jsonl")) for draft in load_labelled(path)]
    ways: dict[str, Way] = {
        "nearest 15 examples, sentence vectors": nearest,
        "linear: words, characters, signals": linear(False),
        "linear: the same with sentence vectors and neighbours": linear(True),
        "fine-tuned reader": read(False),
        "fine-tuned reader with the linear words": read(True),
    }
    rooms = rooms_of(held)
    fitting = [{item.room, *item.also_ok} for item in items_of(held)]
    print(f"| way | held out ({len(rooms)} items), exactly | counting also_ok | sure 0.9: share, right |" + (" five folds |" if given.folds else ""))
    print("|---|---|---|---|" + ("---|" if given.folds else ""))
    for name, way in ways.items():
        chances = way(corpus, held)
        best = chances.argmax(axis=1)
        lenient = np.array([ROOMS[b] in ok for b, ok in zip(best, fitting, strict=True)])
        sure = chances.max(axis=1) >= 0.9
        row = f"| {name} | {(best == rooms).mean():.3f} | {lenient.mean():.3f} | {sure.mean():.2f}, {lenient[sure].mean() if sure.any() else 1:.3f} |"
        if given.folds:
            row += f" {folds(way, corpus):.3f} |" if "reader" not in name else " – |"
        print(row, flush=True)


def folds(way: Way, drafts: Sequence[ExampleDraft]) -> float:
    """Exactly right over five folds of whole example files, so that no writer is on both sides."""
    writer = {}
    for number, path in enumerate(sorted((ROOT / "corpus" / "examples").glob("drafts*.jsonl"))):
        for line in path.read_text("utf-8").splitlines():
            writer[json.loads(line)["id"]] = number % 5
    right = 0
    for fold in range(5):
        asked = [draft for draft in drafts if writer[draft.id] == fold]
        chances = way([draft for draft in drafts if writer[draft.id] != fold], asked)
        right += int((chances.argmax(axis=1) == rooms_of(asked)).sum())
    return right / len(items_of(drafts))


if __name__ == "__main__":
    main()
