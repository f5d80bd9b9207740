"""What was typed in haste → how it is spelled; which words those are is data, in corpus/phrasing."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HASTY = re.compile(r"(?<![^\W_])(?:w/o|w/(?= )|b/c|[^\W\d_]+(?:['’][^\W\d_]+)?)(?![^\W_])", re.I)


def spelled(words: str, spellings: Mapping[str, str]) -> str:
    """Words of a draft on one line, with what was typed in haste spelled out."""

    def one(match: re.Match[str]) -> str:
        typed = match[0]
        right = spellings.get(typed.lower().replace("’", "'"))
        if right is None or (typed.isupper() and len(typed) > 1):
            return typed  # capitals are a name or an abbreviation: IM, UR, BC
        return right[0].upper() + right[1:] if typed[0].isupper() else right

    return _HASTY.sub(one, re.sub(r"\s+", " ", words))
