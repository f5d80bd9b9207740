"""The reader: windows that lose nothing, answers that do not depend on chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.blocks import blocks
from coach.errors import EmbeddingError
from coach.reader import MAX_TOKENS, Reader, encoder, pack

READER = Reader()
ENCODE = encoder()
TEXTS = st.lists(st.sampled_from(["- pumps 3 of 8", "# Roads", "| a | b |\n|---|---|\n| 3 | 8 |", "Ana signs on 3 May. " * 60, "ok", "ünï çödé 🎉 done"]), max_size=9)


@given(TEXTS.map("\n\n".join))
@settings(max_examples=80, deadline=None)
def test_windows_hold_every_token_of_every_block_once_and_fit_the_encoder(text: str) -> None:
    found = blocks(text)
    windows = pack(text, found, ENCODE)
    assert all(len(window.ids) <= MAX_TOKENS and len(window.ids) == len(window.offsets) for window in windows)
    held = [one for window in windows for one in window.offsets if one != (-1, -1)]
    wanted = [(a + block.start, b + block.start) for block in found for a, b in ENCODE(text[block.start : block.end])[1]]
    assert held == wanted


def test_the_same_draft_is_seen_the_same_way_twice() -> None:
    text = "- 31 of 40 buses have the box\n- Marek does not speak to Sabine\n"
    one, two = (Reader().read(text, blocks(text)) for _ in range(2))
    assert np.array_equal(one.hidden, two.hidden)


def test_a_line_is_seen_with_what_stands_around_it() -> None:
    line = "- he has not been himself lately"
    alone, beside = line, "- Marek asked me for time off and I said no\n" + line
    at = beside.index("he has")
    first = READER.read(alone, blocks(alone)).mean(2, len(alone))
    second = READER.read(beside, blocks(beside)).mean(at, len(beside))
    assert not np.allclose(first, second, atol=1e-3)


def test_what_is_stated_stands_in_the_item_in_whole_words() -> None:
    text = "Doors are at 14 of 20. Either Olga lends us a fitter by 3 May, or we stop at 16."
    seen = READER.read(text, blocks(text))
    stated = READER.stated(text, seen, 0, len(text))
    assert any(one.tag == "lever" and "Olga" in text[one.start : one.end] for one in stated)
    for one in stated:
        assert 0 <= one.start < one.end <= len(text) and 0.4 <= one.chance <= 1
        assert text[one.start : one.end] == text[one.start : one.end].strip()


def test_a_new_matter_is_seen_without_any_mark() -> None:
    text = "churn of the small plan is four point one where we wanted three and a half the new office opens on monday the ninth please use the back door"
    seen = READER.read(text, blocks(text))
    begins = READER.begins(seen)
    assert begins.shape == seen.starts.shape and ((begins >= 0) & (begins <= 1)).all()
    inside = {int(seen.starts[n]): float(begins[n]) for n in range(1, len(begins))}
    assert max(inside, key=inside.__getitem__) == text.index("the new office")


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="Install the coach again"):
        Reader(tmp_path)
