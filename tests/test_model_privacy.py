"""What a real endpoint receives, byte for byte: public clauses for public rooms, and nothing private unless its owner said so."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coach import Coach, Settings
from coach.jobs import Stats
from coach.model import Model, answers_here, connect, leaves_to
from tests.conftest import BLOCKED, MIXED
from tests.servers import Connection, honest, lines_of, rephrased, reply, serving

PRIVATE = ("Marek", "Sabine", "reorg", "dreading", "Mondays", "weekends")


@pytest.fixture(scope="module")
def made(coach: Coach, home: Path) -> Callable[..., Coach]:
    def make(url: str, here: bool, **settings: Any) -> Coach:
        given = Settings(home=home, model="m", base_url=url, model_cache="off", model_timeout=60, _env_file=None, **settings)
        model = connect(given)
        assert isinstance(model, Model)
        # Only the reading of the address is changed: the bytes still go to a server that we own.
        model.is_here = here
        model.where = "127.0.0.1" if here else "models.example.com"
        return Coach(given, model=model, library=coach.library)

    return make


def test_no_private_byte_goes_to_a_model_elsewhere(made: Callable[..., Coach]) -> None:
    with serving(honest) as server:
        brief = made(server.url, here=False).prep(MIXED)
        heard = server.heard
    assert server.calls and "31 of 40" in heard, "the public lines were asked about"
    for word in PRIVATE:
        assert word not in heard
    assert any("Not sent to models.example.com, as they are private" in one for one in brief.notices)
    private = [one for item in brief.items for one in item.rewrites if one.room == "one_on_one"]
    assert private and all(one.by == "offline" for one in private)


def test_a_call_for_a_public_room_holds_public_clauses_only(made: Callable[..., Coach]) -> None:
    with serving(honest) as server:
        made(server.url, here=True).prep(MIXED)
    public = [one for one in server.received if b"a decision can be taken" in one]
    assert public
    for one in public:
        assert not any(word.encode() in one for word in PRIVATE)


def test_on_this_machine_private_lines_are_phrased_too(made: Callable[..., Coach]) -> None:
    with serving(honest) as server:
        brief = made(server.url, here=True).prep(MIXED)
        assert "dreading" in server.heard
    assert not any("Not sent" in one for one in brief.notices)


def test_private_lines_leave_only_when_their_owner_says_so(made: Callable[..., Coach]) -> None:
    with serving(honest) as server:
        made(server.url, here=False, private_to_model=True).prep(MIXED)
        assert "dreading" in server.heard


def test_a_public_call_shares_no_word_of_its_own_with_a_private_item(made: Callable[..., Coach], samples: tuple[str, ...]) -> None:
    def words(text: str) -> set[str]:
        return set(re.findall(r"[a-z]{4,}", text.lower()))

    for text in (MIXED, *samples):
        with serving(honest) as server:
            brief = made(server.url, here=False).prep(text)
        asked = " ".join(" ".join(lines_of(json.loads(one.split(b"\r\n\r\n", 1)[1]))) for one in server.received)
        known = words(" ".join(item.quote for item in brief.items if not item.private))
        own = words(" ".join(item.quote for item in brief.items if item.private and item.then is None)) - known
        assert server.calls and own
        # Words of our own questions and constructions are nobody's secret.
        ours = words(" ".join(piece.text for item in brief.items for one in item.rewrites for piece in one.pieces if piece.source == "coach"))
        assert not own & (words(asked) - ours - words(" ".join(one.text for one in brief.questions)))


def test_accepted_public_texts_are_kept_and_private_ones_are_not(coach: Coach, tmp_path: Path) -> None:
    def coach_with(cache: str) -> Coach:
        settings = Settings(home=tmp_path, model="m", base_url=server.url, model_cache=cache, model_timeout=60, _env_file=None)
        return Coach(settings, library=coach.library)

    def saved() -> str:
        return "\n".join(path.read_text("utf-8") for path in tmp_path.rglob("*.json"))

    with serving(honest) as server:
        first = coach_with("public").prep(MIXED)
        assert "31 of 40" in saved() and "dreading" not in saved()
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.rglob("*.json"))
        before = server.calls
        second = coach_with("public").prep(MIXED)
        again = server.calls - before
    assert second.documents == first.documents
    assert 0 < again < before, "public texts were asked for once, private ones twice"
    with serving(honest) as server:
        coach_with("all").prep(MIXED)
        assert "dreading" in saved()


def test_a_redirect_takes_nothing_to_another_server(made: Callable[..., Coach]) -> None:
    with serving(honest) as other:

        def hand_on(connection: Connection, request: dict[str, Any]) -> None:
            connection.send(307, b"", location=f"{other.url}/chat/completions")

        with serving(hand_on) as server:
            made(server.url, here=True).prep(MIXED)
            assert server.calls
        assert other.received == []


def test_neither_proxy_nor_tracing_hears_of_a_call_to_this_machine(home: Path, tmp_path: Path) -> None:
    """A process whose environment asks for both; the draft goes to the model alone."""
    draft = tmp_path / "draft.md"
    draft.write_text(MIXED, "utf-8")
    with serving(honest) as server, serving(honest) as nosy:
        spy = nosy.url.removesuffix("/v1")
        env = {name: value for name, value in os.environ.items() if not name.startswith("COACH_")}
        env |= {
            "COACH_HOME": str(home), "COACH_MODEL": "m", "COACH_BASE_URL": server.url, "COACH_MODEL_CACHE": "off", "PYTHONPATH": str(BLOCKED),
            "HTTP_PROXY": spy, "http_proxy": spy, "ALL_PROXY": spy, "OPENAI_PROXY": spy, "OPENAI_BASE_URL": spy, "OPENAI_API_BASE": spy,
            "LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "true", "LANGSMITH_ENDPOINT": spy, "LANGSMITH_API_KEY": "x",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "coach", "prep", str(draft), "--stats"], capture_output=True, text=True, env=env, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        assert server.calls >= 3 and "3 calls" in done.stderr, done.stderr
        assert nosy.received == []


def test_the_engine_of_the_reader_reports_to_nobody() -> None:
    """It would, some seconds after a session begins, by native code: a proxy hears it, a block in Python does not."""
    with serving(honest) as nosy:
        spy = nosy.url.removesuffix("/v1")
        env = dict(os.environ) | dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), spy)
        env.pop("ORT_DISABLE_TELEMETRY", None)
        code = "import time; from coach.reader import Reader; Reader().points(['KR1 slips.']); time.sleep(20)"
        subprocess.run([sys.executable, "-c", code], env=env, timeout=300, check=True, cwd=Path(__file__).parent.parent)
        assert nosy.received == []


@pytest.mark.parametrize(
    ("address", "name", "here"),
    [
        ("http://127.0.0.1:11434/v1", "qwen", True),
        ("http://localhost:8000/v1", "qwen", True),
        ("http://[::1]:8000/v1", "qwen", True),
        ("http://127.0.0.1:11434/v1", "large-model:480b-cloud", False),
        ("http://192.168.1.4:8000/v1", "qwen", False),
        ("https://api.openai.com/v1", "gpt", False),
        ("http://127.0.0.1.example.com/v1", "qwen", False),
        ("http://localhost.example.com/v1", "qwen", False),
        ("http://127.0.0.1@example.com/v1", "qwen", False),
    ],
)
def test_what_counts_as_this_machine(home: Path, address: str, name: str, here: bool) -> None:
    assert answers_here(address, name) is here
    said = leaves_to(Settings(home=home, model=name, base_url=address, _env_file=None))
    assert (said is None) is here


def test_any_chat_model_object_may_be_passed_and_counts_as_elsewhere(coach: Coach, home: Path) -> None:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    asked: list[str] = []

    class Parrot(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "parrot"

        def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
            asked.append("\n".join(str(one.content) for one in messages))
            said = reply({"messages": [{"role": "user", "content": messages[-1].content}]}, rephrased)
            return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])

    seen: list[Stats] = []
    brief = Coach(Settings(home=home, model_cache="off", _env_file=None), model=Parrot(), library=coach.library).prep(MIXED, on_stats=seen.append)
    assert brief.engine == "Parrot" and seen[0].usage.is_estimate
    assert asked and not any(word in one for word in PRIVATE for one in asked)
