"""Accept or reject a produced text: faithful to the draft, free of what is private, decidable.

Whoever wrote the text, composer or model, these checks stand between it and the reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from coach.facts import date_spans
from coach.schema import AnswerPiece, BlankPiece, CoachPiece, DraftPiece, Rewrite, Span
from coach.spelling import spelled
from coach.stems import stems

_WORD = re.compile(r"[^\W_][\w'’.,:/%-]*[\w%]|[^\W_]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)\b[A-ZÀ-Þ][\w'’-]{2,}")
_SHORT_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)\b[A-ZÀ-Þ][a-zà-ÿ]\b")
_SHORT_WORDS = frozenset("We He It My No On In At Is If So To Of Or Up Us Be By Do Go Am An As Me Ok Oh Hr Fr Dr Mr Ms Vp Re Ps Th Mo Tu Fr Sa Su".split())
STOP_WORDS = frozenset(
    "a an the and or but of to in on at for with by is are was were be been being it its this that these those i we you he she they my our your his her "
    "their me us him them as so not no do does did done have has had will would can could should may might must if then than from into over about up out all any "
    "more most some just only also very really now still get got one two three what which who when where why how there here because either unless until while am im "
    "i'm i've don't doesn't didn't isn't it's that's can't won't need needs want wants said says say told tell asked ask think know going".split()
)


@lru_cache(maxsize=1024)  # the clauses of a draft are asked about for every line made of it
def content_words(text: str) -> frozenset[str]:
    """Stems of the words that carry meaning."""
    words = [word.lower().strip(".,:'’").replace("’", "'") for word in _WORD.findall(text)]
    return frozenset(stems([word for word in words if len(word) > 2 and word not in STOP_WORDS]))


def own_words(draft: str, private: Sequence[Span], public: Sequence[Span]) -> tuple[frozenset[str], ...]:
    """For each private clause the words that no public clause of the draft holds."""
    known = content_words(" \n ".join(draft[span.start : span.end] for span in public))
    return tuple(content_words(draft[span.start : span.end]) - known for span in private)


def leaks(
    text: str, draft: str, private: Sequence[Span], public: Sequence[Span], share: float = 0.5
) -> tuple[int, ...]:
    """The numbers of the private clauses that a public text gives away, by word or by name.

    A clause is given away when the text holds it verbatim, this share of its own content words (two
    at the least), or a name that stands only in private clauses.
    """
    plain = _flat(text)
    words = content_words(text)
    shown = " \n ".join(draft[span.start : span.end] for span in public).lower()
    found = []
    for number, (span, own) in enumerate(zip(private, own_words(draft, private, public), strict=True)):
        clause = draft[span.start : span.end]
        shared = own & words
        names = {name for name in _NAME.findall(clause) if name.lower() not in shown}
        names |= {name for name in _SHORT_NAME.findall(clause) if name not in _SHORT_WORDS and not re.search(rf"\b{name}\b", shown, re.I)}
        verbatim = len(clause.split()) >= 3 and _flat(clause) in plain
        if (
            verbatim
            or len(shared) >= max(2, share * len(own))
            or any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)
        ):
            found.append(number)
    return tuple(found)


@lru_cache(maxsize=1024)
def _flat(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def inventions(text: str, draft: str, answers: Sequence[str] = ()) -> tuple[str, ...]:
    """Numbers, dates and names of a text that neither the draft nor an answer holds."""
    source = "\n".join([draft, *answers])
    low = source.lower()
    digits = set(_NUMBER.findall(source))
    body = re.sub(r"\[[^\]]*\]", "", text)
    found = [number for number in _NUMBER.findall(body) if number not in digits]
    found += [body[a:b] for a, b in date_spans(body) if re.sub(r"\W+", " ", body[a:b].lower()) not in re.sub(r"\W+", " ", low)]
    found += [name for name in _NAME.findall(body) if name.lower() not in low]
    return tuple(dict.fromkeys(found))


def maps_back(rewrite: Rewrite, draft: str, spellings: Mapping[str, str]) -> bool:
    """Whether the pieces join to the text and every draft piece restates its span, hasty spellings aside."""
    if "".join(piece.text for piece in rewrite.pieces) != rewrite.text:
        return False
    for piece in rewrite.pieces:
        if isinstance(piece, DraftPiece):
            if piece.text.lower() != spelled(draft[piece.start : piece.end], spellings).lower():
                return False
        elif isinstance(piece, CoachPiece):
            if re.search(r"\d", piece.text):
                return False
        elif not isinstance(piece, BlankPiece | AnswerPiece):
            return False
    return True


def is_decidable(rewrite: Rewrite) -> bool:
    """Whether a text for the review names its lever, owner and date, or shows them as blanks."""
    return rewrite.room != "okr_review" or (
        (rewrite.lever is not None or "[lever?]" in rewrite.text)
        and (rewrite.owner is not None or "[owner?]" in rewrite.text)
    )
