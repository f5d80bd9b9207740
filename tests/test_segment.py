"""Drafts → items: formats people type in, and offsets that hold for anything."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from coach.blocks import blocks
from coach.segment import assemble, parted, sentences, units


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


@given(LINES.map("\n".join), st.lists(st.integers(0, 400), max_size=12))
@settings(max_examples=300, deadline=None)
def test_units_cut_again_at_any_offset_lose_no_word_and_split_none(text: str, begins: list[int]) -> None:
    before = units(text, blocks(text))
    after = parted(text, before, [one for one in begins if one < len(text)])
    at = 0
    for unit in after:
        assert at <= unit.start < unit.end <= len(text)
        at = unit.end
    said = [word for unit in before for word in text[unit.start : unit.end].replace(",", " ").replace(";", " ").replace("|", " ").split()]
    assert [word for unit in after for word in text[unit.start : unit.end].replace(",", " ").replace(";", " ").replace("|", " ").split()] == said


def test_a_matter_that_begins_without_a_mark_takes_its_joining_words_along() -> None:
    text = "churn is four where we wanted three and then the bank check is ready since monday"
    parts = parted(text, units(text, blocks(text)), [text.index("the bank")])
    assert [text[one.start : one.end] for one in parts] == ["churn is four where we wanted three", "and then the bank check is ready since monday"]


def test_a_cell_with_a_sentence_can_be_cut_from_its_row_and_values_cannot() -> None:
    text = "| KR | now | remark |\n|---|---|---|\n| shops | 6 of 14 | Nor and Ada do not speak any more; cut to ten shops or lend me one fitter |\n| vans | 3 | 9 |\n"
    found = blocks(text)
    parts = [(one.block, text[one.start : one.end]) for one in units(text, found)]
    assert parts[0] == (0, "shops | 6 of 14") and parts[-1] == (1, "vans | 3 | 9")
    assert [one[1] for one in parts[1:-1]] and all(block == 0 for block, _ in parts[:-1])


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


def test_a_row_of_column_names_heads_the_rows_below_with_or_without_a_rule() -> None:
    text = "Yard notes\n\nKR | target | now | note\nturnaround | 40 min | 52 min | second crane is down\ngate scans | 95% | 97% |\n"
    rows = [one for one in blocks(text) if one.kind == "row"]
    assert [text[one.start : one.end].split(" |")[0] for one in rows] == ["turnaround", "gate scans"]
    assert all(one.columns[:3] == ("KR", "target", "now") for one in rows)


def test_a_first_row_with_values_is_a_row() -> None:
    text = "crane | 40 min | 52 min | down\ngate | 95% | 97% | fine\n"
    assert [one.columns for one in blocks(text)] == [(), ()]


def test_a_bracket_inside_a_sentence_opens_no_item_and_one_after_it_may() -> None:
    text = "The dock KR (move 9 of 12 berths by June) is at 4. (Between us the harbour master is leaving.)"
    found = blocks(text)
    parts = units(text, found)
    items = [text[one.start : one.end] for one, _ in assemble(text, found, parts, [True] * len(parts))]
    assert not any(one.startswith("(move") for one in items)
    assert any(one.startswith("(Between us") for one in items)


def test_a_few_bare_words_over_a_list_are_its_heading() -> None:
    text = "Berths\n- quay 4 is closed until May\n- quay 5 has one crane\n\nwe are late on quay 6 too\n"
    found = [(one.context, text[one.start : one.end]) for one in blocks(text)]
    assert found[:2] == [("Berths", "quay 4 is closed until May"), ("Berths", "quay 5 has one crane")]
    assert found[2][1] == "we are late on quay 6 too"


def test_the_name_of_a_talk_is_a_heading_and_what_is_said_of_a_talk_is_not() -> None:
    text = "Gil 1:1\nSmelled of smoke on Thursday.\n\n1:1 with Farouk, Weds (he leads checkout)\n- wants the seat\n\nShe cancelled our 1:1\nThat is the fourth time."
    said = " / ".join(text[one.start : one.end] for one in blocks(text))
    assert "Gil 1:1" not in said and "Farouk" not in said
    assert "She cancelled our 1:1" in said


def test_time_stamps_of_a_recording_and_a_closing_are_no_items() -> None:
    text = "[00:04] first answer takes 19 min\n[00:31] second line\n[02:30]\n\nWith kind regards,\nIoana Dragomirescu"
    assert [text[one.start : one.end] for one in blocks(text)] == ["first answer takes 19 min", "second line"]
