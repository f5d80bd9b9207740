"""Relations between words: each kind with texts that break it and texts that come close and are true."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from coach.errors import CorpusError
from coach.faithful import faults
from coach.resources import load_guard_words, load_phrased, load_prompts

CASES: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "relations.jsonl").read_text("utf-8").splitlines()
]
WORDS = load_guard_words()
# The kinds that were seen from a small model, each of which has to be caught; and how many cases each has at least.
SEEN = {
    "target and current swapped": 5,
    "a ceiling turned into the action": 2,
    "one of two alternatives lost": 4,
    "a day of the draft became another": 5,
    "who asks and who is asked are swapped": 6,
    "may, will and must changed": 5,
    "a preference turned into a decision": 5,
    "a blank left out": 3,
    "the order of things changed": 10,
    "the order of things lost": 2,
    "an order added": 2,
    "what follows from what is changed": 8,
    "what is so and what is not are swapped": 2,
}


def kinds(case: dict[str, Any], text: str) -> set[str]:
    return {one.kind for one in faults(text, case["draft"], case.get("plain", case["draft"]), WORDS, case.get("owner"))}


@pytest.mark.parametrize("case", CASES, ids=[f"{one['kind']}: {one['draft'][:40]}" for one in CASES])
def test_a_broken_relation_is_named_and_a_true_text_passes(case: dict[str, Any]) -> None:
    assert case["kind"] in kinds(case, case["hit"])
    assert kinds(case, case["near"]) == set()


def test_every_kind_that_was_seen_has_cases() -> None:
    count = Counter(str(one["kind"]) for one in CASES)
    for kind, least in SEEN.items():
        assert count[kind] >= least, kind


def test_the_line_itself_and_our_own_examples_pass() -> None:
    for case in CASES:
        plain = case.get("plain", case["draft"])
        assert faults(plain, case["draft"], plain, WORDS) == ()
    for one in load_phrased():
        assert faults(one.text, one.given, one.given.split("\n")[0], WORDS) == (), one.text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("variables: [line]\nuser: 'Line: {line} {keep}'\nsystem: edit\n", "'keep' is used and not declared"),
        ("variables: [line, keep]\nuser: 'Line: {line}'\nsystem: edit\n", "'keep' is not used"),
        ("variables: [line]\nuser: 'Line: {line}'\nsystem: 'edit {line}'\n", "static part holds a variable"),
        ("variables: [line]\nuser: 'Line: {line}'\nsystem: edit\nstyle: bold\n", "unknown key 'style'"),
    ],
)
def test_a_prompt_is_read_strictly(tmp_path: Path, body: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"id: mine\nversion: 1\npurpose: a test\nfields: [text]\n{body}", "utf-8")
    with pytest.raises(CorpusError, match=r"mine\.yaml:") as caught:
        load_prompts(tmp_path)
    assert says in str(caught.value)
