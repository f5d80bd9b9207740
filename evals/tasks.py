"""For inspect's own command: `inspect eval evals/tasks.py`, then `inspect view`. The gate is `coach eval`."""

from inspect_ai import Task, task

from coach.evals.cases import load_cases, our_suite, pick
from coach.evals.tasks import suite_task


@task
def prep_coach(family: str | None = None) -> Task:
    """The whole suite, or one family of it: -T family=leaks."""
    return suite_task(pick(load_cases(our_suite()), [], [family] if family else []))
