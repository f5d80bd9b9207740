"""A text → how surely it points to a decision, and the findings: rules and reader together."""

from __future__ import annotations

from coach.blocks import blocks
from coach.lint import lint
from coach.reader import Reader
from coach.schema import ROOMS, Finding, Language, Rule, Signal
from coach.segment import sentences

# Lines that the reader is this sure belong to a record, the news or one person need not be decided.
_ELSEWHERE_AT = 0.8
_UNDECIDED = [ROOMS.index(room) for room in ("okr_review", "leave_out")]
_COST = {"error": 0.02, "warning": 0.01, "hint": 0.0}  # taken off the score, so that equals are told apart


def judge_language(text: str, rules: tuple[Rule, ...], signals: tuple[Signal, ...], reader: Reader) -> Language:
    """A sentence, or a few, as one statement to a room: score 0 to 1, and what stands in its way."""
    spans = sentences(text)
    # A sentence is heard with its neighbours: what one leaves open the next may settle.
    whole = float(reader.points([text])[0])
    findings = lint(text, rules, signals, spans=spans, points=[whole] * len(spans))
    return Language(score=max(0.0, whole - sum(_COST[one.level] for one in findings)), findings=findings)


def check_update(text: str, rules: tuple[Rule, ...], signals: tuple[Signal, ...], reader: Reader) -> tuple[Finding, ...]:
    """The findings of a whole update, line by line; records, news and private lines need no decision."""
    spans = sentences(text)
    if not spans:
        return ()
    chances = reader.rooms(reader.read(text, blocks(text)).means([(span.start, span.end) for span in spans]))
    asked = [float(row[_UNDECIDED].sum()) > 1 - _ELSEWHERE_AT for row in chances]
    points = [float(reader.points([text[one.start : one.end]])[0]) if ask else 1.0 for one, ask in zip(spans, asked, strict=True)]
    return lint(text, rules, signals, spans=spans, points=points)
