"""The command as a person runs it: formats, files, exit codes, speed of the hook."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from subprocess import run as start

import pytest

from coach import Coach
from tests.conftest import BLOCKED, MIXED
from tests.servers import Connection, honest, serving

Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft.md"
    path.write_text(MIXED, "utf-8")
    return path


def test_file_pipe_and_python_give_the_same_json(run: Run, coach: Coach, draft: Path) -> None:
    from_file = json.loads(run("prep", str(draft), "--format", "json").stdout)
    from_pipe = json.loads(run("prep", "--format", "json", stdin=MIXED).stdout)
    assert from_file == from_pipe == coach.prep(MIXED).model_dump(mode="json")
    assert set(from_file) == {"engine", "draft", "items", "questions", "agenda", "checklist", "documents", "notices"}


def test_text_and_markdown(run: Run, draft: Path) -> None:
    text = run("prep", str(draft)).stdout
    assert "okr_review" in text and "PRIVATE" in text and "\x1b[" not in text
    assert run("prep", str(draft), "--format", "markdown").stdout.startswith("# 1:1 notes")


def test_out_writes_two_documents_and_the_private_one_for_its_owner_only(run: Run, draft: Path, tmp_path: Path) -> None:
    out = tmp_path / "brief"
    out.mkdir()
    (out / "one-on-one.md").write_text("old")
    (out / "one-on-one.md").chmod(0o666)
    done = run("prep", str(draft), "--out", str(out), "--review-date", "2026-06-30")
    assert done.returncode == 0
    assert stat.S_IMODE((out / "one-on-one.md").stat().st_mode) == 0o600
    public = (out / "okr.md").read_text("utf-8")
    assert "Review on 2026-06-30" in public and "dreading" not in public
    assert "dreading" in (out / "one-on-one.md").read_text("utf-8")


def test_answers_from_a_file(run: Run, tmp_path: Path) -> None:
    answers = tmp_path / "a.json"
    answers.write_text('{"1.owner": "Mia Vance"}')
    text = "KR2: 14 of 40 schools connected against 30 promised for June, it will be missed."
    assert "Mia Vance" in run("prep", "-", "--answers", str(answers), stdin=text).stdout


def test_route_questions_and_search(run: Run, draft: Path) -> None:
    assert "one_on_one" in run("route", str(draft)).stdout
    found = run("questions", str(draft), "--as", "manager", "--count", "5").stdout
    assert found.count("because:") == 5
    assert "›" in run("search", "who decides when nobody owns it").stdout


def test_lint_exit_codes_and_formats(run: Run, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.md", tmp_path / "good.md"
    bad.write_text("Checkout is yellow.\n")
    good.write_text("Either Ana lends us 2 crews by 3 May or 9 of 40 sites move to June.\n")
    assert run("lint", str(good)).returncode == 0
    done = run("lint", str(good), str(bad))
    assert done.returncode == 1 and f"{bad}:1:" in done.stdout
    assert json.loads(run("lint", str(bad), "--format", "json").stdout)[0]["line"] == 1
    assert run("lint", str(bad), "--format", "github").stdout.startswith("::error ")
    sarif = json.loads(run("lint", str(bad), "--format", "sarif").stdout)
    assert sarif["version"] == "2.1.0" and sarif["runs"][0]["results"]


def test_lint_imports_nothing_of_the_index_the_page_or_a_language_model(tmp_path: Path) -> None:
    bad = tmp_path / "bad.md"
    bad.write_text("Checkout is yellow.\n")
    code = (
        "import sys, coach.cli as c\n"
        f"sys.argv = ['coach', 'lint', {str(bad)!r}]\n"
        "try: c.main()\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in ('chromadb', 'gradio', 'openai', 'sklearn', 'langchain_core') if m in sys.modules))"
    )
    done = start([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(BLOCKED)})
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_shows_examples_and_exit_codes(run: Run) -> None:
    assert "Exit codes" in run("--help").stdout
    for command in ("list", "fetch", "serve"):
        assert "Example: coach model" in run("model", command, "--help").stdout
    for command in ("prep", "lint", "route", "questions", "search", "index", "app", "doctor"):
        assert "Example: coach" in run(command, "--help").stdout


def test_doctor_finds_everything_in_place(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "FIX" not in done.stdout
    sending = run("doctor", env={"LANGSMITH_TRACING": "true"})
    assert sending.returncode == 1 and "Unset LANGSMITH_TRACING" in sending.stdout


def test_a_model_words_the_brief_and_the_cost_goes_to_standard_error(run: Run, draft: Path) -> None:
    with serving(honest) as server:
        env = {"COACH_BASE_URL": server.url, "COACH_MODEL_PRICE": "1/2", "COACH_MODEL_CACHE": "off"}
        done = run("prep", str(draft), "--model", "tested", "--stats", "--format", "json", env=env)
        brief = json.loads(done.stdout)
        assert brief["engine"] == "tested" and {one["by"] for item in brief["items"] for one in item["rewrites"]} >= {"tested"}
        assert "tested at 127.0.0.1" in done.stderr and "tokens in" in done.stderr and "in money" in done.stderr
        asked = run("doctor", "--model", "tested", env=env)
        assert "The model tested answers at 127.0.0.1" in asked.stdout and "nothing leaves this machine" in asked.stdout
    off = run("prep", str(draft), "--stats", env={"COACH_MODEL": "tested", "COACH_BASE_URL": server.url, "COACH_MODEL_CACHE": "off"})
    assert off.returncode == 0 and "Nothing answers at 127.0.0.1" in off.stdout
    none = run("prep", str(draft), "--model", "none", "--stats", env={"COACH_MODEL": "tested"})
    assert "No model was asked." in none.stderr


def test_a_model_that_cannot_be_reached_is_a_fault_for_doctor(run: Run) -> None:
    done = run("doctor", env={"COACH_MODEL": "tested", "COACH_BASE_URL": "http://127.0.0.1:9/v1"})
    assert done.returncode == 1 and "FIX Nothing answers at 127.0.0.1:9." in done.stdout
    no_key = run("doctor", env={"COACH_MODEL": "tested"})
    assert no_key.returncode == 1 and "Set OPENAI_API_KEY" in no_key.stdout


def test_who_interrupts_a_model_keeps_the_brief(draft: Path, home: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def thinking(connection: Connection, request: dict[str, object]) -> None:
        asked.set()
        over.wait(60)

    with serving(thinking) as server:
        env = {**os.environ, "COACH_HOME": str(home), "PYTHONPATH": str(BLOCKED), "COACH_BASE_URL": server.url}
        # A run in the background hands on an ignored SIGINT; the command under test must be able to hear it.
        process = Popen(
            [sys.executable, "-m", "coach", "prep", str(draft), "--model", "slow"], stdout=PIPE, stderr=PIPE, text=True, env=env,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )
        assert asked.wait(300)
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=60)
        over.set()
    assert process.returncode == 0 and "OKR REVIEW, PUBLIC" in said
    assert "the model was stopped" in told and "Traceback" not in told


def test_models_of_this_machine_are_listed(run: Run) -> None:
    listed = run("model", "list").stdout
    assert "qwen2.5-coder-1.5b" in listed and "to fetch" in listed
    wrong = run("model", "fetch", "nothing-of-that-name")
    assert wrong.returncode == 2 and "Use one of:" in wrong.stderr
