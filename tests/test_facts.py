"""What an item says: numbers, dates, owner, due, lever, negation."""

from __future__ import annotations

from datetime import date

import pytest

from coach.facts import read_facts
from coach.schema import Stated


def facts(text: str, columns: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    return read_facts(text, 0, len(text), date(2026, 6, 1), columns)


def words(text: str, span) -> str | None:  # type: ignore[no-untyped-def]
    return text[span.start : span.end] if span else None


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("31 of 40 buses", [31, 40]),
        ("fell from 840 ms to 310 ms", [840, 310]),
        ("costs 1,250,000 kr instead of 900,000", [1250000, 900000]),
        ("6.1% against 7%", [6.1, 7]),
    ],
)
def test_numbers_are_read_with_their_value(text: str, values: list[float]) -> None:
    assert [one.value for one in facts(text).numbers] == values


def test_target_and_current_are_told_apart() -> None:
    roles = {one.value: one.role for one in facts("we are at 62% against a target of 80%").numbers}
    assert roles == {62: "now", 80: "target"}


@pytest.mark.parametrize(
    "text",
    ["by 12 June", "by June 12", "by 6/12", "by 12.6.", "by the 12th", "by week 24", "by Friday", "by end of June", "by mid-June", "by EOQ", "by Q3", "by 2026-06-12"],
)
def test_dates_are_found_as_written(text: str) -> None:
    found = facts(f"Petra decides {text}, or we stop").due
    assert found is not None
    assert words(f"Petra decides {text}, or we stop", found) == text.removeprefix("by ")


def test_a_date_of_the_promise_is_not_the_day_of_the_decision() -> None:
    text = "KR2 is at 62% of a target of 80% by the end of June; Ana signs by 12 June"
    assert words(text, facts(text).due) == "12 June"


def test_owner_and_due_columns_of_a_table_are_read() -> None:
    text = "doors | 14 | 20 | Petra | 12 June"
    found = facts(text, ("Key result", "Now", "Target", "Owner", "Due"))
    assert words(text, found.owner) == "Petra"
    assert words(text, found.due) == "12 June"
    assert facts("doors | 14 | 20 | tbd | -", ("Key result", "Now", "Target", "Owner", "Due")).owner is None


def test_a_lever_ends_where_the_asking_begins() -> None:
    text = "Either we cut two sites or we move to May, need Ana's call by Friday"
    assert words(text, facts(text).levers[0]) == "we cut two sites or we move to May"


@pytest.mark.parametrize("text", ["The crane is no longer at risk", "We are not blocked any more", "It did not slip"])
def test_a_risk_that_is_over_is_no_risk(text: str) -> None:
    assert not facts(text).at_risk


def test_what_is_not_said_is_absent() -> None:
    found = facts("The pumps are late again")
    assert found.owner is None
    assert found.due is None
    assert not found.levers


def seen(text: str, tag: str, words_: str):  # type: ignore[no-untyped-def]
    """The facts of a text in which the reader saw these words."""
    at = text.index(words_)
    return read_facts(text, 0, len(text), stated=[Stated(start=at, end=at + len(words_), tag=tag, chance=0.9)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "glimpse", "due"),
    [
        ("the mould is released 5/23, after 5/9 it is no choice any more", "5/", "5/9"),
        ("frozen until 12/15 by the harbour office", "12/15 by the harbour office", "12/15"),
        ("sign it by Feb 2, or the slot is gone", "Feb", "Feb 2"),
        ("we need it before the auction", "before the auction", "before the auction"),
    ],
)
def test_a_due_date_is_the_whole_date_and_no_more(text: str, glimpse: str, due: str) -> None:
    if glimpse == "5/":
        at = text.index("5/9")
        found = read_facts(text, 0, len(text), stated=[Stated(start=at, end=at + 2, tag="due", chance=0.9)]).due
    else:
        found = seen(text, "due", glimpse).due
    assert words(text, found) == due


@pytest.mark.parametrize(
    ("text", "glimpse", "lever"),
    [
        ("30 sites only if the survey is cut from 46 questions; Ana knows", "the survey is cut from", "the survey is cut from 46 questions"),
        ("we could rent the second crane, or slip to May", "rent the second crane", "rent the second crane, or slip to May"),
        ("the fix needs the ceiling raised, which Risk has to sign", "needs the", "needs the ceiling raised"),
    ],
)
def test_a_lever_is_said_to_its_end(text: str, glimpse: str, lever: str) -> None:
    assert [text[one.start : one.end] for one in seen(text, "lever", glimpse).levers] == [lever]


def test_no_short_form_and_no_weekday_is_a_person() -> None:
    text = "so I'm late and I'd say Fridays are bad, but Halvard knows"
    assert [text[one.start : one.end] for one in facts(text).names] == ["Halvard"]


def test_half_a_due_date_is_said_to_its_end() -> None:
    text = "COO chooses, and before the tariff board sits"
    assert words(text, seen(text, "due", "before the").due) == "before the tariff"


@pytest.mark.parametrize(
    ("text", "glimpse"),
    [
        ("she should say auto-stop at 8pm out loud", "8pm"),
        ("ship the shim, or accept 96.4 this qtr", "this"),
        ("they lead the release over the audit", "the release"),
        ("can't take it back and can't do a 12th", "12th"),
    ],
)
def test_what_is_no_time_is_no_due_date(text: str, glimpse: str) -> None:
    assert seen(text, "due", glimpse).due is None


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("Ilse is chasing it, Marek will take the call on Friday.", "Marek"),
        ("Finance prepared the form; the signature is Lotte's.", "Lotte"),
        ("It falls to Ms. Okonjo to choose between Brenta and Kolm.", "Ms. Okonjo"),
        ("That is up to Renske.", "Renske"),
        ("Unless HR frees six starters we close the desk. Chief Inspector Byrne owns the choice.", "Chief Inspector Byrne"),
        ("Sienna either orders the impeller or we leave nine hectares dry.", "Sienna"),
    ],
)
def test_who_decides_goes_before_whoever_else_is_named(text: str, owner: str) -> None:
    assert words(text, read_facts(text, 0, len(text)).owner) == owner
