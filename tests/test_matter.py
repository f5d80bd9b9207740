"""What a question may begin with: an item's own words, and only where they can stand alone."""

from __future__ import annotations

import re

import pytest

from coach.matter import matter

NOTHING = re.compile(r"(?!x)x")


def of(text: str, side: str = "report", names: tuple[str, ...] = ()) -> str:
    return matter(text, [(0, len(text), 0.9)], names, side, NOTHING, {})  # type: ignore[arg-type]


def test_it_is_words_of_the_draft_without_what_leads_into_them() -> None:
    assert of("and also i was left off the dock review twice.") == "I was left off the dock review twice"


@pytest.mark.parametrize(
    "text",
    ["he never answers my letters", "the reason is that", "who owns the crane now?", "too short", "the harbour is quiet. The crane is not",
     "she said (and I agree that it is late"],
)
def test_what_hangs_on_other_words_opens_no_question(text: str) -> None:
    assert of(text) == ""


def test_a_manager_does_not_speak_of_a_third_person_to_the_one_who_is_asked() -> None:
    assert of("Noor answers mails at two in the morning", "manager", ("Noor",)) == ""
    assert of("Noor answers mails at two in the morning", "report", ("Noor",)) == "Noor answers mails at two in the morning"
    assert of("the scanner project is five weeks behind", "manager") == "The scanner project is five weeks behind"
