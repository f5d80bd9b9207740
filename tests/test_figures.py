"""The figures count what they say they count: a brief that is wrong in one way fails in that figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coach.errors import CorpusError
from coach.figures import Figure, _DraftFigures, as_text, measure_drafts, measure_pairs
from coach.pipeline import Coach
from coach.resources import load_labelled, load_pairs
from coach.schema import Brief, ExampleDraft

TEXT = "- KR1: 31 of 40 buses, either the workshop gives us a bay or we stop at 35, Petra decides by 12 June\n- I have not slept since the audit"
LABELLED: dict[str, Any] = {
    "id": "t1", "persona": "fleet lead", "format": "bullets", "author_is": "report", "text": TEXT,
    "items": [
        {"quote": TEXT[2 : TEXT.index("\n")], "room": "okr_review", "then": None, "also_ok": [], "private": False, "private_spans": [],
         "facts": ["31 of 40"], "lever": "either the workshop gives us a bay or we stop at 35", "owner": "Petra", "due": "12 June", "bad_language": [], "why": "a choice"},
        {"quote": "I have not slept since the audit", "room": "one_on_one", "then": None, "also_ok": [], "private": True,
         "private_spans": ["have not slept since the audit"], "facts": [], "lever": None, "owner": None, "due": None, "bad_language": [], "why": "health"},
    ],
    "ideal": {"okr": [], "one_on_one_questions": []},
}


@pytest.fixture
def draft() -> ExampleDraft:
    return ExampleDraft.model_validate(LABELLED)


@pytest.fixture
def brief(coach: Coach) -> Brief:
    return coach.prep(TEXT)


def figures(coach: Coach, draft: ExampleDraft, brief: Brief) -> dict[str, Figure]:
    found = _DraftFigures(coach)
    found.add(draft, brief)
    return {one.name: one for one in found.all()}


def test_a_right_brief_meets_every_figure(coach: Coach, draft: ExampleDraft, brief: Brief) -> None:
    assert [one.name for one in figures(coach, draft, brief).values() if not one.met] == []


def _room(brief: Brief) -> Brief:
    return brief.model_copy(update={"items": tuple(one.model_copy(update={"room": "leave_out"}) for one in brief.items)})


def _said(brief: Brief, words: str) -> Brief:
    first = brief.items[0]
    rewrites = tuple(one.model_copy(update={"text": words}) for one in first.rewrites)
    return brief.model_copy(update={"items": (first.model_copy(update={"rewrites": rewrites}), *brief.items[1:])})


def _leak(words: str) -> Callable[[Brief], Brief]:
    def spoil(brief: Brief) -> Brief:
        return brief.model_copy(update={"documents": brief.documents.model_copy(update={"okr": brief.documents.okr + words})})

    return spoil


@pytest.mark.parametrize(
    ("spoil", "figure"),
    [
        (_room, "room, exactly"),
        (lambda brief: brief.model_copy(update={"items": brief.items[:1]}), "labelled items matched one to one"),
        (_leak("\nHe has not slept since the audit."), "private spans kept out of every public text"),
        (_leak("\nSince that audit, sleeping is hard."), "private spans kept out of every public text"),
        (lambda brief: _said(brief, "31 of 40 buses, or 99 by Xaver."), "rewrites without an invented number, name or date"),
        (lambda brief: _said(brief, "Some buses are late."), "stated facts kept in review and doc items"),
        (lambda brief: _said(brief, "31 of 40 buses are done."), "stated lever kept in the review"),
    ],
)
def test_a_brief_that_is_wrong_in_one_way_fails_there(
    coach: Coach, draft: ExampleDraft, brief: Brief, spoil: Callable[[Brief], Brief], figure: str
) -> None:
    assert not figures(coach, draft, spoil(brief))[figure].met


def test_a_file_is_measured_and_its_failures_are_told(coach: Coach, tmp_path: Path) -> None:
    drafts, pairs = tmp_path / "d.jsonl", tmp_path / "p.jsonl"
    drafts.write_text(json.dumps(LABELLED) + "\n", "utf-8")
    pairs.write_text(json.dumps({"bad": "Close the gate on Monday or we lose the lease; Ana decides.", "good": "We keep monitoring the gate.", "flaw": "turned round", "context": ""}) + "\n", "utf-8")
    told = as_text([measure_drafts(coach, load_labelled(drafts)), measure_pairs(coach, load_pairs(pairs))])
    assert "room, exactly: 2/2 = 1.000" in told
    assert "! GOOD scored above its BAD: 0/1 = 0.000" in told and "monitoring the gate" in told


def test_a_label_that_is_not_in_its_text_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    wrong = json.loads(json.dumps(LABELLED))
    wrong["items"][0]["owner"] = "Nobody here"
    file.write_text(json.dumps(LABELLED) + "\n" + json.dumps(wrong) + "\n", "utf-8")
    with pytest.raises(CorpusError, match=r"d\.jsonl:2.*does not stand"):
        load_labelled(file)
