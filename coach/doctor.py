"""Is everything in place? Each check says what it found, and what to do if it is wrong."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass

from coach.embedding import SHA256, verified_model
from coach.errors import CoachError
from coach.library import is_indexed
from coach.model import at, connect, leaves_to, probe
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
        *_model(settings),
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
    if os.environ.get("ORT_DISABLE_TELEMETRY") != "1":
        return Checked(False, "onnxruntime would report to its makers.", "Set ORT_DISABLE_TELEMETRY=1, and import coach before onnxruntime.")
    return Checked(True, "Telemetry of Chroma, Gradio, LangChain and onnxruntime is off.")


def _model(settings: Settings) -> tuple[Checked, ...]:
    """One tiny call, which holds nothing of anybody's: whether the model answers, in which form, and what it costs."""
    if not settings.model:
        return (Checked(True, "No language model is set; the coach writes by itself."),)
    try:
        model = connect(settings)
        assert model is not None
        try:
            found = probe(model)
        finally:
            model.close()
    except CoachError as error:
        return (Checked(False, error.what, error.fix),)
    away = leaves_to(settings)
    goes = f"public lines go to {away}{', and private ones too' if settings.private_to_model else ', private ones stay'}" if away else "nothing leaves this machine"
    structure = {"json_schema": "by JSON schema", "json_object": "as JSON", "none": "by the prompt alone"}[found.structure]
    price = found.usage.price(settings.model_price)
    about = "about " if found.usage.is_estimate else ""
    cost = f", {price:.6f} in money" if price is not None else ""
    return (
        Checked(True, f"The model {model.name} answers {at(model.where)} in {found.usage.seconds:.1f} s; {goes}."),
        Checked(True, f"It takes structure {structure}, and {'streams' if found.streams else 'does not stream, which costs nothing but the first glance'}."),
        Checked(True, f"This call took {about}{found.usage.tokens_in} tokens in and {found.usage.tokens_out} out{cost}; a draft may cost {settings.model_budget:,}."),
    )
