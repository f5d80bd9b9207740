"""Drafts → items: formats people type in, and offsets that hold for anything."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from coach.segment import sentences


def quotes(text: str) -> list[str]:
    return [text[one.start : one.end] for one in sentences(text)]


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["- a bullet here", "  - a nested one, with a comma", "1. first thing", "| KR1 | 3 | 8 |", "|---|---|---|", "# Heading", "",
             "Hi Ana,", "> quoted line", "Best,", "Mia: we ship on 3 May :tada:", "so yeah um the thing is it slips and then we", "🎉 done"]
        ),
        st.text(max_size=60),
    ),
    max_size=14,
)


@given(LINES.map("\n".join))
@settings(max_examples=300, deadline=None)
def test_items_are_ordered_stretches_of_the_draft_that_do_not_overlap(text: str) -> None:
    at = 0
    for one in sentences(text):
        assert at <= one.start < one.end <= len(text)
        assert text[one.start : one.end].strip() == text[one.start : one.end]
        at = one.end


def test_nested_bullets_keep_their_parent_as_context() -> None:
    found = sentences("Status\n\n- Rollout:\n  - Graz has 14 of 20 doors\n  - Linz waits for the permit\n")
    assert [one.context for one in found] == ["Rollout", "Rollout"]


def test_a_table_row_is_an_item_and_the_header_names_its_cells() -> None:
    text = "| Key result | Now | Target |\n|---|---|---|\n| doors | 14 | 20 |\n| gates | 3 | 9 |\n"
    found = sentences(text)
    assert [one.columns for one in found] == [("Key result", "Now", "Target")] * 2
    assert quotes(text)[0].startswith("doors")


def test_greeting_signature_and_quoted_thread_of_a_mail_are_no_items() -> None:
    text = (
        "Hi Petra,\n\nThe lift is repaired since Monday. We need a second fitter for week 20.\n\nBest,\nMarek\n"
        "Head of lifts\n\nOn 3 May Petra wrote:\n> how is the lift?\n> and the doors?\n"
    )
    assert quotes(text) == ["The lift is repaired since Monday.", "We need a second fitter for week 20."]


def test_chat_lines_are_items_without_their_speaker() -> None:
    text = "ana: pilot is at 3 of 8 sites\nbo: kitchen is closed on Friday\nana: vendor still owes us the drawings\n"
    assert quotes(text)[0] == "pilot is at 3 of 8 sites"
    assert len(quotes(text)) == 3


def test_a_line_that_only_names_the_draft_is_context() -> None:
    assert quotes("Notes for the spring review\n\n- pumps 3 of 8\n") == ["pumps 3 of 8"]


def test_abbreviations_and_decimals_do_not_end_a_sentence() -> None:
    assert len(quotes("Dr. Weiss signed approx. 4.5 of 9 permits on 3 May, e.g. the roof. Two are open.")) == 2
