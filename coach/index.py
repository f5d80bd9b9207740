"""What is compiled from the corpus, kept by content: built beside the old and swapped in whole."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from coach.errors import IndexError_

Progress = Callable[[str, int, int], None]
Builder = Callable[[Path, Progress], None]
_MANIFEST = "complete.json"
FORMAT = 6  # raised when what a builder writes changes its shape


def find_index(home: Path, digest: str) -> Path | None:
    """The folder of a complete index for this corpus, or None."""
    folder = home / "index" / f"{digest[:16]}-{FORMAT}"
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return folder if manifest.get("digest") == digest else None


def ensure_index(
    home: Path,
    digest: str,
    builders: Mapping[str, Builder],
    progress: Progress | None = None,
    force: bool = False,
) -> Path:
    """The folder home/index/<digest> with a sub-folder for each builder.

    Returns at once when it is there. Otherwise it is built in a sibling folder and renamed when
    complete, so that whoever interrupts it finds the old one as it was. Raises IndexError_ when
    the folder cannot be written.
    """
    found = find_index(home, digest)
    if found and not force:
        return found
    report = progress or (lambda what, done, total: None)
    try:
        root = home / "index"
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(root):
            found = find_index(home, digest)
            if found and not force:
                return found  # another process built it while we waited
            return _build(root, digest, builders, report)
    except OSError as error:
        raise IndexError_(
            f"The index cannot be written to {home} ({error.strerror or 'no access'}).",
            "Set COACH_HOME to a folder you can write to.",
        ) from None


def _build(root: Path, digest: str, builders: Mapping[str, Builder], report: Progress) -> Path:
    for left in root.glob("building-*"):
        shutil.rmtree(left, ignore_errors=True)
    rough = root / f"building-{uuid.uuid4().hex[:8]}"
    rough.mkdir(mode=0o700)
    try:
        for name, build in builders.items():
            part = rough / name
            part.mkdir(mode=0o700)
            build(part, report)
        (rough / _MANIFEST).write_text(json.dumps({"digest": digest, "parts": sorted(builders)}), "utf-8")
        _owner_only(rough)
        final = root / f"{digest[:16]}-{FORMAT}"
        if final.exists():
            old = root / f"building-{uuid.uuid4().hex[:8]}"
            os.replace(final, old)
            os.replace(rough, final)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(rough, final)
    finally:
        shutil.rmtree(rough, ignore_errors=True)
    _sweep(root, final)
    return final


def _owner_only(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)


def forget(home: Path, digest: str) -> None:
    """Remove every index but that of this digest: what was taken out of a playbook must not live on in an old one."""
    root = home / "index"
    for old in _others(root, root / f"{digest[:16]}-{FORMAT}") if root.is_dir() else ():
        shutil.rmtree(old, ignore_errors=True)


def _others(root: Path, keep: Path) -> list[Path]:
    """The indexes beside this one, the oldest first; what is being built is none yet."""
    found = [one for one in root.iterdir() if one.is_dir() and one != keep and not one.name.startswith("building-")]
    return sorted(found, key=lambda one: one.stat().st_mtime)


def _sweep(root: Path, keep: Path) -> None:
    """Remove all but the new index and the one before it."""
    for old in _others(root, keep)[:-1]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    with (root / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the system even if we are killed
        yield
