"""The Chinese half of the static model: a table in the space of the English one.

A text's vector is the sum of one vector for each character and one for each known word of two to
four characters, wherever they stand: the words overlap, so that nothing need decide where one ends.
Traditional characters are read as simplified ones. How the table was made stands in
benchmarks/builtin_model, what it owes to whom in data/NOTICE.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import add
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: What the Chinese half is made of; `chinese.sha256` holds what they hash to together.
FILES: Final = (
    "chinese_table.npy",
    "chinese_scales.npy",
    "chinese_vocab.txt",
    "chinese_simplified.txt",
)
_ROWS_AT_ONCE: Final = 4096  # bounds memory on huge texts: 4 MB of float32
_RUN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChineseTable:
    """Sums the vectors of a text's characters and words.

    `table` is (tokens, 256) int8, `scales` (tokens,) float32: a token's vector is the product.
    `rows` gives a token's row, `longest` how long the longest token is that begins with two
    characters, `simplified` a traditional character's simplified one, by code point.
    """

    table: NDArray[np.int8]
    scales: Vectors
    rows: Mapping[str, int]
    longest: Mapping[str, int]
    simplified: Mapping[int, str]

    def total(self, text: str) -> Vectors:
        """Give the sum, shape (256,): zeros where the text holds nothing that is known."""
        found = self.rows_of(text)
        total = np.zeros(self.table.shape[1], np.float32)
        for start in range(0, len(found), _ROWS_AT_ONCE):
            some = np.array(found[start : start + _ROWS_AT_ONCE], np.intp)
            total += self.scales[some] @ self.table[some].astype(np.float32)
        return total

    def rows_of(self, text: str) -> list[int]:
        """Give the rows of all characters and words that are known, in no particular order."""
        rows, longest = self.rows, self.longest
        found: list[int | None] = []
        for run in _RUN.findall(text.translate(self.simplified)):
            found += map(rows.get, run)
            last = len(run)
            for at, pair in enumerate(map(add, run, run[1:])):
                reach = longest.get(pair)
                if reach is not None:
                    ends = range(at + 2, min(at + reach, last) + 1)
                    found += [rows.get(run[at:end]) for end in ends]
        return [row for row in found if row is not None]


def read_chinese(folder: Path, expected: str) -> ChineseTable:
    """Read the Chinese half in `folder`, whose files must hash to `expected`.

    Raises `OSError` and `ValueError` where a file is missing, damaged or of another shape.
    """
    if digest(folder) != expected:
        raise ValueError("its Chinese files are not those that belong to it")
    table = np.load(folder / FILES[0], mmap_mode="r", allow_pickle=False)
    scales = np.load(folder / FILES[1], allow_pickle=False)
    tokens = (folder / FILES[2]).read_text("utf-8").split()
    traditional, simplified = (folder / FILES[3]).read_text("utf-8").split()
    if (table.shape[0], table.dtype.name) != (len(tokens), "int8"):
        raise ValueError(f"its Chinese files do not fit: {len(tokens)}, {table.shape}")
    rows = {token: row for row, token in enumerate(tokens)}
    pairs = zip(map(ord, traditional), simplified, strict=True)
    return ChineseTable(table, scales, rows, longest_by_pair(tokens), dict(pairs))


def longest_by_pair(tokens: Iterable[str]) -> dict[str, int]:
    """Give how long the longest token is that begins with two characters.

    >>> longest_by_pair(["退", "退款", "退款期限", "期限"])
    {'退款': 4, '期限': 2}
    """
    longest: dict[str, int] = {}
    for token in tokens:
        if len(token) > 1:
            longest[token[:2]] = max(len(token), longest.get(token[:2], 0))
    return longest


def digest(folder: Path) -> str:
    """Give what the Chinese files in `folder` hash to together."""
    found = hashlib.sha256()
    for name in FILES:
        found.update((folder / name).read_bytes())
    return found.hexdigest()
