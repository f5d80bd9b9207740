"""The prep coach: a draft update in, a private 1:1 brief and a public OKR brief out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Before onnxruntime is loaded, whoever loads it: from 1.29 on it reports every process to its makers, over the network and
# by native code that no block in Python sees; its own call to stop that comes too late for the first report.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from coach.errors import CoachError
    from coach.pipeline import Coach
    from coach.schema import Brief
    from coach.settings import Settings

__version__ = "0.1.0"
__all__ = ["Brief", "Coach", "CoachError", "Settings", "__version__"]

_HOMES = {
    "Brief": "coach.schema",
    "Coach": "coach.pipeline",
    "CoachError": "coach.errors",
    "Settings": "coach.settings",
}


def __getattr__(name: str) -> Any:
    # Lazy, so that `coach lint` does not pay for the index that `coach prep` needs.
    if name not in _HOMES:
        raise AttributeError(f"module 'coach' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
