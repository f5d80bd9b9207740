"""`coach eval` as a person and a CI run it: verdicts, blessing, reports, resuming, faults put in on purpose."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from threading import Thread

import pytest

from coach import Coach, CoachError
from coach.evals.baseline import Baseline, Blessed, Cost, compare, load_baseline
from coach.evals.cases import Case, Thresholds, load_cases, load_words, our_suite
from coach.evals.mutations import MUTATIONS
from coach.evals.report import Caught, as_html, as_junit, as_markdown, as_text, mutation_table, side_by_side
from coach.evals.run import answer, answers
from coach.evals.scorers import Output, judge
from tests.conftest import BLOCKED, ROOT

Run = Callable[..., "CompletedProcess[str]"]
PASSES = {"id": "gates", "family": "own", "text": "KR2: 14 complaints this month, target 20. Done.", "room": "okr_doc", "must": ["14", "20"]}
FAILS = {"id": "pumps", "family": "own", "text": "KR1: 3 of 9 pumps run against 9 promised, Ana signs by 3 May.", "must": ["a word nobody said"]}


def suite(folder: Path, *rows: dict[str, object] | str) -> Path:
    (folder / "cases").mkdir(parents=True, exist_ok=True)
    (folder / "cases" / "own.jsonl").write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), "utf-8")
    return folder


def failed(done: CompletedProcess[str]) -> str:
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


# --- the gate -------------------------------------------------------------------------------------------


def test_a_line_a_failure_a_blessing_and_what_comes_after(run: Run, tmp_path: Path) -> None:
    mine = suite(tmp_path / "evals", PASSES, FAILS)
    first = run("eval", "--suite", str(mine))
    assert first.returncode == 1
    assert "pumps (own): new failure" in first.stdout and "“a word nobody said” is missing" in first.stdout
    assert first.stdout.strip().splitlines()[-1] == "RED: 1 new or changed case fails"

    assert "1 of them known failures" in run("eval", "--suite", str(mine), "--bless").stdout
    known = run("eval", "--suite", str(mine))
    assert known.returncode == 0 and "1 known failure," in known.stdout and "0 not scored" in known.stdout and "GREEN" in known.stdout
    assert "a word nobody said" in run("eval", "--suite", str(mine), "--details").stdout

    suite(mine, PASSES, FAILS, {**PASSES, "id": "gates-2", "must_not": ["target"]})
    grown = run("eval", "--suite", str(mine))
    assert grown.returncode == 1 and "gates-2 (own): new failure" in grown.stdout and "“target” stands in" in grown.stdout

    suite(mine, {**PASSES, "must": ["14", "21"]}, FAILS)
    changed = run("eval", "--suite", str(mine))
    assert changed.returncode == 1 and "gates (own): new failure" in changed.stdout

    suite(mine, PASSES)
    gone = run("eval", "--suite", str(mine))
    assert gone.returncode == 1 and "gone: pumps" in gone.stdout
    assert "--because" in failed(run("eval", "--suite", str(mine), "--bless"))
    assert run("eval", "--suite", str(mine), "--bless", "--because", "the pumps are sold").returncode == 0
    assert json.loads((mine / "baseline.json").read_text())["because"] == "the pumps are sold"
    assert run("eval", "--suite", str(mine)).returncode == 0


def test_a_regression_names_the_case_what_was_expected_and_what_came() -> None:
    case = Case.model_validate(PASSES)
    baseline = Baseline(cases={"gates": Blessed(digest=case.digest, family="own", answer=("okr_doc: “14 complaints”",))}, cost=Cost(median=0.01, p95=0.02))
    output = Output(case="gates", seconds=0.03, questions=())
    report = compare([case], [output.model_copy(update={"brief": _brief(case, "15 complaints this month.")})], [()], baseline, Thresholds(), whole=True)
    assert report.results[0].status == "not scored"  # no scorer spoke: shown and counted, never dropped
    came = output.model_copy(update={"brief": _brief(case, "15 complaints this month.")})
    report = compare([case], [came], [judge(case, came, load_words())], baseline, Thresholds(default=0.5), whole=True)
    (result,) = report.results
    assert result.status == "regression" and set(result.failed) >= {"kept", "faithful"} and not report.green
    text = as_text(report)
    assert "gates (own): regression" in text and "“14” is missing" in text and "-okr_doc: “14 complaints”" in text
    assert "+  okr_doc → 15 complaints this month." in text
    assert "family own at 0%, the least is 50%" in text.splitlines()[-1]
    assert "blessed: 10 and 20 ms" in text
    assert "“14” is missing" in as_markdown(report) and "```diff" in as_markdown(report)


def test_one_more_failing_scorer_turns_a_known_failure_red_and_one_bad_epoch_fails() -> None:
    case = Case.model_validate(PASSES)
    baseline = Baseline(cases={"gates": Blessed(digest=case.digest, family="own", failed=("kept",))})
    words = load_words()
    wrong, right = (Output(case="gates", brief=_brief(case, text)) for text in ("15 of 20 complaints", "14 complaints, target 20."))
    assert compare([case], [wrong], [judge(case, wrong, words)], baseline, Thresholds(), whole=True).results[0].status == "regression"
    two = [right, right.model_copy(update={"epoch": 2})]
    assert compare([case], two, [judge(case, one, words) for one in two], baseline, Thresholds(), whole=True).results[0].status == "fixed"
    two[1] = wrong.model_copy(update={"epoch": 2})
    report = compare([case], two, [judge(case, one, words) for one in two], None, Thresholds(), whole=True)
    assert report.results[0].unsteady and report.results[0].status == "new failure" and "1 cases differ" in as_text(report)


def _brief(case: Case, text: str) -> object:
    from tests.test_scorers import answer as made

    return made(case, [("okr_doc", text)], room="okr_doc").brief


def test_a_case_that_cannot_be_scored_is_shown_counted_and_never_blessed(run: Run, tmp_path: Path) -> None:
    mine = suite(tmp_path / "evals", PASSES)
    done = run("eval", "--suite", str(mine), env={"COACH_MAX_CHARS": "10"})
    assert done.returncode == 1 and "gates (own): not scored" in done.stdout and "DraftError" in done.stdout
    assert "could not be scored" in failed(run("eval", "--suite", str(mine), "--bless", env={"COACH_MAX_CHARS": "10"}))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"id": "x", ', "own.jsonl:2:"),
        ({"id": "x", "family": "own", "text": "t", "room": "kitchen"}, "kitchen"),
        ({"id": "x", "family": "own", "text": "t", "mustnt": ["a"]}, "unknown key 'mustnt'. Did you mean must"),
        ({"id": "x", "family": "own", "text": "t", "item": "z", "must": ["a"]}, "words that stand in text"),
        ({"id": "x", "family": "own", "text": "t"}, "expects nothing"),
        ({"id": "gates", "family": "own", "text": "t", "must": ["a"]}, "already used at own.jsonl:1"),
        ({"family": "own", "text": "t", "must": ["a"]}, "'id' is missing"),
    ],
)
def test_a_broken_line_is_located(run: Run, tmp_path: Path, row: dict[str, object] | str, said: str) -> None:
    line = failed(run("eval", "--suite", str(suite(tmp_path / "evals", PASSES, row))))
    assert said in line and "own.jsonl:2:" in line


def test_bad_options_say_what_to_do(run: Run, tmp_path: Path) -> None:
    mine = suite(tmp_path / "evals", PASSES)
    assert "Did you mean gates?" in failed(run("eval", "gate", "--suite", str(mine)))
    assert "Use one of: own" in failed(run("eval", "--family", "other", "--suite", str(mine)))
    assert "cases/NAME.jsonl" in failed(run("eval", "--suite", str(tmp_path)))
    suite(mine, PASSES, FAILS)
    assert "without cases and families" in failed(run("eval", "gates", "--suite", str(mine), "--bless"))
    assert "gates" in run("eval", "--suite", str(mine), "--list").stdout


def test_a_baseline_edited_by_hand_is_refused(run: Run, tmp_path: Path) -> None:
    mine = suite(tmp_path / "evals", PASSES, FAILS)
    run("eval", "--suite", str(mine), "--bless")
    path = mine / "baseline.json"
    whole = path.read_text("utf-8")
    assert load_baseline(path) is not None
    path.write_text(whole.replace('"failed": ["kept"]', '"failed": []'), "utf-8")
    assert path.read_text("utf-8") != whole
    assert "changed by hand" in failed(run("eval", "--suite", str(mine)))
    path.write_text("{", "utf-8")
    assert "not a baseline" in failed(run("eval", "--suite", str(mine)))


# --- running --------------------------------------------------------------------------------------------


def test_an_interrupted_run_is_resumed_and_says_so(coach: Coach, tmp_path: Path) -> None:
    cases = load_cases(our_suite())[:6]
    journal = tmp_path / "run.jsonl"

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answers(cases, coach.settings, jobs=1, journal=journal, progress=stop)
    with journal.open("a") as file:
        file.write("abc {half a li")
    seen: list[int] = []
    outputs = answers(cases, coach.settings, jobs=1, journal=journal, resume=True, progress=lambda done, total: seen.append(done))
    assert seen[0] == 3 and seen[-1] == 6 and not journal.exists()
    assert [one.case for one in outputs] == [one.id for one in cases]
    direct = [answer(coach, one) for one in cases]
    assert [one.brief for one in outputs] == [one.brief for one in direct]


def _hears() -> None:
    # A run in the background hands on an ignored SIGINT; the command under test must be able to hear it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to see the workers")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_run_however_it_ends(home: Path, coach: Coach, tmp_path: Path, sent: signal.Signals) -> None:
    words = [sys.executable, "-m", "coach", "eval", "--suite", str(our_suite()), "--jobs", "1"]
    env = {**{key: value for key, value in os.environ.items() if not key.startswith("COACH_")}, "COACH_HOME": str(home), "PYTHONPATH": str(BLOCKED)}
    run = subprocess.Popen(words, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=_hears)
    journal = home / "evals"
    deadline = time.monotonic() + 240
    while not any(one.stat().st_size for one in journal.glob("*.jsonl")):  # the first answer has come
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.1)
    workers = [int(one) for one in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
    assert workers
    run.send_signal(sent)
    _, said = run.communicate(timeout=60)
    if sent is signal.SIGINT:
        assert run.returncode == 130 and "--resume goes on from here" in said and "Traceback" not in said
    while any(Path(f"/proc/{one}").exists() for one in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for left in journal.glob("*.jsonl"):
        left.unlink()


def test_a_fault_put_in_on_purpose_turns_the_suite_red(coach: Coach) -> None:
    words = load_words()
    named = {one.id: one for one in load_cases(our_suite())}
    picked = [named[name] for name in ("invent-owner", "lang-colour", "length-already-short", "find-preread", "room-doc-done")]
    intact = {one.id: _failed(one, answer(coach, one), words) for one in picked}
    for name, case, scorer in (("owner-made-up", "invent-owner", "faithful"), ("rules-emptied", "lang-colour", "language"), ("retrieval-random", "find-preread", "retrieval")):
        outputs = {one.case: one for one in answers(picked, coach.settings, jobs=1, mutation=name)}
        assert scorer in _failed(named[case], outputs[case], words) - intact[case], name
    with pytest.raises(CoachError, match="no mutation"):
        from coach.evals.mutations import apply

        apply("polite")
    assert len(MUTATIONS) >= 12


def _failed(case: Case, output: Output, words: object) -> set[str]:
    return {one.scorer for one in judge(case, output, words) if not one.passed}  # type: ignore[arg-type]


def test_a_case_that_takes_the_process_down_is_named_and_the_others_go_on(coach: Coach) -> None:
    named = {one.id: one for one in load_cases(our_suite())}
    picked = [named[name] for name in ("lang-colour", "doc-numbered-list", "room-doc-done")]
    outputs = {one.case: one.error for one in answers(picked, coach.settings, jobs=2, mutation="lists-kill")}
    assert outputs == {"lang-colour": None, "doc-numbered-list": "the worker process died before it answered", "room-doc-done": None}


def test_a_coach_that_cannot_be_opened_is_told_case_by_case(coach: Coach) -> None:
    cases = load_cases(our_suite())[:2]
    outputs = answers(cases, coach.settings, jobs=1, mutation="no such fault")
    assert [one.case for one in outputs] == [one.id for one in cases]
    assert all(one.error and one.error.startswith("the coach could not be opened: There is no mutation") for one in outputs)


# --- reports --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def out(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eval")
    hostile = {"id": "markup", "family": "own", "text": "<script>alert(1)</script> KR2: 14 `complaints` & more, target 20 \x07 done.", "must": ["</td><img src=x>", "zzz"]}
    mine = suite(folder / "evals", PASSES, FAILS, hostile)
    done = run("eval", "--suite", str(mine), "--out", str(folder / "out"), "--epochs", "2")
    assert done.returncode == 1 and "2 epochs, 0 cases differ" in done.stdout
    return folder / "out"


def test_every_report_is_written(out: Path) -> None:
    assert {"results.json", "junit.xml", "summary.md", "report.html", "inspect"} == {one.name for one in out.iterdir()}
    data = json.loads((out / "results.json").read_text("utf-8"))
    assert {one["status"] for one in data["results"]} == {"passed", "new failure"} and data["epochs"] == 2
    root = ET.parse(out / "junit.xml").getroot()
    assert len(root.findall(".//testcase")) == 3 and len(root.findall(".//failure")) == 2
    assert "is missing" in root.findall(".//failure")[0].get("message", "")
    assert (out / "summary.md").read_text("utf-8").startswith("### Coach evals: 🔴 RED: 2 new or changed cases fail")


def test_the_html_report_needs_nothing_else_and_holds_no_markup_of_a_draft(out: Path) -> None:
    html = (out / "report.html").read_text("utf-8")
    assert not re.search(r"<[^>]*\s(?:src|href)\s*=|url\(|@import|<script|<img|<link", html)
    assert "&lt;script&gt;alert(1)" in html and "&lt;/td&gt;&lt;img" in html
    assert html.count('<details class="case"') == 2 and "a word nobody said" in html


def test_inspect_reads_the_log_and_gives_the_same_verdicts(out: Path) -> None:
    from inspect_ai.log import read_eval_log

    (path,) = (out / "inspect").glob("*.eval")
    log = read_eval_log(str(path))
    assert log.status == "success" and log.samples and len(log.samples) == 6
    data = {one["case"]["id"]: one for one in json.loads((out / "results.json").read_text("utf-8"))["results"]}
    for sample in log.samples:
        given = {name: score.value == "C" for name, score in (sample.scores or {}).items()}
        assert given == {one["scorer"]: one["passed"] for one in data[str(sample.id)]["verdicts"]}
        assert all(score.answer is not None and score.explanation for score in (sample.scores or {}).values())


def test_inspect_runs_the_tasks_by_itself(home: Path, coach: Coach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inspect_ai import eval as run_inspect

    from coach.evals.tasks import suite_task

    monkeypatch.setenv("COACH_HOME", str(home))
    named = {one.id: one for one in load_cases(our_suite())}
    picked = [named[name] for name in ("invent-owner", "find-preread", "ask-pay-report")]
    (log,) = run_inspect(suite_task(picked), model="none/none", display="none", log_dir=str(tmp_path))
    words = load_words()
    for sample in log.samples or []:
        case = named[str(sample.id)]
        mine = {one.scorer: one.passed for one in judge(case, answer(coach, case), words)}
        assert {name: score.value == "C" for name, score in (sample.scores or {}).items()} == mine


def test_diffs_mark_the_words_that_changed() -> None:
    (row,) = side_by_side(["Ana decides by Friday."], ["Dana decides by Friday."])
    assert [(bit.kind, bit.text) for bit in row.before if bit.kind != "same"] == [("gone", "Ana")]
    assert [(bit.kind, bit.text) for bit in row.after if bit.kind != "same"] == [("new", "Dana")]
    assert len(side_by_side([], ["a", "b"])) == 2


def test_a_mutation_nobody_noticed_stands_out() -> None:
    found = [Caught(name="a", breaks="x", red=3, by={"room": 2, "kept": 1}, example="e"), Caught(name="b", breaks="y", red=0), Caught(name="c", breaks="z", red=0, error="gone")]
    table = mutation_table(found)
    assert "room 2, kept 1" in table and "**none: not caught**" in table and "could not be put in: gone" in table and "1 of 3 caught" in table
    case = Case.model_validate(PASSES)
    report = compare([case], [Output(case="gates", error="boom")], [()], None, Thresholds(), whole=True)
    html = as_html(report, found)
    assert "not caught" in html and "1 of 3 caught" in html and "boom" in html
    assert "<error" in as_junit(report)


# --- a judge ----------------------------------------------------------------------------------------------


class _Judge(BaseHTTPRequestHandler):
    seen: list[bytes] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(body)
        graded = sum(b"Friday" not in one for one in self.seen)
        grade = "GRADE: none of your business" if b"Friday" in body else f"It names the lever. GRADE: {3 + graded % 2}"
        message = {"role": "assistant", "content": grade}
        reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


def test_a_judge_is_reported_with_its_spread_never_gates_and_reads_nothing_private(run: Run, tmp_path: Path) -> None:
    good = "14 of 20 crossings are lit: 15k for the county's crew, or stop at 14; Ruta decides by 18 September."
    text = "I can't stand Ruta any more.\nKR1: 14 of 20 crossings lit. Either we pay 15k for the county's crew or we stop at 14; Ruta decides by 18 September."
    rows = [
        {"id": "lamps", "family": "own", "text": text, "item": "Either we pay 15k for the county's crew or we stop at 14", "must_not": ["can't stand"], "room": "okr_review", "good": good},
        {"id": "week", "family": "own", "text": text.replace("18 September", "Friday"), "item": "Either we pay 15k for the county's crew or we stop at 14", "room": "okr_review", "good": good.replace("18 September", "Friday")},
    ]
    mine = suite(tmp_path / "evals", *rows)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Judge)
    Thread(target=server.serve_forever, daemon=True).start()
    _Judge.seen.clear()
    try:
        done = run("eval", "--suite", str(mine), "--judge", "openai-api/local/x", "--judge-url", f"http://127.0.0.1:{server.server_port}/v1", "--judge-epochs", "2")
    finally:
        server.shutdown()
    assert "judged own: 3.50 of 5 over 1 cases, spread between epochs 0.71" in done.stdout, done.stdout + done.stderr
    assert "judged not scored: 2 answers of the judge, 1 of 2 cases without any grade" in done.stdout
    assert "go to http://127.0.0.1" in done.stderr and _Judge.seen
    assert not any(b"can't stand" in body or "can’t stand".encode() in body for body in _Judge.seen)
    plain = run("eval", "--suite", str(mine))
    assert plain.returncode == done.returncode


def test_without_inspect_the_gate_still_works(run: Run, tmp_path: Path) -> None:
    mine = suite(tmp_path / "evals", PASSES)
    hidden = tmp_path / "hidden"
    (hidden / "inspect_ai").mkdir(parents=True)
    (hidden / "inspect_ai" / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'inspect_ai'\", name='inspect_ai')\n")
    env = {"PYTHONPATH": f"{hidden}:{BLOCKED}"}
    done = run("eval", "--suite", str(mine), "--out", str(tmp_path / "out"), env=env)
    assert done.returncode == 0 and "prep-coach[evals]" in done.stderr and (tmp_path / "out" / "report.html").is_file()
    assert "prep-coach[evals]" in failed(run("eval", "--suite", str(mine), "--judge", "mockllm/x", env=env))


def test_the_report_folder_may_be_missing_but_not_forbidden(run: Run, tmp_path: Path) -> None:
    mine = suite(tmp_path / "evals", PASSES)
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = run("eval", "--suite", str(mine), "--out", str(blocked / "out"))
    assert done.returncode == 2 and "Name a folder" in done.stderr
    shutil.rmtree(mine)


def test_a_known_failure_does_not_hide_a_new_one_of_the_same_scorer() -> None:
    case = Case.model_validate({**PASSES, "must": ["14", "20"]})
    words = load_words()

    def run_of(text: str, baseline: Baseline | None) -> object:
        came = Output(case="gates", brief=_brief(case, text))
        return compare([case], [came], [judge(case, came, words)], baseline, Thresholds(), whole=True).results[0]

    first = run_of("14 complaints", None)
    known = Baseline(cases={"gates": Blessed(digest=case.digest, family="own", failed=first.failed, faults=first.faults)})
    assert first.failed and run_of("14 complaints", known).status == "known failure"
    worse = run_of("complaints", known)
    assert worse.status == "regression" and "kept" in worse.fresh


def test_a_family_that_ran_whole_is_held_to_its_least_and_junit_says_so() -> None:
    case = Case.model_validate(PASSES)
    came = Output(case="gates", brief=_brief(case, "15 complaints"))
    given = [judge(case, came, load_words())]
    low = compare([case], [came], given, None, Thresholds(default=0.5), whole=False)
    assert any("the least is 50%" in one for one in low.faults) and "the least is 50%" in as_junit(low)
    part = compare([case], [came], given, None, Thresholds(default=0.5), whole=False, parts=frozenset({"own"}))
    assert not any("the least" in one for one in part.faults)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"do": "questions", "room": "okr_review"}, "room: not judged with do: questions"),
        ({"pages": ["rooms/okr-doc"]}, "pages needs do: search"),
        ({"bad": "North is yellow."}, "expects nothing"),
    ],
)
def test_an_expectation_that_nobody_checks_is_refused(run: Run, tmp_path: Path, row: dict[str, object], said: str) -> None:
    done = run("eval", "--suite", str(suite(tmp_path / "evals", {"id": "x", "family": "own", "text": "North is late.", **row})))
    assert done.returncode == 2 and said in done.stderr


def test_a_misspelt_family_in_the_thresholds_is_refused(run: Run, tmp_path: Path) -> None:
    mine = suite(tmp_path / "evals", PASSES)
    (mine / "thresholds.yaml").write_text("default: 0\nfamilies: {owm: 0.9}\n", "utf-8")
    done = run("eval", "--suite", str(mine))
    assert done.returncode == 2 and "'owm'" in done.stderr


def test_every_file_of_rules_has_a_mutation_of_its_own() -> None:
    from coach.evals.mutations import RULE_FILES
    from coach.resources import data_root

    assert set(RULE_FILES) == {path.stem for path in (data_root() / "corpus" / "rules").glob("*.yaml")} - {"signals"}
