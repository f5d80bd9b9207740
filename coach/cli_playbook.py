"""`coach playbook`: a team's own guides. Parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coach.errors import OptionError, UploadError
from coach.settings import Settings, load_settings

playbook = typer.Typer(help="Your team's own guide beside our playbook. Nothing of it leaves this machine.", no_args_is_help=True, rich_markup_mode=None)


@playbook.command(epilog="Example: coach playbook add handbook.docx --take okr_review.pre_read_days")
def add(
    files: Annotated[list[Path], typer.Argument(help="Markdown, text, .docx, a web page saved as .html, or a PDF with text.")],
    name: Annotated[str | None, typer.Option(help="A short name; the file's own when not given.")] = None,
    take: Annotated[list[str] | None, typer.Option(help="A setting it states that the coach should use, or all; may be repeated.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace pages even if they were edited by hand.")] = False,
) -> None:
    """Add a guide as pages of the playbook; adding it again replaces it."""
    from coach.team import TAKEN, add_guide, team_folder

    if name and len(files) > 1:
        raise OptionError("One name cannot stand for several files.", "Add them one by one, or leave out --name.")
    settings = load_settings()
    folder = team_folder(settings)
    for path in files:
        done = add_guide(_made(folder), path, _read(path), name, take or [], force)
        guide = done.guide
        print(f"{'Replaced' if done.replaced else 'Added'} {guide.name}, “{guide.title}”: {_count(len(guide.pages), 'page')}, {_count(done.sections, 'section')}.")
        same: list[str] = []
        unknown: list[str] = []
        for one in guide.stated:
            ours = _ours(settings, one.name)
            if one.name in guide.taken:
                print(f"  Uses {one.name} = {one.value} (line {one.line}).")
            elif one.name not in TAKEN:
                unknown.append(f"{one.name} = {one.value} (line {one.line})")
            elif ours == one.value:
                same.append(f"{one.name} = {one.value}")
            else:
                print(f"  It says {one.name} = {one.value} (line {one.line}: “{one.quote}”); here it is {ours}. To use it: --take {one.name}")
        if same:
            print(f"  As here: {', '.join(same)}.")
        if unknown:
            print(f"  It says {', '.join(unknown)}, for which the coach has no setting.")
        if guide.pairs:
            print(f"  {_count(len(guide.pairs), 'pair')} of what not to say and what to say: coach playbook examples {guide.name}")
        if path.suffix.lower() not in (".md", ".markdown", ".txt"):
            print(f"  Its lines are counted in {folder / 'guides' / guide.name / 'guide.md'}, the text that was read.")
    print("The next command indexes them, which takes about a minute; `coach index` does it now.")


@playbook.command("list", epilog="Example: coach playbook list")
def list_() -> None:
    """List the guides that were added."""
    from coach.team import list_guides, team_folder

    folder = team_folder(load_settings())
    guides = list_guides(folder)
    if not guides:
        print("No guide yet. Add one: coach playbook add FILE")
    for one in guides:
        taken = f"; uses {', '.join(f'{key} = {value}' for key, value in one.taken.items())}" if one.taken else ""
        print(f"{one.name}: “{one.title}”, {one.source}, {_count(len(one.pages), 'page')}, {_count(len(one.pairs), 'pair')}, added {one.added}{taken}")


@playbook.command(epilog="Example: coach playbook remove handbook")
def remove(
    names: Annotated[list[str], typer.Argument(help="Guides by name; see coach playbook list.")],
    force: Annotated[bool, typer.Option("--force", help="Also delete what was edited by hand.")] = False,
) -> None:
    """Take a guide out again, with everything that was made from it."""
    from coach.index import forget
    from coach.resources import corpus_digest
    from coach.team import remove_guide, team_folder

    folder = team_folder(load_settings())
    for name in names:
        guide = remove_guide(folder, name, force)
        print(f"Removed {guide.name}: {_count(len(guide.files), 'file')}.")
    left = load_settings()
    forget(left.home, corpus_digest(left.corpus))


@playbook.command(epilog="Example: coach playbook examples handbook --write")
def examples(
    name: Annotated[str | None, typer.Argument(help="A guide; all of them when not given.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write them as examples, as language rules and as eval cases.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write them even over files edited by hand.")] = False,
) -> None:
    """Show what a guide says not to say and what to say, found in its tables, lists and prose."""
    from coach.team import find_guide, list_guides, team_folder, write_examples

    folder = team_folder(load_settings())
    guides = [find_guide(folder, name)] if name else list(list_guides(folder))
    if not guides:
        raise OptionError("There is no guide yet.", "Add one: coach playbook add FILE.")
    for guide in guides:
        print(f"{guide.name}: {_count(len(guide.pairs), 'pair')}")
        for pair in guide.pairs:
            print(f"  line {pair.line}, {pair.found_in}\n    not: {pair.bad}\n    say: {pair.good}")
        if write and (guide.pairs or name):
            for path in write_examples(folder, guide, force):
                print(f"  {path}")
    if write:
        print("Its short phrases are marked in drafts from now on. The next command indexes the examples, which takes about a minute; `coach index` does it now.")
        print(f"Check them by: coach eval --suite {folder / 'evals'}")


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UploadError(f"{path} is a folder.", "Name its files.")
        return path.read_bytes()
    except FileNotFoundError:
        raise UploadError(f"There is no file {path}.", "Check the name.") from None
    except OSError as error:
        raise UploadError(f"{path} cannot be read ({error.strerror}).", "Check its permissions.") from None


def _made(folder: Path) -> Path:
    from coach.errors import OutputError

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made ({error.strerror}).", "Set COACH_CORPUS or COACH_HOME to a folder you can write to.") from None
    return folder


def _ours(settings: Settings, name: str) -> str:
    from coach.resources import load_rooms

    room, _, key = name.partition(".")
    value = next((getattr(one, key, None) for one in load_rooms(settings.corpus) if one.id == room), None)
    if isinstance(value, tuple):
        return str(value[0]) if value[0] == value[1] else f"{value[0]} to {value[1]}"
    return str(value)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
