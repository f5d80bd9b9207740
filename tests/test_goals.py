"""What a private line should be asked about: learned when a corpus is indexed, kept without pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coach import Coach
from coach.errors import IndexError_
from coach.goals import Goals
from coach.resources import load_corpus
from coach.words import Words

LINES = ["I have been paged nineteen nights of the last thirty and I dread Sundays", "she presented my roadmap as hers and my name was off the slide"]


def test_chances_are_shares_over_the_goals_of_the_bank(coach: Coach) -> None:
    found = coach.library.towards.chances(LINES, coach.library.embedder.embed(LINES))
    for one in found:
        assert set(one) == {goal.goal for goal in coach.library.goals} and abs(sum(one.values()) - 1) < 1e-4
    assert max(found[0], key=lambda name: found[0][name]) == "workload_and_burnout"
    assert max(found[1], key=lambda name: found[1][name]) == "credit_and_visibility"


def test_what_is_kept_says_the_same_and_damage_is_told(coach: Coach, tmp_path: Path) -> None:
    library = coach.library
    vectors = library.embedder.embed(LINES)
    library.towards.save(tmp_path)
    again = Goals.load(tmp_path, library.router.words)
    assert again.chances(LINES, vectors) == library.towards.chances(LINES, vectors)
    (tmp_path / "goals.npz").write_bytes(b"no archive")
    with pytest.raises(IndexError_, match="goals"):
        Goals.load(tmp_path, library.router.words)


def test_a_corpus_without_goals_has_no_say(coach: Coach) -> None:
    words = Words.learn(LINES, (), at_least=1)
    none = Goals.fit((), (), words, coach.library.embedder)
    assert none.chances(LINES, np.zeros((2, 384), np.float32)) == [{}, {}]


def test_every_goal_of_a_line_stands_in_the_bank() -> None:
    corpus = load_corpus()
    known = {one.goal for one in corpus.questions}
    named = [goal for draft in corpus.drafts for item in draft.items for goal in item.goals]
    assert len(named) > 1500 and set(named) <= known
