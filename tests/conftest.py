"""One indexed coach for the whole run; nothing of the developer's own environment reaches a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coach import Coach, Settings
from coach.resources import load_samples
from tests.blocked import sitecustomize  # this process may reach loopback alone

ROOT = Path(__file__).parent.parent
BLOCKED = Path(sitecustomize.__file__).parent
for name in [one for one in os.environ if one.startswith("COACH_") or one == "OPENAI_API_KEY"]:
    del os.environ[name]

MIXED = """Depot programme, notes for Tuesday

- KR1: 31 of 40 buses have the new box, promised 40 by 30 June. Either the workshop gives us a second bay or we leave the articulated ones out, Petra decides by 12 June
- KR3 slips because Marek won't speak to Sabine since the reorg, nobody has told the city
- between us: I have been dreading Mondays, four weekends running now
- ticket printers at all gates went from 71% to 98.4% uptime, target was 97%
- canteen closed on 14 June
- great momentum, everyone is working super hard
"""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # TEST_HOME=folder keeps the index from run to run, which saves a minute each time.
    kept = os.environ.get("TEST_HOME")
    return Path(kept) if kept else tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def coach(home: Path) -> Coach:
    made = Coach(Settings(home=home, _env_file=None))
    assert made.library
    return made


@pytest.fixture(scope="session")
def samples() -> tuple[str, ...]:
    return tuple(one.text for one in load_samples())


@pytest.fixture(scope="session")
def run(home: Path, coach: Coach) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The real command in a process of its own, from an empty folder, with the session's index."""

    def call(*words: str, stdin: str | bytes = "", env: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("COACH_")}
        done = subprocess.run(
            [sys.executable, "-m", "coach", *words],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=cwd or home,
            env={**clean, "COACH_HOME": str(home), "PYTHONPATH": str(BLOCKED), **(env or {})},
            timeout=180,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
        )

    return call


def examples(name: str) -> list[dict[str, object]]:
    """The lines of the corpus example files whose names start with `name`."""
    return [
        json.loads(line)
        for path in sorted((ROOT / "corpus" / "examples").glob(f"{name}*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
        if line.strip()
    ]
