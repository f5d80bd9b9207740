"""Every language rule carries its own proof; these tests are made from it."""

from __future__ import annotations

import json

import pytest

from coach.lint import lint
from coach.resources import load_corpus, load_rules
from coach.schema import Rule, Span
from tests.conftest import examples

RULES, SIGNALS = load_rules()


def fired(text: str) -> set[str]:
    return {one.rule for one in lint(text, RULES, SIGNALS, spans=[Span(start=0, end=len(text))])}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_fires_on_its_hits_and_only_there(rule: Rule) -> None:
    for text in rule.hits:
        assert rule.id in fired(text), f"should fire on: {text}"
    for text in rule.near_misses:
        assert rule.id not in fired(text), f"should not fire on: {text}"


def test_there_are_enough_rules_of_every_kind() -> None:
    assert len(RULES) >= 60
    assert {rule.kind for rule in RULES} == {"phrases", "pattern", "structure", "count"}
    pages = {page.id for page in load_corpus().pages}
    assert {rule.page for rule in RULES} <= pages


def test_findings_mark_exactly_the_words_they_speak_of() -> None:
    text = "KR1 is fine.\n\nThe roof: still working on it, and someone should call Ana."
    for one in lint(text, RULES, SIGNALS, spans=[Span(start=0, end=len(text))]):
        assert 0 <= one.start < one.end <= len(text)
    words = {text[one.start : one.end].strip() for one in lint(text, RULES, SIGNALS, spans=[Span(start=0, end=len(text))])}
    assert "someone should" in words


def test_most_good_sentences_of_the_corpus_are_left_clean_and_most_bad_ones_are_not() -> None:
    pairs = examples("pairs")
    assert len(pairs) >= 200
    missed = [one["bad"] for one in pairs if not fired(str(one["bad"]))]
    flagged = [one["good"] for one in pairs if fired(str(one["good"]))]
    print(json.dumps({"bad missed": missed, "good flagged": flagged}, indent=1))
    assert len(missed) <= 0.25 * len(pairs)
    assert len(flagged) <= 0.15 * len(pairs)
