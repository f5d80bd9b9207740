"""The index: built beside the old, swapped in whole, silent when nothing changed; one machine or a server."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from coach import Coach, Settings
from coach.index import ensure_index, find_index
from coach.library import build, is_indexed
from evals.retrieval import load_queries, recall

PAGE = "---\nid: own/harbour\ntitle: The harbour rule\nrooms: [okr_review]\ntags: [own]\nrelated: []\n---\n## Who may move a berth\n" + (
    "The harbour master alone moves a berth, on the day before the tide table is printed. " * 4
)


def test_an_interrupted_build_leaves_the_old_index_as_it_was(tmp_path: Path) -> None:
    def write(folder: Path, report: object) -> None:
        (folder / "x").write_text("whole")

    def stop(folder: Path, report: object) -> None:
        (folder / "x").write_text("half")
        raise KeyboardInterrupt

    old = ensure_index(tmp_path, "a" * 64, {"part": write})
    with pytest.raises(KeyboardInterrupt):
        ensure_index(tmp_path, "a" * 64, {"part": stop}, force=True)
    with pytest.raises(KeyboardInterrupt):
        ensure_index(tmp_path, "b" * 64, {"part": stop})
    assert find_index(tmp_path, "a" * 64) == old and (old / "part" / "x").read_text() == "whole"
    assert find_index(tmp_path, "b" * 64) is None
    assert not list((tmp_path / "index").glob("building-*"))


def test_vectors_at_hand_and_the_index_itself_give_the_same_pages(coach: Coach, monkeypatch: pytest.MonkeyPatch) -> None:
    from coach import playbook

    queries = [one.text for one in load_queries("queries-a")]
    at_hand = coach.library.playbook.search_many(queries, 3)
    monkeypatch.setattr(playbook, "_AT_HAND", 0)
    again = Coach(Settings(home=coach.settings.home, _env_file=None)).library.playbook.search_many(queries, 3)
    assert [[one.page for one in found] for found in at_hand] == [[one.page for one in found] for found in again]


def test_a_second_run_builds_nothing(home: Path, coach: Coach) -> None:
    settings = Settings(home=home, _env_file=None)
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file() and path.name != ".lock"}
    seen: list[str] = []
    build(settings, lambda what, done, total: seen.append(what))
    assert seen == []
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_state_is_for_its_owner_only(home: Path, coach: Coach) -> None:
    for path in (home / "index").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.name == ".lock", path


def test_own_pages_are_found_and_go_when_the_folder_goes(tmp_path: Path, home: Path, coach: Coach) -> None:
    own = tmp_path / "own"
    (own / "pages").mkdir(parents=True)
    (own / "pages" / "harbour.md").write_text(PAGE, "utf-8")
    mine = Coach(Settings(home=tmp_path / "home", corpus=own, _env_file=None))
    assert mine.search("who is allowed to move a berth in the harbour")[0].page == "own/harbour"
    assert not is_indexed(Settings(home=tmp_path / "home", _env_file=None))
    assert all(one.page != "own/harbour" for one in coach.search("who is allowed to move a berth in the harbour"))


def test_a_read_only_home_with_an_index_still_answers(home: Path, coach: Coach, tmp_path: Path) -> None:
    copy = tmp_path / "home"
    shutil.copytree(home, copy)
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        assert Coach(Settings(home=copy, _env_file=None)).search("who decides")
    finally:
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o700)


@pytest.mark.parametrize("name", ["queries-a", "queries-b"])
def test_retrieval_does_not_fall_below_what_was_measured(coach: Coach, name: str) -> None:
    # Measured .90 and .94 (see evals/retrieval.py); this keeps a change from losing it unseen.
    assert recall(coach.library.playbook, load_queries(name), 3, "fused", strict=False)[0] >= 0.88


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("chroma")
    command = Path(sys.executable).parent / "chroma"
    process = subprocess.Popen(
        [str(command), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                if httpx.get(f"{url}/api/v2/heartbeat").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_a_chroma_server_gives_the_same_answers(server: str, home: Path, coach: Coach) -> None:
    remote = Coach(Settings(home=home, chroma_url=server, _env_file=None))
    queries = [one.text for one in load_queries("queries-a")[:12]]
    for ours, theirs in zip(
        coach.library.playbook.search_many(queries), remote.library.playbook.search_many(queries), strict=True
    ):
        # The index is approximate: of two equally near sections of a page either may speak for it.
        assert [one.page for one in ours] == [one.page for one in theirs]
        assert [one.score for one in ours] == pytest.approx([one.score for one in theirs], abs=1e-3)
