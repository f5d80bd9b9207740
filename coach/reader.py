"""A whole draft → what the fitted encoder sees in it: a vector for any stretch, in its context.

One pass reads the draft with its headings and neighbours, so a line is judged by where it stands
and not by its words alone. The encoder is all-MiniLM-L6-v2, taught on the corpus examples by
evals/reader/teach.py and kept as int8 ONNX in assets/. No network, ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from coach.blocks import Block
from coach.errors import EmbeddingError
from coach.schema import TAGS, Stated
from coach.segment import Unit
from coach.threads import one_thread
from coach.words import shares

Array = NDArray[np.float32]
Encode = Callable[[str], tuple[list[int], list[tuple[int, int]]]]

CUTS = ("block", "sentence", "line", "semicolon", "dash", "ellipsis", "colon", "connective", "comma")
KINDS = ("bullet", "row", "prose", "chat")
DIMENSIONS = 384
MAX_TOKENS = 400  # in one window; the encoder could take 512
_TAG_AT = {"owner": 0.7, "due": 0.65}  # how surely a token states it, 0.5 for the others: a wrong name is worse than a blank. Chosen on drafts nobody learned from
_LEAST = 40  # tokens of a block that must fit before it is begun in a window
_LEAD = 40  # tokens of a heading
_CLS, _SEP = 101, 102
_NOWHERE = (-1, -1)
_ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Window:
    """Token ids and, for each, its offsets in the draft; (-1, -1) for what is not an item's text."""

    ids: list[int]
    offsets: list[tuple[int, int]]


def pack(
    text: str, found: Sequence[Block], encode: Encode, order: Sequence[int] | None = None
) -> tuple[Window, ...]:
    """The blocks of a draft as windows the encoder can take, each block behind its heading.

    order: the numbers of the blocks to take, where not all of them in their order.
    """
    out: list[Window] = []
    window = Window([_CLS], [_NOWHERE])

    def close() -> None:
        nonlocal window
        if len(window.ids) > 1:
            _add(window, [_SEP])
            out.append(window)
        window = Window([_CLS], [_NOWHERE])

    above = None
    for number in range(len(found)) if order is None else order:
        block = found[number]
        heading = " ".join(one for one in (block.context or "", " | ".join(block.columns)) if one)
        lead = encode(heading)[0][:_LEAD] if heading and heading != above else []
        above = heading
        ids, offsets = encode(text[block.start : block.end])
        offsets = [(a + block.start, b + block.start) for a, b in offsets]
        at = 0
        while at < len(ids):
            room = MAX_TOKENS - len(window.ids) - 2 - (len(lead) + 1 if lead else 0)
            if room < min(_LEAST, len(ids) - at) and len(window.ids) > 1:
                close()
                continue
            if lead:
                _add(window, [*lead, _SEP])
                lead = []
            _add(window, ids[at : at + room], offsets[at : at + room])
            at += room
        if len(window.ids) > 1 and window.ids[-1] != _SEP:
            _add(window, [_SEP])
    close()
    return tuple(out)


def _add(window: Window, ids: Sequence[int], offsets: Sequence[tuple[int, int]] | None = None) -> None:
    window.ids.extend(ids)
    window.offsets.extend(offsets if offsets is not None else [_NOWHERE] * len(ids))


def encoder(tokenizer: Path = _ASSETS / "minilm-tokenizer.json") -> Encode:
    """Text → token ids and offsets, without special tokens."""
    loaded: Tokenizer = Tokenizer.from_file(str(tokenizer))
    loaded.no_truncation()
    loaded.no_padding()

    def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        done = loaded.encode(text.encode("utf-8", "replace").decode("utf-8"), add_special_tokens=False)
        return done.ids, done.offsets

    return encode


class Seen:
    """The encoded tokens of a draft: `starts`, `ends` (n,), `hidden` (n, 384)."""

    def __init__(self, starts: NDArray[np.int64], ends: NDArray[np.int64], hidden: Array) -> None:
        self.starts, self.ends, self.hidden = starts, ends, hidden
        self.begins: Array | None = None  # kept by Reader.begins

    def mean(self, start: int, end: int) -> Array:
        """The vector of draft[start:end]; zeros where no token stands."""
        inside = (self.starts < end) & (self.ends > start)
        return self.hidden[inside].mean(axis=0) if inside.any() else np.zeros(self.hidden.shape[1], np.float32)

    def means(self, spans: Sequence[tuple[int, int]]) -> Array:
        """One row a stretch, (n, 384)."""
        rows = [self.mean(start, end) for start, end in spans]
        return np.stack(rows) if rows else np.zeros((0, DIMENSIONS), np.float32)

    def first(self, start: int, end: int) -> Array:
        """The vector of the first token of draft[start:end]."""
        inside = np.flatnonzero((self.starts < end) & (self.ends > start))
        return self.hidden[inside[0]] if len(inside) else np.zeros(self.hidden.shape[1], np.float32)


def edge_row(seen: Seen, left: Unit, right: Unit, kind: str, means: tuple[Array, Array]) -> Array:
    """What the item-start head sees of the place between two units."""
    a, b = means
    cut = [1.0 if right.cut == one else 0.0 for one in CUTS]
    block = [1.0 if kind == one else 0.0 for one in KINDS]
    return np.concatenate([a, b, a * b, seen.first(right.start, right.end), np.array([*cut, *block], np.float32)])


class Reader:
    """The encoder and its heads. Deterministic: a window is read alone, never in a batch."""

    def __init__(self, folder: Path = _ASSETS) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the other core embeds meanwhile, and a waiting thread would spin on it
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                (folder / "reader.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            with np.load(folder / "reader.npz", allow_pickle=False) as arrays:
                self._heads = {name: arrays[name].astype(np.float32) for name in arrays.files}
        except (OSError, ValueError, onnxruntime.capi.onnxruntime_pybind11_state.Fail):
            raise EmbeddingError(
                "The reading model in the coach's own folder is missing or damaged.",
                "Install the coach again with `pip install --force-reinstall prep-coach`.",
            ) from None
        self._encode = encoder()
        self._pool = ThreadPoolExecutor(1)

    def read(self, text: str, found: Sequence[Block]) -> Seen:
        """The tokens of a draft's blocks, each seen with what stands around it."""
        starts: list[int] = []
        ends: list[int] = []
        rows: list[Array] = []
        for window in pack(text, found, self._encode):
            hidden = self._run(window.ids)
            for n, (a, b) in enumerate(window.offsets):
                if b > a:
                    starts.append(a)
                    ends.append(b)
                    rows.append(hidden[n])
        return Seen(
            np.array(starts, np.int64),
            np.array(ends, np.int64),
            np.stack(rows) if rows else np.zeros((0, DIMENSIONS), np.float32),
        )

    def rooms(self, means: Array) -> Array:
        """Chances of each of ROOMS, (n, 5), for the vectors of items or units."""
        return shares(self._linear("room", means))

    def private(self, means: Array) -> Array:
        """Chances of holding something private, (n,)."""
        return _sigmoid(self._linear("private", means)[:, 0])

    def then(self, means: Array) -> Array:
        """Chances that an item has a next stop: in the review, in the 1:1; (n, 2)."""
        return _sigmoid(self._linear("then", means))

    def starts(self, rows: Array) -> Array:
        """Chances that an item starts, (n,), for rows of `edge_row`."""
        return _sigmoid(self._linear("edge2", np.tanh(self._linear("edge1", rows)))[:, 0])

    def begins(self, seen: Seen) -> Array:
        """For each token of a draft the chance that a new matter begins with it, (n,); it needs no mark to see one."""
        if seen.begins is not None:
            return seen.begins
        if not len(seen.hidden):
            return np.zeros(0, np.float32)
        before = np.concatenate([np.zeros((1, seen.hidden.shape[1]), np.float32), seen.hidden[:-1]])
        rows = np.concatenate([seen.hidden, before], axis=1)
        seen.begins = _sigmoid(self._linear("begin2", np.tanh(self._linear("begin1", rows)))[:, 0])
        return seen.begins

    def stated(self, text: str, seen: Seen, start: int, end: int) -> tuple[Stated, ...]:
        """Stretches of draft[start:end] that state a lever, an owner, a due date or something private.

        Whole words, white space and loose marks trimmed; the chance is the mean of the tokens.
        """
        inside = np.flatnonzero((seen.starts < end) & (seen.ends > start))
        if not len(inside):
            return ()
        chances = _sigmoid(self._linear("tag2", np.tanh(self._linear("tag1", seen.hidden[inside]))))
        found: list[Stated] = []
        for column, tag in enumerate(TAGS):
            for run in _runs(chances[:, column] >= _TAG_AT.get(tag, 0.5)):
                tokens = inside[run]
                a, b = _whole_words(text, int(seen.starts[tokens[0]]), int(seen.ends[tokens[-1]]), start, end)
                if b > a:
                    found.append(Stated(start=a, end=b, tag=tag, chance=float(chances[run, column].mean())))
        return tuple(found)

    def points(self, texts: Sequence[str]) -> Array:
        """How surely each text, alone, points to a decision, (n,), 0 to 1."""
        return np.array([one.result() for one in map(self.begin_points, texts)], np.float32)

    @lru_cache(maxsize=1024)  # noqa: B019 - one reader lives as long as its process
    def begin_points(self, text: str) -> Future[float]:
        """Start on `points` of one text and do not wait."""
        return self._pool.submit(self._points, text)

    def _points(self, text: str) -> float:
        ids = self._encode(text)[0][: MAX_TOKENS - 2]
        if not ids:
            return 0.0
        hidden = self._run([_CLS, *ids, _SEP])
        return float(_sigmoid(self._linear("points", hidden[1:-1].mean(axis=0)[None]))[0, 0])

    def _run(self, ids: Sequence[int]) -> Array:
        given = np.array([ids], np.int64)
        (hidden,) = self._session.run(None, {"ids": given, "mask": np.ones_like(given)})
        return np.asarray(hidden[0], np.float32)

    def _linear(self, name: str, rows: Array) -> Array:
        with one_thread():
            return np.asarray(rows @ self._heads[f"{name}_weight"].T + self._heads[f"{name}_bias"], np.float32)


_LOOSE = " \t\n,;:.–—-|"
_JOINS = "/.,'’-&"  # what holds a word or a date together from inside


def _whole_words(text: str, start: int, end: int, least: int, most: int) -> tuple[int, int]:
    while start > least and text[start].isalnum() and _goes_on(text, start - 1, -1, least, most):
        start -= 1 if text[start - 1].isalnum() else 2
    while end < most and text[end - 1].isalnum() and _goes_on(text, end, 1, least, most):
        end += 1 if text[end].isalnum() else 2
    while start < end and text[start] in _LOOSE:
        start += 1
    while end > start and text[end - 1] in _LOOSE:
        end -= 1
    return start, end


def _goes_on(text: str, at: int, step: int, least: int, most: int) -> bool:
    """Whether a word that ends beside text[at] goes on there, or behind a mark inside it."""
    beyond = at + step
    return text[at].isalnum() or (text[at] in _JOINS and least <= beyond < most and text[beyond].isalnum())


def _runs(flags: NDArray[np.bool_]) -> Iterator[slice]:
    """Runs of true values; one or two false values between them do not break a run."""
    wide = flags.copy()
    wide[1:-1] |= flags[:-2] & flags[2:]
    if len(flags) > 3:
        wide[1:-2] |= flags[:-3] & flags[3:]
        wide[2:-1] |= flags[:-3] & flags[3:]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wide.astype(np.int8), [0]])))
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        yield slice(int(a), int(b))


def _sigmoid(scores: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))), np.float32)
