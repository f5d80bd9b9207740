"""Brief → the two Markdown documents. The public one is made without ever seeing the private one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from coach.agenda import PRE_READ_DAYS
from coach.schema import Agenda, AgendaEntry, Check, Item, Question, Rewrite, Room, RoomSpec


def private_document(
    items: Sequence[Item],
    questions: Sequence[Question],
    agenda: Agenda,
    checklist: Sequence[Check],
    rooms: Sequence[RoomSpec],
    review_date: date | None,
) -> str:
    """The 1:1 document: agenda, what to say, questions, the clock and the checklist."""
    spec = _spec(rooms, "one_on_one")
    lines = ["# 1:1 notes, private", "", f"_{_cadence(spec)}. For two people; not to be forwarded._", ""]
    lines += _agenda(agenda.one_on_one)
    said = [(item, one) for item in items for one in item.rewrites if one.room == "one_on_one"]
    promised = [(item, one) for item, one in said if item.because.startswith(spec.because.get("promised", "\0"))]
    for heading, here in (("To say", [one for one in said if one not in promised]), ("Not to be said without their leave", promised)):
        if not here:
            continue
        lines += [f"## {heading}", ""]
        for item, one in here:
            lines.append(f"- {escape(one.text)}")
            lines += [f"  - To fill in: {escape(blank.question)}" for blank in one.blanks]
            if item.then == "okr_review":
                lines.append("  - Afterwards only the decision goes to the review.")
        lines.append("")
    if questions:
        lines += ["## To ask", ""]
        for question in questions:
            lines.append(f"- **{escape(question.text)}**")
            if question.because:
                lines.append(f"  - Because: “{escape(_short(question.because))}”")
            if question.follow_up:
                lines.append(f"  - Then: {escape(question.follow_up)}")
        lines.append("")
    # Blanks of public lines are asked about here, so that the public document holds the draft's words and little else.
    open_lines = [(item, one) for item in items for one in item.rewrites if one.room != "one_on_one" and one.blanks]
    if open_lines:
        lines += ["## To fill in before the OKR document goes out", ""]
        for item, one in open_lines:
            lines += [f"- Item {item.id}, {blank.key}: {escape(blank.question)}" for blank in one.blanks]
        lines.append("")
    if said and review_date:
        day = review_date - timedelta(days=pre_read_days(rooms))
        lines += ["## When", "", f"- Say it before the pre-read goes out on {day.isoformat()}.", ""]
    if checklist:
        lines += ["## Before you go in", ""]
        lines += [f"- [{'x' if check.ok else ' '}] {escape(check.message)}" for check in checklist]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def public_document(
    rewrites: Sequence[Rewrite], agenda: Agenda, rooms: Sequence[RoomSpec], review_date: date | None
) -> str:
    """The OKR document out of public rewrites alone; nothing else of a brief is given to it."""
    spec, ahead = _spec(rooms, "okr_review"), pre_read_days(rooms)
    lines = ["# OKR review", "", f"_{_cadence(spec)}; read it {ahead} days ahead, decide in the room._", ""]
    if review_date:
        lines += [f"Review on {review_date.isoformat()}; pre-read by {(review_date - timedelta(days=ahead)).isoformat()}.", ""]
    lines += _agenda(agenda.okr_review)
    for room in ("okr_review", "okr_doc", "staff_meeting"):
        here = [one for one in rewrites if one.room == room]
        if not here:
            continue
        lines += [f"## {_spec(rooms, room).heading}", ""]
        for one in here:
            lines.append(f"- {escape(one.text)}")
            if room == "okr_review":
                lines.append(f"  - Owner: {escape(one.owner or '[owner?]')} · Due: {escape(one.due or '[date?]')}")
        lines.append("")
    if not rewrites:
        lines += ["Nothing in this draft is for a public room.", ""]
    return "\n".join(lines).rstrip() + "\n"


def pre_read_days(rooms: Sequence[RoomSpec]) -> int:
    """How many days before the review its document goes out."""
    days = _spec(rooms, "okr_review").pre_read_days
    return PRE_READ_DAYS if days is None else days


def _spec(rooms: Sequence[RoomSpec], room: Room) -> RoomSpec:
    return next(one for one in rooms if one.id == room)


def _cadence(spec: RoomSpec) -> str:
    low, high = spec.minutes or (30, 30)
    length = f"{low} minutes" if low == high else f"{low} to {high} minutes"
    return f"{(spec.cadence or '').capitalize()}, {length}"


def _agenda(entries: Sequence[AgendaEntry]) -> list[str]:
    if not entries:
        return []
    return ["## Agenda", "", *[f"{n}. {entry.slot.capitalize()}: {escape(entry.text)}" for n, entry in enumerate(entries, 1)], ""]


def _short(text: str, words: int = 24) -> str:
    parts = text.split()
    return " ".join(parts) if len(parts) <= words else " ".join(parts[:words]) + " …"


def escape(text: str) -> str:
    """Draft words as Markdown text: one line, no markup of their own, no HTML."""
    flat = re.sub(r"\s+", " ", text).strip()
    flat = flat.replace("&", "&amp;").replace("<", "&lt;")
    flat = re.sub(r"(?<!\w)([*_`#|~])|([*_`#|~])(?!\w)", lambda m: "\\" + m[0], flat)
    return re.sub(r"\]\(", "]\\(", flat)
