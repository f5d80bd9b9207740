"""Find, parse and check every data file; an error names path, line, column and what is allowed.

Ours come first, then the user's own folder of the same shape laid over them: a page, room,
rule or question file whose id stands in both is replaced by the user's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from coach.errors import CorpusError, OptionError
from coach.schema import (
    Asked,
    CleanLine,
    ExampleDraft,
    ExamplePair,
    GuardWords,
    Page,
    Phrased,
    Phrasing,
    Prompt,
    QuestionGoal,
    RoomSpec,
    Rule,
    RuleFile,
    Sample,
    Section,
    Signal,
    SignalFile,
    Weights,
    WeightsFile,
)

_M = TypeVar("_M", bound=BaseModel)
_Marks = dict[tuple[Hashable, ...], tuple[int, int]]


def data_root() -> Path:
    """The folder that holds corpus/, prompts/ and evals/: inside the wheel, or the checkout."""
    packed = Path(__file__).parent / "_data"
    return packed if packed.is_dir() else Path(__file__).parent.parent


@dataclass(frozen=True)
class Corpus:
    """Every corpus file, parsed. `digest` is a sha256 over all their bytes and names."""

    pages: tuple[Page, ...]
    rooms: tuple[RoomSpec, ...]
    questions: tuple[QuestionGoal, ...]
    drafts: tuple[ExampleDraft, ...]
    pairs: tuple[ExamplePair, ...]
    digest: str


def corpus_roots(overlay: Path | None) -> list[Path]:
    """Our corpus folder, then the user's. Raises OptionError if theirs is not a folder."""
    roots = [data_root() / "corpus"]
    if overlay is not None:
        if not overlay.is_dir():
            raise OptionError(
                f"The corpus folder {overlay} is not there.",
                "Create it, or unset COACH_CORPUS.",
            )
        roots.append(overlay)
    return roots


# What an index is compiled from; samples, guides' sources and eval cases beside it change nothing in it.
_COMPILED = ("asked", "examples", "pages", "phrasing", "questions", "rooms", "rules", "signals")


def corpus_digest(overlay: Path | None) -> str:
    """sha256 over the name and bytes of every file an index is compiled from; cheap enough to ask at each start."""
    digest = hashlib.sha256()
    for root in corpus_roots(overlay):
        for path in (one for folder in _COMPILED for one in _files(root / folder, "*")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def load_corpus(overlay: Path | None = None) -> Corpus:
    """Read and check the whole corpus. Raises CorpusError at the first wrong place."""
    roots = corpus_roots(overlay)
    pages = _load_pages(roots)
    rooms = load_rooms(overlay)
    goals = {
        goal.goal: goal
        for root in roots
        for path in _files(root / "questions", "*.yaml")
        for goal in [_load_yaml(path, QuestionGoal)]
    }
    _refuse_repeats(
        roots, ((question.id, goal.goal) for goal in goals.values() for question in goal.questions)
    )
    known = {page.id for page in pages}
    for goal in goals.values():
        _require_page(goal.page, known, roots, f"questions/{goal.goal}.yaml")
    for room in rooms:
        _require_page(room.page, known, roots, f"rooms/{room.id.replace('_', '-')}.yaml")
    for page in pages:
        for related in page.related:
            _require_page(related, known, roots, f"pages/{page.id}.md")
    return Corpus(
        pages=pages,
        rooms=rooms,
        questions=tuple(goals[name] for name in sorted(goals)),
        drafts=tuple(_load_lines(roots, "examples", "drafts*.jsonl", ExampleDraft)),
        pairs=tuple(_load_lines(roots, "examples", "pairs*.jsonl", ExamplePair)),
        digest=corpus_digest(overlay),
    )


def load_labelled(path: Path) -> tuple[ExampleDraft, ...]:
    """The labelled drafts of one JSONL file; quotes and spans must stand in the text. Raises CorpusError."""
    found = []
    for number, draft in _lines_of(path, ExampleDraft):
        for item in draft.items:
            for words in (item.quote, *item.private_spans, item.lever, item.owner, item.due):
                if words is not None and words not in draft.text:
                    raise CorpusError(
                        path, number, 1, f"“{words[:60]}” does not stand in the text of {draft.id}.", "Quote it exactly."
                    )
        found.append(draft)
    return tuple(found)


def load_pairs(path: Path) -> tuple[ExamplePair, ...]:
    """The BAD/GOOD pairs of one JSONL file. Raises CorpusError."""
    return tuple(pair for _, pair in _lines_of(path, ExamplePair))


@lru_cache(maxsize=4)
def load_rooms(overlay: Path | None = None) -> tuple[RoomSpec, ...]:
    """The five rooms; each must be there once."""
    rooms: dict[str, RoomSpec] = {}
    for root in corpus_roots(overlay):
        for path in _files(root / "rooms", "*.yaml"):
            room = _load_yaml(path, RoomSpec)
            rooms[room.id] = room
    return tuple(rooms[name] for name in sorted(rooms))


@lru_cache(maxsize=4)
def load_phrasing(overlay: Path | None = None) -> Phrasing:
    """The offline writer's own words; the user's file replaces ours whole."""
    found = [p for root in corpus_roots(overlay) for p in _files(root / "phrasing", "offline.yaml")]
    return _load_yaml(found[-1], Phrasing)


@lru_cache(maxsize=4)
def load_signals(overlay: Path | None = None) -> tuple[Signal, ...]:
    """What the router looks at beside the words; the user's replace ours by id."""
    signals: dict[str, Signal] = {}
    for root in corpus_roots(overlay):
        for path in _files(root / "signals", "*.yaml"):
            signals |= {one.id: one for one in _load_yaml(path, SignalFile).signals}
    return tuple(signals[name] for name in sorted(signals))


@lru_cache(maxsize=1)
def load_samples() -> tuple[Sample, ...]:
    """The sample drafts that come with the coach."""
    return tuple(
        Sample(title=path.stem.replace("-", " ").capitalize(), text=path.read_text("utf-8"))
        for path in _files(corpus_roots(None)[0] / "samples", "*.md")
    )


@lru_cache(maxsize=4)
def load_rules(overlay: Path | None = None) -> tuple[tuple[Rule, ...], tuple[Signal, ...]]:
    """Language rules, and the signals that structure rules name."""
    rules: dict[str, Rule] = {}
    signals: dict[str, Signal] = {}
    for root in corpus_roots(overlay):
        here: set[str] = set()
        for path in _files(root / "rules", "*.yaml"):
            if path.stem == "signals":
                signals |= {one.id: one for one in _load_yaml(path, SignalFile).signals}
                continue
            for rule in _load_yaml(path, RuleFile).rules:
                if rule.id in here:
                    line = _line_of(path, rule.id)
                    raise CorpusError(
                        path, line, 1, f"the id {rule.id} stands twice.", "Rename one of the two."
                    )
                here.add(rule.id)
                rules[rule.id] = rule
    for rule in rules.values():
        for signal in (*rule.needs, *rule.lacks):
            if signal not in signals:
                raise CorpusError(
                    f"rules ({rule.id})",
                    1,
                    1,
                    f"there is no signal {signal!r}.",
                    f"Use one of: {', '.join(sorted(signals))}.",
                )
    return tuple(rules[name] for name in sorted(rules)), tuple(
        signals[name] for name in sorted(signals)
    )


def load_clean_lines() -> tuple[CleanLine, ...]:
    """Good sentences of ours that no rule may flag."""
    return tuple(_load_lines([data_root() / "corpus"], "examples", "clean*.jsonl", CleanLine))


# --- for a language model ------------------------------------------------------------------------


@lru_cache(maxsize=1)
def load_weights() -> tuple[Weights, ...]:
    """The on-device models that can be fetched; the first is the default."""
    return _load_yaml(Path(__file__).parent / "assets" / "weights.yaml", WeightsFile).weights


@lru_cache(maxsize=4)
def load_prompts(folder: Path | None = None) -> dict[str, Prompt]:
    """The model prompts by id. Raises CorpusError where declared and used variables differ."""
    prompts: dict[str, Prompt] = {}
    for path in _files(folder or data_root() / "prompts", "*.yaml"):
        if path.stem == "guards":
            continue
        prompt = _load_yaml(path, Prompt)
        used = set(re.findall(r"\{(\w+)\}", prompt.user))
        if re.search(r"\{\w+\}", prompt.system):
            line = _line_of(path, "system:")
            raise CorpusError(path, line, 1, "the static part holds a variable.", "Move it to `user`; `system` must not change.")
        for name in sorted(used ^ set(prompt.variables)):
            what = f"the variable {name!r} is used and not declared." if name in used else f"the variable {name!r} is not used."
            raise CorpusError(path, _line_of(path, "variables:"), 1, what, "Make `variables` name what `user` holds.")
        if prompt.id != path.stem:
            raise CorpusError(path, _line_of(path, "id:"), 1, f"the id is {prompt.id!r}.", f"Call it {path.stem}.")
        prompts[prompt.id] = prompt
    return prompts


@lru_cache(maxsize=1)
def load_guard_words() -> GuardWords:
    """The words by which relations are told in a produced text."""
    return _load_yaml(data_root() / "prompts" / "guards.yaml", GuardWords)


@lru_cache(maxsize=4)
def load_phrased(overlay: Path | None = None) -> tuple[Phrased, ...]:
    """Examples of phrasing, ours and then the user's."""
    return tuple(_load_lines(corpus_roots(overlay), "examples", "phrased*.jsonl", Phrased))


# --- files ---------------------------------------------------------------------------------------


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob(pattern)
        if path.is_file() and not any(part.startswith(".") for part in path.parts[-3:])
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(path, 1, 1, "this file is not UTF-8 text.", "Save it as UTF-8.") from error
    except OSError as error:
        raise CorpusError(
            path, 1, 1, f"this file cannot be read ({error.strerror}).", "Check its permissions."
        ) from error


def _line_of(path: Path, needle: str) -> int:
    lines = [n for n, line in enumerate(_read(path).splitlines(), 1) if needle in line]
    return lines[-1] if lines else 1


# --- pages ---------------------------------------------------------------------------------------

_FRONT = re.compile(r"\A---\r?\n(?P<head>.*?)^---[ \t]*\r?\n(?P<body>.*)\Z", re.S | re.M)


def _load_pages(roots: list[Path]) -> tuple[Page, ...]:
    pages: dict[str, Page] = {}
    for root in roots:
        here: dict[str, Path] = {}
        for path in _files(root / "pages", "*.md"):
            page = parse_page(path)
            if page.id in here:
                raise CorpusError(
                    path,
                    _line_of(path, page.id),
                    1,
                    f"the page id {page.id} is already used by {here[page.id]}.",
                    "Give one of the two another id.",
                )
            here[page.id] = path
            pages[page.id] = page
    asked: dict[tuple[str, str], list[str]] = {}
    for root in roots:
        known = {(page.id, section.heading) for page in map(parse_page, _files(root / "pages", "*.md")) for section in page.sections}
        for path, line, one in _located_lines([root], "asked", "*.jsonl", Asked):
            if (one.page, one.heading) not in known:
                raise CorpusError(
                    path,
                    line,
                    1,
                    f"there is no section {one.heading!r} on a page {one.page!r}.",
                    "Correct the page id or the heading.",
                )
            asked.setdefault((one.page, one.heading), []).append(one.text)
    return tuple(_with_asked(pages[name], asked) for name in sorted(pages))


def _with_asked(page: Page, asked: dict[tuple[str, str], list[str]]) -> Page:
    sections = (
        section.model_copy(update={"asked": tuple(asked.get((page.id, section.heading), ()))})
        for section in page.sections
    )
    return page.model_copy(update={"sections": tuple(sections)})


def parse_page(path: Path) -> Page:
    """One playbook page: YAML front matter, a lead paragraph, and a section for each `##`."""
    text = _read(path)
    found = _FRONT.match(text)
    if not found:
        raise CorpusError(
            path,
            1,
            1,
            "a page starts with front matter between two lines of ---.",
            "Add it, with id, title, rooms and tags.",
        )
    head, marks = _parse_yaml(path, found["head"], first_line=2)
    page = _validate(path, head, marks, Page)
    first = text[: found.start("body")].count("\n") + 1
    sections: list[Section] = []
    heading, start = page.title, first
    lines: list[str] = []

    def close() -> None:
        body = "\n".join(lines).strip()
        if body:
            sections.append(Section(heading=heading, text=body, line=start))

    for number, line in enumerate(found["body"].splitlines(), first):
        if line.startswith("## "):
            close()
            heading, start, lines = line[3:].strip(), number, []
        elif not line.startswith("# "):
            lines.append(line)
    close()
    if not sections:
        raise CorpusError(path, first, 1, "the page has no text.", "Write at least one section.")
    return page.model_copy(update={"sections": tuple(sections)})


def _require_page(page: str, known: set[str], roots: list[Path], where: str) -> None:
    if page not in known:
        path = next((r / where for r in reversed(roots) if (r / where).exists()), Path(where))
        line = _line_of(path, page) if path.exists() else 1
        raise CorpusError(
            path, line, 1, f"there is no page {page!r}.", "Name a page that corpus/pages holds."
        )


def _refuse_repeats(roots: list[Path], ids: Iterable[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for name, home in ids:
        if name in seen:
            path = next(
                (r / "questions" / f"{home}.yaml" for r in reversed(roots)),
                Path(f"questions/{home}.yaml"),
            )
            line = _line_of(path, name) if path.exists() else 1
            raise CorpusError(path, line, 1, f"the id {name} stands twice.", "Rename one of them.")
        seen[name] = home


# --- YAML and JSON lines --------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """Safe YAML without dates: `2026-01-31` and `12:30` stay the text they were typed as."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, rule) for tag, rule in rules if not tag.endswith(("timestamp", "bool"))]
    for key, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parse_yaml(path: Path, text: str, first_line: int = 1) -> tuple[Any, _Marks]:
    """The data, and for each key and value the line and column it stands at (from 1)."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        marks: _Marks = {}
        if node is not None:
            _collect_marks(node, (), marks, first_line, path)
        data = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise CorpusError(
            path,
            (mark.line if mark else 0) + first_line,
            (mark.column if mark else 0) + 1,
            f"broken YAML: {error.problem or 'cannot be parsed'}.",
            "Check the indentation and quotes on this line.",
        ) from None
    except yaml.YAMLError as error:
        raise CorpusError(path, first_line, 1, f"broken YAML: {error}.", "Save it again.") from None
    return data, marks


def _collect_marks(
    node: yaml.Node, where: tuple[Hashable, ...], marks: _Marks, first: int, path: Path
) -> None:
    marks.setdefault(where, (node.start_mark.line + first, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            at = (key.start_mark.line + first, key.start_mark.column + 1)
            if name in seen:
                raise CorpusError(path, *at, f"the key {name!r} stands twice.", "Keep one.")
            seen.add(name)
            marks[(*where, name)] = at
            _collect_marks(value, (*where, name), marks, first, path)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _collect_marks(value, (*where, number), marks, first, path)


def load_yaml(path: Path, model: type[_M]) -> _M:
    """One YAML file as a type, for data outside of the corpus. Raises CorpusError."""
    return _load_yaml(path, model)


def load_lines(root: Path, folder: str, pattern: str, model: type[_M]) -> Iterator[tuple[Path, int, _M]]:
    """Path, line and data of each line of JSON files outside of the corpus. Raises CorpusError."""
    return _located_lines([root], folder, pattern, model)


def _load_yaml(path: Path, model: type[_M]) -> _M:
    data, marks = _parse_yaml(path, _read(path))
    return _validate(path, data, marks, model)


def _load_lines(roots: list[Path], folder: str, pattern: str, model: type[_M]) -> Iterator[_M]:
    return (one for _, _, one in _located_lines(roots, folder, pattern, model))


def _located_lines(roots: list[Path], folder: str, pattern: str, model: type[_M]) -> Iterator[tuple[Path, int, _M]]:
    for root in roots:
        for path in _files(root / folder, pattern):
            yield from ((path, number, one) for number, one in _lines_of(path, model))


def _lines_of(path: Path, model: type[_M]) -> Iterator[tuple[int, _M]]:
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except json.JSONDecodeError as error:
            raise CorpusError(path, number, error.colno, f"broken JSON: {error.msg}.", "Repair this line.") from None
        yield number, _validate(path, data, {(): (number, 1)}, model)


def _validate(path: Path, data: Any, marks: _Marks, model: type[_M]) -> _M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = tuple(part for part in first["loc"])
        at = next((marks[where[:n]] for n in range(len(where), -1, -1) if where[:n] in marks), (1, 1))
        name = where[-1] if where else "the file"
        if first["type"] == "extra_forbidden":
            fields = _fields_at(model, where[:-1])
            near = get_close_matches(str(name), fields, 1)
            what, fix = f"unknown key {name!r}.", (f"Did you mean {near[0]}? " if near else "") + f"Allowed here: {', '.join(fields)}."
        elif first["type"] == "missing":
            what, fix = f"the key {name!r} is missing.", f"Add {name}."
        elif first["type"] == "literal_error":
            what = f"{name!r} has the value {first['input']!r}."
            fix = f"Allowed: {first.get('ctx', {}).get('expected', '')}."
        elif first["type"] == "value_error":
            what, fix = f"{first['ctx']['error']}.", "Correct this line."
        else:
            what, fix = f"{name!r}: {first['msg'].lower()}.", "Correct this value."
        raise CorpusError(path, *at, what, fix) from None


def _fields_at(model: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    """The field names allowed at a place inside a model, following lists and nested models."""
    current: type[BaseModel] = model
    for part in where:
        if isinstance(part, str) and part in current.model_fields:
            inner = _inner_model(current.model_fields[part].annotation)
            if inner is not None:
                current = inner
    return [field.alias or name for name, field in current.model_fields.items() if name != "sections"]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
