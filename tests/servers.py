"""A real HTTP server on loopback that speaks the chat API, well or badly, and keeps every byte it was sent."""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Answer = Callable[["Connection", dict[str, Any]], None]


class Connection(socketserver.StreamRequestHandler):
    """One connection: a request is read and kept, then answered in the way of the server."""

    server: Endpoint

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        length = re.search(rb"content-length: *(\d+)", head, re.I)
        body = self.rfile.read(int(length[1])) if length else b""
        with self.server.lock:
            self.server.received.append(head + body)
            self.server.calls += 1
        try:
            self.server.answer(self, json.loads(body or b"{}"))
        except (BrokenPipeError, ConnectionResetError):
            pass

    # --- ways to answer --------------------------------------------------------------------------

    def send(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}", "connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def fail(self, status: int, message: str = "no", **headers: str) -> None:
        self.send(status, json.dumps({"error": {"message": message, "type": "x", "code": None}}).encode(), **headers)

    def stream(self, content: str, finish: str | None = "stop", usage: bool = True, end: bool = True, pause: float = 0.0) -> None:
        """A reply in chunks; without `end` the connection closes in the middle of one."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")
        for n in range(0, len(content), 12):
            self._event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": content[n : n + 12]}, "finish_reason": None}]})
            if pause:
                time.sleep(pause)
        if not end:
            self.wfile.write(b"40\r\ndata: {\"choi")
            return
        if finish:
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        if usage:
            counts = {"prompt_tokens": 300, "completion_tokens": 40, "total_tokens": 340, "prompt_tokens_details": {"cached_tokens": 250}}
            self._event({"choices": [], "usage": counts})
        self._raw(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def event(self, data: dict[str, Any]) -> None:
        """A stream of one event."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")
        self._event(data)
        self._raw(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: dict[str, Any]) -> None:
        whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", **data}
        self._raw(b"data: " + json.dumps(whole).encode() + b"\n\n")

    def _raw(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


class Endpoint(socketserver.ThreadingTCPServer):
    """A server with one way of answering. `received` holds every request, byte for byte."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.answer = answer
        self.received: list[bytes] = []
        self.calls = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def heard(self) -> str:
        """All that was received, with what JSON escapes undone."""
        raw = b"\n".join(self.received).decode("utf-8", "replace")
        return raw + "\n" + raw.encode().decode("unicode_escape", "replace") + "\n" + raw.replace('\\"', '"').replace("\\\\", "\\")


@contextmanager
def serving(answer: Answer) -> Iterator[Endpoint]:
    """A server for as long as the block runs."""
    with Endpoint(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()


def entries_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbered lines that a request asks about: those in its last user message."""
    asked = [one["content"] for one in request["messages"] if one["role"] == "user"]
    return [json.loads(line) for line in asked[-1].splitlines() if line.startswith("{")]


def lines_of(request: dict[str, Any]) -> list[str]:
    """The lines, or the questions, that a request asks to phrase."""
    return [str(one.get("question") or one["line"]) for one in entries_of(request)]


def reply(request: dict[str, Any], say: Callable[[str], str], **more: str) -> str:
    """The answer a request asks for, each line said in this way."""
    return json.dumps({"texts": [{"n": n, "text": say(line), **more} for n, line in enumerate(lines_of(request), 1)]})


def rephrased(line: str) -> str:
    """A line said otherwise and still true: `still` is put in where it changes nothing."""
    if line.endswith("?") and ". " not in line:
        return line  # a question of the 1:1
    return re.sub(r" (is|are|has|have|needs|went|waits?|was|decides) ", r" still \1 ", line, count=1)


def honest(connection: Connection, request: dict[str, Any]) -> None:
    """Answers every call with true texts; a call about no line, such as doctor's, with a word."""
    connection.stream(reply(request, rephrased) if entries_of(request) else json.dumps({"text": "ready"}))


def saying(text: str) -> Answer:
    """Answers every call with this text for each of its lines."""
    return lambda connection, request: connection.stream(reply(request, lambda line: text))


def raw(text: str, **options: Any) -> Answer:
    """Answers every call with exactly this content."""
    return lambda connection, request: connection.stream(text, **options)
