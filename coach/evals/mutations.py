"""The coach broken on purpose, one fault at a time, to see whether the suite notices.

Each fault patches the running process: it is applied in a worker of `coach eval --mutations` that
lives for one run, and nowhere else. A fault whose seam is gone says so and counts as not caught.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from coach import finish, pipeline, writing
from coach.errors import OptionError
from coach.pipeline import Coach
from coach.playbook import Playbook
from coach.route import Router
from coach.schema import ROOMS, Brief, CoachPiece, Question, Rewrite, Room


@dataclass(frozen=True)
class Mutation:
    """A fault: its name, what it breaks in a reader's words, and how it is put in."""

    name: str
    breaks: str
    put_in: Callable[[], None]


def apply(name: str) -> None:
    """Break this process in one way. Raises OptionError for a name that is none."""
    if name not in MUTATIONS:
        raise OptionError(f"There is no mutation {name!r}.", f"Use one of: {', '.join(MUTATIONS)}.")
    MUTATIONS[name].put_in()


def _swap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    setattr(owner, name, make(getattr(owner, name)))  # getattr fails where the seam is gone


def _unguarded() -> None:
    """No text is refused: whoever breaks the writer must not be saved by the guards."""
    for name, value in (("leaks", ()), ("inventions", ()), ("is_decidable", True), ("maps_back", True)):
        _swap(writing, name, lambda old, said=value: _always(said))  # type: ignore[misc]
    _swap(finish, "leaks", lambda old: _always(()))


def _always(said: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: said


def _rewriting(change: Callable[[Rewrite], Rewrite]) -> None:
    _unguarded()
    _swap(writing, "compose", lambda old: lambda task, phrasing: _changed(old(task, phrasing), change))


def _changed(rewrite: Rewrite | None, change: Callable[[Rewrite], Rewrite]) -> Rewrite | None:
    return None if rewrite is None else change(rewrite)


def _said(rewrite: Rewrite, text: str, **fields: Any) -> Rewrite:
    return rewrite.model_copy(update={"text": text, "pieces": (CoachPiece(text=text),), **fields})


def _verdicts(choose: Callable[[Any], Room]) -> None:
    _swap(Router, "rooms_of", lambda old: lambda self, *args: [replace(one, room=choose(one)) for one in old(self, *args)])


def _judged_public() -> None:
    _swap(Router, "judge", lambda old: lambda self, *args: tuple(replace(one, private=0.0) for one in old(self, *args)))


# --- faults -------------------------------------------------------------------------------------------


def _router_constant() -> None:
    _judged_public()
    _verdicts(lambda verdict: "okr_review")


def _never_private() -> None:
    def second(verdict: Any) -> Room:
        order = [ROOMS[int(n)] for n in (-verdict.chances).argsort()]
        return next(room for room in order if room != "one_on_one")

    _unguarded()
    _judged_public()
    _verdicts(second)


def _all_private() -> None:
    _verdicts(lambda verdict: "one_on_one")


def _instead(old_room: Room, new_room: Room) -> Callable[[], None]:
    return lambda: _verdicts(lambda verdict: new_room if verdict.room == old_room else verdict.room)


def _clauses_all_public() -> None:
    _unguarded()
    _judged_public()


def _rules_emptied() -> None:
    _swap(pipeline, "lint", lambda old: lambda *args, **kwargs: ())


def _rules_emptied_of(kind: str) -> Callable[[], None]:
    def emptied() -> None:
        _swap(pipeline, "lint", lambda old: lambda *args, **kwargs: tuple(one for one in old(*args, **kwargs) if not one.rule.startswith(f"{kind}.")))

    return emptied


def _marks_shifted() -> None:
    def shift(finding: Any) -> Any:
        return finding.model_copy(update={"start": max(0, finding.start - 25), "end": max(1, finding.end - 25)})

    _swap(pipeline, "lint", lambda old: lambda *args, **kwargs: tuple(shift(one) for one in old(*args, **kwargs)))


def _retrieval_random() -> None:
    def scattered(old: Any) -> Any:
        def search_many(self: Playbook, queries: Any, k: int = 3, how: str = "fused") -> Any:
            dice = random.Random(7)
            return [tuple(dice.sample(self._quotes, k)) for _ in queries]

        return search_many

    _swap(Playbook, "search_many", scattered)


def _owner_made_up() -> None:
    _rewriting(lambda one: _said(one, one.text.replace("[owner?]", "Dana"), owner=one.owner or "Dana", blanks=tuple(b for b in one.blanks if b.key != "owner")))


def _date_made_up() -> None:
    _rewriting(lambda one: _said(one, one.text.replace("[date?]", "Friday"), due=one.due or "Friday", blanks=tuple(b for b in one.blanks if b.key != "date")))


def _blanks_hidden() -> None:
    _rewriting(lambda one: _said(one, re.sub(r"\s*\[\w+\?\]", "", one.text), blanks=()))


def _blanks_unasked() -> None:
    _rewriting(lambda one: one.model_copy(update={"blanks": ()}))


def _numbers_swapped() -> None:
    def swap(one: Rewrite) -> Rewrite:
        found = list(re.finditer(r"\d+(?:[.,]\d+)*", one.text))
        if len(found) < 2:
            return one
        a, b = found[0], found[1]
        return _said(one, one.text[: a.start()] + b[0] + one.text[a.end() : b.start()] + a[0] + one.text[b.end() :])

    _rewriting(swap)


def _numbers_rounded() -> None:
    _rewriting(lambda one: _said(one, re.sub(r"\d+", lambda m: str(int(m[0]) + 1), one.text)))


def _twice_as_long() -> None:
    _rewriting(lambda one: _said(one, f"{one.text} In other words: {one.text}"))


def _levers_unread() -> None:
    _swap(pipeline, "read_facts", lambda old: lambda *args: old(*args).model_copy(update={"levers": ()}))


def _owners_and_days_unread() -> None:
    _swap(pipeline, "read_facts", lambda old: lambda *args: old(*args).model_copy(update={"owner": None, "due": None, "dates": ()}))


def _one_item() -> None:
    def whole(old: Any) -> Any:
        return lambda text, found, parts, starts: old(text, found, parts, tuple(n == 0 for n, _ in enumerate(starts)))

    _swap(pipeline, "assemble", whole)
    _swap(Router, "starts", lambda old: lambda self, *args: tuple(n == 0 for n, _ in enumerate(old(self, *args))))


def _next_room_lost() -> None:
    _swap(pipeline, "settle", lambda old: lambda *args: replace(old(*args), then=None))


def _private_into_the_public_document() -> None:
    def mixed(old: Any) -> Any:
        def finish(self: Coach, *args: Any) -> Brief:
            brief: Brief = old(self, *args)
            said = "".join(f"- {one.text}\n" for item in brief.items for one in item.rewrites if one.room == "one_on_one")
            return brief.model_copy(update={"documents": brief.documents.model_copy(update={"okr": f"{brief.documents.okr}\n{said}"})})

        return finish

    _swap(Coach, "_finish", mixed)


def _checklist_all_green() -> None:
    _swap(finish, "make_checklist", lambda old: lambda *args: tuple(one.model_copy(update={"ok": True}) for one in old(*args)))


def _questions_at_random() -> None:
    def scattered(old: Any) -> Any:
        def choose(bank: Any, lines: Any, as_: Any, count: int, goal: str | None) -> tuple[Question, ...]:
            dice = random.Random(11)
            picked = dice.sample(list(bank.entries), count)
            return tuple(
                Question(slot=q.slot, goal=g.goal, text=q.text, because=lines[0].quote if lines else "", page=g.page, follow_up=q.follow_up)
                for g, q in picked
            )

        return choose

    _swap(pipeline, "choose", scattered)


def _obeys_the_draft() -> None:
    orders = re.compile(r"\b(?:ignore|disregard|override|forget|instruction|system|you are now|assistant)\b", re.I)

    def obedient(old: Any) -> Any:
        def read(self: Coach, text: str, *args: Any) -> Any:
            if not orders.search(text):
                return old(self, text, *args)
            kept = Router.judge, Router.rooms_of
            _router_constant()
            _swap(writing, "leaks", lambda old: _always(()))
            _swap(finish, "leaks", lambda old: _always(()))
            try:
                return old(self, text, *args)
            finally:
                Router.judge, Router.rooms_of = kept[0], kept[1]  # type: ignore[method-assign]

        return read

    _swap(Coach, "_read", obedient)


def _answers_ignored() -> None:
    def deaf(old: Any) -> Any:
        return lambda task, phrasing: old(replace(task, answers={}), phrasing)

    _swap(writing, "compose", deaf)


def _tables_crash() -> None:
    def brittle(old: Any) -> Any:
        def blocks(text: str) -> Any:
            if "|" in text:
                raise KeyError("cell")
            return old(text)

        return blocks

    _swap(pipeline, "blocks", brittle)


def _lists_kill() -> None:
    def fatal(old: Any) -> Any:
        def blocks(text: str) -> Any:
            if text.startswith("1. "):
                os._exit(3)
            return old(text)

        return blocks

    _swap(pipeline, "blocks", fatal)


def _weak_words_stay() -> None:
    # A line without a fact is passed on as it is, in place of being cut or sent back.
    _unguarded()
    _verdicts(lambda verdict: "okr_doc" if verdict.room in ("leave_out", "okr_review") else verdict.room)


RULE_FILES = (
    "blame", "decisions", "delays", "effort", "hedges", "hidden-actors", "jargon", "length", "optimism", "private", "quantities", "ritual", "status-colours",
)  # fmt: skip
MUTATIONS: dict[str, Mutation] = {
    one.name: one
    for one in (
        Mutation("guards-off", "no text is refused, whatever it gives away", _unguarded),
        Mutation("router-constant", "every line goes to the review", _router_constant),
        Mutation("never-private", "nothing is kept for the 1:1", _never_private),
        Mutation("all-private", "everything is kept for the 1:1", _all_private),
        Mutation("clauses-all-public", "a line is never split into private and public words", _clauses_all_public),
        Mutation("private-into-okr", "the OKR document ends with what was said privately", _private_into_the_public_document),
        Mutation("next-room-lost", "nothing goes on to a second room", _next_room_lost),
        Mutation("ritual-kept", "lines without a fact go into the pre-read", _instead("leave_out", "okr_doc")),
        Mutation("staff-into-doc", "news for everybody goes into the pre-read", _instead("staff_meeting", "okr_doc")),
        Mutation("decisions-into-doc", "what needs a decision is filed as a record", _weak_words_stay),
        Mutation("rules-emptied", "no weak word is marked", _rules_emptied),
        *(Mutation(f"rules-{kind}", f"no mark of corpus/rules/{kind}.yaml is set", _rules_emptied_of(kind)) for kind in RULE_FILES),
        Mutation("marks-shifted", "marks stand 25 characters too early", _marks_shifted),
        Mutation("retrieval-random", "the playbook answers at random", _retrieval_random),
        Mutation("owner-made-up", "a missing owner is called Dana", _owner_made_up),
        Mutation("date-made-up", "a missing day becomes Friday", _date_made_up),
        Mutation("blanks-hidden", "what is missing leaves no blank", _blanks_hidden),
        Mutation("blanks-unasked", "a blank comes without its question", _blanks_unasked),
        Mutation("numbers-swapped", "the first two numbers of a line change places", _numbers_swapped),
        Mutation("numbers-rounded", "every number is one too high", _numbers_rounded),
        Mutation("twice-as-long", "every line is said twice", _twice_as_long),
        Mutation("levers-unread", "stated levers are not seen", _levers_unread),
        Mutation("owners-unread", "stated owners and days are not seen", _owners_and_days_unread),
        Mutation("one-item", "a whole draft is read as one item", _one_item),
        Mutation("answers-ignored", "answers to blanks are thrown away", _answers_ignored),
        Mutation("checklist-green", "every check of the checklist passes", _checklist_all_green),
        Mutation("questions-random", "questions are drawn from the bank at random", _questions_at_random),
        Mutation("obeys-the-draft", "a draft that gives orders is obeyed", _obeys_the_draft),
        Mutation("lists-kill", "a draft that is a numbered list takes the process down", _lists_kill),
        Mutation("tables-crash", "a draft with a table ends in an exception", _tables_crash),
    )
}
