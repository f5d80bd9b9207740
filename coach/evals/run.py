"""Cases → answers: worker processes that each hold one coach, a journal to resume from, progress.

A case that fails, hangs or takes its worker down comes back as an answer with an error: it is
never dropped.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from inspect import signature
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.util import Finalize
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

from pydantic import ValidationError

from coach.errors import CoachError, OptionError, OutputError
from coach.evals.cases import Case
from coach.evals.mutations import apply
from coach.evals.scorers import Output
from coach.library import build
from coach.pipeline import Coach
from coach.resources import corpus_digest
from coach.settings import Settings

Progress = Callable[[int, int], None]
TIMEOUT = 120.0  # seconds a case may take before it counts as not scored
MODEL_TIMEOUT = 900.0  # the same with a model: one on this machine may have to be read from disk first
_CRASHES = 5  # workers that may die before what is left is given up
DIED = "the worker process died before it answered"
UNOPENED = "the coach could not be opened"


def settings_for(settings: Settings, model: str | None) -> Settings:
    """The settings a suite is run with: this model, or none at all whatever the environment says.

    Accepted texts are not taken from a cache: a second epoch must ask again.
    """
    if "model" in Settings.model_fields:
        given = {"model": model, "model_cache": "off"}
        return settings.model_copy(update={name: value for name, value in given.items() if name in Settings.model_fields})
    if model:
        raise OptionError("This version of the coach has no model connection.", "Leave out --model.")
    return settings


def answers(
    cases: Sequence[Case],
    settings: Settings,
    *,
    epochs: int = 1,
    jobs: int = 2,
    mutation: str | None = None,
    journal: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[Output]:
    """One answer for each case and epoch, in that order.

    journal: where finished answers are kept until the run is complete; with resume, those that
    an interrupted run left there are taken over. Raises what indexing raises.
    """
    build(settings)  # once, before several workers would wait for each other
    wanted = [(case, epoch) for epoch in range(1, epochs + 1) for case in cases]
    done: dict[tuple[str, int], Output] = {}
    with _kept(journal, resume) as (earlier, write):
        for case, epoch in wanted:
            if (key := (case.digest, epoch)) in earlier:
                done[case.id, epoch] = earlier[key].model_copy(update={"case": case.id})
        if progress:
            progress(len(done), len(wanted))
        left = [(case, epoch) for case, epoch in wanted if (case.id, epoch) not in done]
        for case, output in _run(left, settings, max(1, min(jobs, len(left))), mutation):
            done[case.id, output.epoch] = output
            write(case.digest, output)
            if progress:
                progress(len(done), len(wanted))
    return [done[case.id, epoch] for case, epoch in wanted]


def fingerprint(settings: Settings, model: str | None) -> str:
    """Changes with the coach's code, its corpus or the model: what an unfinished run may be resumed for."""
    digest = hashlib.sha256(corpus_digest(settings.corpus).encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    digest.update((model or "").encode())
    return digest.hexdigest()[:16]


def journal_path(settings: Settings, model: str | None) -> Path:
    """Where an unfinished run of this very coach is kept."""
    return settings.home / "evals" / f"{fingerprint(settings, model)}.jsonl"


@contextmanager
def _kept(journal: Path | None, resume: bool) -> Iterator[tuple[dict[tuple[str, int], Output], Callable[[str, Output], None]]]:
    if journal is None:
        yield {}, lambda digest, output: None
        return
    with ExitStack() as stack:
        try:
            journal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            earlier = _finished(journal.read_text("utf-8")) if resume and journal.is_file() else {}
            mode = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if resume else os.O_TRUNC)
            file = stack.enter_context(open(os.open(journal, mode, 0o600), "a", encoding="utf-8"))
        except OSError as error:
            raise OutputError(f"The run cannot be kept in {journal.parent} ({error.strerror}).", "Set COACH_HOME to a folder you can write to.") from None

        def write(digest: str, output: Output) -> None:
            file.write(f"{digest} {output.model_dump_json(by_alias=True)}\n")
            file.flush()

        if earlier:
            file.write("\n")  # the last line may have been cut off
        yield earlier, write
    journal.unlink(missing_ok=True)  # complete: nothing to resume


def _finished(text: str) -> dict[tuple[str, int], Output]:
    """The answers of an interrupted run by case digest and epoch; failures are tried again."""
    earlier: dict[tuple[str, int], Output] = {}
    for line in text.splitlines():
        digest, _, rest = line.partition(" ")
        try:
            output = Output.model_validate_json(rest)
        except ValidationError:
            continue  # cut off when the run was stopped
        if output.error is None:
            earlier[digest, output.epoch] = output
    return earlier


def _run(work: Sequence[tuple[Case, int]], settings: Settings, jobs: int, mutation: str | None) -> Iterator[tuple[Case, Output]]:
    left = list(work)
    others = set(active_children())
    with _workers(jobs, settings, mutation) as pool:
        pending: dict[Future[Output], tuple[Case, int]] = {pool.submit(_answer, case, epoch): (case, epoch) for case, epoch in left}
        try:
            while pending:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    case, epoch = pending.pop(future)
                    output = future.result()
                    left.remove((case, epoch))
                    yield case, output
        except BrokenProcessPool:
            pass  # some case took its worker down, and with it those that were waiting
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in set(active_children()) - others:
                worker.terminate()  # not wait for the case it is at: with a model that may be minutes
            raise
    crashes = 0
    while left and crashes < _CRASHES:
        # One at a time, so that it is known which one does it.
        with _workers(1, settings, mutation) as pool:
            while left:
                case, epoch = left.pop(0)
                try:
                    output = pool.submit(_answer, case, epoch).result()
                except BrokenProcessPool:
                    crashes += 1
                    yield case, Output(case=case.id, epoch=epoch, error=DIED)
                    break
                yield case, output
    for case, epoch in left:
        yield case, Output(case=case.id, epoch=epoch, error=DIED)


def _workers(jobs: int, settings: Settings, mutation: str | None) -> ProcessPoolExecutor:
    # Spawned, not forked: a worker must not inherit threads of the index or of a test.
    return ProcessPoolExecutor(jobs, get_context("spawn"), _open, (settings, mutation))


# --- in a worker ----------------------------------------------------------------------------------

_coach: Coach | str = UNOPENED


def _open(settings: Settings, mutation: str | None) -> None:
    global _coach
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, lambda *_: _end())
    Thread(target=_outlived, daemon=True).start()
    try:
        if mutation:
            apply(mutation)
        coach = Coach(settings)
        if close := getattr(coach, "close", None):
            Finalize(None, close, exitpriority=10)  # a worker runs no atexit; a model's server must not outlive it
        _coach = coach if coach.library else UNOPENED
    except Exception as error:  # told case by case; raised here it would be a traceback and no result
        _coach = f"{UNOPENED}: {error.what if isinstance(error, CoachError) else f'{type(error).__name__}: {error}'}"


def _outlived() -> None:
    """Ends this worker with its parent, however that ended: a pool's worker would wait for work for ever."""
    if parent := parent_process():
        parent.join()
        _end()


def _end() -> None:
    if not isinstance(_coach, str):
        closing = Thread(target=_coach.close, daemon=True)  # a model's server must not outlive it
        closing.start()
        closing.join(5)  # it may be held by the case that this interrupts
    os._exit(1)


def _answer(case: Case, epoch: int) -> Output:
    if isinstance(_coach, str):
        return Output(case=case.id, epoch=epoch, error=_coach)
    return answer(_coach, case, epoch)


def answer(coach: Coach, case: Case, epoch: int = 1) -> Output:
    """What a coach gives for a case; a failure is an answer with an error."""
    start = perf_counter()
    given: dict[str, Any] = {}
    most = MODEL_TIMEOUT if coach.settings.model else TIMEOUT
    try:
        with _limit(most):
            if case.do == "search":
                given["pages"] = coach.search(case.text, case.top)
            elif case.do == "questions":
                given["questions"] = coach.questions(case.text, as_=case.as_, count=case.count or 3, goal=case.goal)
            else:
                given["brief"] = coach.prep(case.text, as_=case.as_, review_date=case.review_date, answers=case.answers, **_asking_cost(coach, given))
                given["engine"] = given["brief"].engine
    except CoachError as error:
        given["error"] = f"{type(error).__name__}: {error.what}"
    except TimeoutError:
        given["error"] = f"no answer within {most:.0f} seconds"
    except Exception as error:  # whatever the coach raises is a result of the suite, not its end
        given["error"] = f"{type(error).__name__}: {error}"
    return Output(case=case.id, epoch=epoch, seconds=round(perf_counter() - start, 4), **given)


def _asking_cost(coach: Coach, given: dict[str, Any]) -> dict[str, Any]:
    """How a coach with a model is asked for what it cost; nothing for one that has none."""
    if "on_stats" not in signature(coach.prep).parameters:
        return {}

    def keep(stats: Any) -> None:
        given.update(calls=stats.usage.calls, tokens_in=stats.usage.tokens_in, tokens_out=stats.usage.tokens_out)

    return {"on_stats": keep}


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError

    try:
        old = signal.signal(signal.SIGALRM, late)
    except (AttributeError, ValueError):  # no such signal here, or not the main thread
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
