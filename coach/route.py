"""Units → items → rooms: what the reader saw of a draft, and words that speak for a room.

Where an item starts and which clause is private the reader says. A room is decided by two voices:
the reader, which sees an item in its context, and linear models on words and signals, fitted when
the corpus is indexed, so that a line of JSON in a corpus of one's own teaches them. Both say as well
whether an item holds something private; where they suspect it, less surely private clauses are held
back. Whatever else speaks about a room later may make an item more private, never less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coach.blocks import Block
from coach.errors import IndexError_
from coach.reader import Reader, Seen, edge_row
from coach.schema import ROOMS, ExampleDraft, Room, Signal
from coach.segment import Unit, parted, units
from coach.words import Linear, Words, shares

Matrix = NDArray[np.float32]

# How sure the models must be; chosen on corpus drafts that neither model had learned from, so that
# a private clause is let through far less often than a public one is held back.
PRIVATE_AT = 0.2
SUSPECT_AT = 0.25  # how surely reader and words together find an item private, for its clauses to be read with more care
CARE_AT = 0.12  # for a clause of such an item, in place of PRIVATE_AT
SURE_AT = 0.6
SPLIT_AT = 0.4
BEGIN_AT = 0.35  # for a new matter where no mark parts it from the last
BEGIN_MARKED_AT = 0.93  # the same where the writer sets marks, or says little
BEGIN_SHARE = 0.3  # of the say about a cut at a mark; the rest is the judgement of its two sides
SAID_PRIVATE = 0.95  # the chance given to a clause with words that are private in any draft
WORDS_SHARE = 0.3  # of the say about a room; the rest is the reader's

_LONG = 20  # words of a block that may hold several matters
_MARK = re.compile(r"[.;!?](?=\s)")
# No matter ends with one of these words.
_OPEN = re.compile(r"\b(?:a|an|the|of|that|because|whether|if|my|our|your|their|his|its|to|with|from|about|than|and|or|is|are|was|were)\s+$", re.I)
# Sentences that go on with the matter before them: who decides and by when, and the choice itself.
_WHO_DECIDES = re.compile(
    r"(?:so |and )?(?:the |our |my )?[\w'’-]+(?: [\w'’-]+){0,2} "
    r"(?:(?:will |must |should |can |has to |needs to )?(?:decides?|chooses?|picks?|signs?(?: off)?|approves?|says which)"
    r"|needs (?:the|an|a) (?:choice|answer|yes|decision)|makes? (?:the|that) (?:call|choice)|has (?:the|that) call)\b[^.;!?]{0,30}[.!?]?$",
    re.I,
)
_WHICH_WAY = re.compile(
    r"(?:either|cut|drop|stop|take|pay|hire|buy|keep|move|shut|close|open|ship|delay|swap|rent|lend|split|leave|wait|shift|run|fund|merge|freeze|park|"
    r"pause|lower|raise|skip|give|order|extend)\b[^.!?]{6,160}\bor\b",
    re.I,
)
# A sentence that offers a choice, and opens no topic of its own: it mostly is the way out of what the last one says.
_A_CHOICE = re.compile(
    r"(?!(?:for|about|on|with|then|regarding|as for|concerning|in)\b)[^.!?\n:]{0,90}?"
    r"(?:\beither\b[^.!?\n]{3,160}\bor\b|\b(?:or|or else|else|otherwise) (?:we|i|they|you)\b|\b(?:two|three|2|3) (?:choices|options|ways)\b)",
    re.I,
)
_OFFERS = re.compile(r"\b(?:either|or|unless|else|otherwise|options?)\b", re.I)
CHOICE_SHARE = 0.4  # of the chance of a start that is left to such a sentence


_ABOUT_THE_LAST = re.compile(r"(?:(?:of|for|in|on|by|from|to|with) (?:which|whom)\b|(?:who|whom|whose)\b(?! (?:owns|decides|takes|is going|should|will|can)\b))", re.I)
_OF_THE_SAME = re.compile(r"(?:he|she|he's|she's|is|are|was|were|has|have|had|will|won't|can't|did|does|doesn't|didn't|wants|says|said|told|feels|thinks)\b", re.I)
_OR_ELSE = re.compile(r"(?:otherwise|or else|else|if not|or (?:i|we|she|he|they)(?:'ll|'d)?)\b", re.I)


@dataclass(frozen=True)
class Judged:
    """A unit with its vector in the draft, its chance of being private and of each room."""

    unit: Unit
    vector: Matrix
    private: float
    rooms: Matrix


@dataclass(frozen=True)
class Verdict:
    """A room with how sure the model is, 0 to 1, and the signals that speak for it.

    private_at: how surely private a clause must be to be held back. to_review, to_one_on_one: chances that the item has its
    next stop there.
    """

    room: Room
    confidence: float
    chances: Matrix
    signals: tuple[str, ...]
    private_at: float
    to_review: float
    to_one_on_one: float


class Router:
    """The reader with the fitted words. `fit` makes one from examples, `save` and `load` keep it without pickle."""

    def __init__(self, words: Words, room: Linear, private: Linear, signals: Sequence[Signal], reader: Reader) -> None:
        self.words, self._room, self._private, self.reader = words, room, private, reader
        self._given = tuple(signals)

    # --- use -----------------------------------------------------------------------------------

    def parts(self, text: str, found: Sequence[Block], seen: Seen) -> tuple[Unit, ...]:
        """The units of a draft, cut also where a new matter begins without a mark, as in dictation."""
        begins = self.reader.begins(seen)
        wanted = np.ones_like(begins)
        for block in found:
            inside = (seen.starts >= block.start) & (seen.starts < block.end)
            marked = _MARK.search(text, block.start, block.end - 1) is not None
            wanted[inside] = BEGIN_MARKED_AT if marked or len(text[block.start : block.end].split()) < _LONG else BEGIN_AT
        places = [int(seen.starts[n]) for n in np.flatnonzero(begins >= wanted)]
        return parted(text, units(text, found), [place for place in places if not _OPEN.search(text, max(0, place - 24), place)])

    def judge(self, text: str, parts: Sequence[Unit], seen: Seen) -> tuple[Judged, ...]:
        """Every unit with its chances, each seen together with what stands around it."""
        if not parts:
            return ()
        means = seen.means([(unit.start, unit.end) for unit in parts])
        rooms = self.reader.rooms(means)
        texts = [text[unit.start : unit.end] for unit in parts]
        private = [float(one) for one in self.reader.private(means)]
        shown = [{name for name in self.words.signals_of(one) if name.startswith("always_private.")} for one in texts]
        for n in range(1, len(parts)):
            # "Ana and the works council don't speak": a cut before `and` parts two people from what is between them.
            if parts[n].block == parts[n - 1].block and re.match(r"(?:and|und|&)\b", texts[n], re.I):
                both = text[parts[n - 1].start : parts[n].end]
                if "always_private.friction" in self.words.signals_of(both):
                    shown[n - 1].add("always_private.friction")
                    shown[n].add("always_private.friction")
        for sentence in _sentences_of(parts):
            # What the writer has kept quiet is what stands around it.
            whole = any(_OF_ITS_SENTENCE & shown[n] for n in sentence)
            for n in sentence:
                if shown[n] or whole:
                    private[n] = max(private[n], SAID_PRIVATE)
        private = _spread(parts, texts, private)
        return tuple(Judged(unit, means[n], private[n], rooms[n]) for n, unit in enumerate(parts))

    def starts(self, text: str, found: Sequence[Block], judged: Sequence[Judged], seen: Seen) -> tuple[bool, ...]:
        """For each unit whether a new item starts with it."""
        asked: dict[int, int] = {}
        rows: list[Matrix] = []
        begins = self.reader.begins(seen)
        for n, (left, right) in enumerate(pairwise(judged), 1):
            if right.unit.cut not in ("block", "run") and right.unit.block == left.unit.block and not self._belongs(text, left, right):
                asked[n] = len(rows)
                kind = found[right.unit.block].kind
                rows.append(edge_row(seen, left.unit, right.unit, kind, (left.vector, right.vector)))
        chances = self.reader.starts(np.stack(rows)) if rows else np.zeros(0, np.float32)
        out: list[bool] = []
        so_far = 0  # words of the item that is being put together
        for n, one in enumerate(judged):
            if n in asked:
                left = judged[n - 1]
                # A private clause next to a public one is cut off even where the reader would join
                # them: what is whole cannot be half shown.
                apart = abs(left.private - one.private) > 0.55 and min(so_far, _length(text, one)) >= 4
                begun = begins[(seen.ends > one.unit.start) & (seen.starts < one.unit.end)][:4].max(initial=0.0)
                chance = (1 - BEGIN_SHARE) * chances[asked[n]] + BEGIN_SHARE * begun
                if one.unit.cut == "sentence" and max(left.private, one.private) < PRIVATE_AT and self._way_out(text, left.unit.start, one.unit.start):
                    chance *= CHOICE_SHARE
                out.append(bool(chance >= SPLIT_AT) or apart)
            else:
                out.append(n == 0 or one.unit.cut in ("block", "run") or judged[n - 1].unit.block != one.unit.block)
            so_far = _length(text, one) + (0 if out[-1] else so_far)
        return tuple(out)

    @staticmethod
    def _belongs(text: str, left: Judged, right: Judged) -> bool:
        """A label belongs to what it labels, a relative clause to its person, a choice to what makes it needed."""
        labels = right.unit.cut == "colon" and _length(text, left) <= 6
        start, end = right.unit.start, right.unit.end
        goes_on = max(left.private, right.private) < PRIVATE_AT and (_WHO_DECIDES.match(text[start:end]) or _WHICH_WAY.match(text, start))
        return labels or bool(goes_on) or _ABOUT_THE_LAST.match(text, start) is not None

    @staticmethod
    def _way_out(text: str, before: int, start: int) -> bool:
        """Whether a sentence offers a choice that the words before it lack."""
        return _A_CHOICE.match(text, start) is not None and _OFFERS.search(text, before, start) is None

    def rooms_of(
        self, text: str, spans: Sequence[tuple[int, int]], private: Sequence[float], seen: Seen
    ) -> list[Verdict]:
        """The rooms of a draft's items in order; `private` is the highest chance among each one's clauses."""
        if not spans:
            return []
        items = [text[start:end] for start, end in spans]
        means = seen.means(spans)
        chances, suspect = self.mixed(items, self.reader.rooms(means), self.reader.private(means))
        then = self.reader.then(means)
        out = [
            self._verdict(item, chances[n].copy(), private[n], CARE_AT if suspect[n] >= SUSPECT_AT else PRIVATE_AT, then[n])
            for n, item in enumerate(items)
        ]
        for n, one in enumerate(out):
            # "Meals is yellow." says nothing, and its exception nothing that the next sentence does not.
            followed = n + 1 < len(out) and "\n" not in text[spans[n][1] : spans[n + 1][0]] and out[n + 1].room in ("okr_review", "okr_doc")
            named = "always_review.named_exception" in one.signals
            if one.room in ("okr_review", "okr_doc", "staff_meeting") and "always_leave_out.verdict_alone" in one.signals and (followed or not named):
                out[n] = replace(one, room="leave_out", confidence=float(max(one.chances)))
        return out

    def mixed(self, items: Sequence[str], rooms: Matrix, private: Matrix) -> tuple[Matrix, Matrix]:
        """The chances of rooms, (n, 5), and of holding something private, (n,), as the words and the reader see them together."""
        rows = self.words.rows(items)
        said, held = self._room.chances(*rows), self._private.chances(*rows)
        both = WORDS_SHARE * np.log(said + 1e-6) + (1 - WORDS_SHARE) * np.log(rooms + 1e-6)
        read = np.stack([1 - private, private], axis=1)
        # Each as loud as the other: on words alone a stranger's matter is seen nearly as well, and other ones are missed.
        return shares(both), shares((np.log(held + 1e-6) + np.log(read + 1e-6)) / 2)[:, 1]

    def _verdict(self, item: str, chances: Matrix, private: float, private_at: float, then: Matrix) -> Verdict:
        best = ROOMS[int(chances.argmax())]
        shown = tuple(self.words.signals_of(item))
        if best in ("okr_doc", "staff_meeting", "leave_out") and any(name.startswith("always_review.") for name in shown):
            # What will not come, or waits, is put to the room even when no choice is offered yet.
            best = "okr_review"
            chances[ROOMS.index(best)] = chances.max() + 0.01
            chances /= chances.sum()
        elif best == "okr_review" and "okr_doc.asks_nothing" in shown:
            best = "okr_doc"
            chances[ROOMS.index(best)] = chances.max() + 0.01
            chances /= chances.sum()
        alone = float(chances[0])
        if best != "one_on_one" and (private >= SURE_AT or (private >= private_at and alone >= 0.12)):
            # Monotone: a clause that may be private pulls the item into the private room.
            chances[0] = max(float(chances[0]), private, 0.5)
            chances /= chances.sum()
            best = "one_on_one"
        return Verdict(best, float(chances[ROOMS.index(best)]), chances, shown, private_at, float(then[0]), float(then[1]))

    # --- fit and keep --------------------------------------------------------------------------

    @classmethod
    def fit(cls, drafts: Sequence[ExampleDraft], signals: Sequence[Signal], reader: Reader) -> Router:
        """Fit the words on labelled drafts; deterministic for the same corpus."""
        items = [item for draft in drafts for item in draft.items]
        words = Words.learn([item.quote for item in items], signals)
        columns = words.columns([item.quote for item in items])

        room = words.fitted(columns, [ROOMS.index(item.room) for item in items], len(ROOMS))
        return cls(words, room, words.fitted(columns, [int(item.private) for item in items], 2), signals, reader)

    def save(self, folder: Path) -> None:
        """Write router.npz and router.json into an existing folder."""
        arrays: dict[str, Any] = {"weights": self.words.weights}
        for name, one in (("room", self._room), ("private", self._private)):
            arrays |= {f"{name}_sparse": one.sparse, f"{name}_dense": one.dense, f"{name}_bias": one.bias}
        np.savez(folder / "router.npz", **arrays)
        with (folder / "router.json").open("w", encoding="utf-8") as file:
            json.dump(
                {
                    "vocabulary": list(self.words.vocabulary),
                    "signals": [one.model_dump(mode="json") for one in self._given],
                },
                file,
            )

    @classmethod
    def load(cls, folder: Path, reader: Reader) -> Router:
        """Read what `save` wrote. Raises IndexError_ if it is damaged."""
        try:
            data = json.loads((folder / "router.json").read_text("utf-8"))
            signals = [Signal.model_validate(one) for one in data["signals"]]
            with np.load(folder / "router.npz", allow_pickle=False) as arrays:
                room, private = (
                    Linear(arrays[f"{name}_sparse"], arrays[f"{name}_dense"], arrays[f"{name}_bias"]) for name in ("room", "private")
                )
                words = Words(data["vocabulary"], arrays["weights"], signals)
        except (OSError, ValueError, KeyError):
            raise IndexError_(
                "The fitted router cannot be read.", "Run `coach index --force` to build it again."
            ) from None
        return cls(words, room, private, signals, reader)


_OF_ITS_SENTENCE = frozenset({"always_private.kept_quiet"})


def _sentences_of(parts: Sequence[Unit]) -> list[list[int]]:
    """The numbers of the units of each sentence."""
    out: list[list[int]] = []
    for n, one in enumerate(parts):
        if n and one.block == parts[n - 1].block and one.cut in _WITHIN:
            out[-1].append(n)
        else:
            out.append([n])
    return out


_WITHIN = frozenset({"colon", "connective", "comma", "dash", "ellipsis"})


def _spread(parts: Sequence[Unit], texts: Sequence[str], private: Sequence[float]) -> list[float]:
    """The chances of units being private, each at least that of what it belongs to in its sentence."""
    out = list(private)
    for n in reversed(range(1, len(parts))):
        if parts[n].block != parts[n - 1].block:
            continue
        # Who a clause is about is as private as what it says, and so is the subject of a late verb, or of a pronoun.
        if _ABOUT_THE_LAST.match(texts[n]) or (parts[n].cut == "comma" and _OF_THE_SAME.match(texts[n])):
            out[n - 1] = max(out[n - 1], out[n])
    told = 0.0  # how private the words before a colon are, while their sentence goes on
    for n in range(1, len(parts)):
        if parts[n].block != parts[n - 1].block:
            told = 0.0
            continue
        if parts[n].cut == "colon":
            told = out[n - 1]
        elif parts[n].cut in ("sentence", "line", "run"):
            told = 0.0
        short = parts[n].cut in ("comma", "connective") and len(texts[n].split()) <= 3
        if short and out[n] >= SURE_AT:
            out[n - 1] = max(out[n - 1], out[n])  # "…, third-hand" is said of all before it
        if told >= PRIVATE_AT:
            out[n] = max(out[n], told)
        elif out[n - 1] >= PRIVATE_AT and (short or _OR_ELSE.match(texts[n])):
            out[n] = max(out[n], out[n - 1])  # in a private list, or what comes of a private matter
    return out


def _length(text: str, one: Judged) -> int:
    return len(text[one.unit.start : one.unit.end].split())
