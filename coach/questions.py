"""The question bank → the few questions that this draft calls for, each tied to a line of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from coach.schema import SLOTS, BankQuestion, Facts, Question, QuestionGoal, Room, Side, Slot
from coach.threads import one_thread

Vectors = NDArray[np.float32]
_SLOT = re.compile(r"\{(\w+)\}")
_BROAD = "career_direction"
_DECIDING = "decision_to_prepare"
_A_CHOICE = 0.15  # what a line that offers two ways adds to the questions about deciding
_FIRST = {"manager_decision": 0, "career": 1, "hidden_blocker": 2}
_NEAR = 0.1  # by which another goal may be farther from a line than the nearest one and still be its goal too
_READ = 0.5  # the say of what was learned beside the signs of a goal
_OWN, _SIGNS = 0.5, 3  # the say of a question's own words beside its goal's signs, and how many signs are asked
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
    "hidden_blocker": {"one_on_one": 0.25, "okr_review": 0.06, "leave_out": -0.02},
    "career": {"one_on_one": 0.2, "okr_doc": 0.02},
    "manager_decision": {"okr_review": 0.2, "one_on_one": -0.2},
}
_SIGNALS: dict[Slot, frozenset[str]] = {
    "hidden_blocker": frozenset({"workload", "conflict", "power", "signal", "confidence", "dependency"}),
    "career": frozenset({"career", "scope", "employment"}),
    "manager_decision": frozenset({"choice", "ask", "dependency", "gap", "orphan"}),
}


@dataclass(frozen=True)
class Line:
    """An item as the question bank sees it.

    vector: its sentence vector. goals: the chance of each goal, as coach/goals sees it. matter: the words a question may
    begin with.
    """

    quote: str
    draft: str
    room: Room
    signals: tuple[str, ...]
    facts: Facts
    vector: Vectors
    goals: Mapping[str, float] = field(default_factory=dict)
    matter: str = ""


@dataclass(frozen=True)
class Bank:
    """The bank with a vector for each question, and for each goal those of its signs, (signs, 384)."""

    entries: tuple[tuple[QuestionGoal, BankQuestion], ...]
    vectors: Vectors
    signs: Mapping[str, Vectors]

    @classmethod
    def of(cls, goals: Sequence[QuestionGoal], vectors: Vectors) -> Bank:
        """The bank of these goals; vectors are those of `bank_texts`."""
        entries = _flatten(goals)
        signs: dict[str, Vectors] = {}
        at = len(entries)
        for goal in goals:
            signs[goal.goal] = vectors[at : at + len(goal.signs)]
            at += len(goal.signs)
        return cls(entries, vectors[: len(entries)], signs)


def bank_texts(goals: Sequence[QuestionGoal]) -> list[str]:
    """What the bank is found by: for every question when it fits and its words, then the signs of every goal."""
    found = [f"{'; '.join(one.when)}. {one.text}" for _, one in _flatten(goals)]
    return found + [sign for goal in goals for sign in goal.signs]


def _flatten(goals: Sequence[QuestionGoal]) -> tuple[tuple[QuestionGoal, BankQuestion], ...]:
    return tuple((goal, question) for goal in goals for question in goal.questions)


def choose(
    bank: Bank, lines: Sequence[Line], side: Side, count: int = 3, goal: str | None = None
) -> tuple[Question, ...]:
    """`count` questions for the side that asks: one for each slot first, no goal or line twice
    while others are left. With `goal`, only questions towards that goal."""
    rows = [n for n, (of, one) in enumerate(bank.entries) if one.asks == side and goal in (None, of.goal)]
    if not rows:
        return ()
    table, near = _likeness(bank, rows, lines)
    likeness: list[list[float]] = table.tolist()
    chosen: list[tuple[int, int]] = []
    asked: list[tuple[int, Question]] = []
    wanted: list[Slot | None] = [*SLOTS] if goal is None else []
    wanted += [None] * max(0, count - len(wanted))
    # What only some lines are about takes its line first; something hidden is found in any of them.
    for place in sorted(range(count), key=lambda n: _FIRST.get(wanted[n] or "", len(_FIRST))):
        slot = wanted[place]
        pick = _best(bank, rows, likeness, lines, slot, chosen)
        if pick is None:
            continue
        is_near = pick[1] >= 0 and bool(near[rows.index(pick[0]), pick[1]])
        if slot == "career" and not is_near:
            # No line is about it: asked all the same, and open, for nothing of it may be presumed.
            broad = [n for n in rows if bank.entries[n][0].goal == _BROAD] or rows
            pick = _best(bank, broad, [likeness[rows.index(n)] for n in broad], lines, slot, chosen) or pick
        chosen.append(pick)
        line = lines[pick[1]] if pick[1] >= 0 else None
        asked.append((place, _spoken(*bank.entries[pick[0]], line, is_near or slot != "career")))
    return tuple(question for _, question in sorted(asked, key=lambda one: one[0]))


def _likeness(
    bank: Bank, rows: Sequence[int], lines: Sequence[Line]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """How well each question fits each line, and whether the line is about its goal more than, by much, about another; (questions, lines)."""
    if not lines:
        return np.zeros((len(rows), 0), np.float32), np.zeros((len(rows), 0), np.bool_)
    near = np.ones((len(rows), len(lines)), np.bool_)
    seen = np.stack([line.vector for line in lines])
    with one_thread():
        table = np.float32(_OWN) * np.asarray(bank.vectors[rows] @ seen.T, np.float32)
        of_goal = {goal: _towards(goal, signs @ seen.T, lines) for goal, signs in bank.signs.items()}
    best = np.max(list(of_goal.values()), axis=0) if of_goal else np.zeros(len(lines), np.float32)
    kinds_of = [{signal.split(".", 1)[-1] for signal in line.signals} for line in lines]
    values_of = [_values(line) for line in lines]
    rooms = {slot: np.array([_ROOMS[slot].get(line.room, -0.1) for line in lines], np.float32) for slot in SLOTS}
    signals = {slot: np.array([0.08 * bool(kinds & _SIGNALS[slot]) for kinds in kinds_of], np.float32) for slot in SLOTS}
    held = np.array([0.05 * bool(line.matter) for line in lines], np.float32)
    for r, n in enumerate(rows):
        goal, question = bank.entries[n]
        if goal.goal in of_goal:
            table[r] += 2 * of_goal[goal.goal] - best  # a line belongs to the goal that is nearest to it
            near[r] = of_goal[goal.goal] >= best - _NEAR
        table[r] += rooms[question.slot]
        table[r] += signals[question.slot]
        if question.after:
            table[r] += held
        slots = _slots(question.fill or "")
        if goal.goal == _DECIDING:
            table[r] += np.array([_A_CHOICE * _offers_two(line) for line in lines], np.float32)
        if slots & _TWO_WAYS:
            # Two ways on the table are what a manager can be asked to choose between.
            table[r] += np.array([0.21 * (slots <= values.keys()) for values in values_of], np.float32)
    return table, near


def _offers_two(line: Line) -> bool:
    return line.room == "okr_review" and any(re.search(r"\bor\b", line.draft[one.start : one.end]) for one in line.facts.levers)


def _towards(goal: str, likeness: Vectors, lines: Sequence[Line]) -> Vectors:
    """How much each line calls for a goal, (lines,): how near its signs are, and for a private line what was learned."""
    signs = np.sort(likeness, axis=0)[-_SIGNS:].mean(axis=0) if len(likeness) else np.zeros(len(lines), np.float32)
    read = [math.sqrt(line.goals.get(goal, 0.0)) if line.room == "one_on_one" else 0.0 for line in lines]
    return np.asarray(signs + np.float32(_READ) * np.array(read, np.float32), np.float32)


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


def _spoken(goal: QuestionGoal, question: BankQuestion, line: Line | None, holds_on: bool) -> Question:
    text = question.text
    if line and holds_on:
        values = _values(line)
        two_ways = _filled(question, values) if _slots(question.fill or "") & _TWO_WAYS else None
        held = f"{line.matter}: {question.after}" if line.matter and question.after else None
        text = two_ways or held or _filled(question, values) or text
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
    when = facts.due or next((one for one in facts.dates if one.is_deadline), None)
    if when:
        found["date"] = _LEADS_DATE.sub("", draft[when.start : when.end])
    if facts.numbers:
        number = next((one for one in facts.numbers if one.role == "now"), facts.numbers[0])
        found["number"] = draft[number.start : number.end].strip()
    if facts.levers:
        said = re.sub(r"\s+", " ", draft[facts.levers[0].start : facts.levers[0].end])
        said = re.sub(r"\s?\([^()]*\)", "", re.split(r"[.!?] ", said)[-1])
        halves = re.split(r",? or (?:we |i |to )?", said, maxsplit=1)
        if len(halves) == 2 and all(3 <= len(half.split()) <= 14 for half in halves):
            first = re.sub(r"^(?:so |and |then |but )?(?:either |we |i |whether )*", "", halves[0].strip(" ,"), flags=re.I)
            if not _ASKS.search(first):
                found["choice"] = f"{first} or {halves[1].strip(' ,.')}"
            if _DOES.match(first) and _DOES.match(halves[1]):
                found["option_a"], found["option_b"] = first, halves[1].strip(" ,.")
    topic = re.match(r"(?:the )?([A-Za-z][\w&/ -]{1,28}?)(?= (?:is|are|was|has|went|at|in)\b|:| -| [—–])", line.quote)
    if topic and len(topic[1].split()) <= 3 and topic[1].split()[0].lower() not in _NOT_TOPIC:
        found["topic"] = f"the {topic[1]}" if topic[1][:1].islower() else topic[1]
    return found


_ASKS = re.compile(r"\b(?:do|does|should|shall|can|could) (?:we|i|they)\b|^(?:if|unless|because|since|what|who)\b", re.I)
_LEADS_DATE = re.compile(r"(?:by|before|until|till|til|on|no later than)\s+", re.I)
_NOT_TOPIC = frozenset("i we they he she it this that there my our you who what and but so not no nothing also everyone".split())
