"""Items and questions → what each meeting starts from, and whether this draft is ready for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from coach.schema import Agenda, AgendaEntry, Check, Item, Question, Rewrite, Room, Slot

PRE_READ_DAYS = 7  # where the rooms of a corpus do not say
MOST_DECISIONS = 5

_SLOT_TITLES: dict[Slot, str] = {
    "hidden_blocker": "hidden blocker",
    "career": "career question",
    "manager_decision": "manager decision",
}
_WAITS = re.compile(
    r"\b(?:wait\w*|block\w*|depend\w*|vendor|supplier|sign(?:s|ed)?|approv\w+|pending|stuck|owes?|no (?:reply|answer|date))\b",
    re.I,
)


def make_agenda(items: Sequence[Item], questions: Sequence[Question]) -> Agenda:
    """The 1:1: one hidden blocker, one career question, one manager decision. The review: one
    movement, one dependency, one decision request. What the draft lacks is asked for."""
    private = []
    for slot, title in _SLOT_TITLES.items():
        question = next((one for one in questions if one.slot == slot), None)
        if question:
            item = next((one.id for one in items if one.quote == question.because), None)
            private.append(AgendaEntry(slot=title, text=question.text, item=item))
    decisions = _said(items, "okr_review")
    records = _said(items, "okr_doc")
    movement = next(((n, r) for n, r in records if re.search(r"\d", r.text)), None)
    if movement is None:
        movement = next(iter(records), None)
    waiting = [(n, r) for n, r in decisions if _WAITS.search(r.text)]
    ready = sorted(decisions, key=lambda one: (len(one[1].blanks), one[0]))
    request = next((one for one in ready if one not in waiting[:1]), None) or next(iter(ready), None)
    public = [
        _entry("objective movement", movement, "[movement?]"),
        _entry(
            "dependency",
            waiting[0] if waiting else None,
            "[dependency?]",
        ),
        _entry("decision request", request, "[decision?]"),
    ]
    return Agenda(one_on_one=tuple(private), okr_review=tuple(public))


def _said(items: Sequence[Item], room: Room) -> list[tuple[int, Rewrite]]:
    return [(item.id, one) for item in items for one in item.rewrites if one.room == room and not one.is_bare]


def _entry(slot: str, said: tuple[int, Rewrite] | None, missing: str) -> AgendaEntry:
    if said is None:
        return AgendaEntry(slot=slot, text=missing)
    return AgendaEntry(slot=slot, text=said[1].text, item=said[0])


def make_checklist(
    items: Sequence[Item], review_date: date | None, pre_read_days: int = PRE_READ_DAYS, most: int = MOST_DECISIONS
) -> tuple[Check, ...]:
    """The preparation checklist, evaluated on this draft."""
    decisions = _said(items, "okr_review")
    public = [one for room in ("okr_review", "okr_doc", "staff_meeting") for one in _said(items, room)]
    private = [item for item in items if item.room == "one_on_one" or item.private]
    no_lever = [n for n, one in decisions if one.lever is None]
    no_owner = [n for n, one in decisions if one.owner is None]
    no_date = [n for n, one in decisions if one.due is None]
    left = [item for item in items if item.room == "leave_out"]
    weak = [
        item.id
        for item in items
        if item.room in ("okr_review", "okr_doc") and any(f.level == "error" for f in item.findings)
    ]
    doubtful = [item.id for item in items if item.confidence < 0.5]
    checks = [
        Check(
            id="apart",
            ok=True,
            message=f"{_count(private, 'item is', 'items are')} for the 1:1 alone, and no word of it stands in the OKR document"
            if private
            else "Nothing in this draft was found to be private; read the OKR document once as the room will",
        ),
        Check(
            id="decision",
            ok=bool(decisions),
            message=f"The review is asked for {_count(decisions, 'decision')}"
            if decisions
            else "The review is asked for no decision; send the document and cancel the meeting, or add one",
        ),
        Check(
            id="few",
            ok=len(decisions) <= most,
            message=f"At most {most} decisions for one meeting"
            if len(decisions) <= most
            else f"{len(decisions)} decisions are more than one meeting takes; pick {most}",
        ),
        _each("lever", decisions, no_lever, "says what would change the outcome", "do not say what would change the outcome"),
        _each("owner", decisions, no_owner, "has one owner", "have no owner"),
        _each("date", decisions, no_date, "has one date", "have no date"),
        Check(
            id="words",
            ok=not weak,
            message="No public line hides behind a colour, effort or hope"
            if not weak
            else f"Weak words in {_items(weak)} still hide what is decided",
        ),
        Check(
            id="movement",
            ok=any(re.search(r"\d", one.text) for _, one in public),
            message="At least one number shows movement"
            if any(re.search(r"\d", one.text) for _, one in public)
            else "No number shows movement; add one",
        ),
        Check(
            id="clock",
            ok=review_date is not None,
            message=f"Pre-read out by {(review_date - timedelta(days=pre_read_days)).isoformat()}, private talks before it"
            if review_date
            else f"Set the review date: the pre-read goes out {pre_read_days} days ahead, private talks before it",
        ),
    ]
    if left:
        checks.append(
            Check(id="cut", ok=True, message=f"{_count(left, 'line')} without a fact left out of both documents")
        )
    if doubtful:
        checks.append(
            Check(id="doubt", ok=False, message=f"Look once more at the room of {_items(doubtful)}; the coach is unsure")
        )
    return tuple(checks)


def _each(name: str, decisions: Sequence[object], missing: Sequence[int], has: str, lack: str) -> Check:
    if not decisions:
        return Check(id=name, ok=True, message=f"Every decision {has} (none is asked for)")
    if not missing:
        return Check(id=name, ok=True, message=f"Every decision {has}")
    return Check(id=name, ok=False, message=f"{len(missing)} of {len(decisions)} decisions {lack}: {_items(missing)}")


def _count(things: Sequence[object], one: str, many: str | None = None) -> str:
    return f"{len(things)} {one if len(things) == 1 else many or one + 's'}"


def _items(numbers: Sequence[int]) -> str:
    unique = list(dict.fromkeys(numbers))
    return ("item " if len(unique) == 1 else "items ") + ", ".join(str(n) for n in unique)
