"""A team's own guides in its corpus folder: pages, examples and eval cases made from a file, and taken out again.

Everything made from a guide is listed in guides/NAME/guide.json of that folder with its sha256, so
that adding an updated file replaces it, removing cleans up, and what somebody has edited by hand is
not lost silently.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import ValidationError

from coach.errors import CorpusError, OptionError, OutputError
from coach.evals.baseline import forget_family
from coach.evals.cases import Case, load_words
from coach.evals.checks import decision_parts
from coach.evals.scorers import PARTS
from coach.guides import guide_pages, guide_text, guide_title, slug_of
from coach.pairs import GuideWords, Pair, Stated, find_pairs, find_stated
from coach.resources import data_root, load_rooms, load_yaml
from coach.schema import ExamplePair, Frozen, Room, RoomSpec
from coach.settings import Settings

_RULE_WORDS = 8  # a longer line not to say comes in no draft word for word
MOST_SECTIONS = 1500  # of one guide; more would drown the playbook
_MADE = "# Made by `coach playbook`; edit the guide or --take, not this file.\n"
TAKEN = ("one_on_one.cadence", "one_on_one.minutes", "okr_review.cadence", "okr_review.minutes", "okr_review.pre_read_days", "okr_review.decisions")


class Guide(Frozen):
    """guides/NAME/guide.json: what was made from one file. files: path inside the corpus folder → sha256."""

    name: str
    title: str
    source: str
    added: str
    pages: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    stated: tuple[Stated, ...] = ()
    taken: dict[str, str] = {}
    files: dict[str, str] = {}


class Added(Frozen):
    """What `add` has done. replaced: whether a guide of this name was there before."""

    guide: Guide
    sections: int
    replaced: bool


def team_folder(settings: Settings) -> Path:
    """The user's corpus folder: COACH_CORPUS, or playbook/ in the data folder."""
    return settings.corpus or settings.home / "playbook"


def guide_words() -> GuideWords:
    """The words by which a guide is read."""
    return load_yaml(data_root() / "corpus" / "guides" / "reading.yaml", GuideWords)


def list_guides(folder: Path) -> tuple[Guide, ...]:
    """The guides of a corpus folder by name. Raises CorpusError for a damaged record."""
    found = []
    for path in sorted(folder.glob("guides/*/guide.json")):
        try:
            found.append(Guide.model_validate_json(path.read_text("utf-8")))
        except (ValidationError, OSError, UnicodeDecodeError):
            raise CorpusError(path, 1, 1, "this record of a guide is damaged.", f"Delete the folder {path.parent} and add the guide again.") from None
    return tuple(found)


def find_guide(folder: Path, name: str) -> Guide:
    """One guide. Raises OptionError that lists the others."""
    every = list_guides(folder)
    for one in every:
        if one.name == name:
            return one
    raise OptionError(f"There is no guide {name!r}.", f"There are: {', '.join(one.name for one in every)}." if every else "Add one: coach playbook add FILE.")


def add_guide(folder: Path, path: Path, content: bytes, name: str | None, take: Sequence[str], force: bool = False) -> Added:
    """Index a guide's file as corpus pages. Adding it again replaces what was made from it.

    take: settings among those it states that the coach should use, or "all". Raises UploadError, OptionError, OutputError.
    """
    words = guide_words()
    text = guide_text(content, path.name)
    slug = slug_of(name or path.stem)
    title = guide_title(text, path.name)
    pages = guide_pages(text, slug, title, words)
    if not pages:
        raise OptionError(f"{path.name} has no section with enough words.", "Add a file with headings and text below them.")
    count = sum(len(one.page.sections) for one in pages)
    if count > MOST_SECTIONS:
        raise OptionError(f"{path.name} has {count:,} sections; {MOST_SECTIONS:,} is the most a guide may have.", "Add the chapters about 1:1s and reviews alone.")
    stated = find_stated(text, words)
    taken = _taken(take, stated, path.name)
    guides = list_guides(folder)
    before = next((one for one in guides if one.name == slug), None)
    for one in guides:
        if one.name != slug and _text_of(folder, one) == text:
            raise OptionError(f"{path.name} is there already, as {one.name}.", f"Use --name {one.name} to replace it, or take it out: coach playbook remove {one.name}.")
    if before:
        _refuse_edited(folder, before, force)
        had_examples = any("evals/cases" in file for file in before.files)
    files = {f"pages/{one.page.id}.md": one.text for one in pages} | {f"guides/{slug}/guide.md": text}
    guide = Guide(
        name=slug,
        title=title,
        source=path.name,
        added=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        pages=tuple(one.page.id for one in pages),
        pairs=find_pairs(text, words),
        stated=stated,
        taken=taken or ({key: value.value for key in (before.taken if before else {}) if (value := _of(stated, key))}),
    )
    if before and had_examples:
        files |= example_files(guide)
    _refuse_strangers(folder, files, before)
    _check_rooms(folder, guide, before)
    try:
        if before:
            _delete(folder, before)
        _write(folder, guide, files)
        _write_rooms(folder)
    except OSError as error:
        raise OutputError(f"The playbook cannot be written to {folder} ({error.strerror}).", "Set COACH_CORPUS or COACH_HOME to a folder you can write to.") from None
    return Added(guide=guide, sections=count, replaced=before is not None)


def _text_of(folder: Path, guide: Guide) -> str:
    path = folder / "guides" / guide.name / "guide.md"
    return path.read_text("utf-8") if path.is_file() else ""


def remove_guide(folder: Path, name: str, force: bool = False) -> Guide:
    """Take out everything that was made from a guide. Raises OptionError, OutputError."""
    guide = find_guide(folder, name)
    _refuse_edited(folder, guide, force)
    try:
        _delete(folder, guide)
        _write_rooms(folder)
        forget_family(folder / "evals" / "baseline.json", guide.name)
    except OSError as error:
        raise OutputError(f"The playbook in {folder} cannot be changed ({error.strerror}).", "Check its permissions.") from None
    return guide


def write_examples(folder: Path, guide: Guide, force: bool = False) -> tuple[Path, ...]:
    """A guide's pairs as examples and as eval cases. Raises OptionError when it has none, OutputError."""
    if not guide.pairs:
        raise OptionError(f"The guide {guide.name} has no pair.", "Put them in a table with the columns Don't and Do, or as “Instead of …, say …”.")
    files = example_files(guide)
    mine = {name: digest for name, digest in guide.files.items() if name in files}
    _refuse_edited(folder, guide.model_copy(update={"files": mine}), force)
    _refuse_strangers(folder, files, guide)
    try:
        _write(folder, guide, files)
    except OSError as error:
        raise OutputError(f"The examples cannot be written to {folder} ({error.strerror}).", "Check its permissions.") from None
    return tuple(folder / name for name in files)


def example_files(guide: Guide) -> dict[str, str]:
    """The files of a guide's pairs: examples and language rules for the coach, cases for `coach eval`."""
    examples = [
        ExamplePair(bad=one.bad, good=one.good, flaw=one.heading or guide.title, context="").model_dump_json() for one in guide.pairs
    ]
    cases = [case.model_dump_json(by_alias=True, exclude_defaults=True) for case in cases_of(guide)]
    made = {
        f"examples/pairs-{guide.name}.jsonl": "\n".join(examples) + "\n",
        f"evals/cases/{guide.name}.jsonl": "\n".join(cases) + "\n",
    }
    if rules := rules_of(guide):
        made[f"rules/{guide.name}.yaml"] = _MADE + yaml.safe_dump({"rules": rules}, sort_keys=False, allow_unicode=True, width=1000)
    return made


def rules_of(guide: Guide) -> list[dict[str, object]]:
    """A language rule for each short phrase that a guide says not to say: marked wherever it stands, with what to say as the hint.

    A phrase that the guide itself uses in a line to say is none.
    """
    goods = [one.good for one in guide.pairs]
    made: list[dict[str, object]] = []
    for number, pair in enumerate(guide.pairs, 1):
        phrase = pair.bad.strip(" .!?,;:…\"“”‘’'«»")
        shape = re.compile(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", re.I)
        if not 1 <= len(phrase.split()) <= _RULE_WORDS or any(shape.search(one) for one in goods):
            continue
        chapter = next((one for one in guide.pages if one.endswith(f"/{slug_of(pair.heading)}")), guide.pages[0])
        made.append(
            {
                "id": f"{guide.name}.{number}",
                "kind": "phrases",
                "level": "warning",
                "message": f"Your guide “{guide.title}” says this otherwise.",
                "hint": f"For example: {pair.good}",
                "page": chapter,
                "phrases": [phrase],
                "hits": [pair.bad, f"As of today: {phrase}."],
                "near_misses": [pair.good, "It is written in another way."],
            }
        )
    return made


def cases_of(guide: Guide) -> tuple[Case, ...]:
    """Two cases a pair: the one not to say is marked and points to a decision or is cut; the one to say is left alone."""
    words = load_words()
    patterns = {part: getattr(words, part) for part in PARTS}
    made: list[Case] = []
    for pair in guide.pairs:
        where = f"{guide.source}, line {pair.line}" + (f", {pair.heading}" if pair.heading else "")
        decides = len(decision_parts(pair.good, patterns)) >= 2
        bad, good = _sentence(pair.bad), _sentence(pair.good)
        # By its words and not by its place: a pair put in above must not turn the ones below it red.
        mark = hashlib.sha256(f"{pair.bad}\n{pair.good}".encode()).hexdigest()[:6]
        while f"{guide.name}-{mark}-not" in {one.id for one in made}:
            mark += "x"
        made.append(Case(id=f"{guide.name}-{mark}-not", family=guide.name, why=where, text=bad, flags=(bad,), bad=pair.bad, good=pair.good if decides else None))
        # A few words alone are no update that could be sent to a room.
        rooms: tuple[Room, ...] = ("okr_review", "okr_doc", "one_on_one", "staff_meeting") if len(good.split()) >= 5 else ()
        made.append(Case(id=f"{guide.name}-{mark}-say", family=guide.name, why=where, text=good, clean=True, room=rooms))
    return tuple(made)


def _sentence(words: str) -> str:
    """Words quoted out of a sentence as an update would begin with them."""
    return words[:1].upper() + words[1:] + ("" if words[-1:] in ".!?…”\"" else ".")


# --- files --------------------------------------------------------------------------------------------


def _of(stated: Sequence[Stated], name: str) -> Stated | None:
    return next((one for one in stated if one.name == name), None)


def _taken(take: Sequence[str], stated: Sequence[Stated], source: str) -> dict[str, str]:
    offered = [one.name for one in stated if one.name in TAKEN]
    names = offered if "all" in take else list(take)
    for name in names:
        if name not in offered:
            raise OptionError(f"{source} does not state {name!r}.", f"It states: {', '.join(offered)}." if offered else "It states none that can be taken over.")
    return {one.name: one.value for one in stated if one.name in names}


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse_edited(folder: Path, guide: Guide, force: bool) -> None:
    for name, digest in guide.files.items():
        path = folder / name
        if not force and path.is_file() and _sha(path) != digest:
            raise OptionError(f"{path} was changed by hand.", "Move it elsewhere, or use --force to lose the change.")


def _refuse_strangers(folder: Path, files: dict[str, str], before: Guide | None) -> None:
    for name in files:
        if (folder / name).exists() and not (before and name in before.files):
            raise OptionError(f"{folder / name} is there already and was not made from this guide.", "Move it, or give the guide another --name.")


def _write(folder: Path, guide: Guide, files: dict[str, str]) -> None:
    written = dict(guide.files)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        written[name] = _sha(path)
    record = folder / "guides" / guide.name / "guide.json"
    record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    record.write_text(guide.model_copy(update={"files": written}).model_dump_json(indent=1) + "\n", "utf-8")


def _delete(folder: Path, guide: Guide) -> None:
    for name in guide.files:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "guides" / guide.name, ignore_errors=True)
    for name in ("pages/" + guide.name, "pages", "examples", "rules", "evals/cases", "guides"):
        path = folder / name
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


# --- settings taken over ------------------------------------------------------------------------------


def _room_file(folder: Path, room: str) -> Path:
    return folder / "rooms" / f"{room.replace('_', '-')}.yaml"


def _check_rooms(folder: Path, guide: Guide, before: Guide | None) -> None:
    """Refuse to take a setting over that another guide or a file of the user's own decides."""
    for name in guide.taken:
        other = next((one for one in list_guides(folder) if one.name != guide.name and name in one.taken), None)
        if other:
            raise OptionError(f"{name} is already taken from the guide {other.name}.", f"Add {other.name} again without it first.")
        path = _room_file(folder, name.split(".")[0])
        if path.is_file() and not path.read_text("utf-8").startswith(_MADE):
            raise OptionError(f"{path} is a room of your own.", f"Write {name.split('.')[1]} there, and leave out --take {name}.")


def _write_rooms(folder: Path) -> None:
    """The rooms whose settings were taken from guides: ours with those values, or none when nothing is taken."""
    ours = {one.id: one for one in load_rooms(None)}
    wanted: dict[str, dict[str, str]] = {}
    for guide in list_guides(folder):
        for name, value in guide.taken.items():
            room, _, setting = name.partition(".")
            wanted.setdefault(room, {})[setting] = value
    for room in {name.split(".")[0] for name in TAKEN}:
        path = _room_file(folder, room)
        if room in wanted:
            spec = ours[room].model_copy(update={key: _typed(key, value) for key, value in wanted[room].items()})  # type: ignore[index]
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(_MADE + yaml.safe_dump(json.loads(RoomSpec.model_validate(spec.model_dump()).model_dump_json(exclude_none=True)), sort_keys=False, allow_unicode=True), "utf-8")
        elif path.is_file() and path.read_text("utf-8").startswith(_MADE):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()


def _typed(key: str, value: str) -> str | int | tuple[int, int]:
    if key == "cadence":
        return value
    low, _, high = value.partition(" to ")
    return (int(low), int(high or low)) if key == "minutes" else int(low)
