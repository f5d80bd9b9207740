"""Case and answer → verdicts. Each scorer works from the case's own lists and from coach.evals.checks.

They never call the code they judge: the coach's guards and rules prove nothing about themselves.
A scorer that a case gives nothing to judge says nothing (None).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from coach.evals.cases import PUBLIC, Case, Words
from coach.evals.checks import Part, decision_parts, flat, holds, invented, missing, shared_run, word_count
from coach.schema import Brief, Frozen, Item, PageQuote, Question, Rewrite

PARTS: tuple[Part, ...] = ("stake", "lever", "owner", "date")
_LEVELS = ("error", "warning")
_GIVES_AWAY = 5  # words in a row of a private line that no chance puts into a public text


class Output(Frozen):
    """What the coach gave for a case; one of brief, questions, pages, or the error that came instead.

    seconds: wall time of the call. calls, tokens_in, tokens_out: what a model was asked, 0 offline.
    """

    case: str
    epoch: int = 1
    seconds: float = 0.0
    engine: str = "offline"
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    brief: Brief | None = None
    questions: tuple[Question, ...] = ()
    pages: tuple[PageQuote, ...] = ()
    error: str | None = None


class Verdict(Frozen):
    """One scorer's word on one case. answer: what came; explanation: what was expected, and why it fails; faults: how many."""

    scorer: str
    passed: bool
    answer: str
    explanation: str
    faults: int = 0


Judge = Callable[[Case, Output, Words], "Verdict | None"]


def judge(case: Case, output: Output, words: Words) -> tuple[Verdict, ...]:
    """The verdicts of every scorer that has something to say about this case."""
    return tuple(verdict for scorer in SCORERS.values() if (verdict := scorer(case, output, words)) is not None)


# --- what of a brief is judged ------------------------------------------------------------------------


def judged_items(case: Case, brief: Brief) -> list[Item]:
    """The items that hold the case's words, the one that holds most of them first."""
    if not case.item:
        return list(brief.items)
    start = case.text.index(case.item)
    end = start + len(case.item)
    overlap = {one.id: min(one.end, end) - max(one.start, start) for one in brief.items}
    return sorted((one for one in brief.items if overlap[one.id] > 0), key=lambda one: (-overlap[one.id], one.id))


def _first(case: Case, brief: Brief) -> list[Rewrite]:
    """The rewrites that the case's first room would read."""
    rewrites = [one for item in judged_items(case, brief) for one in item.rewrites]
    if not case.room:
        return rewrites
    wanted = PUBLIC if set(case.room) & PUBLIC else {"one_on_one"}
    return [one for one in rewrites if one.room in wanted]


def _next(case: Case, brief: Brief) -> list[Rewrite]:
    wanted = PUBLIC if set(case.then) & PUBLIC else {"one_on_one"}
    return [one for item in judged_items(case, brief) for one in item.rewrites if one.room in wanted]


def _for_decision(case: Case, brief: Brief) -> list[Rewrite]:
    """The lines a room would decide on: those for the review where one is expected there."""
    rewrites = [one for item in judged_items(case, brief) for one in item.rewrites]
    if "okr_review" in (*case.room, *case.then):
        return [one for one in rewrites if one.room == "okr_review"]
    return _first(case, brief)


def public_texts(brief: Brief) -> list[tuple[str, str]]:
    """Everything that others than the writer and one person will read: where it stands, and the text."""
    texts = [(f"item {item.id}, {one.room}", one.text) for item in brief.items for one in item.rewrites if one.room in PUBLIC]
    texts += [(f"agenda, {one.slot}", one.text) for one in brief.agenda.okr_review]
    return [*texts, ("the OKR document", brief.documents.okr)]


def shown(output: Output) -> list[str]:
    """An answer as lines for a person, and for the diff against the blessed one."""
    if output.error:
        return [f"error: {output.error}"]
    lines = [f"{one.slot}, {one.goal}: {one.text}" for one in output.questions]
    lines += [f"{one.page} › {one.heading}" for one in output.pages]
    for item in output.brief.items if output.brief else ():
        room = item.room + (f", then {item.then}" if item.then else "")
        lines.append(f"{room}: “{_short(item.quote)}”")
        lines += [f"  {one.room} → {one.text}" for one in item.rewrites]
    return lines


def public_decision(case: Case, output: Output) -> str | None:
    """The words for the review, and no other, of what the case judges; None where there is no such line."""
    if output.brief is None:
        return None
    lines = [one.text for item in judged_items(case, output.brief) for one in item.rewrites if one.room == "okr_review"]
    return " / ".join(lines) or None


def decision_text(case: Case, output: Output) -> str:
    """The words a room would decide on, of an answer with a brief."""
    return _said(_for_decision(case, output.brief)) if output.brief else "no line"


def _short(text: str, words: int = 12) -> str:
    parts = text.split()
    return " ".join(parts[:words]) + (" …" if len(parts) > words else "")


def _said(rewrites: Sequence[Rewrite]) -> str:
    return " / ".join(one.text for one in rewrites) or "no line"


def _verdict(scorer: str, answer: str, faults: Iterable[str], fine: str) -> Verdict:
    found = list(faults)
    return Verdict(scorer=scorer, passed=not found, answer=answer, explanation="; ".join(found) or fine, faults=len(found))


# --- scorers ------------------------------------------------------------------------------------------


def room(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether the item goes to a room the case allows, and on to the next one it names."""
    if output.brief is None or not (case.room or case.then):
        return None
    items = judged_items(case, output.brief)
    rooms = [one.room for one in items]
    came = ", ".join(one.room + (f" then {one.then}" if one.then else "") for one in items) or "no item"
    faults = []
    if case.room and not items:
        faults.append("expected an item, none was read")
    elif case.room and case.item and rooms[0] not in case.room:
        faults.append(f"expected {' or '.join(case.room)}, came {rooms[0]}")
    elif case.room and not case.item and not set(rooms) & set(case.room):
        faults.append(f"expected {' or '.join(case.room)}, came {', '.join(rooms)}")
    if case.then:
        nexts = {one.then or "nowhere" for one in items}
        # A line that was split in two goes to both rooms without a `then`.
        split = len(items) > 1 and bool(set(rooms) & set(case.then)) and bool(set(rooms) & set(case.room or rooms))
        if not nexts & set(case.then) and not split:
            faults.append(f"expected then {' or '.join(case.then)}, came {', '.join(sorted(nexts)) or 'nothing'}")
    return _verdict("room", came, faults, "the room is one the case allows")


def kept(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether the line says what the case says it must."""
    if output.brief is None or not (case.must or case.then_must):
        return None
    first, then = _first(case, output.brief), _next(case, output.brief)
    faults = [f"“{one}” is missing" for one in missing(_said(first), case.must)]
    faults += [f"“{one}” is missing in the next room" for one in missing(_said(then), case.then_must)]
    return _verdict("kept", _said([*first, *(one for one in then if one not in first)]), faults, "everything that must be said is said")


def private(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether anything that must stay private stands in anything public."""
    if output.brief is None:
        return None
    alone = case.room == ("one_on_one",) and case.then in ((), ("nowhere",))
    if not (case.must_not or alone):
        return None
    texts = public_texts(output.brief)
    faults = _standing(case.must_not, texts, output.brief.documents.okr)
    if alone:
        own = case.item or case.text
        spared = case.text.replace(own, " ") if case.item else ""
        given = [(run, where) for where, text in texts if (run := shared_run(text, own, _GIVES_AWAY, spared))]
        faults += [f"“{run}” of the private line stands in {where}" for run, where in given[:1]]
        if case.then == ("nowhere",):
            faults += [f"a public line was made of it: “{one.text}”" for one in _next_public(case, output.brief)]
    return _verdict("private", output.brief.documents.okr.strip(), dict.fromkeys(faults), "nothing private stands in anything public")


def _standing(phrases: Sequence[str], texts: Sequence[tuple[str, str]], document: str) -> list[str]:
    """Where each phrase stands that should not, the first place named and the others counted."""
    faults = []
    for phrase in phrases:
        if re.search(r"[<\]]", phrase):  # markup does harm in the document alone, and there unescaped
            places = ["the OKR document"] if phrase in document else []
        else:
            places = [where for where, text in texts if holds(text, phrase)]
        if places:
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            faults.append(f"“{phrase}” stands in {places[0]}{more}")
    return faults


def _next_public(case: Case, brief: Brief) -> list[Rewrite]:
    return [one for item in judged_items(case, brief) for one in item.rewrites if one.room in PUBLIC]


def faithful(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether every number, time and name comes from the draft or an answer, and owner and day are the stated ones."""
    if output.brief is None:
        return None
    source = "\n".join([case.text, *case.answers.values(), str(case.review_date or "")])
    rewrites = [one for item in output.brief.items for one in item.rewrites]
    faults = [
        f"“{thing}” was not said (in “{_short(one.text, 30)}”)"
        for one in rewrites
        for thing in invented(one.text, source, words.openers, words.spared)
    ]
    for line in output.brief.documents.okr.splitlines():
        if line.startswith("- "):
            faults += [f"“{thing}” was not said (in the OKR document)" for thing in invented(line[2:], f"{source}\n{' '.join(words.document)}", words.openers, words.spared)]
    faults += [f"“{one}” must never be written" for one in case.never for rewrite in rewrites if holds(rewrite.text, one)]
    for rewrite in rewrites:
        for name, value in (("owner", rewrite.owner), ("due", rewrite.due)):
            if value and flat(value).strip(" .") not in flat(source):
                faults.append(f"the {name} “{value}” was not said")
    decided = _for_decision(case, output.brief)
    for name, value in (("owner", case.owner), ("due", case.due)):
        got = [getattr(one, name) for one in decided if getattr(one, name)]
        if value and not any(holds(str(one), value) or holds(value, str(one)) for one in got):
            faults.append(f"the {name} is “{value}”, came {', '.join(map(str, got)) or 'none'}")
    return _verdict("faithful", _said(rewrites), dict.fromkeys(faults), "every number, time and name was said")


def blanks(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether what was not said shows as a blank with a question, and what was said does not."""
    if output.brief is None or not (case.blanks or case.filled):
        return None
    lines = _for_decision(case, output.brief)
    if not lines and case.blanks and "okr_review" not in (*case.room, *case.then):
        lines = [one for item in judged_items(case, output.brief) for one in item.rewrites]
    asked = {blank.key: blank.question for one in lines for blank in one.blanks}
    text = _said(lines)
    faults = ["there is no line to fill in"] if not lines else []
    for key in case.blanks if lines else ():
        if key not in asked or f"[{key}?]" not in text:
            faults.append(f"[{key}?] should be a visible blank: the draft does not say it")
        elif not asked[key].strip().endswith("?"):
            faults.append(f"nothing asks for [{key}?]")
    for key in case.filled if lines else ():
        if key in asked or f"[{key}?]" in text:
            faults.append(f"[{key}?] is blank, though the draft says it")
    came = ", ".join(sorted(asked)) or "none"
    return _verdict("blanks", f"blanks: {came} in “{text}”", faults, "blank is what was not said, and nothing else")


def decidable(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether the line points to a decision at least as well as the case's GOOD."""
    if output.brief is None or case.good is None:
        return None
    patterns: dict[Part, tuple[str, ...]] = {part: getattr(words, part) for part in PARTS}
    want, lines = decision_parts(case.good, patterns), _for_decision(case, output.brief)
    text = _said(lines)
    if not lines:
        items = judged_items(case, output.brief)
        cut = not case.room and all(item.room == "leave_out" for item in items)
        return _verdict("decidable", text, [] if cut else ["GOOD is a decision, here is no line to decide on"], "it points to no decision and is cut")
    # The best single line counts: parts strewn over several lines are no decision.
    have = max((_parts(case, one.text, patterns) for one in lines), key=lambda one: len(set(one) & set(want)))
    faults = [f"GOOD names its {part} (“{want[part]}”), this does not, and shows no blank" for part in PARTS if part in want and part not in have]
    return _verdict("decidable", text, faults, f"names {', '.join(part for part in PARTS if part in want)}, as GOOD does")


def _parts(case: Case, text: str, patterns: dict[Part, tuple[str, ...]]) -> set[Part]:
    found = set(decision_parts(text, patterns))
    if case.owner and not holds(text, case.owner) and "[owner?]" not in text:
        found.discard("owner")  # somebody acts in it, but not the one who decides
    return found


def length(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether each line made of the item is short enough; of a private item with a decision, the public line."""
    if output.brief is None or case.max_words is None:
        return None
    rewrites = [one for item in judged_items(case, output.brief) for one in item.rewrites]
    if set(case.then) & PUBLIC:
        rewrites = [one for one in rewrites if one.room in PUBLIC]
    longest = max(rewrites, key=lambda one: word_count(one.text), default=None)
    count = word_count(longest.text) if longest else 0
    faults = [f"at most {case.max_words} words, came {count}"] if count > case.max_words else []
    return _verdict("length", longest.text if longest else "no line", faults, f"{count} of {case.max_words} words")


def language(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether weak words are marked in the draft and gone from what is public, and useful ones left alone."""
    if output.brief is None or not (case.flags or case.weak or case.clean):
        return None
    brief = output.brief
    marks = [f for item in judged_items(case, brief) for f in item.findings if f.level in _LEVELS]
    marked = [(brief.draft[f.start : f.end], f) for f in marks]
    faults = []
    for phrase in case.flags:
        places = [m.span() for m in re.finditer(re.escape(phrase), case.text)]
        if not any(f.start < end and start < f.end for start, end in places for f in marks):
            faults.append(f"“{phrase}” is not marked")
    if case.clean:
        faults += [f"“{quote}” is marked ({f.rule}), but says what it should" for quote, f in marked]
    faults += [f"weak words were to go: {one}" for one in _standing(case.weak, public_texts(brief), brief.documents.okr)]
    return _verdict("language", ", ".join(f"“{quote}” {f.rule}" for quote, f in marked) or "nothing marked", dict.fromkeys(faults), "weak words are marked and gone")


def documents(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether both documents, agenda, checklist and notices say what they should."""
    if output.brief is None or not (case.items or case.okr_must or case.private_must or case.checklist or case.agenda or case.notices):
        return None
    brief = output.brief
    faults = [f"the OKR document lacks “{one}”" for one in missing(brief.documents.okr, case.okr_must)]
    faults += [f"the 1:1 document lacks “{one}”" for one in missing(brief.documents.one_on_one, case.private_must)]
    faults += [f"no notice says “{one}”" for one in missing(" / ".join(brief.notices), case.notices)]
    if case.items and not case.items[0] <= len(brief.items) <= case.items[-1]:
        faults.append(f"expected {'–'.join(str(n) for n in case.items)} items, came {len(brief.items)}")
    checks = {one.id: one.ok for one in brief.checklist}
    for name, ok in case.checklist.items():
        if checks.get(name) is not ok:
            said = {True: "fulfilled", False: "open", None: "not there"}
            faults.append(f"checklist {name}: should be {said[ok]}, is {said[checks.get(name)]}")
    entries = {one.slot: one.text for one in (*brief.agenda.one_on_one, *brief.agenda.okr_review)}
    for slot, phrase in case.agenda.items():
        if not holds(entries.get(slot, ""), phrase):
            faults.append(f"agenda, {slot}: expected “{phrase}”, came “{entries.get(slot, 'nothing')}”")
    failing = ", ".join(name for name, ok in checks.items() if not ok)
    return _verdict("documents", f"{len(brief.items)} items; open checks: {failing or 'none'}", faults, "documents, agenda and checklist say what they should")


def questions(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether the questions fit the slots and the goal, hold on to the right line and differ from each other."""
    asked = output.questions or (output.brief.questions if output.brief else ())
    if output.error or not (case.slots or case.goals or case.about or case.do == "questions"):
        return None
    faults = [f"not a question: “{one.text}”" for one in asked if not one.text.strip().endswith("?")]
    faults += [f"an empty slot is left in “{one.text}”" for one in asked if re.search(r"\{\w*\}", one.text)]
    if not asked:
        faults.append("no question was asked")
    if case.do == "questions" and case.count is not None and len(asked) != case.count:
        faults.append(f"expected {case.count} questions, came {len(asked)}")
    if len({flat(one.text) for one in asked}) < len(asked):
        faults.append("the same question is asked twice")
    if case.slots and [one.slot for one in asked] != list(case.slots):
        faults.append(f"expected slots {', '.join(case.slots)}, came {', '.join(one.slot for one in asked)}")
    if case.goals and not {one.goal for one in asked} & set(case.goals):
        faults.append(f"expected a question towards {' or '.join(case.goals)}, came {', '.join(one.goal for one in asked)}")
    if case.goal and any(one.goal != case.goal for one in asked):
        faults.append(f"a question is not towards {case.goal}")
    if case.about and not any(holds(one.because, case.about) for one in asked):
        faults.append(f"no question holds on to “{case.about}”")
    source = flat(case.text)
    faults += [f"“{_short(one.because)}” is quoted, but is not in the draft" for one in asked if one.because and flat(one.because) not in source]
    if case.do == "questions":
        every = " / ".join(f"{one.text} {one.follow_up}" for one in asked)
        faults += [f"“{one}” is missing" for one in missing(every, case.must)]
        faults += [f"“{one}” must not be asked" for one in (*case.never, *case.must_not) if holds(every, one)]
    return _verdict("questions", " / ".join(f"{one.slot}: {one.text}" for one in asked), faults, "the questions fit")


def retrieval(case: Case, output: Output, words: Words) -> Verdict | None:
    """Whether one of the pages that answer a query stands among the first."""
    if case.do != "search" or output.error:
        return None
    got = [one.page for one in output.pages[: case.top]]
    faults = [] if set(got) & set(case.pages) else [f"expected {' or '.join(case.pages)} among the first {case.top}"]
    return _verdict("retrieval", ", ".join(got) or "nothing", faults, "a page that answers it is found")


SCORERS: dict[str, Judge] = {
    one.__name__: one
    for one in (room, kept, private, faithful, blanks, decidable, length, language, documents, questions, retrieval)
}
