"""`coach eval`: the suite, its gate and its reports. Nothing is judged here."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from coach.errors import OptionError

if TYPE_CHECKING:
    from coach.evals.baseline import Baseline, Report
    from coach.evals.cases import Case
    from coach.evals.mutations import Mutation
    from coach.evals.report import Caught
    from coach.evals.scorers import Output
    from coach.settings import Settings


def eval_suite(
    cases: Annotated[list[str] | None, typer.Argument(help="Only these cases, by id.")] = None,
    family: Annotated[list[str] | None, typer.Option(help="Only this family; may be repeated.")] = None,
    suite: Annotated[Path | None, typer.Option(help="A folder with cases/, and baseline.json once blessed; ours when not given.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="The blessed baseline, when it is not in the suite's folder.")] = None,
    model: Annotated[str | None, typer.Option(help="Let this model phrase; without it the suite runs offline, whatever the environment says.")] = None,
    epochs: Annotated[int, typer.Option(min=1, max=100, help="How often each case is run; it passes if it passes every time.")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, max=64, help="Worker processes; two, or one with --model.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Take over what an interrupted run of this very coach has finished.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, summary.md, junit.xml, results.json and inspect's log.")] = None,
    format: Annotated[Literal["text", "json", "markdown", "junit"], typer.Option(help="How to print the result.")] = "text",
    details: Annotated[bool, typer.Option("--details", help="Show known failures too.")] = False,
    bless: Annotated[bool, typer.Option("--bless", help="Make this run the baseline.")] = False,
    because: Annotated[str, typer.Option(help="Why; needed to bless a case that has become worse.")] = "",
    mutations: Annotated[bool, typer.Option("--mutations", help="Break the coach on purpose, many times, and show what the suite catches.")] = False,
    judge: Annotated[str | None, typer.Option(help="Also let this model grade the lines, by inspect's name for it; reported, never gating.")] = None,
    judge_url: Annotated[str | None, typer.Option(help="Where an OpenAI-compatible judge answers.")] = None,
    judge_epochs: Annotated[int, typer.Option(min=1, max=20, help="How often the judge grades each line.")] = 3,
    list_: Annotated[bool, typer.Option("--list", help="List the cases and stop.")] = False,
    drafts: Annotated[Path | None, typer.Option(help="In place of cases: figures over labelled drafts, JSONL as in corpus/examples.")] = None,
    pairs: Annotated[Path | None, typer.Option(help="In place of cases: figures over BAD/GOOD pairs, JSONL as in corpus/examples.")] = None,
    failures: Annotated[int, typer.Option(min=-1, help="Failures to show for each figure; -1 shows all.")] = 5,
) -> None:
    """Check the coach against its cases. Exit code 0 if nothing is worse than blessed, else 1.

    With --drafts or --pairs, measure it on labelled files instead; exit code 1 if an aim is missed.
    """
    if drafts is not None or pairs is not None:
        _figures(drafts, pairs, failures, format)
        return
    from coach.evals.cases import load_cases, our_suite, pick
    from coach.settings import load_settings

    folder = suite or our_suite()
    every = load_cases(folder)
    picked = pick(every, cases or [], family or [])
    if list_:
        for one in picked:
            print(f"{one.id:<44} {one.family:<16} {' '.join(one.text.split())[:80]}")
        return
    whole = len(picked) == len(every)
    chosen = {one.id for one in picked}
    parts = frozenset(one.family for one in every if one.id not in chosen)
    _check_families(folder, {one.family for one in every})
    _check(bless, whole, mutations)
    from coach.evals.baseline import load_baseline, write_baseline
    from coach.evals.report import as_json, as_junit, as_markdown, as_text, write_reports
    from coach.evals.run import settings_for

    path = baseline or folder / "baseline.json"
    blessed = None if bless and not path.is_file() else load_baseline(path)
    settings = settings_for(load_settings(), model)
    if suite is None:
        # Our suite checks our coach; what a team has laid over it is checked by a suite of the team's.
        settings = settings.model_copy(update={"corpus": None})
    # A coach with a model has several calls in flight by itself, and may have started a server of its own.
    workers = jobs or (1 if model else min(2, os.cpu_count() or 1))
    try:
        report, outputs = _run(picked, settings, blessed, folder, whole=whole, parts=parts, model=model, epochs=epochs, jobs=workers, resume=resume)
    except KeyboardInterrupt:
        print("coach: stopped; the same command with --resume goes on from here.", file=sys.stderr)
        raise typer.Exit(130) from None
    found: list[Caught] = []
    if mutations:
        found = _mutations(picked, settings, folder, report, workers)
    if bless:
        _bless_or_refuse(report, because)
        made = write_baseline(path, report, because, folder)
        print(f"Blessed {len(made.cases)} {'case' if len(made.cases) == 1 else 'cases'}, {sum(bool(one.failed) for one in made.cases.values())} of them known failures: {path}")
    elif format == "json":
        print(as_json(report), end="")
    elif format == "markdown":
        print(as_markdown(report), end="")
    elif format == "junit":
        print(as_junit(report), end="")
    else:
        print(as_text(report, details), end="")
    extras = sys.stdout if format == "text" else sys.stderr
    _print_extras(found, [], extras)
    if out is not None:
        for written in write_reports(report, out, found, []):
            print(written, file=sys.stderr)
        _inspect_log(picked, outputs, out / "inspect", epochs)
    if judge:  # last: the verdict stands and is written, whatever becomes of the judge
        graded = _judge(judge, judge_url, picked, outputs, out, judge_epochs)
        _print_extras([], graded, extras)
        if out is not None:
            write_reports(report, out, found, graded)
    if (not bless and not report.green) or any(not one.caught for one in found):
        raise typer.Exit(1)


def _figures(drafts: Path | None, pairs: Path | None, failures: int, format: str) -> None:
    from coach.figures import as_json, as_text, measure_drafts, measure_pairs
    from coach.pipeline import Coach
    from coach.resources import load_labelled, load_pairs
    from coach.settings import load_settings

    if format not in ("text", "json"):
        raise OptionError(f"Figures have no format {format!r}.", "Use text or json.")
    coach = Coach(load_settings())

    def progress(what: str, done: int, total: int) -> None:
        bars.setdefault(what, _progress(what))(done, total)

    bars: dict[str, Callable[[int, int], None]] = {}
    reports = []
    if drafts is not None:
        reports.append(measure_drafts(coach, load_labelled(drafts), progress))
    if pairs is not None:
        reports.append(measure_pairs(coach, load_pairs(pairs), progress))
    print(json.dumps(as_json(reports), ensure_ascii=False, indent=2) if format == "json" else as_text(reports, failures), end="" if format == "text" else "\n")
    if not all(one.met for report in reports for one in report.figures):
        raise typer.Exit(1)


def _check_families(folder: Path, known: set[str]) -> None:
    from coach.evals.cases import load_thresholds

    unknown = sorted(set(load_thresholds(folder).families) - known)
    if unknown:
        raise OptionError(f"{folder / 'thresholds.yaml'} names the family {unknown[0]!r}, which has no case.", f"Use one of: {', '.join(sorted(known))}.")


def _check(bless: bool, whole: bool, mutations: bool) -> None:
    if bless and not whole:
        raise OptionError("A part of the suite cannot be blessed.", "Run `coach eval --bless` without cases and families.")
    if bless and mutations:
        raise OptionError("A broken coach cannot be blessed.", "Run `coach eval --bless` and `coach eval --mutations` one after the other.")


def _bless_or_refuse(report: Report, because: str) -> None:
    unscored = [one.case.id for one in report.results if one.status == "not scored"]
    if unscored:
        raise OptionError(f"{len(unscored)} cases could not be scored, {unscored[0]} the first.", "Mend that, then bless.")
    worse = [
        one.case.id
        for one in report.results
        if one.status == "regression" or (one.status == "new failure" and report.blessed and one.case.id in report.blessed.cases)
    ]
    lost = len(worse) + len(report.gone)
    if report.blessed and lost and not because.strip():
        name = (worse or list(report.gone))[0]
        raise OptionError(
            f"{lost} {'case is' if lost == 1 else 'cases are'} worse than blessed or gone, {name} the first.", 'Say why: coach eval --bless --because "…".'
        )


def _run(
    cases: tuple[Case, ...],
    settings: Settings,
    blessed: Baseline | None,
    folder: Path,
    *,
    whole: bool,
    parts: frozenset[str] = frozenset(),
    model: str | None = None,
    epochs: int = 1,
    jobs: int = 2,
    resume: bool = False,
    mutation: str | None = None,
) -> tuple[Report, list[Output]]:
    from coach.evals.baseline import compare
    from coach.evals.cases import load_thresholds, load_words
    from coach.evals.run import answers, journal_path
    from coach.evals.scorers import judge

    words = load_words()
    start = perf_counter()
    first: list[int] = []
    bar = _progress("running cases") if mutation is None else lambda done, total: None

    def progress(done: int, total: int) -> None:
        first.append(done)
        bar(done, total)

    journal = None if mutation else journal_path(settings, model)
    outputs = answers(cases, settings, epochs=epochs, jobs=jobs, mutation=mutation, journal=journal, resume=resume, progress=progress)
    named = {one.id: one for one in cases}
    verdicts = [judge(named[one.case], one, words) if one.error is None else () for one in outputs]
    report = compare(
        cases, outputs, verdicts, blessed, load_thresholds(folder), whole=whole, parts=parts, seconds=round(perf_counter() - start, 2), resumed=first[0] if first else 0, root=folder, model=model
    )
    return report, outputs


def _mutations(cases: tuple[Case, ...], settings: Settings, folder: Path, intact: Report, jobs: int) -> list[Caught]:
    """Each fault's run next to the run of the coach as it is; as many at a time as there are jobs."""
    from concurrent.futures import ThreadPoolExecutor

    from coach.evals.baseline import Baseline, Blessed
    from coach.evals.mutations import MUTATIONS

    # What the coach as it stands gets wrong cannot be what catches a fault.
    standard = Baseline(cases={one.case.id: Blessed(digest=one.case.digest, family=one.case.family, failed=one.failed, faults=one.faults) for one in intact.results})
    bar = _progress("breaking the coach")
    found: list[Caught] = []
    with ThreadPoolExecutor(jobs) as pool:
        for one in pool.map(lambda fault: _caught(fault, cases, settings, folder, standard), MUTATIONS.values()):
            found.append(one)
            bar(len(found), len(MUTATIONS))
    return found


def _caught(fault: Mutation, cases: tuple[Case, ...], settings: Settings, folder: Path, standard: Baseline) -> Caught:
    from coach.evals.baseline import RED
    from coach.evals.report import Caught
    from coach.evals.run import UNOPENED

    report, _ = _run(cases, settings, standard, folder, whole=False, jobs=1, mutation=fault.name)
    red = [one for one in report.results if one.status in RED]
    by: dict[str, int] = {}
    for one in red:
        for name in one.fresh or ("not scored",):
            by[name] = by.get(name, 0) + 1
    gone = all(one.error and one.error.startswith(UNOPENED) for one in report.results)
    return Caught(
        name=fault.name,
        breaks=fault.breaks,
        red=0 if gone else len(red),
        by=by,
        example=red[0].case.id if red else "",
        error=report.results[0].error if gone else None,
        seconds=report.seconds,
    )


def _judge(name: str, url: str | None, cases: tuple[Case, ...], outputs: list[Output], out: Path | None, epochs: int) -> list[tuple[str, str]]:
    tasks = _inspect()
    if tasks is None:
        raise OptionError("A judge needs inspect.", "Install it: pip install 'prep-coach[evals]'.")
    count = len(tasks.judged_lines(cases, outputs))
    print(f"{count} lines for the review and their GOOD go to {url or name}, {epochs} times each; no line for the 1:1 does.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        rows: list[tuple[str, str]] = tasks.judge_with(name, url, cases, outputs, (out / "inspect") if out else Path(folder), epochs)
    return rows


def _inspect_log(cases: tuple[Case, ...], outputs: list[Output], folder: Path, epochs: int) -> None:
    tasks = _inspect()
    if tasks is None:
        print("No inspect log: pip install 'prep-coach[evals]' adds it.", file=sys.stderr)
        return
    print(tasks.write_log(cases, outputs, folder, epochs).location, file=sys.stderr)


def _inspect() -> Any:
    """coach.evals.tasks, or None without the extra: inspect takes two seconds to import."""
    try:
        from coach.evals import tasks
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "inspect_ai":
            return None
        raise
    return tasks


def _print_extras(found: list[Caught], graded: list[tuple[str, str]], to: TextIO) -> None:
    from coach.evals.report import mutation_table

    if found:
        print("\n" + mutation_table(found), end="", file=to)
    for name, said in graded:
        print(f"judged {name}: {said}", file=to)


def _progress(what: str) -> Callable[[int, int], None]:
    """A bar on a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total: None
    from rich.progress import Progress

    bars = Progress(transient=True)
    task = bars.add_task(what, total=None)

    def report(done: int, total: int) -> None:
        if done < total and not bars.live.is_started:
            bars.start()
        bars.update(task, completed=done, total=total)
        if done >= total:
            bars.stop()

    return report
