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
from coach.jobs import Stats
from coach.trouble import trouble_kinds
from tests.conftest import MIXED
from tests.servers import Answer, Connection, honest, lines_of, raw, rephrased, reply, saying, serving

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
    connection.stream(json.dumps({"texts": [{"n": 1, "text": " ".join(str(n * 7919) for n in range(400))}]}), pause=0.2)


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
        lambda texts: f"Here you are:\n```json\n{json.dumps({'texts': [{'n': n, 'text': one} for n, one in enumerate(texts, 1)]})}\n```\nAnything else?",
        lambda texts: "<think>They {should} be short.</think>" + json.dumps({"texts": texts}),
        lambda texts: "Of course! " + " ".join(json.dumps({"n": n, "text": one, "more": 1}) for n, one in enumerate(texts, 1)),
        lambda texts: json.dumps({"texts": [{"text": one} for one in texts]})[:-2],
    ],
    ids=["in a fence", "after thinking aloud, without numbers", "in prose, one by one", "without its end"],
)
def test_json_in_prose_is_read(made: Make, wrap: Callable[[list[str]], str]) -> None:
    with serving(lambda connection, request: connection.stream(wrap([rephrased(one) for one in lines_of(request)]))) as server:
        brief, stats = prep(made(server.url))
    assert brief.engine == "tested" and stats is not None and not set(stats.outcomes) & {"failed", "refused"}


def test_what_one_line_of_an_answer_lacks_costs_that_line_alone(made: Make, offline: Brief) -> None:
    def forgetful(connection: Connection, request: dict[str, Any]) -> None:
        texts = json.loads(reply(request, rephrased))["texts"]
        connection.stream(json.dumps({"texts": texts[1:]}))

    with serving(forgetful) as server:
        brief, stats = prep(made(server.url))
    assert stats is not None and stats.outcomes["taken"] and stats.outcomes["refused"] + stats.outcomes["failed"]
    assert any("no text came for it" in one for one in brief.notices) or stats.outcomes["failed"]
    assert len(texts(brief)) == len(texts(offline))


def test_texts_that_came_before_the_stream_broke_are_kept(made: Make) -> None:
    def breaking(connection: Connection, request: dict[str, Any]) -> None:
        whole = reply(request, rephrased)
        connection.stream(whole[: whole.index("}") + 4] if len(lines_of(request)) > 1 else whole, end=len(lines_of(request)) < 2)

    with serving(breaking) as server:
        brief, stats = prep(made(server.url, model_parallel=1))
    assert stats is not None and stats.outcomes["failed"] and stats.outcomes["taken"] + stats.outcomes["same"]
    assert any("cut off" in one for one in brief.notices)


def test_a_refused_text_goes_back_once_with_what_was_wrong(made: Make) -> None:
    def corrected(connection: Connection, request: dict[str, Any]) -> None:
        again = "correct edited lines" in request["messages"][0]["content"]
        connection.stream(reply(request, rephrased if again else lambda line: line.replace(" ", " 977 euros ", 1)))

    with serving(corrected) as server:
        brief, stats = prep(made(server.url))
        sent_back = [one for one in server.received if b"correct edited lines" in one]
    assert stats is not None and stats.outcomes["repaired"] >= 2 and brief.engine == "tested"
    assert sent_back and all(b"977" in one and b"leave out or say with words of the line" in one for one in sent_back)
    assert "977" not in " ".join(texts(brief))


def test_a_sentence_too_many_is_left_out_without_asking_again(made: Make) -> None:
    with serving(lambda connection, request: connection.stream(reply(request, lambda line: f"{rephrased(line)} It costs 977 euros."))) as server:
        brief, stats = prep(made(server.url))
        again = [one for one in server.received if b"correct edited lines" in one and b"[owner?]" in one]
    assert stats is not None and stats.outcomes["trimmed"] >= 2 and brief.engine == "tested"
    assert "977" not in " ".join(texts(brief)) and not again


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
    with serving(lambda connection, request: connection.stream(reply(request, rephrased), usage=False)) as server:
        _, stats = prep(made(server.url))
    assert stats is not None and stats.usage.is_estimate and stats.usage.tokens_in > 300


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
        brief, stats = prep(made(server.url, model_budget=800, model_parallel=1))
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
