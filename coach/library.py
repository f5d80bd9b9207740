"""Everything compiled from the corpus, opened for use: rooms, playbook, router, question bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coach.embedding import Embedder
from coach.errors import IndexError_
from coach.goals import Goals
from coach.index import Builder, ensure_index, find_index
from coach.playbook import Playbook, build_playbook, open_client
from coach.questions import Bank, bank_texts
from coach.reader import Reader
from coach.resources import Corpus, corpus_digest, load_corpus, load_phrasing, load_rooms, load_rules, load_signals
from coach.route import Router
from coach.schema import Page, Phrasing, QuestionGoal, RoomSpec, Rule, Signal
from coach.settings import Settings

Progress = Callable[[str, int, int], None]
_COLLECTION = "playbook"


@dataclass(frozen=True)
class Library:
    """The corpus as the pipeline uses it; open it once and keep it."""

    rooms: tuple[RoomSpec, ...]
    phrasing: Phrasing
    rules: tuple[Rule, ...]
    rule_signals: tuple[Signal, ...]
    goals: tuple[QuestionGoal, ...]
    embedder: Embedder
    reader: Reader
    router: Router
    towards: Goals
    playbook: Playbook
    bank: Bank
    pages: tuple[Page, ...] = ()


def is_indexed(settings: Settings) -> bool:
    """Whether this corpus has been indexed already."""
    return find_index(settings.home, corpus_digest(settings.corpus)) is not None


def build(settings: Settings, progress: Progress | None = None, force: bool = False) -> Path:
    """Index the corpus if that has not been done; returns the index folder.

    Raises CorpusError, IndexError_ or EmbeddingError.
    """
    digest = corpus_digest(settings.corpus)
    found = None if force else find_index(settings.home, digest)
    if found is None:
        found = _build(settings, digest, progress, force)
    if settings.chroma_url:
        _serve(settings, digest, progress)
    return found


def _build(settings: Settings, digest: str, progress: Progress | None, force: bool) -> Path:
    embedder, reader = Embedder(), Reader()
    corpus = load_corpus(settings.corpus)  # all of it is checked before anything is built
    load_rules(settings.corpus)
    signals = load_signals(settings.corpus)

    def playbook(folder: Path, report: Progress) -> None:
        build_playbook(open_client(folder, None), _COLLECTION, corpus.pages, embedder, report)

    def router(folder: Path, report: Progress) -> None:
        report("fitting the router", 0, 1)
        fitted = Router.fit(corpus.drafts, signals, reader)
        fitted.save(folder)
        report("fitting the router", 1, 1)
        report("fitting the goals", 0, 1)
        Goals.fit(corpus.drafts, corpus.questions, fitted.words, embedder).save(folder)
        report("fitting the goals", 1, 1)

    def questions(folder: Path, report: Progress) -> None:
        vectors = embedder.embed(bank_texts(corpus.questions))
        np.save(folder / "vectors.npy", vectors, allow_pickle=False)
        report("indexing questions", len(vectors), len(vectors))

    builders: dict[str, Builder] = {"playbook": playbook, "router": router, "questions": questions}
    return ensure_index(settings.home, digest, builders, progress, force)


def _serve(settings: Settings, digest: str, progress: Progress | None) -> None:
    """Put the playbook on the Chroma server, unless it is there."""
    client = open_client(None, settings.chroma_url)
    build_playbook(client, _shared_name(digest), load_corpus(settings.corpus).pages, Embedder(), progress)


def _shared_name(digest: str) -> str:
    return f"prep-coach-{digest[:16]}"


def open_library(settings: Settings, progress: Progress | None = None) -> Library:
    """The compiled corpus, indexed first where needed. Raises as `build` does."""
    folder = build(settings, progress)
    embedder, reader = Embedder(), Reader()
    corpus: Corpus = load_corpus(settings.corpus)
    rules, rule_signals = load_rules(settings.corpus)
    if settings.chroma_url:
        playbook = Playbook(open_client(None, settings.chroma_url), _shared_name(corpus.digest), embedder)
    else:
        playbook = Playbook(open_client(folder / "playbook", None), _COLLECTION, embedder)
    try:
        vectors = np.load(folder / "questions" / "vectors.npy", allow_pickle=False)
    except (OSError, ValueError):
        vectors = np.zeros((0, 0), np.float32)
    if len(vectors) != len(bank_texts(corpus.questions)):
        raise IndexError_("The question index is damaged.", "Run `coach index --force` to build it again.")
    router = Router.load(folder / "router", reader)
    return Library(
        rooms=load_rooms(settings.corpus),
        phrasing=load_phrasing(settings.corpus),
        rules=rules,
        rule_signals=rule_signals,
        goals=corpus.questions,
        embedder=embedder,
        reader=reader,
        router=router,
        towards=Goals.load(folder / "router", router.words),
        playbook=playbook,
        bank=Bank.of(corpus.questions, vectors),
        pages=corpus.pages,
    )
