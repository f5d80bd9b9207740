"""The Chroma index of playbook sections, and its retriever.

Nearness of meaning and shared words are both asked, and a page is ranked by the sum of what its
best passages and all its words say: a reader who types a rule's own words should find it, and so
should one who types their own. evals/retrieval.py measures it against either alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bm25s
import chromadb
import numpy as np
from chromadb.api import ClientAPI
from chromadb.config import Settings as ChromaSettings
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from numpy.typing import NDArray
from pydantic import ConfigDict

from coach.embedding import Embedder
from coach.errors import ChromaUnreachable, IndexError_
from coach.schema import Page, PageQuote
from coach.stems import stems
from coach.threads import one_thread

Progress = Callable[[str, int, int], None]
_DEPTH = 400  # records asked of the index for a query
_AT_HAND = 5000  # records whose vectors are held, 8 MB, and compared one by one: sooner done than the index is asked

Scores = NDArray[np.float64]


def open_client(folder: Path | None, url: str | None) -> ClientAPI:
    """A Chroma client on a folder or on a server; telemetry off.

    Raises ChromaUnreachable when the server does not answer, IndexError_ when the folder cannot
    be opened.
    """
    settings = ChromaSettings(anonymized_telemetry=False)
    if url:
        match = re.fullmatch(r"(?:(https?)://)?([^/:\s]+)(?::(\d+))?/?", url.strip())
        if match is None:
            raise ChromaUnreachable(
                f"COACH_CHROMA_URL is not an address: {url}.", "Write it like http://127.0.0.1:8000."
            )
        ssl = match[1] == "https"
        try:
            client = chromadb.HttpClient(
                host=match[2], port=int(match[3] or (443 if ssl else 8000)), ssl=ssl, settings=settings
            )
            client.heartbeat()
        except Exception:
            raise ChromaUnreachable(
                f"No Chroma server answers at {url}.",
                "Start it with `chroma run`, or unset COACH_CHROMA_URL to use the embedded index.",
            ) from None
        return client
    try:
        return chromadb.PersistentClient(path=str(folder), settings=settings)
    except Exception:
        raise IndexError_(
            f"The index in {folder} cannot be opened.", "Run `coach index --force` to build it again."
        ) from None


def build_playbook(
    client: ClientAPI, name: str, pages: Sequence[Page], embedder: Embedder, progress: Progress | None = None
) -> None:
    """Fill the collection `name`; it bears that name only once it is complete."""
    if any(one.name == name for one in client.list_collections()):
        return
    rough = f"{name}-building"
    if any(one.name == rough for one in client.list_collections()):
        client.delete_collection(rough)
    collection = client.create_collection(
        rough, metadata={"hnsw:space": "cosine", "hnsw:num_threads": 1}, embedding_function=None
    )
    sections = [(page, section) for page in pages for section in page.sections]
    for order, (page, section) in enumerate(sections):
        # A section is found by its own words and by what people say when it is the answer.
        texts = [f"{page.title}. {section.heading}. {section.text}", *section.asked]
        collection.add(
            ids=[f"{page.id}#{order}.{n}" for n in range(len(texts))],
            embeddings=[row.tolist() for row in embedder.embed(texts)],
            documents=[section.text, *section.asked],
            metadatas=[
                {"page": page.id, "title": page.title, "heading": section.heading, "order": order, "is_section": n == 0}
                for n in range(len(texts))
            ],
        )
        if progress:
            progress("indexing the playbook", order + 1, len(sections))
    collection.modify(name=name)


def _place(name: str) -> tuple[int, int]:
    order, _, number = name.rpartition("#")[2].partition(".")
    return int(order), int(number)


def _tokens(text: str) -> list[str]:
    return stems(re.findall(r"[^\W_]+", text.lower()))


class Playbook:
    """A complete collection, open for search."""

    def __init__(self, client: ClientAPI, name: str, embedder: Embedder) -> None:
        try:
            self._collection = client.get_collection(name, embedding_function=None)
            # Everything once: a playbook is a few hundred sections, and the lexical side needs all.
            kept: Any = self._collection.get(include=["documents", "metadatas"])
            self._section_of = {name: int(meta["order"]) for name, meta in zip(kept["ids"], kept["metadatas"], strict=True)}
            self._vectors = self._held()
        except Exception:
            raise IndexError_(
                "The playbook index is not complete.", "Run `coach index --force` to build it again."
            ) from None
        self._embedder = embedder
        rows = sorted(
            zip(kept["ids"], kept["documents"], kept["metadatas"], strict=True), key=lambda row: _place(row[0])
        )
        self._quotes: list[PageQuote] = []
        words: list[str] = []
        for _, text, meta in rows:
            if meta["is_section"]:
                self._quotes.append(PageQuote(page=meta["page"], heading=meta["heading"], quote=text, score=0.0))
                words.append(f"{meta['title']} {meta['heading']} {text}")
            else:
                words[-1] += f" {text}"
        pages: dict[str, list[int]] = {}
        for number, quote in enumerate(self._quotes):
            pages.setdefault(quote.page, []).append(number)
        self._sections_of = list(pages.values())  # one list of section numbers a page
        self._page_of = np.zeros(len(self._quotes), np.intp)
        for page, mine in enumerate(self._sections_of):
            self._page_of[mine] = page
        # The same as a table; a short row is filled up with its first section, which changes no maximum.
        wide = max(map(len, self._sections_of), default=0)
        self._table = np.array([[*mine, *[mine[0]] * (wide - len(mine))] for mine in self._sections_of], np.intp)
        self._lexical, self._lexical_pages = bm25s.BM25(), bm25s.BM25()
        sections = [_tokens(one) for one in words]
        self._lexical.index(sections, show_progress=False)
        self._lexical_pages.index(
            [[token for n in mine for token in sections[n]] for mine in self._sections_of], show_progress=False
        )

    def search(self, query: str, k: int = 3, how: str = "fused") -> tuple[PageQuote, ...]:
        """The k passages nearest to a query, one a page, best first; score 0 to 1 is cosine nearness."""
        return self.search_many([query], k, how)[0]

    def search_many(self, queries: Sequence[str], k: int = 3, how: str = "fused") -> list[tuple[PageQuote, ...]]:
        """`search` for several queries in one call to the index. how: dense, lexical or fused."""
        if not queries or not self._quotes:
            return [() for _ in queries]
        # Words first: while they are looked up, the vectors are on their way.
        coming = self._embedder.begin(queries)
        said = [(_by_words(tokens, self._lexical, len(self._quotes)), _by_words(tokens, self._lexical_pages, len(self._sections_of))) for tokens in map(_tokens, queries)]
        vectors = np.stack([one.result() for one in coming])
        return [self._best(*nearest, *found, k, how) for nearest, found in zip(self._nearest(vectors), said, strict=True)]

    def _best(
        self, sections: NDArray[np.intp], nearness: Scores, words: Scores, pages: Scores, k: int, how: str
    ) -> tuple[PageQuote, ...]:
        """The k best passages, one a page.

        sections, nearness: of the records nearest to the query, the nearest first; words: what each
        section shares with it, (sections,); pages: what each page shares, (pages,).
        """
        near = np.full(len(self._quotes), -np.inf)
        np.maximum.at(near, sections, nearness)
        near[np.isneginf(near)] = 0.0
        best = {"dense": near, "lexical": words}.get(how, _standard(near) + _standard(words))
        chosen = self._table[np.arange(len(self._table)), best[self._table].argmax(axis=1)]
        if how == "dense":
            score = best[chosen]
        elif how == "lexical":
            score = best[chosen] + 1e-3 * pages
        else:
            # A page speaks through its best record, through its three best, and through its words.
            score = (
                _standard(near[self._table].max(axis=1))
                + _standard(self._mean_of_three(sections, nearness))
                + _standard(words[self._table].max(axis=1))
                + _standard(pages)
            )
        order = np.argsort(-score.round(9), kind="stable")
        return tuple(
            self._quotes[chosen[n]].model_copy(update={"score": round(max(0.0, min(1.0, float(near[chosen[n]]))), 4)})
            for n in order[:k]
        )

    def _mean_of_three(self, sections: NDArray[np.intp], nearness: Scores) -> Scores:
        """For every page the mean of its three nearest records, a missing one counting 0."""
        pages = self._page_of[sections]
        order = np.argsort(pages, kind="stable")  # page by page, the nearest first
        pages = pages[order]
        place = np.arange(len(pages)) - np.searchsorted(pages, pages)
        table = np.zeros((len(self._sections_of), 3))
        first = place < 3
        table[pages[first], place[first]] = nearness[order][first]
        return np.asarray((table[:, 0] + table[:, 1] + table[:, 2]) / 3, np.float64)

    def _held(self) -> tuple[NDArray[np.intp], NDArray[np.float32]] | None:
        """The section and the vector of every record, or None where they are too many to hold."""
        if not 0 < len(self._section_of) <= _AT_HAND:
            return None
        kept: Any = self._collection.get(include=["embeddings"])
        return np.array([self._section_of[name] for name in kept["ids"]], np.intp), np.asarray(kept["embeddings"], np.float32)

    def _nearest(self, vectors: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.intp], Scores]]:
        """For each query vector the sections of the records nearest to it and their cosine nearness, the nearest first."""
        if self._vectors is not None:
            sections, held = self._vectors
            with one_thread():
                nearness = vectors @ held.T
            for row in nearness:
                least = np.partition(row, -_DEPTH)[-_DEPTH] if len(row) > _DEPTH else row.min()
                near = np.flatnonzero(row >= least)  # to sort the few is much sooner done than to sort all
                order = near[np.argsort(-row[near], kind="stable")[:_DEPTH]]
                yield sections[order], row[order].astype(np.float64)
            return
        answer: Any = self._collection.query(
            query_embeddings=[row.tolist() for row in vectors], n_results=min(_DEPTH, len(self._section_of)), include=["distances"]
        )
        for ids, distances in zip(answer["ids"], answer["distances"], strict=True):
            yield np.array([self._section_of[name] for name in ids], np.intp), 1 - np.asarray(distances, np.float64)


def _by_words(tokens: Sequence[str], lexical: bm25s.BM25, count: int) -> Scores:
    """A score for each of `count` texts by the words they share with a query; zeros when none is known."""
    known = [token for token in tokens if token in lexical.vocab_dict]
    return np.asarray(lexical.get_scores(known), np.float64) if known else np.zeros(count)


def _standard(values: Scores) -> Scores:
    """Values on a common scale: mean 0, spread 1; all zero when they do not differ."""
    apart = values - np.add.reduce(values) / len(values)
    spread = float(np.sqrt(np.add.reduce(apart * apart) / len(values)))
    return np.asarray(apart / spread if spread > 1e-9 else np.zeros_like(values), np.float64)


class PlaybookRetriever(BaseRetriever):
    """The playbook as a LangChain retriever; metadata holds page, heading and score."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    playbook: Playbook
    k: int = 3

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [
            Document(page_content=one.quote, metadata={"page": one.page, "heading": one.heading, "score": one.score})
            for one in self.playbook.search(query, self.k)
        ]
