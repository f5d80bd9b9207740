"""The Python face: what is exported, and the LangChain runnable."""

from __future__ import annotations

import pytest
from langchain_core.runnables import RunnableLambda

import coach as package
from coach import Brief, Coach
from coach.errors import OptionError
from coach.playbook import PlaybookRetriever
from tests.conftest import MIXED


def test_everything_exported_is_there() -> None:
    for name in package.__all__:
        assert getattr(package, name)
    with pytest.raises(AttributeError):
        package.nothing  # noqa: B018


def test_a_brief_cannot_be_changed(coach: Coach) -> None:
    brief = coach.prep(MIXED)
    with pytest.raises(ValueError, match="frozen"):
        brief.draft = "other"  # type: ignore[misc]


def test_invoke_batch_and_stream_agree_with_prep(coach: Coach) -> None:
    whole = coach.prep(MIXED)
    assert coach.invoke(MIXED) == whole
    assert coach.batch([MIXED, {"text": MIXED, "as_": "report"}]) == [whole, whole]
    partial = list(coach.stream(MIXED))
    assert partial[-1] == whole and len(partial) > 2
    assert [one.room for one in partial[0].items] == [one.room for one in whole.items]
    assert (coach | RunnableLambda(lambda brief: len(brief.items))).invoke(MIXED) == len(whole.items)


def test_a_wrong_input_is_told(coach: Coach) -> None:
    with pytest.raises(OptionError):
        coach.invoke({"draft": MIXED})
    with pytest.raises(OptionError):
        coach.invoke(3)


def test_the_playbook_is_a_retriever(coach: Coach) -> None:
    found = PlaybookRetriever(playbook=coach.library.playbook, k=2).invoke("nobody owns the decision")
    assert len(found) == 2 and set(found[0].metadata) == {"page", "heading", "score"}


def test_a_brief_survives_json(coach: Coach) -> None:
    brief = coach.prep(MIXED)
    assert Brief.model_validate_json(brief.model_dump_json()) == brief
