"""Settings from the environment, a `.env` file and flags; read once at the edge and passed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from coach.errors import OptionError


class Settings(BaseSettings):
    """Where state lives and what may be reached. Every field is `COACH_<NAME>` in the environment.

    home: folder for the index and the fitted router. corpus: a folder laid over ours; where none
    is named, the one that `coach playbook add` keeps in home, once there is something in it.
    chroma_url: a Chroma server to use in place of the embedded index.
    host, port: where the page listens. user, password: needed for any address but loopback.
    max_chars: the longest draft that is read, in characters.
    """

    model_config = SettingsConfigDict(
        env_prefix="COACH_", env_file=".env", extra="ignore", frozen=True
    )

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("prep-coach")))
    corpus: Path | None = None
    chroma_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    user: str | None = None
    password: str | None = Field(default=None, repr=False)
    max_chars: int = Field(default=60_000, ge=1)

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
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "setting"
        raise OptionError(
            f"COACH_{name.upper()} cannot be used: {first['msg'].lower()}.",
            "Correct it in the environment or in .env, and run the command again.",
        ) from None
