"""A language model: any LangChain chat model, by default `ChatOpenAI` at any OpenAI-compatible address.

Calls run on one event loop in a thread of its own, so that a call can be timed, cancelled and run beside others
whatever the caller is. Whatever a client raises leaves here as a `ModelError`, which holds nothing of the call.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from coach.errors import ModelError, OptionError
from coach.local import LOCAL, Server, is_local, serve, writes
from coach.settings import Settings
from coach.trouble import failure, kind_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_T = TypeVar("_T")
_ROUTES_AWAY = re.compile(r"[-:]cloud$")  # names under which a server on this machine hands the call on
_REPEATING = re.compile(r"(.{6,80}?)\1{4}$", re.S)
_CHARS_PER_TOKEN = 4
HERE = "this machine"
LINES = 4  # in a call; of more, a small model takes words of one line into another (docs/model.md)


@dataclass(frozen=True)
class Usage:
    """What calls cost: calls made, tokens in and out, tokens in that a cache served, seconds waited for the model.

    `is_estimate` says that a server gave no figures and they were counted from characters.
    """

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    seconds: float = 0.0
    is_estimate: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cached + other.cached,
            self.seconds + other.seconds,
            self.is_estimate or other.is_estimate,
        )

    def price(self, rates: str | None) -> float | None:
        """Money for these calls at `in/out` for a million tokens, or None where no rates are known."""
        if not rates:
            return None
        given, taken = (float(one) for one in rates.split("/"))
        return (self.tokens_in * given + self.tokens_out * taken) / 1e6


@dataclass(frozen=True)
class Reply:
    """What a model answered, as it came, and the cost."""

    text: str
    usage: Usage


Heard = Callable[[str], None]


@dataclass(frozen=True)
class _Wanted:
    """What a call is to bring: fields, for so many lines, in so many tokens."""

    fields: tuple[str, ...]
    lines: int
    limit: int
    heard: Heard | None = None


class Model:
    """A chat model that is asked for fields, one call at a time or several.

    name: as a brief names it. where: the address, for a person. is_here: whether it answers on this machine.
    parallel: calls in flight at once. lines: texts asked for in one call. writes: the kinds of text it is asked for; None: all.
    """

    def __init__(
        self,
        chat: BaseChatModel,
        *,
        name: str | None = None,
        where: str | None = None,
        is_here: bool | None = None,
        timeout: float = 60,
        parallel: int = 4,
        lines: int = LINES,
        server: Server | None = None,
        writes: frozenset[str] | None = None,
    ) -> None:
        base = str(getattr(chat, "openai_api_base", None) or "")
        self.chat = chat
        self.name = name or str(getattr(chat, "model_name", None) or getattr(chat, "model", None) or type(chat).__name__)
        self.is_here = answers_here(base, self.name) if is_here is None else is_here
        self.where = where or (urlsplit(base).netloc if base else f"wherever {type(chat).__name__} sends it")
        self.timeout = timeout
        self.parallel = parallel
        self.lines = lines
        self.writes = writes
        self.asks_for = _FORMATS if _speaks_openai(chat) else ("none",)
        self.streams = False
        self._server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns: asyncio.Semaphore | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {self.where!r})"

    def close(self) -> None:
        """Stop the on-device server, if this model has one of its own."""
        if self._server is not None:
            self._server.stop()

    @property
    def turns(self) -> asyncio.Semaphore:
        """Held by whoever calls, so that no more than `parallel` calls are in flight; of use inside `submit` alone."""
        assert self._turns is not None
        return self._turns

    def submit(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Run a coroutine on the model's loop; its future may be waited for or cancelled from any thread."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon: a call that hangs in a resolver must not keep the command from ending.
                threading.Thread(target=self._loop.run_forever, name="model calls", daemon=True).start()
                self._turns = asyncio.Semaphore(self.parallel)
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def hold(self, start: Sequence[BaseMessage]) -> Usage:
        """Have a server of our own hold the start of a prompt, so that no call reads it again; what that cost. Elsewhere nothing."""
        from langchain_core.messages import convert_to_openai_messages

        if self._server is None:
            return Usage()
        began = time.monotonic()
        given = [dict(one) for one in convert_to_openai_messages(list(start))]
        read = await asyncio.to_thread(self._server.hold, given, self.timeout)
        return Usage(1, read, 1, 0, time.monotonic() - began) if read else Usage()

    async def ask(
        self, messages: Sequence[BaseMessage], fields: Sequence[str], limit: int, lines: int = 0, heard: Heard | None = None
    ) -> Reply:
        """What the model answers when asked for a JSON object with these fields; `limit` is the tokens it may take.

        lines: how many texts it is asked for, 0 for one bare object; the call may then take `timeout` for each two of
        them. heard: told all that has come so far, again and again. Only the first field is required; `read_fields` and
        `read_texts` take them out. Must run through `submit`. Raises ModelError.
        """
        began = time.monotonic()
        wanted = _Wanted(tuple(fields), lines, limit, heard)
        try:
            text, counts = await asyncio.wait_for(self._answer(messages, wanted), self.timeout * max(1, (lines + 1) // 2))
        except ModelError:
            raise
        except Exception as error:
            raise self._failure(kind_of(error)) from None
        given, taken, cached = counts
        usage = Usage(
            calls=1,
            tokens_in=given or estimate(messages),
            tokens_out=taken or len(text) // _CHARS_PER_TOKEN,
            cached=cached,
            seconds=time.monotonic() - began,
            is_estimate=not given,
        )
        return Reply(text, usage)

    async def _answer(self, messages: Sequence[BaseMessage], wanted: _Wanted) -> tuple[str, tuple[int, int, int]]:
        """The raw text and the tokens; asks for less structure where the server refuses it."""
        while True:
            try:
                return await self._stream(messages, wanted)
            except Exception as error:
                # Servers differ in what they can be asked for. What one refused once is not asked again.
                if len(self.asks_for) == 1 or not _refused_format(error):
                    raise
                self.asks_for = self.asks_for[1:]

    async def _stream(self, messages: Sequence[BaseMessage], wanted: _Wanted) -> tuple[str, tuple[int, int, int]]:
        from langsmith.run_helpers import tracing_context

        options: dict[str, Any] = {}
        if _speaks_openai(self.chat):
            # In `extra_body`, so that the client passes it on and does not judge the answer itself.
            body = _format(self.asks_for[0], wanted)
            options = {"max_tokens": wanted.limit, "stream_usage": True, **({"extra_body": body} if body else {})}
        text, counts, ended, came = "", (0, 0, 0), "", 0
        with tracing_context(enabled=False):  # a trace would send the draft to somebody else
            async with aclosing(_chunks(self.chat.astream(list(messages), **options))) as chunks:
                while True:
                    # Nothing at all for this long is a server that hangs, however many lines it was asked for.
                    chunk = await asyncio.wait_for(anext(chunks, None), self.timeout)
                    if chunk is None:
                        break
                    came += bool(chunk.text)
                    text += str(chunk.text)
                    ended = str(chunk.response_metadata.get("finish_reason") or ended)
                    if chunk.usage_metadata:
                        details = chunk.usage_metadata.get("input_token_details") or {}
                        counts = (
                            chunk.usage_metadata["input_tokens"],
                            chunk.usage_metadata["output_tokens"],
                            details.get("cache_read") or 0,
                        )
                    if _REPEATING.search(text[-600:]) or len(text) > 12 * wanted.limit + 400:
                        raise self._failure("endless repetition")
                    if wanted.heard and "}" in str(chunk.text):
                        wanted.heard(text)
        if "content_filter" in ended:
            raise self._failure("refusal")
        self.streams = came > 1
        return text, counts

    def _failure(self, kind: str) -> ModelError:
        return failure(kind, self.where, self.name, self.timeout)


async def _chunks(stream: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    # An async generator of ours, which can be closed whatever the chat model returns.
    async for chunk in stream:
        yield chunk


def connect(settings: Settings, chat: BaseChatModel | Model | None = None) -> Model | None:
    """The model of the settings, or one around a chat model, or None when none is set.

    An on-device server is started here. Raises OptionError or WeightsError.
    """
    if isinstance(chat, Model):
        return chat
    if chat is not None:
        return Model(chat, timeout=settings.model_timeout, parallel=settings.model_parallel)
    if not settings.model:
        return None
    if is_local(settings.model):
        server = serve(settings)
        return Model(
            _client(settings, server.url, server.name, server.key),
            name=server.name,
            where=HERE,
            is_here=True,
            timeout=settings.model_timeout * 3,  # a plain processor reads a prompt for a while before it says a word
            parallel=1,  # one sequence: its cache holds the shared start of every prompt
            server=server,
            writes=writes(server.name),
        )
    parts = _address(settings.base_url)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    if key is None and parts.hostname == "api.openai.com":
        raise OptionError(
            "There is no key for api.openai.com.",
            f"Set OPENAI_API_KEY, or COACH_BASE_URL for another server, or COACH_MODEL={LOCAL} for this machine.",
        )
    return Model(
        _client(settings, settings.base_url, settings.model, key),
        name=settings.model,
        where=parts.netloc.rpartition("@")[2],
        is_here=answers_here(settings.base_url, settings.model),
        timeout=settings.model_timeout,
        parallel=settings.model_parallel,
    )


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is none
        if parts.scheme in ("http", "https") and parts.hostname:
            return parts
    except ValueError:  # half an IPv6 address, or a port that is none
        pass
    raise OptionError("COACH_BASE_URL is no web address.", "Write it like https://api.openai.com/v1.")


def leaves_to(settings: Settings) -> str | None:
    """Where the lines of a draft would go with these settings, without connecting; None: they stay on this machine."""
    if not settings.model or is_local(settings.model) or answers_here(settings.base_url, settings.model):
        return None
    try:
        return urlsplit(settings.base_url).netloc.rpartition("@")[2] or settings.base_url
    except ValueError:
        return settings.base_url


def answers_here(address: str, name: str) -> bool:
    """Whether a server address and model name mean this machine; a name that a local server hands on does not."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    if _ROUTES_AWAY.search(name):
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def at(where: str) -> str:
    """A place with its preposition, for a sentence."""
    return f"on {where}" if where == HERE else f"at {where}"


def estimate(messages: Sequence[BaseMessage]) -> int:
    """About how many tokens messages take; four characters to one."""
    return sum(len(str(one.content)) for one in messages) // _CHARS_PER_TOKEN


def _client(settings: Settings, address: str, name: str, key: str | None) -> BaseChatModel:
    # Slow to import, and needed only where a model is used.
    import openai
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    here = answers_here(address, name)
    # A proxy or a redirect would carry a private line off the machine that was promised to it.
    http = openai.DefaultAsyncHttpxClient(trust_env=not here, follow_redirects=False, timeout=settings.model_timeout)
    return ChatOpenAI(
        model=name,
        base_url=address,
        api_key=SecretStr(key or "none"),
        temperature=0,
        timeout=settings.model_timeout,
        max_retries=settings.model_retries,
        http_async_client=http,
        stream_chunk_timeout=settings.model_timeout + 60,  # ours ends a call first, and says so in our words
        openai_proxy="",
        http_socket_options=(),  # theirs warns on the terminal wherever a proxy is set
        use_responses_api=False,
    )


def _speaks_openai(chat: object) -> bool:
    # Only a class that is loaded can have made the object; loading it to ask would take seconds.
    if "langchain_openai" not in sys.modules:
        return False
    from langchain_openai.chat_models.base import BaseChatOpenAI

    return isinstance(chat, BaseChatOpenAI)


# --- structure -------------------------------------------------------------------------------------

_FORMATS: tuple[str, ...] = ("json_schema", "json_object", "none")


def _format(kind: str, wanted: _Wanted) -> dict[str, Any]:
    if kind == "json_schema":
        one: dict[str, Any] = {
            "type": "object",
            "properties": {name: {"type": "string"} for name in wanted.fields},
            "required": [wanted.fields[0]],
            "additionalProperties": False,
        }
        if wanted.lines:
            one["properties"] = {"n": {"type": "integer"}, **one["properties"]}
            one["required"] = ["n", *one["required"]]
            texts = {"type": "array", "items": one, "minItems": wanted.lines, "maxItems": wanted.lines}
            one = {"type": "object", "properties": {"texts": texts}, "required": ["texts"], "additionalProperties": False}
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": one}}}
    return {"response_format": {"type": "json_object"}} if kind == "json_object" else {}


def _refused_format(error: Exception) -> bool:
    """Whether a server turned the request down for its shape, so that a plainer one may pass."""
    return getattr(error, "status_code", None) in (400, 422) and kind_of(error) == "refused request"


def read_fields(text: str, fields: Sequence[str]) -> dict[str, str]:
    """The wanted fields of the first JSON object in a reply, in prose or a code fence too. Raises ModelError."""
    return read_texts(text, fields, 1)[1]


def read_texts(text: str, fields: Sequence[str], lines: int, whole: bool = True) -> dict[int, dict[str, str]]:
    """The wanted fields of each numbered text in a reply, in prose or a code fence too, by number from 1.

    A text without a number has that of its place. Without `whole` the reply is still coming, and what has come is
    enough. Raises ModelError where nothing can be read of a whole one.
    """
    body = re.sub(r"<think>.*?(?:</think>|$)", "", text, flags=re.S).strip()
    if not body and whole:
        raise failure("empty reply")
    decoder = json.JSONDecoder(strict=False)
    out: dict[int, dict[str, str]] = {}
    at, strange = 0, False
    while (at := body.find("{", at)) >= 0:
        try:
            found, end = decoder.raw_decode(body, at)
        except (ValueError, RecursionError):
            at += 1  # an object that is not closed may hold some that are
            continue
        at, several = end, found.get("texts")
        for one in several if isinstance(several, list) else [found]:
            one = {fields[0]: one} if isinstance(one, str) else one
            if not isinstance(one, dict) or not isinstance(one.get(fields[0]), str):
                strange = True
                continue
            number = one.get("n")
            place = number if isinstance(number, int) and not isinstance(number, bool) else len(out) + 1
            if 1 <= place <= lines:
                out.setdefault(place, {name: one[name] for name in fields if isinstance(one.get(name), str)})
        if strange and not out:
            break
    if out or not whole:
        return out
    raise failure("schema ignored" if strange else "half a JSON" if "{" in body else "no JSON")


# --- does it work ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """What one tiny call showed: the form of structure the server takes, whether it streams, the cost."""

    structure: str
    streams: bool
    usage: Usage = field(default_factory=Usage)


def probe(model: Model) -> Probe:
    """Send one tiny call that holds nothing of anybody's. Raises ModelError."""
    from langchain_core.messages import HumanMessage, SystemMessage

    messages = [
        SystemMessage('Answer with one JSON object: {"text": "ready"}. Nothing else.'),
        HumanMessage("Are you there?"),
    ]

    async def call() -> Probe:
        reply = await model.ask(messages, ("text",), 40)
        read_fields(reply.text, ("text",))
        return Probe(model.asks_for[0], model.streams, reply.usage)

    return model.submit(call()).result()
