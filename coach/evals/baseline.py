"""The blessed baseline, and what a run is worth next to it.

A baseline says for every case which scorers are known to fail and what the coach answered. It is
changed by `coach eval --bless` alone; a seal over its content tells when somebody else did.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal

from pydantic import ValidationError

from coach.errors import CorpusError, OutputError
from coach.evals.cases import Case, Thresholds
from coach.evals.scorers import Output, Verdict, shown
from coach.schema import Frozen

Status = Literal["passed", "known failure", "regression", "new failure", "fixed", "not scored"]
RED: tuple[Status, ...] = ("regression", "new failure", "not scored")
FORMAT = 2  # since 2, a baseline counts what each failing scorer names


class Blessed(Frozen):
    """A case at the time of the blessing: what it was, which scorers failed, what was answered."""

    digest: str
    family: str
    failed: tuple[str, ...] = ()
    faults: dict[str, int] = {}  # by scorer that fails, how many things it names
    answer: tuple[str, ...] = ()


class Cost(Frozen):
    """What a run took: seconds a case (median and 95th percentile), model calls and tokens in all."""

    median: float = 0.0
    p95: float = 0.0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


class Baseline(Frozen):
    """suite/baseline.json."""

    format: int = FORMAT
    engine: str = "offline"
    blessed: str = ""
    commit: str | None = None
    because: str = ""
    cost: Cost = Cost()
    cases: dict[str, Blessed] = {}
    seal: str = ""


class Result(Frozen):
    """One case of a run: verdicts of every epoch, and how it stands next to the baseline.

    failed: scorers that failed in any epoch, faults: how many things each names at most. fresh: those scorers that the
    baseline does not know, or that name more than it knows.
    before, after: the blessed answer and the one that came, line by line.
    """

    case: Case
    status: Status
    verdicts: tuple[Verdict, ...] = ()
    failed: tuple[str, ...] = ()
    faults: dict[str, int] = {}
    fresh: tuple[str, ...] = ()
    error: str | None = None
    unsteady: bool = False
    seconds: float = 0.0
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class Family(Frozen):
    """A family's figures; `least` is its threshold, 0 to 1."""

    name: str
    cases: int
    passed: int
    least: float
    whole: bool = True  # no case of it was left out by choice

    @property
    def share(self) -> float:
        """Share of passing cases, 0 to 1."""
        return self.passed / self.cases

    @property
    def low(self) -> bool:
        """Whether the family, all of it, is below its threshold."""
        return self.whole and self.share < self.least


class Report(Frozen):
    """A whole run. `gone` are blessed cases that a full run no longer has; `faults` say why it is red."""

    engine: str
    epochs: int
    whole: bool
    resumed: int = 0
    seconds: float = 0.0
    results: tuple[Result, ...]
    families: tuple[Family, ...]
    gone: tuple[str, ...] = ()
    cost: Cost = Cost()
    blessed: Baseline | None = None
    changes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def green(self) -> bool:
        """The verdict: the exit code is 0 when true."""
        return not self.faults


def load_baseline(path: Path) -> Baseline | None:
    """The baseline, or None where there is none yet. Raises CorpusError when it was not written by --bless."""
    if not path.is_file():
        return None
    try:
        found = Baseline.model_validate_json(path.read_text("utf-8"))
    except (ValidationError, OSError, UnicodeDecodeError):
        raise CorpusError(path, 1, 1, "this is not a baseline.", "Restore it from version control, or run `coach eval --bless`.") from None
    if found.seal != _seal(found):
        raise CorpusError(path, 1, 1, "the baseline was changed by hand.", "Restore it from version control, or run `coach eval --bless`.")
    return found


def write_baseline(path: Path, report: Report, because: str, root: Path) -> Baseline:
    """Bless a whole run. Raises OutputError when the file cannot be written."""
    made = Baseline(
        engine=report.engine,
        blessed=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_git(root, "rev-parse", "--short=12", "HEAD"),
        because=because,
        cost=report.cost,
        cases={
            one.case.id: Blessed(digest=one.case.digest, family=one.case.family, failed=one.failed, faults=one.faults, answer=one.after)
            for one in report.results
        },
    )
    return _written(path, made)


def forget_family(path: Path, family: str) -> None:
    """Take a family that is gone out of a baseline, with the answers to it; the file goes when nothing is left."""
    found = load_baseline(path)
    if found is None:
        return
    left = {name: one for name, one in found.cases.items() if one.family != family}
    if not left:
        path.unlink()
    elif len(left) < len(found.cases):
        _written(path, found.model_copy(update={"cases": left}))


def _written(path: Path, made: Baseline) -> Baseline:
    made = made.model_copy(update={"seal": ""})
    made = made.model_copy(update={"seal": _seal(made)})
    head = made.model_dump(mode="json", exclude={"cases", "seal"})
    # One line a case, so that a commit shows which answers a change to the coach has moved.
    rows = [f"{json.dumps(name)}: {json.dumps(one.model_dump(mode='json'), ensure_ascii=False)}" for name, one in sorted(made.cases.items())]
    text = json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "cases": {\n  ' + ",\n  ".join(rows) + f'\n }},\n "seal": "{made.seal}"\n}}\n'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"The baseline cannot be written to {path} ({error.strerror}).", "Name another place with --baseline.") from None
    return made


def _seal(baseline: Baseline) -> str:
    cases = {name: baseline.cases[name] for name in sorted(baseline.cases)}
    kept = baseline.model_copy(update={"seal": "", "cases": cases})
    left_out: dict[str, Any] = {"cases": {"__all__": {"faults"}}} if baseline.format < 2 else {}
    return hashlib.sha256(kept.model_dump_json(exclude=left_out).encode()).hexdigest()[:24]


# --- a run next to the baseline ------------------------------------------------------------------------


def compare(
    cases: Sequence[Case],
    outputs: Sequence[Output],
    verdicts: Sequence[Sequence[Verdict]],
    baseline: Baseline | None,
    thresholds: Thresholds,
    *,
    whole: bool,
    parts: frozenset[str] = frozenset(),
    seconds: float = 0.0,
    resumed: int = 0,
    root: Path | None = None,
    model: str | None = None,
) -> Report:
    """The report of a run. model: the one that was asked; the answers tell whether any text of it was taken. outputs and verdicts run over all epochs, in step; whole: no case was left out by choice; parts: the families of which some were."""
    by_case: dict[str, list[tuple[Output, Sequence[Verdict]]]] = {}
    for output, given in zip(outputs, verdicts, strict=True):
        by_case.setdefault(output.case, []).append((output, given))
    results = tuple(_result(case, by_case.get(case.id, []), baseline) for case in cases)
    families = _families(results, thresholds, parts)
    gone = tuple(sorted(set(baseline.cases) - {one.id for one in cases})) if baseline and whole else ()
    engines = {one.engine for one in outputs if not one.error}
    report = Report(
        engine=_engine(engines, model),
        epochs=max((one.epoch for one in outputs), default=1),
        whole=whole,
        resumed=resumed,
        seconds=seconds,
        results=results,
        families=families,
        gone=gone,
        cost=_cost(outputs),
        blessed=baseline,
        changes=_changes(root, baseline) if baseline and root else (),
    )
    return report.model_copy(update={"faults": tuple(_faults(report))})


def _engine(engines: set[str], model: str | None) -> str:
    if model and engines <= {"offline"}:
        return f"{model} (no text of it was taken)"
    return model or ", ".join(sorted(engines)) or "none"


def _result(case: Case, runs: Sequence[tuple[Output, Sequence[Verdict]]], baseline: Baseline | None) -> Result:
    known = baseline.cases.get(case.id) if baseline else None
    same = known is not None and known.digest == case.digest
    errors = [output.error for output, _ in runs if output.error] or ([] if runs else ["no answer came"])
    silent = not errors and any(not given for _, given in runs)
    if silent:
        errors = ["no scorer had anything to say about it"]
    failed = [{one.scorer for one in given if not one.passed} for _, given in runs]
    every = tuple(dict.fromkeys(one.scorer for _, given in runs for one in given if not one.passed))
    faults = {name: max(one.faults for _, given in runs for one in given if one.scorer == name) for name in every}
    # A failure that is known must not hide one that is not: a second name given away is no known failure.
    fresh = tuple(
        one for one in every if not (same and known and one in known.failed and faults[one] <= known.faults.get(one, faults[one]))
    )
    last = runs[-1] if runs else None
    status: Status
    if errors:
        status = "not scored"
    elif not every:
        status = "fixed" if same and known and known.failed else "passed"
    elif not fresh:
        status = "known failure"
    else:
        status = "regression" if same else "new failure"
    shown_run = next((run for run in runs if any(not one.passed for one in run[1])), last)
    return Result(
        case=case,
        status=status,
        verdicts=tuple(shown_run[1]) if shown_run else (),
        failed=every,
        faults=faults,
        fresh=fresh,
        error=errors[0] if errors else None,
        unsteady=len({frozenset(one) for one in failed}) > 1,
        seconds=median([output.seconds for output, _ in runs]) if runs else 0.0,
        before=known.answer if known else (),
        after=tuple(shown(shown_run[0])) if shown_run else (),
    )


def _families(results: Sequence[Result], thresholds: Thresholds, parts: frozenset[str]) -> tuple[Family, ...]:
    names = sorted({one.case.family for one in results})
    grouped = {name: [one for one in results if one.case.family == name] for name in names}
    return tuple(
        Family(name=name, cases=len(mine), passed=sum(one.status in ("passed", "fixed") for one in mine), least=thresholds.of(name), whole=name not in parts)
        for name, mine in grouped.items()
    )


def _cost(outputs: Sequence[Output]) -> Cost:
    times = sorted(one.seconds for one in outputs)
    if not times:
        return Cost()
    return Cost(
        median=round(median(times), 4),
        p95=round(times[min(len(times) - 1, int(0.95 * len(times)))], 4),
        calls=sum(one.calls for one in outputs),
        tokens_in=sum(one.tokens_in for one in outputs),
        tokens_out=sum(one.tokens_out for one in outputs),
    )


def _faults(report: Report) -> list[str]:
    def count(status: Status) -> int:
        return sum(one.status == status for one in report.results)

    faults = []
    if number := count("regression"):
        faults.append(f"{number} {'case' if number == 1 else 'cases'} worse than blessed")
    if number := count("new failure"):
        faults.append(f"{number} new or changed {'case fails' if number == 1 else 'cases fail'}")
    if number := count("not scored"):
        faults.append(f"{number} {'case' if number == 1 else 'cases'} could not be scored")
    if report.gone:
        faults.append(f"{len(report.gone)} blessed {'case is' if len(report.gone) == 1 else 'cases are'} gone")
    faults += [f"family {one.name} at {one.share:.0%}, the least is {one.least:.0%}" for one in report.families if one.low]
    return faults


def _changes(root: Path, baseline: Baseline) -> tuple[str, ...]:
    """What was committed or edited since the blessing, as `git diff --stat` says it; empty where git cannot tell."""
    top = _git(root, "rev-parse", "--show-toplevel")
    if not baseline.commit or not top:
        return ()
    said = _git(Path(top), "diff", "--stat=100", baseline.commit, "--", ".", ":(exclude)**/baseline.json")
    lines = [line.strip() for line in said.splitlines()] if said else []
    most = 30
    return tuple(lines) if len(lines) <= most else (*lines[: most - 1], f"… {len(lines) - most} more", lines[-1])


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
