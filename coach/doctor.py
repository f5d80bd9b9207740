"""Is everything in place? Each check says what it found, and what to do if it is wrong."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass

from coach.embedding import SHA256, verified_model
from coach.errors import CoachError
from coach.library import is_indexed
from coach.playbook import open_client
from coach.resources import load_corpus, load_rules
from coach.settings import Settings


@dataclass(frozen=True)
class Checked:
    """One check: whether it passed, what was found, and the fix if it did not."""

    ok: bool
    what: str
    fix: str = ""


def examine(settings: Settings) -> tuple[Checked, ...]:
    """Every check in the order a person would repair them."""
    return (
        _folder(settings),
        _corpus(settings),
        _embedding(),
        _index(settings),
        _server(settings),
        _telemetry(),
    )


def _folder(settings: Settings) -> Checked:
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except OSError:
        return Checked(False, f"The data folder {settings.home} cannot be written.", "Set COACH_HOME to one that can.")
    return Checked(True, f"The data folder {settings.home} can be written.")


def _corpus(settings: Settings) -> Checked:
    try:
        corpus = load_corpus(settings.corpus)
        rules, _ = load_rules(settings.corpus)
    except CoachError as error:
        return Checked(False, error.what, error.fix)
    return Checked(True, f"The corpus is sound: {len(corpus.pages)} pages, {len(rules)} rules, {len(corpus.drafts)} example drafts.")


def _embedding() -> Checked:
    try:
        verified_model()
    except CoachError as error:
        return Checked(False, error.what, error.fix)
    return Checked(True, f"The embedding model is the one we know (sha256 {SHA256[:12]}…).")


def _index(settings: Settings) -> Checked:
    try:
        if is_indexed(settings):
            return Checked(True, "The index is up to date.")
    except CoachError as error:
        return Checked(False, error.what, error.fix)
    return Checked(False, "The corpus is not indexed yet.", "Run `coach index`.")


def _server(settings: Settings) -> Checked:
    if not settings.chroma_url:
        return Checked(True, "The embedded Chroma index is used; no server is asked.")
    try:
        open_client(None, settings.chroma_url)
    except CoachError as error:
        return Checked(False, error.what, error.fix)
    return Checked(True, f"The Chroma server at {settings.chroma_url} answers.")


def _telemetry() -> Checked:
    for name in ("LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING"):
        if os.environ.get(name, "").lower() in ("1", "true"):
            return Checked(False, f"{name} is on, so LangChain would send drafts away.", f"Unset {name}.")
    return Checked(True, "Telemetry of Chroma, Gradio and LangChain is off.")
