"""How long a brief takes, as a ratio to embedding the draft's items once in the same run.

    python evals/speed.py [FILE ...]      # drafts; the samples when none is named

Both sides are warm and nothing is cached between two rounds: each round adds a word that the coach has not seen.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

from coach import Coach
from coach.draft import read_file
from coach.embedding import Embedder
from coach.resources import load_samples

ROUNDS = 9


def main() -> None:
    """Print a line a draft: items, seconds for the brief and for the embedding, and the median ratio."""
    drafts = [(Path(name).name, read_file(Path(name))) for name in sys.argv[1:]] or [(one.title, one.text) for one in load_samples()]
    coach = Coach()
    coach.prep("Warm up: 3 of 8 sites are live.")
    for name, text in drafts:
        ratios, briefs, embeddings = [], [], []
        for round_ in range(ROUNDS):
            fresh = "\n".join(f"{line} q{round_}" if line.strip() and "|" not in line else line for line in text.splitlines())
            began = time.perf_counter()
            brief = coach.prep(fresh)
            briefs.append(time.perf_counter() - began)
            embedder = Embedder()  # its own, with nothing remembered
            embedder.embed(["warm"])
            began = time.perf_counter()
            embedder.embed([item.quote for item in brief.items])
            embeddings.append(time.perf_counter() - began)
            ratios.append(briefs[-1] / embeddings[-1])
        print(f"{name}: {len(brief.items)} items, brief {median(briefs):.3f} s, embedding {median(embeddings):.3f} s, ratio {median(ratios):.2f}")


if __name__ == "__main__":
    main()
