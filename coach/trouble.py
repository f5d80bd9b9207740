"""What can go wrong with a model: whatever a client raised → one of a few kinds, each with words for the user.

The words hold nothing of the call.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from coach.errors import ModelError


@dataclass(frozen=True)
class _Trouble:
    what: str
    fix: str
    stops: bool = True


_RETRY_LATER = "Prepare the draft again in a few minutes."
_ONCE = "Prepare the draft again, or use another model, if this line matters."
_TROUBLE: Mapping[str, _Trouble] = {
    "refused connection": _Trouble("Nothing answers at {where}.", "Start the model server, or correct COACH_BASE_URL."),
    "unknown host": _Trouble("The name {where} is not known on this network.", "Check COACH_BASE_URL and the network."),
    "unsafe connection": _Trouble(
        "The connection to {where} is not trusted (TLS).", "Check its certificate, or write http:// for a server without one."
    ),
    "wrong key": _Trouble("{where} does not accept the key.", "Check OPENAI_API_KEY."),
    "forbidden": _Trouble("{where} does not let this key use {name}.", "Use a key or a model that is allowed."),
    "unknown model": _Trouble("{where} has no model {name}.", "Check COACH_MODEL and COACH_BASE_URL."),
    "too many calls": _Trouble("{where} says: too many calls.", f"{_RETRY_LATER} A lower COACH_MODEL_PARALLEL helps."),
    "server fault": _Trouble("{where} failed.", _RETRY_LATER),
    "moved": _Trouble("{where} sends calls on to another address, which is not followed.", "Correct COACH_BASE_URL."),
    "slow": _Trouble("{name} did not answer within {seconds:g} s.", "Raise COACH_MODEL_TIMEOUT, or use a smaller model.", False),
    "cut off": _Trouble("The answer of {name} was cut off on its way.", _ONCE, False),
    "refusal": _Trouble("{name} declined to answer.", _ONCE, False),
    "too long": _Trouble("A line is too long for {name}.", "Split the line, or use a model that reads more.", False),
    "refused request": _Trouble("{where} does not understand the call.", "Check that it is an OpenAI-compatible server."),
    "empty reply": _Trouble("{name} answered with nothing.", _ONCE, False),
    "no JSON": _Trouble("{name} answered in another form than asked.", _ONCE, False),
    "half a JSON": _Trouble("{name} stopped in the middle of its answer.", _ONCE, False),
    "schema ignored": _Trouble("{name} answered in another form than asked.", _ONCE, False),
    "endless repetition": _Trouble("{name} repeated itself without end and was stopped.", _ONCE, False),
    "unusable": _Trouble("{name} failed in a way the coach does not know.", "Run coach doctor."),
}


def failure(kind: str, where: str = "The server", name: str = "The model", seconds: float = 0) -> ModelError:
    """The error of a kind: what happened, and what to do about it. seconds: how long was waited."""
    trouble = _TROUBLE[kind]
    return ModelError(kind, trouble.what.format(where=where, name=name, seconds=seconds), trouble.fix, trouble.stops)


def trouble_kinds() -> tuple[str, ...]:
    """Every kind of failure that is told apart."""
    return tuple(_TROUBLE)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        waiting += getattr(one, "exceptions", ())


_BY_STATUS = {401: "wrong key", 403: "forbidden", 404: "unknown model", 408: "slow", 413: "too long", 429: "too many calls"}
_TOO_LONG = re.compile(r"context|too long|exceeds? the|maximum.{0,20}tokens", re.I)


def kind_of(error: BaseException) -> str:
    """The kind of failure behind whatever a client raised."""
    from langchain_core import exceptions as named

    causes = list(_causes(error))
    if any(isinstance(one, named.ContextOverflowError) for one in causes):
        return "too long"
    if any(isinstance(one, named.ModelRefusalError) for one in causes):
        return "refusal"
    status = next((s for one in causes if isinstance(s := getattr(one, "status_code", None), int)), None)
    if status is not None:
        if status in (400, 422) and _TOO_LONG.search(str(error)):
            return "too long"
        if 300 <= status < 400:
            return "moved"
        return _BY_STATUS.get(status) or ("server fault" if status >= 500 else "refused request")
    for one in causes:
        if isinstance(one, ssl.SSLError):
            return "unsafe connection"
        if isinstance(one, socket.gaierror):
            return "unknown host"
    names = {type(one).__name__ for one in causes}
    if any(isinstance(one, TimeoutError) for one in causes) or names & {"APITimeoutError", "ReadTimeout", "ConnectTimeout", "PoolTimeout"}:
        return "slow"
    if names & {"RemoteProtocolError", "ReadError", "WriteError"} or any(isinstance(one, ConnectionResetError) for one in causes):
        return "cut off"
    if any(isinstance(one, ConnectionError) for one in causes) or names & {"ConnectError", "APIConnectionError"}:
        return "refused connection"
    for kind, known in (
        ("wrong key", named.ModelAuthenticationError),
        ("forbidden", named.ModelPermissionDeniedError),
        ("unknown model", named.ModelNotFoundError),
        ("too many calls", named.ModelRateLimitError),
        ("slow", named.ModelTimeoutError),
        ("refused connection", named.ModelConnectionError),
        ("refused request", named.ModelInvalidRequestError),
        ("server fault", named.ModelAPIError),
    ):
        if any(isinstance(one, known) for one in causes):
            return kind
    if names & {"APIError", "APIResponseValidationError"}:
        return "server fault"
    if names & {"JSONDecodeError"} or any(isinstance(one, ValueError) and "No generation" in str(one) for one in causes):
        return "refused request"  # a page in place of an answer
    return "unusable"
