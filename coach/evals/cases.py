"""One line of a suite: a draft, and what a good answer to it holds and never holds.

A case says what should be, not what the coach does today. Every field beside `id`, `family` and
`text` is optional; what a case does not mention is not judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from coach.errors import CorpusError, OptionError
from coach.resources import data_root, load_lines, load_yaml
from coach.schema import BlankKey, Frozen, Room, Side, Slot

Next = Literal["one_on_one", "okr_review", "okr_doc", "staff_meeting", "leave_out", "nowhere"]
PUBLIC = frozenset({"okr_review", "okr_doc", "staff_meeting"})


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Rooms = Annotated[tuple[Room, ...], BeforeValidator(_many)]
Nexts = Annotated[tuple[Next, ...], BeforeValidator(_many)]
# Words that must stand in a text; an inner list holds spellings of which one is enough.
Wanted = tuple[Annotated[tuple[str, ...], BeforeValidator(_many)], ...]


class Case(Frozen):
    """A draft (or a query) and what is expected of the answer; see evals/README.md for each field."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    family: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    text: str = Field(min_length=1)
    why: str = ""
    do: Literal["prep", "questions", "search"] = "prep"
    as_: Side = Field(default="report", alias="as")
    review_date: date | None = None
    answers: dict[str, str] = {}
    count: int | None = Field(default=None, ge=1, le=20)
    goal: str | None = None
    # --- the judged item: the items of the draft that hold these words; all of them when empty
    item: str = ""
    room: Rooms = ()
    then: Nexts = ()
    must: Wanted = ()
    then_must: Wanted = ()
    must_not: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    blanks: tuple[BlankKey, ...] = ()
    filled: tuple[BlankKey, ...] = ()
    owner: str | None = None
    due: str | None = None
    max_words: int | None = Field(default=None, ge=1)
    bad: str | None = None
    good: str | None = None
    flags: tuple[str, ...] = ()
    clean: bool = False
    # --- the brief as a whole
    items: Annotated[tuple[int, ...], BeforeValidator(lambda v: [v] if isinstance(v, int) else v)] = ()
    okr_must: Wanted = ()
    private_must: Wanted = ()
    checklist: dict[str, bool] = {}
    agenda: dict[str, str] = {}
    notices: Wanted = ()
    # --- questions
    slots: tuple[Slot, ...] = ()
    goals: tuple[str, ...] = ()
    about: str | None = None
    # --- search
    pages: tuple[str, ...] = ()
    top: int = Field(default=3, ge=1, le=20)

    @model_validator(mode="after")
    def _expects_something(self) -> Case:
        if self.item and self.item not in self.text:
            raise ValueError("item must be words that stand in text, exactly")
        if any(one not in self.text for one in self.flags):
            raise ValueError("flags must be words that stand in text, exactly")
        if self.do == "search" and not self.pages:
            raise ValueError("a search case names the pages that answer it")
        expected = self.model_fields_set - _SETUP | ({"count"} if self.do == "questions" and self.count else set())
        if unread := sorted(expected - _READ[self.do]):
            raise ValueError(f"{', '.join(unread)}: not judged with do: {self.do}" + ("; pages needs do: search" if "pages" in unread else ""))
        if not expected - {"bad"}:
            raise ValueError("the case expects nothing; add room, must, must_not, blanks or another expectation")
        return self

    @property
    def digest(self) -> str:
        """Twelve hex digits that change when anything the verdict hangs on does."""
        kept = self.model_dump_json(exclude={"why", "family"}, exclude_defaults=True)
        return hashlib.sha256(kept.encode()).hexdigest()[:12]


# What the scorers look at for each thing a case can do; anything else would be an expectation that nobody checks.
_ASKED = frozenset({"count", "slots", "goals", "about", "never", "must_not"})
_READ: dict[str, frozenset[str]] = {
    "prep": frozenset(Case.model_fields) - {"pages", "top"},
    "questions": _ASKED,
    "search": frozenset({"pages"}),
}
_SETUP = frozenset({"id", "family", "text", "why", "do", "as_", "review_date", "answers", "count", "goal", "item", "top"})


class Words(Frozen):
    """How the scorers know a decision when they see one; patterns, letter case aside."""

    stake: tuple[str, ...]
    lever: tuple[str, ...]
    owner: tuple[str, ...]
    date: tuple[str, ...]
    openers: tuple[str, ...]
    spared: tuple[str, ...] = ()
    document: tuple[str, ...]


class Thresholds(Frozen):
    """The least share of passing cases, 0 to 1: `default`, or by family."""

    default: float = Field(default=0.0, ge=0, le=1)
    families: dict[str, float] = {}

    def of(self, family: str) -> float:
        """The least share for a family."""
        return self.families.get(family, self.default)


def our_suite() -> Path:
    """The folder of the suite that comes with the coach."""
    return data_root() / "evals"


def load_cases(suite: Path) -> tuple[Case, ...]:
    """Every case of suite/cases/*.jsonl in the order of files and lines.

    Raises CorpusError with path and line for a broken line or an id that stands twice,
    OptionError when there is no case.
    """
    if not (suite / "cases").is_dir():
        raise OptionError(f"There are no cases in {suite}.", "Put a file cases/NAME.jsonl there, one case a line.")
    seen: dict[str, str] = {}
    cases: list[Case] = []
    for path, line, case in load_lines(suite, "cases", "*.jsonl", Case):
        if case.id in seen:
            raise CorpusError(path, line, 1, f"the case id {case.id} is already used at {seen[case.id]}.", "Give one of the two another id.")
        seen[case.id] = f"{path.name}:{line}"
        cases.append(case)
    if not cases:
        raise OptionError(f"There are no cases in {suite}.", "Write one in cases/NAME.jsonl, one a line.")
    return tuple(cases)


def pick(cases: Iterable[Case], names: Iterable[str], families: Iterable[str]) -> tuple[Case, ...]:
    """The cases of these ids or families; all of them when neither is given. Raises OptionError."""
    every = tuple(cases)
    ids, kinds = list(names), list(families)
    for name in ids:
        if all(one.id != name for one in every):
            near = [one.id for one in every if name.lower() in one.id][:3]
            raise OptionError(f"There is no case {name!r}.", f"Did you mean {', '.join(near)}?" if near else "List them with `coach eval --list`.")
    known = sorted({one.family for one in every})
    for kind in kinds:
        if kind not in known:
            raise OptionError(f"There is no family {kind!r}.", f"Use one of: {', '.join(known)}.")
    if not ids and not kinds:
        return every
    return tuple(one for one in every if one.id in ids or one.family in kinds)


def load_words() -> Words:
    """The scorers' own words; never the coach's rules."""
    return load_yaml(our_suite() / "words.yaml", Words)


def load_thresholds(suite: Path) -> Thresholds:
    """suite/thresholds.yaml; without one nothing is demanded beyond the baseline."""
    path = suite / "thresholds.yaml"
    return load_yaml(path, Thresholds) if path.is_file() else Thresholds()
