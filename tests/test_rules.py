"""Every language rule carries its own proof; these tests are made from it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from coach import Coach
from coach.language import check_update
from coach.lint import lint
from coach.reader import Reader
from coach.resources import load_corpus, load_rules, load_signals
from coach.schema import Finding, Rule, Span
from coach.sieve import Sieve, needles

RULES, SIGNALS = load_rules()
READER = Reader()


def found(text: str, point: float | None = None) -> tuple[Finding, ...]:
    """The findings of one item; without `point` the reader says how surely it points to a decision."""
    points = [float(READER.points([text])[0]) if point is None else point]
    return lint(text, RULES, SIGNALS, spans=[Span(start=0, end=len(text))], points=points)


def fired(text: str, point: float | None = None) -> set[str]:
    return {one.rule for one in found(text, point)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_fires_on_its_hits_and_only_there(rule: Rule) -> None:
    # A rule that yields is asked as if nothing else in the item pointed to a decision.
    point = 0.0 if rule.yields else None
    for text in rule.hits:
        assert rule.id in fired(text, point), f"should fire on: {text}"
    for text in rule.near_misses:
        assert rule.id not in fired(text, point), f"should not fire on: {text}"


def test_a_rule_that_yields_is_silent_where_the_whole_points_to_a_decision() -> None:
    text = "KR2 will miss the June target."
    assert "decisions.miss-without-lever" in fired(text, 0.1)
    assert "decisions.miss-without-lever" not in fired(text, 0.9)


def test_records_and_news_in_an_update_are_not_asked_for_a_decision() -> None:
    update = "- Ticket printers went from 71% to 98.4% uptime, target was 97%\n- The canteen is closed on 14 June\n"
    assert check_update(update, RULES, SIGNALS, READER) == ()


def test_language_scores_a_choice_above_a_status_and_says_why(coach: Coach) -> None:
    status = coach.language("Brakes: amber, was red, the log has been updated.")
    choice = coach.language("Either Olga lends us the second lift by Friday, or line 4 stands still in May.")
    assert status.score < 0.5 < choice.score
    assert status.findings and not [one for one in choice.findings if one.level != "hint"]


def test_there_are_enough_rules_of_every_kind() -> None:
    assert len(RULES) >= 60
    assert {rule.kind for rule in RULES} == {"phrases", "pattern", "structure", "count", "judged"}
    pages = {page.id for page in load_corpus().pages}
    assert {rule.page for rule in RULES} <= pages


def test_findings_mark_exactly_the_words_they_speak_of() -> None:
    text = "KR1 is fine.\n\nThe roof: still working on it, and someone should call Ana."
    for one in found(text):
        assert 0 <= one.start < one.end <= len(text)
    words = {text[one.start : one.end].strip() for one in found(text)}
    assert "someone should" in words


PATTERNS = [one for of in (*RULES, *SIGNALS, *load_signals()) for one in of.patterns]
SIEVE = Sieve([one] for one in PATTERNS)
LINES = [text for rule in RULES for text in (*rule.hits, *rule.near_misses)]


def test_the_sieve_refuses_no_pattern_that_matches() -> None:
    compiled = [re.compile(one, re.I) for one in PATTERNS]
    for line in LINES:
        for text in (line, line.upper(), line.replace("s", "\u017f").replace("k", "\u212a")):
            assert {n for n, one in enumerate(compiled) if one.search(text)} <= SIEVE.passed(text)
    passed = sum(len(SIEVE.passed(line)) for line in LINES) / len(LINES)
    assert passed < 0.4 * len(PATTERNS)  # and it is worth asking


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        (r"\b(?:waiting|blocked) (?:on|by)\b", {"waiting", "blocked"}),
        (r"(?:maybe)?\s+probably", {"probably"}),
        (r"(?:in )+house|\d+", None),
        (r"(?!never)(?<=the )vendor", {"vendor"}),
        (r"(?-i:[A-Z][a-z]+) decides", {" decides"}),
        (r"a[bc]d", None),
        ("", None),
    ],
)
def test_needles_are_what_every_match_must_hold(pattern: str, known: set[str] | None) -> None:
    assert needles(pattern) == known


@given(some.lists(some.sampled_from(["wait", "on ", "the", " team", "?", "x"]), max_size=8).map("".join))
def test_needles_hold_for_any_text(text: str) -> None:
    for pattern in (r"(?:wait|team){2,}on", r"(?:the (?:team|x)|wait\?)", r"(?:wait)?team(?=x)"):
        held = needles(pattern)
        assert held and (not re.search(pattern, text, re.I) or any(one in text for one in held))
