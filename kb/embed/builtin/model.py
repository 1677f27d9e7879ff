"""The static model: a text's vector is the weighted mean of one vector per token.

It knows English and Chinese, in one space; the Chinese table is read when a Chinese text comes.
Distilled from sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0); how the table was made stands
in benchmarks/builtin_model, what it owes to whom in data/NOTICE.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kb.embed.builtin.language import (
    CJK_LETTER_WEIGHT,
    EnglishGate,
    han_letters,
    is_chinese,
    words_of,
)
from kb.embed.builtin.wordpiece import WordPiece, split_words

if TYPE_CHECKING:
    from kb.embed.builtin.chinese import ChineseTable

NAME = "builtin:static"
DIMENSIONS = 256
DENSE_WEIGHT = 0.3
"""Share of the cosine in the fused score beside BM25's 0.7: measured in benchmarks/builtin_model. A
question that names a document gives it half, see `kb.search.naming`; an endpoint's embedder needs
its own."""

_ROWS_AT_ONCE = 4096  # bounds memory on huge texts: 4 MB of float32

Vectors = NDArray[np.float32]
Mask = NDArray[np.bool_]


class BuiltinModelError(RuntimeError):
    """The model's files are missing, damaged or of another shape: the installation is broken."""


@dataclass(frozen=True, slots=True)
class StaticModel:
    """Turns English and Chinese texts into unit vectors; safe to share between threads.

    `table` is (tokens, 256) int8, `scales` (tokens,) float32: a token's vector is the product.
    `chinese` gives the Chinese table, and reads it at the first call. `revision` is the SHA-256 of
    table, scales, vocabulary, gate and what the Chinese files hash to together: vectors of
    different revisions must not be compared.
    """

    table: NDArray[np.int8]
    scales: Vectors
    wordpiece: WordPiece
    gate: EnglishGate
    chinese: Callable[[], ChineseTable]
    revision: str
    name: str = NAME
    dimensions: int = DIMENSIONS

    def encode(self, texts: Sequence[str]) -> tuple[Vectors, Mask]:
        """Vectors (n, 256) of unit length, and which rows are `known` (n,).

        A text that is neither English nor Chinese, or that holds no token, gives a row of zeros and
        False. Rows do not depend on one another. Never raises on any string, but
        `BuiltinModelError` at the first Chinese one where the Chinese files are damaged.
        """
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        known = np.zeros(len(texts), np.bool_)
        for line, text in enumerate(texts):
            if self.gate.admits(text):
                total = self._sum_of_tokens(text)
            elif is_chinese(text):
                total = self._sum_of_both(text)
            else:
                continue
            vectors[line] = _unit(total)
            known[line] = vectors[line].any()
        return vectors, known

    def _sum_of_both(self, text: str) -> Vectors:
        """Chinese words and the Latin ones among them, each by how much of the text they are."""
        total = self.chinese().total(text)
        words = words_of(text)
        if not words:
            return total
        latin = _unit(self._sum_of_tokens(" ".join(words))) * sum(map(len, words))
        return _unit(total) * (CJK_LETTER_WEIGHT * han_letters(text)) + latin

    def _sum_of_tokens(self, text: str) -> Vectors:
        rows = self.wordpiece.rows(split_words(text))
        total = np.zeros(self.dimensions, np.float32)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = np.array(rows[start : start + _ROWS_AT_ONCE], np.intp)
            total += self.scales[some] @ self.table[some].astype(np.float32)
        return total


def _unit(total: Vectors) -> Vectors:
    length = float(np.sqrt(np.dot(total, total)))
    return total / length if length > 0 else total


@cache
def load_static_model() -> StaticModel:
    """Give the model in the package's data files; read once per process, in some 25 ms.

    Raises `BuiltinModelError` when a file is missing or does not fit the others.
    """
    return read_model(Path(__file__).with_name("data"))


def read_model(folder: Path) -> StaticModel:
    """Read the model in `folder`. Raises `BuiltinModelError` as `load_static_model` does."""
    names = ("table.npy", "scales.npy", "vocab.txt", "gate.npy", "gate.json", "chinese.sha256")
    try:
        digest = hashlib.sha256()
        for name in names:
            digest.update((folder / name).read_bytes())
        table = np.load(folder / "table.npy", mmap_mode="r", allow_pickle=False)
        scales = np.load(folder / "scales.npy", allow_pickle=False)
        weights = np.load(folder / "gate.npy", allow_pickle=False)
        vocabulary = (folder / "vocab.txt").read_text("utf-8").removesuffix("\n").split("\n")
        chinese = (folder / "chinese.sha256").read_text("ascii").strip()
        settings = json.loads((folder / "gate.json").read_text("utf-8"))
        gate = EnglishGate(weights, float(settings["scale"]), float(settings["bias"]))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise BuiltinModelError(f"the built-in model cannot be read: {error}") from error
    tokens = len(vocabulary)
    shapes = (table.shape, scales.shape, weights.ndim)
    kinds = (table.dtype.name, scales.dtype.name, weights.dtype.name)
    if shapes != ((tokens, DIMENSIONS), (tokens,), 1) or kinds != ("int8", "float32", "int8"):
        raise BuiltinModelError(f"the built-in model's files do not fit: {shapes}, {kinds}")
    rows = {piece: row for row, piece in enumerate(vocabulary) if piece}
    pieces = WordPiece(rows)
    return StaticModel(table, scales, pieces, gate, _chinese(folder, chinese), digest.hexdigest())


def _chinese(folder: Path, expected: str) -> Callable[[], ChineseTable]:
    """Give what reads the Chinese table once: an English search does not pay for it."""

    @cache
    def read() -> ChineseTable:
        from kb.embed.builtin.chinese import read_chinese

        try:
            return read_chinese(folder, expected)
        except (OSError, ValueError, EOFError) as error:
            raise BuiltinModelError(f"the built-in model cannot be read: {error}") from error

    return read
