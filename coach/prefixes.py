"""What a model on this machine has read once and need not read again: the static parts of prompts, kept on the disk.

A server that has just started takes such a part back in milliseconds; reading it costs a plain processor as long as the
lines of a draft do. A file holds what the engine made of instructions and examples, and nothing of anybody's draft.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

KEPT = 12  # files, of some 20 MB each; the oldest go first
Messages = Sequence[Mapping[str, object]]


class Prefixes:
    """The kept parts of one server. folder: where they lie, and where the server may write; slots: how many it can hold."""

    def __init__(self, folder: Path, weights: Path, slots: int) -> None:
        self.folder = folder
        self._weights = weights
        self._slots = slots
        self._held: list[str] = []

    def hold(self, url: str, key: str, messages: Messages, timeout: float) -> int:
        """Have the server hold the start of a prompt: out of its file, or read now and put into one.

        Returns the tokens that had to be read. Whatever goes wrong costs time later, and nothing else.
        """
        import httpx  # the model's client has loaded it by now

        name = self._name(messages)
        if name in self._held or len(self._held) == self._slots:
            return 0
        self._held.append(name)
        slot, rough = len(self._held) - 1, f"{name}.{os.getpid()}"
        path = self.folder / f"{name}.bin"
        try:
            # No proxy: this goes to our own server.
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=timeout) as client:
                if path.is_file():
                    if client.post(f"/slots/{slot}?action=restore", json={"filename": path.name}).is_success:
                        os.utime(path)
                        return 0
                    path.unlink()
                body = {"messages": [*messages, {"role": "user", "content": "-"}], "max_tokens": 1, "temperature": 0, "id_slot": slot}
                read = int(client.post("/v1/chat/completions", json=body).raise_for_status().json()["usage"]["prompt_tokens"])
                if client.post(f"/slots/{slot}?action=save", json={"filename": rough}).is_success:
                    os.replace(self.folder / rough, path)
                    self._drop_old()
                return read
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError):
            return 0

    def _name(self, messages: Messages) -> str:
        about = self._weights.stat()
        try:
            engine = version("xllamacpp")
        except PackageNotFoundError:
            engine = ""
        made_of = [engine, self._weights.name, about.st_size, about.st_mtime_ns, list(messages)]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]

    def _drop_old(self) -> None:
        every = sorted(self.folder.glob("*.bin"), key=lambda one: one.stat().st_mtime)
        for old in every[:-KEPT]:
            old.unlink(missing_ok=True)
