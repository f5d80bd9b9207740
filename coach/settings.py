"""Settings from the environment and flags; read once at the edge and passed in.

No `.env` is read: a file in somebody's folder must not decide where a draft goes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from coach.errors import OptionError


class Settings(BaseSettings):
    """Where state lives and what may be reached. Every field is `COACH_<NAME>` in the environment.

    home: folder for the index and the fitted router. corpus: a folder laid over ours; where none
    is named, the one that `coach playbook add` keeps in home, once there is something in it.
    chroma_url: a Chroma server to use in place of the embedded index.
    host, port: where the page listens. user, password: needed for any address but loopback.
    max_chars: the longest draft that is read, in characters.

    model: a model's name at `base_url`, `local` or a GGUF file for one on this machine, or none.
    api_key: `OPENAI_API_KEY` in the environment; never printed. model_timeout: seconds a call may take in all.
    model_retries: times the client asks again after an answer that says "later". model_parallel: calls in flight.
    model_threads: of an on-device model; the processors by default, fewer where other work keeps them busy.
    model_budget: tokens a draft may cost, in and out. model_price: money for a million tokens in and out, `0.15/0.60`.
    model_cache: whose accepted texts are kept for next time. private_to_model: send private lines to a model elsewhere.
    """

    model_config = SettingsConfigDict(
        env_prefix="COACH_", extra="ignore", frozen=True, populate_by_name=True
    )

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("prep-coach")))
    corpus: Path | None = None
    chroma_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    user: str | None = None
    password: str | None = Field(default=None, repr=False)
    max_chars: int = Field(default=60_000, ge=1)
    model: str | None = None
    base_url: str = "https://api.openai.com/v1"
    api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("OPENAI_API_KEY"), repr=False)
    model_timeout: float = Field(default=60, gt=0, le=3600)
    model_retries: int = Field(default=2, ge=0, le=10)
    model_parallel: int = Field(default=4, ge=1, le=64)
    model_threads: int | None = Field(default=None, ge=1, le=256)
    model_budget: int = Field(default=60_000, ge=0)
    model_price: str | None = Field(default=None, pattern=r"^\d+(?:\.\d+)?/\d+(?:\.\d+)?$")
    model_cache: Literal["off", "public", "all"] = "public"
    private_to_model: bool = False

    @model_validator(mode="before")
    @classmethod
    def _with_own_playbook(cls, given: dict[str, Any]) -> dict[str, Any]:
        if not given.get("corpus"):
            own = Path(given.get("home") or platformdirs.user_data_dir("prep-coach")) / "playbook"
            if own.is_dir():
                return {**given, "corpus": own}
        return given


def load_settings(**flags: object) -> Settings:
    """Settings with flags laid over the environment; a flag of None means not given.

    Raises OptionError naming the setting when a value cannot be used.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if given.get("model") == "none":
        given["model"] = ""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "SETTING"
        raise OptionError(
            f"{'' if name.startswith('OPENAI') else 'COACH_'}{name} cannot be used: {first['msg'].lower()}.",
            "Correct it in the environment, and run the command again.",
        ) from None
