"""Whatever a model server does, the brief is whole, says what happened and what to do, and nothing hangs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from coach import Brief, Coach, Settings
from coach.model import trouble_kinds
from coach.pipeline import Stats
from tests.conftest import MIXED
from tests.servers import Answer, Connection, honest, line_of, raw, rephrased, saying, serving

WATCHDOG = 120  # seconds; far beyond every timeout below
Make = Callable[..., Coach]


@pytest.fixture(scope="module")
def made(coach: Coach, home: Path) -> Callable[..., Coach]:
    """A coach with the session's library and a model at an address."""

    def make(url: str, **settings: Any) -> Coach:
        given = {"model": "tested", "model_timeout": 30.0, "model_retries": 0, "model_cache": "off", **settings}
        return Coach(Settings(home=home, base_url=url, _env_file=None, **given), library=coach.library)

    return make


@pytest.fixture(scope="module")
def offline(coach: Coach) -> Brief:
    return coach.prep(MIXED)


def prep(coach: Coach, text: str = MIXED) -> tuple[Brief, Stats | None]:
    """The brief, or a failed test if it takes longer than any timeout allows."""
    seen: list[Stats] = []
    pool = ThreadPoolExecutor(1)
    try:
        brief = pool.submit(coach.prep, text, on_stats=seen.append).result(WATCHDOG)
    finally:
        pool.shutdown(wait=False)
    return brief, seen[0] if seen else None


def texts(brief: Brief) -> list[str]:
    return [one.text for item in brief.items for one in item.rewrites]


def slow(connection: Connection, request: dict[str, Any]) -> None:
    time.sleep(4)


def dripping(connection: Connection, request: dict[str, Any]) -> None:
    # Every read succeeds; only a clock over the whole call ends it.
    connection.stream(json.dumps({"text": " ".join(str(n * 7919) for n in range(400))}), pause=0.2)


def moved(connection: Connection, request: dict[str, Any]) -> None:
    connection.send(307, b"", location="http://127.0.0.1:9/v1/chat/completions")


def no_choice(connection: Connection, request: dict[str, Any]) -> None:
    connection.event({"choices": []})


def refusing(connection: Connection, request: dict[str, Any]) -> None:
    connection.stream("", finish="content_filter")


def failing(status: int, message: str = "no", **headers: str) -> Answer:
    return lambda connection, request: connection.fail(status, message, **headers)


def a_page(connection: Connection, request: dict[str, Any]) -> None:
    connection.send(200, b"<html>Sign in to the network</html>", "text/html")


def broken_stream(connection: Connection, request: dict[str, Any]) -> None:
    connection.event({"error": {"message": "overloaded", "code": 500}})


ENDLESS = '{"text": "' + "the bus is late and " * 600
SPANISH = "El programa de autobuses va con retraso y nadie lo ha dicho todavía a la ciudad."
# What happens, how the server behaves, words of the notice, and what the notice says to do.
CASES: list[tuple[str, Answer, str, str]] = [
    ("401", failing(401), "does not accept the key", "Check OPENAI_API_KEY"),
    ("403", failing(403), "does not let this key use tested", "Use a key or a model"),
    ("404 model", failing(404, "model not found"), "has no model tested", "Check COACH_MODEL"),
    ("408", failing(408), "did not answer within", "Raise COACH_MODEL_TIMEOUT"),
    ("429 without retry-after", failing(429), "too many calls", "Prepare the draft again in a few minutes"),
    ("429 with a retry-after of an hour", failing(429, retry_after="3600"), "too many calls", "in a few minutes"),
    ("500", failing(500), "failed", "in a few minutes"),
    ("503", failing(503), "failed", "in a few minutes"),
    ("an error inside the stream", broken_stream, "failed", "in a few minutes"),
    ("slow first byte", slow, "did not answer within 2 s", "Raise COACH_MODEL_TIMEOUT"),
    ("a byte now and then, for ever", dripping, "did not answer within 2 s", "Raise COACH_MODEL_TIMEOUT"),
    ("stream cut in the middle", raw('{"text": "KR1 and the', end=False), "cut off", "Prepare the draft again"),
    ("redirect", moved, "another address, which is not followed", "Correct COACH_BASE_URL"),
    ("a sign-in page in place of an answer", a_page, "does not understand the call", "OpenAI-compatible"),
    ("no choice", no_choice, "answered with nothing", "Prepare the draft again"),
    ("empty choice", raw(""), "answered with nothing", "Prepare the draft again"),
    ("content filter", refusing, "declined", "Prepare the draft again"),
    ("refusal in words", raw("I'm sorry, I can't help with that."), "another form than asked", "use another model"),
    ("wrong JSON", raw("{'text': KR1}"), "in the middle of its answer", "use another model"),
    ("half a JSON", raw('{"text": "KR1: 31 of 40 bus'), "in the middle of its answer", "use another model"),
    ("schema ignored", raw('{"answer": "KR1: 31 of 40 buses"}'), "another form than asked", "use another model"),
    ("a list in place of an object", raw('["KR1"]'), "another form than asked", "use another model"),
    ("endless repetition", raw(ENDLESS), "repeated itself", "use another model"),
    ("wrong language", saying(SPANISH), "Refused twice (words that the draft does not hold)", "as the coach wrote them"),
    ("context too long", failing(400, "This model's maximum context length is 512 tokens"), "too long for tested", "Split the line"),
    ("a request that is not understood", failing(400, "bad"), "does not understand the call", "OpenAI-compatible"),
]


@pytest.mark.parametrize(("answer", "says", "fix"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_failing_server_costs_no_line(made: Make, offline: Brief, answer: Answer, says: str, fix: str) -> None:
    with serving(answer) as server:
        brief, stats = prep(made(server.url, model_timeout=2.0 if "2 s" in says else 30.0))
        assert server.calls, "the server was never asked"
    assert texts(brief) == texts(offline) and brief.documents == offline.documents
    assert brief.engine == "offline" and stats is not None and not set(stats.outcomes) & {"taken", "repaired"}
    said = [one for one in brief.notices if one not in offline.notices]
    assert any(says in one and fix in one for one in said), said
    assert not any(word in " ".join(said) for word in ("Marek", "Sabine", "Mondays", "Traceback"))


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (lambda: f"http://127.0.0.1:{closed_port()}/v1", "Nothing answers at 127.0.0.1"),
        (lambda: "http://coach-test.invalid/v1", "is not known on this network"),
    ],
    ids=["refused connection", "unknown name"],
)
def test_a_server_that_is_not_there(made: Make, offline: Brief, url: Callable[[], str], says: str) -> None:
    brief, _ = prep(made(url()))
    assert texts(brief) == texts(offline)
    assert any(says in one and "COACH_BASE_URL" in one for one in brief.notices), brief.notices


def test_a_connection_that_is_not_trusted(made: Make, offline: Brief) -> None:
    with serving(honest) as server:
        brief, _ = prep(made(server.url.replace("http://", "https://")))
    assert texts(brief) == texts(offline)
    assert any("not trusted (TLS)" in one for one in brief.notices), brief.notices


def test_after_a_failure_that_would_repeat_the_others_are_not_tried(made: Make) -> None:
    with serving(failing(401)) as server:
        prep(made(server.url, model_parallel=1))
        assert server.calls == 1


def test_a_server_that_asks_to_wait_is_asked_again(made: Make) -> None:
    def busy_once(connection: Connection, request: dict[str, Any]) -> None:
        if connection.server.calls == 1:
            connection.fail(429, retry_after="1")
        else:
            honest(connection, request)

    with serving(busy_once) as server:
        brief, stats = prep(made(server.url, model_retries=2, model_timeout=20.0, model_parallel=1))
    assert brief.engine == "tested" and stats is not None and "failed" not in stats.outcomes


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: f"Here you are:\n```json\n{json.dumps({'text': text})}\n```\nAnything else?",
        lambda text: "<think>It {should} be short.</think>" + json.dumps({"text": text}),
        lambda text: "Of course! " + json.dumps({"text": text, "more": 1}),
    ],
    ids=["in a fence", "after thinking aloud", "in prose"],
)
def test_json_in_prose_is_read(made: Make, wrap: Callable[[str], str]) -> None:
    with serving(lambda connection, request: connection.stream(wrap(rephrased(line_of(request))))) as server:
        brief, _ = prep(made(server.url))
    assert brief.engine == "tested"


def test_a_server_without_structured_output_is_asked_without(made: Make) -> None:
    def plain_only(connection: Connection, request: dict[str, Any]) -> None:
        if "response_format" in request:
            connection.fail(400, "response_format is not supported")
        else:
            honest(connection, request)

    with serving(plain_only) as server:
        brief, stats = prep(made(server.url, model_parallel=1))
        refused = sum(b"response_format" in one for one in server.received)
    assert brief.engine == "tested" and stats is not None and "failed" not in stats.outcomes
    assert refused == 2, "a form that was refused once is not asked for again"


def test_a_server_that_counts_nothing_is_counted(made: Make) -> None:
    with serving(lambda connection, request: connection.stream(json.dumps({"text": rephrased(line_of(request))}), usage=False)) as server:
        _, stats = prep(made(server.url))
    assert stats is not None and stats.usage.is_estimate and stats.usage.tokens_in > 500


def test_closing_the_stream_cancels_the_calls(made: Make) -> None:
    def waiting(connection: Connection, request: dict[str, Any]) -> None:
        time.sleep(1.5)
        honest(connection, request)

    with serving(waiting) as server:
        stream: Iterator[Brief] = made(server.url, model_parallel=1, model_timeout=30.0).stream(MIXED)
        whole = [next(stream)]
        while not whole[-1].documents.okr:
            whole.append(next(stream))
        # The next step waits for the model; the user leaves before it answers.
        pool = ThreadPoolExecutor(1)
        pool.submit(next, stream).result(WATCHDOG)
        stream.close()  # type: ignore[attr-defined]
        after = server.calls
        time.sleep(2.5)
        assert server.calls <= after + 1, "calls went on after the user had left"
    assert whole[-1].documents.okr


def test_the_budget_ends_the_calls(made: Make) -> None:
    with serving(honest) as server:
        brief, stats = prep(made(server.url, model_budget=1500, model_parallel=1))
        assert 0 < server.calls < 6
    assert stats is not None and stats.outcomes["not asked"] > 0
    assert any("Raise COACH_MODEL_BUDGET" in one for one in brief.notices)


def test_a_key_is_in_no_notice_and_no_representation(home: Path, coach: Coach, capfd: pytest.CaptureFixture[str]) -> None:
    settings = Settings(home=home, model="m", base_url="http://127.0.0.1:9/v1", api_key="sk-very-secret", _env_file=None)
    keyed = Coach(settings, library=coach.library)
    brief, stats = prep(keyed)
    shown = f"{settings!r} {settings} {keyed.model!r} {vars(keyed.model)} {brief} {stats}"
    assert "very-secret" not in shown + "".join(capfd.readouterr())


def test_every_kind_of_trouble_has_a_case() -> None:
    covered = " ".join(f"{name} {says}" for name, _, says, _ in CASES)
    assert len(CASES) + 3 >= len(trouble_kinds())
    for word in ("401", "403", "404", "408", "429", "500", "503", "slow", "cut", "redirect", "empty", "refusal", "half", "endless", "language", "context"):
        assert word in covered
