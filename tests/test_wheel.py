"""The wheel alone: built, installed into an empty environment, used from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.conftest import BLOCKED, MIXED, ROOT


def test_the_wheel_works_by_itself(tmp_path: Path, home: Path, coach: object) -> None:
    dist, env = tmp_path / "dist", tmp_path / "env"
    quiet = {"cwd": ROOT, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist)], **quiet)  # type: ignore[call-overload]
    subprocess.run([sys.executable, "-m", "venv", str(env)], **quiet)  # type: ignore[call-overload]
    (wheel,) = dist.glob("prep_coach-*.whl")
    python = env / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)],
        **quiet,  # type: ignore[call-overload]
    )
    # Its dependencies are those of this environment, laid behind the wheel; the package itself is
    # not among them: it is installed here as a pointer to the checkout, which a .pth does not follow.
    site = next((env / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("COACH_", "PYTHON"))}
    done = subprocess.run(
        [str(env / "bin" / "coach"), "prep", "-", "--format", "json"],
        input=MIXED,
        capture_output=True,
        text=True,
        cwd=elsewhere,
        env={**variables, "COACH_HOME": str(home), "PYTHONPATH": str(BLOCKED)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"]
    (elsewhere / "cases").mkdir()
    (elsewhere / "cases" / "own.jsonl").write_text('{"id": "x", "family": "own", "text": "KR2: 14 complaints, target 20. Done.", "must": ["14", "20"]}\n')
    done = subprocess.run(
        [str(env / "bin" / "coach"), "eval", "--suite", str(elsewhere), "--out", str(elsewhere / "out")],
        capture_output=True, text=True, cwd=elsewhere, env={**variables, "COACH_HOME": str(home), "PYTHONPATH": str(BLOCKED)}, timeout=300, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (elsewhere / "out" / "report.html").is_file()
    where = subprocess.run([str(python), "-c", "import coach; print(coach.__file__)"], capture_output=True, text=True, check=True, cwd=elsewhere, env=variables)
    assert Path(where.stdout.strip()).is_relative_to(env)
