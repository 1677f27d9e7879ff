"""BERT-uncased WordPiece in pure Python: the same tokens as the `tokenizers` package gives.

Difference by intent: a special token written in a text ("[SEP]") is read as plain characters.
Source: the rules of `BertNormalizer`, `BertPreTokenizer` and `WordPiece` in huggingface/tokenizers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

LONGEST_WORD = 100
_CACHED_WORDS = 200_000
_ASCII_TOKEN = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_ASCII_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),  # as in the reference, which skips 2B820 to 2B91F
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


@lru_cache(maxsize=1 << 16)
def _cleaned(char: str) -> str:
    """Spaces for white space, nothing for control characters, CJK characters set apart."""
    if char in "\t\n\r":
        return " "
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Co", "Cs") or char == "\ufffd":
        return ""
    if category in ("Zs", "Zl", "Zp"):
        return " "
    code = ord(char)
    return f" {char} " if any(low <= code <= high for low, high in _CJK) else char


@lru_cache(maxsize=1 << 16)
def _pointed(char: str) -> str:
    """Nothing for accents, punctuation set apart, everything else as it is."""
    category = unicodedata.category(char)
    if category == "Mn":
        return ""
    symbol = char.isascii() and char.isprintable() and not char.isalnum() and char != " "
    return f" {char} " if symbol or category[0] == "P" else char


def split_words(text: str) -> list[str]:
    """Lower-cased words without accents, punctuation marks and CJK characters, in order."""
    if text.isascii():
        return _ASCII_TOKEN.findall(text.translate(_ASCII_CONTROL).lower())
    plain = unicodedata.normalize("NFD", "".join(map(_cleaned, text)))
    return "".join(map(_pointed, plain)).lower().split()


@dataclass(frozen=True, slots=True)
class WordPiece:
    """Greedy longest-match pieces of words; `vocabulary` maps a piece to its row."""

    vocabulary: Mapping[str, int]
    _known: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)

    def rows(self, words: Iterable[str]) -> list[int]:
        """Rows of the pieces of `words` (from `split_words`), in order; unknown words give none."""
        known = self._known
        out: list[int] = []
        for word in words:
            pieces = known.get(word)
            out += self._pieces(word) if pieces is None else pieces
        return out

    def _pieces(self, word: str) -> tuple[int, ...]:
        if len(word) > LONGEST_WORD:
            return ()
        rows: list[int] = []
        start = 0
        while start < len(word):
            end, row = len(word), None
            while end > start:
                piece = word[start:end] if start == 0 else "##" + word[start:end]
                row = self.vocabulary.get(piece)
                if row is not None:
                    break
                end -= 1
            if row is None:
                rows = []
                break
            rows.append(row)
            start = end
        if len(self._known) < _CACHED_WORDS:
            self._known[word] = tuple(rows)
        return tuple(rows)
