"""The suite in inspect's words: tasks, a solver that is the coach, and the scorers of coach.evals.scorers.

Needs the extra `prep-coach[evals]`. `coach eval` itself runs without it: inspect brings 30 packages and
135 MB, takes two seconds to import and about four more for a suite of this size, which is fine for a log
and a viewer and too much for a hook. Both give the same verdicts; a test compares them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean as average
from statistics import stdev
from typing import Any

import anyio
from inspect_ai import Task
from inspect_ai import eval as run_inspect
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import GenerateConfig, Model, get_model
from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    Score,
    Scorer,
    Target,
    accuracy,
    mean,
    model_graded_qa,
    scorer,
    std,
    stderr,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from coach.errors import OptionError
from coach.evals.cases import Case, load_words, our_suite
from coach.evals.run import answer
from coach.evals.scorers import SCORERS, Output, public_decision, shown
from coach.pipeline import Coach

_OUTPUT = "output"
JUDGE_TIMEOUT = 60  # seconds for one grade


def suite_task(cases: Sequence[Case], outputs: Mapping[str, Sequence[Output]] | None = None, *, name: str = "prep_coach") -> Task:
    """The suite as a task. With outputs (case id → one for each epoch) the coach is not asked again."""
    return Task(
        dataset=MemoryDataset([_sample(one) for one in cases], name=name),
        solver=taken(outputs) if outputs is not None else coach_answers(),
        scorer=[SCORER_FACTORIES[one]() for one in SCORERS],
        name=name,
        fail_on_error=False,
    )


def _sample(case: Case) -> Sample:
    return Sample(
        id=case.id,
        input=case.text,
        target=case.good or ", ".join(case.room) or ", ".join(case.pages) or case.why,
        metadata={"family": case.family, "case": case.model_dump(mode="json", by_alias=True, exclude_defaults=True)},
    )


@solver
def coach_answers() -> Solver:
    """The coach itself, one for the whole task."""
    coach = Coach()
    lock = anyio.Lock()

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        async with lock:  # open the index once, not once a sample
            output = await anyio.to_thread.run_sync(answer, coach, _case(state), state.epoch)
        return _answered(state, output)

    return solve


@solver
def taken(outputs: Mapping[str, Sequence[Output]]) -> Solver:
    """Answers that a run has collected already."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return _answered(state, outputs[str(state.sample_id)][state.epoch - 1])

    return solve


def _answered(state: TaskState, output: Output) -> TaskState:
    state.output.completion = "\n".join(shown(output))
    state.store.set(_OUTPUT, output.model_dump(mode="json", by_alias=True))
    return state


def _case(state: TaskState) -> Case:
    return Case.model_validate(state.metadata["case"])


def _as_inspect(name: str) -> Any:
    @scorer(metrics=[accuracy(), stderr()], name=name)
    def make() -> Scorer:
        words = load_words()

        async def score(state: TaskState, target: Target) -> Score | None:
            output = Output.model_validate(state.store.get(_OUTPUT))
            if output.error:
                return Score.unscored(reason="scoring_failed", explanation=output.error)
            verdict = SCORERS[name](_case(state), output, words)
            if verdict is None:
                return None  # this case gives this scorer nothing to judge
            return Score(value=CORRECT if verdict.passed else INCORRECT, answer=verdict.answer, explanation=verdict.explanation)

        return score

    return make


SCORER_FACTORIES = {name: _as_inspect(name) for name in SCORERS}


def write_log(cases: Sequence[Case], outputs: Sequence[Output], folder: Path, epochs: int) -> EvalLog:
    """Inspect's own log of a finished run, for `inspect view`."""
    grouped: dict[str, list[Output]] = {}
    for one in outputs:
        grouped.setdefault(one.case, []).append(one)
    (log,) = run_inspect(suite_task(cases, grouped), model="none/none", display="none", log_dir=str(folder), epochs=epochs, log_format="eval", max_samples=8)
    return log


# --- judged by a model: reported with its spread, never gating -------------------------------------------


@scorer(metrics=[mean(), stderr(), std()])
def graded(model: Model, rubric: str) -> Scorer:
    """1 to 5: how well a line points to a decision next to the case's GOOD."""
    template, _, instructions = rubric.partition("\n---\n")
    inner = model_graded_qa(template=template, instructions=instructions, grade_pattern=r"(?is).*GRADE:\s*([1-5])\b", model=model)

    async def score(state: TaskState, target: Target) -> Score | None:
        given = await inner(state, target)
        if given is None or given.reason:
            return given
        return given.model_copy(update={"value": float(str(given.value))})

    return score


@solver
def lines_to_decide(lines: Mapping[str, str]) -> Solver:
    """The lines for the review alone: a judge elsewhere never reads a private word."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.output.completion = lines[str(state.sample_id)]
        return state

    return solve


def judged_lines(cases: Sequence[Case], outputs: Sequence[Output]) -> dict[str, str]:
    """By case, what a judge is shown: the line for the review where the case has a GOOD and the coach wrote one."""
    first = {one.case: one for one in outputs if one.epoch == 1}
    found = {one.id: public_decision(one, first[one.id]) for one in cases if one.good and one.id in first}
    return {name: line for name, line in found.items() if line}


def _plain(error: Exception) -> str:
    """An error in one line, without inspect's marks for a terminal."""
    return " ".join(re.sub(r"\[/?\w+\]", "", str(error)).split())[:160]


def judge_with(
    name: str, url: str | None, cases: Sequence[Case], outputs: Sequence[Output], folder: Path, epochs: int
) -> list[tuple[str, str]]:
    """What a model says of every line that has a GOOD: for each family its mean, its spread between epochs and what could not be scored.

    Raises OptionError when the model cannot be opened.
    """
    try:
        once = GenerateConfig(max_retries=1, timeout=JUDGE_TIMEOUT, attempt_timeout=JUDGE_TIMEOUT)  # a judge that is down must not hold a gate up
        key = os.environ.get("OPENAI_API_KEY") or "none"
        model = get_model(name, base_url=url, api_key=key, config=once) if url else get_model(name, config=once)
    except Exception as error:  # each provider raises its own
        raise OptionError(f"The judge {name!r} cannot be opened ({_plain(error)}).", "Name a model as inspect does, such as openai-api/local/NAME with --judge-url, and set its key.") from None
    lines = judged_lines(cases, outputs)
    wanted = [one for one in cases if one.good]
    task = Task(
        dataset=MemoryDataset(
            [Sample(id=one.id, input=one.family, target=one.good or "", metadata=_sample(one).metadata) for one in wanted if one.id in lines], name="prep_coach_judged"
        ),
        solver=lines_to_decide(lines),
        scorer=graded(model, (our_suite() / "rubric.md").read_text("utf-8")),
        name="prep_coach_judged",
        fail_on_error=False,
    )
    (log,) = run_inspect(task, model="none/none", display="none", log_dir=str(folder), epochs=epochs, max_samples=4, retry_on_error=1)
    return _spread(log, len(wanted))


def _spread(log: EvalLog, wanted: int) -> list[tuple[str, str]]:
    grades: dict[str, dict[str, list[float]]] = {}
    missing = 0
    for sample in log.samples or []:
        given = next(iter((sample.scores or {}).values()), None)
        if given is None or given.reason or sample.error:
            missing += 1
            continue
        grades.setdefault(str(sample.metadata["family"]), {}).setdefault(str(sample.id), []).append(given.as_float())
    rows = []
    for family, cases in sorted(grades.items()):
        every = [value for values in cases.values() for value in values]
        spreads = [stdev(values) for values in cases.values() if len(values) > 1]
        spread = f", spread between epochs {average(spreads):.2f}" if spreads else ""
        rows.append((family, f"{average(every):.2f} of 5 over {len(cases)} cases{spread}"))
    scored = sum(len(cases) for cases in grades.values())
    rows.append(("not scored", f"{missing} answers of the judge, {max(0, wanted - scored)} of {wanted} cases without any grade"))
    return rows
