"""Brief → the HTML the page shows. Whatever came out of a draft is escaped here and nowhere else."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from coach.jobs import Stats
from coach.model import at
from coach.schema import Brief, Check, Finding, Item, PageQuote, Question, RoomSpec

_BLANK = re.compile(r"\[(?:result|lever|owner|date|fact)\?\]")


def item_card(item: Item) -> str:
    """An item: its own words with the weak ones marked, the rewrites, the reason, the passage."""
    parts = [f'<p class="original">{_marked(item)}</p>']
    for one in item.rewrites:
        where = "" if one.room == item.room else '<span class="then">Afterwards, in the review: </span>'
        parts.append(f'<p class="rewrite">{where}{_with_blanks(one.text)}</p>')
    doubt = " <em>Not sure: check this one.</em>" if item.confidence < 0.5 else ""
    parts.append(f'<p class="reason">{escape(item.because)}{doubt}</p>')
    notes = "".join(
        f"<li><b>{_text(_words(item, one))}</b> {escape(one.message)}</li>" for one in item.findings
    )
    if notes:
        count = len(item.findings)
        parts.append(
            f"<details><summary>{count} weak {'spot' if count == 1 else 'spots'}</summary><ul>{notes}</ul></details>"
        )
    for passage in item.pages[:1]:
        parts.append(f"<details><summary>Playbook: {escape(passage.heading)}</summary>{passage_text(passage)}</details>")
    return f'<article class="words"><h4>{item.id}</h4>{"".join(parts)}</article>'


def passage_text(passage: PageQuote) -> str:
    """A playbook passage with the page it stands on."""
    return f"<blockquote>{_text(passage.quote)}</blockquote><cite>{escape(passage.page)}</cite>"


def room_head(room: RoomSpec, count: int) -> str:
    """The head of a room's column."""
    who = {"private": "two people", "public": "everyone in the room", "nobody": "nobody"}[room.audience]
    return (
        f'<header class="room {room.audience}"><h3>{escape(room.title)} <small>{count}</small></h3>'
        f"<p>Read by {who}. {escape(room.why)}</p></header>"
    )


def questions_list(questions: Sequence[Question]) -> str:
    """The 1:1 questions, each under the line of the draft it grew from."""
    if not questions:
        return '<p class="empty">Questions appear here once a draft is prepared.</p>'
    shown = []
    for one in questions:
        slot = escape(one.slot.replace("_", " "))
        because = f'<p class="because">Because you wrote: “{_text(_short(one.because))}”</p>' if one.because else ""
        follow = f'<p class="follow">Then: {_text(one.follow_up)}</p>' if one.follow_up else ""
        shown.append(f'<article class="card"><h4>{slot}</h4><p class="rewrite">{_text(one.text)}</p>{because}{follow}</article>')
    return f'<div class="stack">{"".join(shown)}</div>'


def checklist(checks: Sequence[Check]) -> str:
    """The preparation checklist; what is not ready stands first."""
    rows = "".join(
        f'<li class="{"done" if one.ok else "open"}">{escape(one.message)}</li>'
        for one in sorted(checks, key=lambda one: one.ok)
    )
    return f'<section class="checks"><h3>Before you go in</h3><ul>{rows}</ul></section>' if rows else ""


def passages(found: Sequence[PageQuote]) -> str:
    """Playbook passages found by a search, best first."""
    if not found:
        return '<p class="empty">No passage found. Try other words.</p>'
    cards = "".join(
        f'<article class="card"><h4>{escape(one.heading)} <small>{one.score:.2f}</small></h4>{passage_text(one)}</article>'
        for one in found
    )
    return f'<div class="stack">{cards}</div>'


def notes(said: Sequence[str]) -> str:
    """Notices about a brief."""
    return "".join(f'<p class="notice" role="status">{escape(one)}</p>' for one in said)


def failure(what: str, fix: str) -> str:
    """A failure a person can act on; the draft stays where it is."""
    return f'<p class="failure" role="alert"><b>{escape(what)}</b> {escape(fix)}</p>'


AT_WORK = "The brief below is complete. A model is now wording it line by line."
STOPPED = "The model was stopped; what it had worded stays, the rest is the coach's own."


def leaving(model: str, away: str | None, private_too: bool, missing: bool) -> str:
    """What will leave this machine with a choice of model, and to where; said before anything is sent."""
    if not model:
        return '<p class="leaving">Nothing leaves this machine.</p>'
    if away is None:
        first = " It has to be downloaded once." if missing else ""
        return f'<p class="leaving">The model runs on this machine: nothing leaves it.{first}</p>'
    where = f"<b>{escape(away)}</b>"
    if private_too:
        return f'<p class="leaving away" role="alert">Prepare sends every line of your draft, <b>the private ones too</b>, to {where}.</p>'
    return f'<p class="leaving away">Prepare sends the public lines of your draft to {where}. Private lines stay here.</p>'


def downloading(title: str, done: int, total: int) -> str:
    """How far a download is."""
    share = min(1.0, done / total) if total else 0.0
    return (
        f'<p class="leaving" role="status">{escape(title)}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB</p>'
        f'<progress max="1" value="{share:.3f}"></progress>'
    )


def cost(one: Stats) -> str:
    """What the model did for this draft and what it cost, in a line below the page."""
    texts = ", ".join(f"{count} {name}" for name, count in sorted(one.outcomes.items()))
    money = f" · {one.price:.4f} in money" if one.price is not None else ""
    about = "about " if one.usage.is_estimate else ""
    return (
        f'<p class="cost">{escape(one.model)} {escape(at(one.where))} · {one.usage.calls} calls · {about}{one.usage.tokens_in:,} tokens in '
        f"({one.usage.cached:,} cached), {one.usage.tokens_out:,} out{money} · {one.seconds:.0f} s · texts: {escape(texts or 'none')}</p>"
    )


def downloads(brief: Brief) -> str:
    """Links that save both documents; the text is in the link, so nothing is written on this side."""
    return "".join(
        f'<a class="download" download="{name}" href="data:text/markdown;charset=utf-8;base64,'
        f'{base64.b64encode(text.encode("utf-8", "replace")).decode()}">{label}</a>'
        for name, text, label in (
            ("one-on-one.md", brief.documents.one_on_one, "Save the 1:1 document (private)"),
            ("okr.md", brief.documents.okr, "Save the OKR document (public)"),
        )
    )


def _marked(item: Item) -> str:
    """The item's words; overlapping findings are shown once, the first and longest."""
    shown: list[str] = []
    at = item.start
    for one in sorted(item.findings, key=lambda f: (f.start, -f.end)):
        if one.start < at:
            continue
        shown.append(_text(item.quote[at - item.start : one.start - item.start]))
        said = escape(one.message, quote=True)
        shown.append(f'<mark class="{one.level}" tabindex="0" title="{said}">{_text(_words(item, one))}</mark>')
        at = min(one.end, item.end)
    shown.append(_text(item.quote[at - item.start :]))
    return "".join(shown)


def _words(item: Item, finding: Finding) -> str:
    return item.quote[finding.start - item.start : finding.end - item.start]


def _with_blanks(text: str) -> str:
    parts: list[str] = []
    at = 0
    for match in _BLANK.finditer(text):
        parts += [_text(text[at : match.start()]), f'<span class="blank">{match[0]}</span>']
        at = match.end()
    return "".join([*parts, _text(text[at:])])


def _text(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _short(text: str, words: int = 30) -> str:
    parts = text.split()
    return " ".join(parts) if len(parts) <= words else " ".join(parts[:words]) + " …"
