"""A report → text, Markdown for a pull request, JSON, JUnit and one HTML file that needs nothing else."""

from __future__ import annotations

import difflib
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from coach.errors import OutputError
from coach.evals.baseline import RED, Report, Result
from coach.evals.cases import our_suite
from coach.schema import Frozen

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_ORDER = ("regression", "not scored", "new failure", "known failure", "fixed", "passed")


class Caught(Frozen):
    """What the suite said of one mutation: the cases that turned red and the scorer that says most of it."""

    name: str
    breaks: str
    red: int
    by: dict[str, int] = {}
    example: str = ""
    error: str | None = None
    seconds: float = 0.0

    @property
    def caught(self) -> bool:
        """Whether the suite turned red because of it."""
        return self.red > 0 and self.error is None


@dataclass(frozen=True)
class Bit:
    """A stretch of a diff: the same on both sides, gone, or new."""

    kind: Literal["same", "gone", "new"]
    text: str


@dataclass(frozen=True)
class Row:
    """A line of a side-by-side diff."""

    before: tuple[Bit, ...]
    after: tuple[Bit, ...]


def side_by_side(before: Sequence[str], after: Sequence[str]) -> tuple[Row, ...]:
    """Rows of a word diff of two answers."""
    rows: list[Row] = []
    matcher = difflib.SequenceMatcher(a=list(before), b=list(after), autojunk=False)
    for _, a, b, c, d in matcher.get_opcodes():
        for n in range(max(b - a, d - c)):
            old, new = before[a + n] if a + n < b else "", after[c + n] if c + n < d else ""
            rows.append(_words(old, new))
    return tuple(rows)


def _words(old: str, new: str) -> Row:
    left, right = re.findall(r"\s+|[^\s]+", old), re.findall(r"\s+|[^\s]+", new)
    before: list[Bit] = []
    after: list[Bit] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes():
        if b > a:
            before.append(Bit("same" if kind == "equal" else "gone", "".join(left[a:b])))
        if d > c:
            after.append(Bit("same" if kind == "equal" else "new", "".join(right[c:d])))
    return Row(tuple(before), tuple(after))


def worst_first(report: Report) -> list[Result]:
    """The results, those that turn the run red first."""
    return sorted(report.results, key=lambda one: (_ORDER.index(one.status), one.case.family, one.case.id))


def reasons(one: Result) -> list[str]:
    """Why a case fails: the scorer and its explanation; those the baseline knows say so."""
    if one.error:
        return [f"not scored: {one.error}"]
    return [
        f"{verdict.scorer}: {verdict.explanation}" + ("" if verdict.scorer in one.fresh else " (known)")
        for verdict in one.verdicts
        if not verdict.passed
    ]


# --- text ---------------------------------------------------------------------------------------------


def as_text(report: Report, details: bool = False) -> str:
    """The table of families, then every case that is red with its reason; with details the known failures too."""
    width = max([len(one.name) for one in report.families] + [6])
    lines = [f"{'family':<{width}}  cases  passed         least", "-" * (width + 30)]
    for one in report.families:
        flag = "  LOW" if one.low and report.whole else ""
        lines.append(f"{one.name:<{width}}  {one.cases:>5}  {one.passed:>6}  {one.share:>4.0%}  {one.least:>6.0%}{flag}")
    lines += [*_totals(report, width), ""]
    for result in worst_first(report):
        if result.status in RED or (details and result.status != "passed"):
            lines += _case_text(result)
    lines += [f"gone: {name}" for name in report.gone]
    if report.gone:
        lines.append("")
    if report.faults and report.changes:
        lines += [f"changed since the blessing ({report.blessed.commit if report.blessed else ''}):", *[f"  {one}" for one in report.changes], ""]
    lines.append(verdict(report))
    return "\n".join(lines) + "\n"


def _totals(report: Report, width: int) -> list[str]:
    passed = sum(one.passed for one in report.families)
    count = len(report.results)
    lines = [f"{'all':<{width}}  {count:>5}  {passed:>6}  {passed / count if count else 0:>4.0%}"]
    return [*lines, tally(report), cost_line(report)]


def tally(report: Report) -> str:
    """Every case in one line, by how it stands; the parts add up, and what was not scored is always said."""
    count = {status: sum(one.status == status for one in report.results) for status in _ORDER}
    said = [f"{count['passed'] + count['fixed']} passed" + (f" ({count['fixed']} of them fixed since the blessing: `coach eval --bless` keeps them)" if count["fixed"] else "")]
    said += [f"{count['known failure']} known {'failure' if count['known failure'] == 1 else 'failures'}"] if count["known failure"] else []
    said += [f"{count['regression']} worse than blessed"] if count["regression"] else []
    said += [f"{count['new failure']} new or changed and failing"] if count["new failure"] else []
    return f"{len(report.results)} {'case' if len(report.results) == 1 else 'cases'}: {', '.join([*said, str(count['not scored']) + ' not scored'])}"


def cost_line(report: Report) -> str:
    """Time and cost of a run next to the baseline's; never part of the verdict."""
    cost, was = report.cost, report.blessed.cost if report.blessed else None
    said = f"{report.engine}, {report.seconds:.0f} s; a case takes {cost.median * 1000:.0f} ms, 95% within {cost.p95 * 1000:.0f} ms"
    if was and was.median:
        said += f" (blessed: {was.median * 1000:.0f} and {was.p95 * 1000:.0f} ms)"
    if cost.calls:
        said += f"; {cost.calls} model calls, {cost.tokens_in:,} tokens in, {cost.tokens_out:,} out"
        if was and was.calls:
            said += f" (blessed: {was.calls}, {was.tokens_in:,}, {was.tokens_out:,})"
    if report.epochs > 1:
        unsteady = sum(one.unsteady for one in report.results)
        said += f"; {report.epochs} epochs, {unsteady} cases differ between them"
    if report.resumed:
        said += f"; {report.resumed} answers taken over from the interrupted run"
    return said


def verdict(report: Report) -> str:
    """The last line: what the exit code says."""
    if report.green:
        return "GREEN: nothing is worse than blessed" if report.blessed else "GREEN: every case passes"
    return "RED: " + "; ".join(report.faults)


def _case_text(one: Result) -> list[str]:
    lines = [f"{one.case.id} ({one.case.family}): {one.status}" + (", differs between epochs" if one.unsteady else "")]
    if one.case.why:
        lines.append(f"    {one.case.why}")
    lines += [f"    {reason}" for reason in reasons(one)]
    if one.before and one.before != one.after:
        lines += [f"    {line}" for line in difflib.unified_diff(one.before, one.after, "blessed", "now", lineterm="", n=1)]
    elif one.after:
        lines += [f"    came {line}" for line in one.after]
    return [*lines, ""]


# --- Markdown, JSON, JUnit ----------------------------------------------------------------------------


def as_markdown(report: Report, most: int = 20) -> str:
    """A comment for a pull request: verdict, families, and the first `most` red cases unfolded."""
    lines = [f"### Coach evals: {'🟢' if report.green else '🔴'} {verdict(report)}", "", "| family | cases | passed | least |", "|---|---:|---:|---:|"]
    lines += [f"| {one.name} | {one.cases} | {one.passed} ({one.share:.0%}){' **low**' if one.low and report.whole else ''} | {one.least:.0%} |" for one in report.families]
    lines += ["", f"{tally(report)}.", "", f"{cost_line(report)}.", ""]
    red = [one for one in worst_first(report) if one.status in RED]
    for one in red[:most]:
        lines += [f"<details><summary><b>{one.case.id}</b>, {one.status}: {_cell(reasons(one)[0])}</summary>", ""]
        lines += [f"- {_cell(reason)}" for reason in reasons(one)]
        diff = [*difflib.unified_diff(one.before, one.after, "blessed", "now", lineterm="", n=1)] or [f"+{line}" for line in one.after]
        fence = "`" * max(3, max((len(run) for line in diff for run in re.findall("`+", line)), default=0) + 1)
        lines += ["", f"{fence}diff", *diff, fence, "</details>", ""]
    if len(red) > most:
        lines += [f"… and {len(red) - most} more in the full report.", ""]
    lines += [f"- gone: `{name}`" for name in report.gone]
    if report.changes and report.faults:
        lines += ["", "<details><summary>Changed since the blessing</summary>", "", "```", *report.changes, "```", "</details>"]
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")


def as_json(report: Report) -> str:
    """The whole report; of the baseline only when and why it was blessed and what it cost."""
    return report.model_dump_json(by_alias=True, indent=1, exclude={"blessed": {"cases", "seal"}}) + "\n"


def as_junit(report: Report) -> str:
    """One test suite a family; a known failure is skipped, with its reason."""
    root = ET.Element("testsuites", name="coach eval", tests=str(len(report.results)), time=f"{report.seconds:.3f}")
    for family in report.families:
        mine = [one for one in report.results if one.case.family == family.name]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=family.name,
            tests=str(len(mine)),
            failures=str(sum(one.status in ("regression", "new failure") for one in mine)),
            errors=str(sum(one.status == "not scored" for one in mine)),
            skipped=str(sum(one.status == "known failure" for one in mine)),
        )
        for one in mine:
            test = ET.SubElement(suite, "testcase", classname=f"evals.{family.name}", name=one.case.id, time=f"{one.seconds:.3f}")
            tag = {"regression": "failure", "new failure": "failure", "not scored": "error", "known failure": "skipped"}.get(one.status)
            if tag:
                said = ET.SubElement(test, tag, message=_clean(f"{one.status}: {'; '.join(reasons(one))}"))
                said.text = _clean("\n".join(["blessed:", *one.before, "now:", *one.after]))
    for low in (one for one in report.families if one.low):
        suite = ET.SubElement(root, "testsuite", name=f"{low.name}, threshold", tests="1", failures="1")
        below = f"family {low.name} at {low.share:.0%}, the least is {low.least:.0%}"
        ET.SubElement(ET.SubElement(suite, "testcase", classname="evals.thresholds", name=low.name), "failure", message=below)
    for name in report.gone:
        suite = ET.SubElement(root, "testsuite", name="gone", tests="1", failures="1")
        ET.SubElement(ET.SubElement(suite, "testcase", classname="evals.gone", name=name), "failure", message="a blessed case is gone")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


# --- HTML ---------------------------------------------------------------------------------------------


def as_html(report: Report, mutations: Sequence[Caught] = (), judged: Sequence[tuple[str, str]] = ()) -> str:
    """One file with everything in it: no script, font or image from elsewhere."""
    shelf = Environment(
        loader=FileSystemLoader(our_suite()), autoescape=select_autoescape(default=True, default_for_string=True), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    ordered = worst_first(report)
    shown = [one for one in ordered if one.status not in ("passed", "fixed")]
    return shelf.get_template("report.html.j2").render(
        report=report,
        verdict=verdict(report),
        tally=tally(report).replace("`", ""),
        cost=cost_line(report),
        groups=[(status, [one for one in shown if one.status == status]) for status in _ORDER if any(one.status == status for one in shown)],
        fixed=[one for one in ordered if one.status == "fixed"],
        passed=[one for one in ordered if one.status == "passed"],
        diffs={one.case.id: side_by_side(one.before or _expected(one), one.after) for one in shown},
        red=RED,
        mutations=mutations,
        judged=judged,
    )


def _expected(one: Result) -> list[str]:
    """What stands on the left where there is no blessed answer: the case's GOOD, or what it demands."""
    case = one.case
    lines = [f"room: {' or '.join(case.room)}"] if case.room else []
    lines += [f"GOOD: {case.good}"] if case.good else []
    lines += [f"must: {' / '.join(spellings[0] for spellings in (*case.must, *case.okr_must))}"] if case.must or case.okr_must else []
    lines += [f"must not: {' / '.join(case.must_not)}"] if case.must_not else []
    return lines


def write_reports(report: Report, folder: Path, mutations: Sequence[Caught] = (), judged: Sequence[tuple[str, str]] = ()) -> list[Path]:
    """results.json, junit.xml, summary.md and report.html in a folder. Raises OutputError."""
    texts = {
        "results.json": as_json(report),
        "junit.xml": as_junit(report),
        "summary.md": as_markdown(report) + _judged(judged) + (f"\n{mutation_table(mutations)}" if mutations else ""),
        "report.html": as_html(report, mutations, judged),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8", errors="replace")
    except OSError as error:
        raise OutputError(f"The reports cannot be written to {folder} ({error.strerror}).", "Name a folder you can write to.") from None
    return [folder / name for name in texts]


def _judged(rows: Sequence[tuple[str, str]]) -> str:
    return "".join(["\nJudged by a model, never gating:\n\n", *(f"- {name}: {_cell(said)}\n" for name, said in rows)]) if rows else ""


def mutation_table(found: Sequence[Caught]) -> str:
    """The mutations as a Markdown table."""
    lines = ["| mutation | what it breaks | cases that turn red | mostly by | for example |", "|---|---|---:|---|---|"]
    for one in found:
        by = ", ".join(f"{name} {count}" for name, count in sorted(one.by.items(), key=lambda pair: (-pair[1], pair[0]))[:3])
        red = f"could not be put in: {one.error}" if one.error else str(one.red) if one.red else "**none: not caught**"
        lines.append(f"| {one.name} | {one.breaks} | {red} | {by} | {_cell(one.example)} |")
    caught = sum(one.caught for one in found)
    return "\n".join([*lines, "", f"{caught} of {len(found)} caught."]) + "\n"
