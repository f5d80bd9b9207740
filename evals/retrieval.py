"""Measure retrieval: recall@k over queries with the pages that answer them.

    python evals/retrieval.py [-v]

A query counts as answered when one of its pages stands among the first k passages. `strict`
counts only the page it was written from; the other figure also takes pages a second reader
marked as answering it (`also`). Both query files were written from the pages by people who had
not seen any ranking. How pages are ranked was chosen with an eye on both, so neither is a blind figure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coach.pipeline import Coach
from coach.playbook import Playbook

HERE = Path(__file__).parent / "retrieval"


@dataclass(frozen=True)
class Query:
    """A question in somebody's own words, and the pages that answer it."""

    text: str
    page: str
    also: tuple[str, ...]


def load_queries(name: str) -> list[Query]:
    """The queries of one file, such as `queries-a`."""
    lines = (HERE / f"{name}.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [Query(row["query"], row["page"], tuple(row["also"])) for row in rows]


def recall(playbook: Playbook, queries: Sequence[Query], k: int, how: str, *, strict: bool) -> tuple[float, list[Query]]:
    """recall@k, 0 to 1, and the queries that were missed."""
    found = playbook.search_many([one.text for one in queries], k, how)
    missed = []
    for query, passages in zip(queries, found, strict=True):
        right = {query.page} if strict else {query.page, *query.also}
        if not right & {one.page for one in passages}:
            missed.append(query)
    return 1 - len(missed) / len(queries), missed


def main() -> None:
    """Print the table, and with -v every query that is missed."""
    playbook = Coach().library.playbook
    print("| queries | how | recall@1 | recall@3 | recall@3, strict | recall@5 |")
    print("|---|---|---|---|---|---|")
    for name in ("queries-a", "queries-b"):
        queries = load_queries(name)
        for how in ("dense", "lexical", "fused"):
            row = [recall(playbook, queries, k, how, strict=s)[0] for k, s in ((1, False), (3, False), (3, True), (5, False))]
            print(f"| {name} ({len(queries)}) | {how} | " + " | ".join(f"{one:.2f}" for one in row) + " |")
        if "-v" in sys.argv:
            for query in recall(playbook, queries, 3, "fused", strict=False)[1]:
                got = [one.page for one in playbook.search(query.text, 3)]
                print(f"  missed: {query.text} | wanted {query.page} | got {', '.join(got)}")


if __name__ == "__main__":
    main()
