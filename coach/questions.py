"""The question bank → the few questions that this draft calls for, each tied to a line of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from coach.schema import SLOTS, BankQuestion, Facts, Question, QuestionGoal, Room, Side, Slot
from coach.threads import one_thread

Vectors = NDArray[np.float32]
_SLOT = re.compile(r"\{(\w+)\}")
_TWO_WAYS = frozenset({"option_b", "choice"})
# What can follow `to`: the plain form of a verb. Options that begin otherwise are quoted whole.
_DOES = re.compile(
    r"(?:accept|add|approve|ask|borrow|build|buy|call|cancel|carry|change|choose|close|come|continue|cover|cut|delay|do|drop|end|extend|find|freeze|fund|get|"
    r"give|go|hand|hire|hold|keep|launch|leave|lend|let|live|lose|lower|make|merge|move|narrow|open|order|park|pause|pay|plan|postpone|pull|push|put|raise|"
    r"reject|release|rent|replace|report|run|say|sell|send|set|shift|ship|shut|sign|skip|slip|split|start|stay|stop|swap|switch|take|tell|train|try|turn|use|"
    r"wait|waive|write)\b",
    re.I,
)

# What kind of line each slot of the 1:1 wants to hold on to.
_ROOMS: dict[Slot, dict[Room, float]] = {
    "hidden_blocker": {"one_on_one": 0.15, "okr_review": 0.06, "leave_out": 0.02},
    "career": {"one_on_one": 0.15, "okr_doc": 0.02},
    "manager_decision": {"okr_review": 0.15, "one_on_one": 0.03},
}
_SIGNALS: dict[Slot, frozenset[str]] = {
    "hidden_blocker": frozenset({"workload", "conflict", "power", "signal", "confidence", "dependency"}),
    "career": frozenset({"career", "scope", "employment"}),
    "manager_decision": frozenset({"choice", "ask", "dependency", "gap", "orphan"}),
}


@dataclass(frozen=True)
class Line:
    """An item as the question bank sees it; vector is its sentence vector."""

    quote: str
    draft: str
    room: Room
    signals: tuple[str, ...]
    facts: Facts
    vector: Vectors


@dataclass(frozen=True)
class Bank:
    """The bank with one vector for each question: its text and when it fits."""

    entries: tuple[tuple[QuestionGoal, BankQuestion], ...]
    vectors: Vectors


def flatten(goals: Sequence[QuestionGoal]) -> tuple[tuple[QuestionGoal, BankQuestion], ...]:
    """Every question with its goal, in the order of the files."""
    return tuple((goal, question) for goal in goals for question in goal.questions)


def words_of(question: BankQuestion) -> str:
    """What a question is found by."""
    return f"{'; '.join(question.when)}. {question.text}"


def choose(
    bank: Bank, lines: Sequence[Line], side: Side, count: int = 3, goal: str | None = None
) -> tuple[Question, ...]:
    """`count` questions for the side that asks: one for each slot first, no goal or line twice
    while others are left. With `goal`, only questions towards that goal."""
    rows = [n for n, (of, one) in enumerate(bank.entries) if one.asks == side and goal in (None, of.goal)]
    if not rows:
        return ()
    likeness: list[list[float]] = _likeness(bank, rows, lines).tolist()
    chosen: list[tuple[int, int]] = []
    wanted: list[Slot | None] = [*SLOTS] if goal is None else []
    wanted += [None] * max(0, count - len(wanted))
    for slot in wanted[:count]:
        pick = _best(bank, rows, likeness, lines, slot, chosen)
        if pick is not None:
            chosen.append(pick)
    return tuple(_spoken(*bank.entries[n], lines[line] if line >= 0 else None) for n, line in chosen)


def _likeness(bank: Bank, rows: Sequence[int], lines: Sequence[Line]) -> NDArray[np.float32]:
    """How well each question fits each line, (questions, lines)."""
    if not lines:
        return np.zeros((len(rows), 0), np.float32)
    with one_thread():
        table = np.asarray(bank.vectors[rows] @ np.stack([line.vector for line in lines]).T, np.float32)
    kinds_of = [{signal.split(".", 1)[-1] for signal in line.signals} for line in lines]
    values_of = [_values(line) for line in lines]
    rooms = {slot: np.array([_ROOMS[slot].get(line.room, -0.1) for line in lines], np.float32) for slot in SLOTS}
    signals = {slot: np.array([0.08 * bool(kinds & _SIGNALS[slot]) for kinds in kinds_of], np.float32) for slot in SLOTS}
    for r, n in enumerate(rows):
        _, question = bank.entries[n]
        table[r] += rooms[question.slot]
        table[r] += signals[question.slot]
        slots = _slots(question.fill or "")
        if slots:
            filled = np.array([slots <= values.keys() for values in values_of], np.float32)
            table[r] += np.float32(0.06) * filled
            # Two ways on the table are what a manager can be asked to choose between.
            table[r] += np.float32(0.15) * filled * bool(slots & _TWO_WAYS)
    return table


@lru_cache(maxsize=4096)
def _slots(fill: str) -> frozenset[str]:
    return frozenset(_SLOT.findall(fill))


def _best(
    bank: Bank,
    rows: Sequence[int],
    likeness: Sequence[Sequence[float]],
    lines: Sequence[Line],
    slot: Slot | None,
    chosen: Sequence[tuple[int, int]],
) -> tuple[int, int] | None:
    taken = {n for n, _ in chosen}
    goals = {bank.entries[n][0].goal for n in taken}
    used = {line for _, line in chosen}
    best: tuple[float, int, int] | None = None
    for r, n in enumerate(rows):
        goal, question = bank.entries[n]
        if n in taken or (slot is not None and question.slot != slot):
            continue
        for c in range(max(1, len(lines))):
            score = likeness[r][c] if lines else 0.0
            score -= 0.25 * (goal.goal in goals) + 0.2 * (c in used)
            if best is None or score > best[0] + 1e-9:
                best = (score, n, c if lines else -1)
    return (best[1], best[2]) if best else None


def _spoken(goal: QuestionGoal, question: BankQuestion, line: Line | None) -> Question:
    text = (_filled(question, _values(line)) if line else None) or question.text
    return Question(
        slot=question.slot,
        goal=goal.goal,
        text=re.sub(r"\s+", " ", text).strip(),
        because=line.quote if line else "",
        page=goal.page,
        follow_up=question.follow_up,
    )


def _filled(question: BankQuestion, values: Mapping[str, str]) -> str | None:
    """The question with its slots taken from what a line says, or None when one of them is not there."""
    if question.fill is None:
        return None
    slots = _slots(question.fill)
    if not slots or not slots <= values.keys():
        return None
    text = _SLOT.sub(lambda match: values[match[1]], question.fill)
    return text[:1].upper() + text[1:]


def _values(line: Line) -> dict[str, str]:
    facts, draft = line.facts, line.draft
    found: dict[str, str] = {}
    for kind, slot in (("person", "person"), ("team", "team"), ("key_result", "kr")):
        one = next((name for name in facts.names if name.kind == kind), None)
        if one and (kind == "key_result" or draft[one.start].isupper()):
            found[slot] = draft[one.start : one.end]
    if facts.due or facts.dates:
        when = facts.due or facts.dates[0]
        found["date"] = draft[when.start : when.end]
    if facts.numbers:
        number = next((one for one in facts.numbers if one.role == "now"), facts.numbers[0])
        found["number"] = draft[number.start : number.end].strip()
    if facts.levers:
        said = re.sub(r"\s+", " ", draft[facts.levers[0].start : facts.levers[0].end])
        halves = re.split(r",? or (?:we |i |to )?", said, maxsplit=1)
        if len(halves) == 2 and all(3 <= len(half.split()) <= 14 for half in halves):
            first = re.sub(r"^(?:either |we |i |to |whether )+", "", halves[0].strip(" ,"), flags=re.I)
            found["choice"] = f"{first} or {halves[1].strip(' ,.')}"
            if _DOES.match(first) and _DOES.match(halves[1]):
                found["option_a"], found["option_b"] = first, halves[1].strip(" ,.")
    topic = re.match(r"(?:the )?([A-Za-z][\w&/ -]{1,28}?)(?= (?:is|are|was|has|went|at|in)\b|:| -| [—–])", line.quote)
    if topic and len(topic[1].split()) <= 3 and topic[1].split()[0].lower() not in _NOT_TOPIC:
        found["topic"] = f"the {topic[1]}" if topic[1][:1].islower() else topic[1]
    return found


_NOT_TOPIC = frozenset("i we they he she it this that there my our you who what and but so not no nothing also everyone".split())
