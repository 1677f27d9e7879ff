"""A Chinese question in English words, so that English passages are found as well.

Word by word from a dictionary (`words.txt`; `benchmarks/bilingual` makes it, NOTICE says of what):
no translation, but enough for ranking. The longest words are looked for first; what the dictionary
does not know is left out, and Latin letters and numbers stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

#: What an English passage is worth beside a Chinese one that fits as well: half, so that those in
#: the question's own language come first (measured: their recall@1 is then what it was alone).
SHARE: Final = 0.5
_LONGEST: Final = 8
_CHINESE: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_RUN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+|[A-Za-z0-9][A-Za-z0-9.,%'-]*")
#: Words that bear no meaning for a search.
_EMPTY: Final = frozenset(
    "的了是在和与及或有呢吗吧被为以于对而之其这那哪谁什么些将把从到就也都很更最后前时中上下内外"
)


def in_english(question: str) -> str:
    """Give the question's words in English; "" where it is not Chinese, or quotes a phrase.

    >>> in_english("退款期限是多久？"), in_english("When does it end?")
    ('refund return term time limit long', '')
    """
    text = unicodedata.normalize("NFKC", question)
    if not _CHINESE.search(text) or '"' in text or "“" in text:
        return ""
    found: list[str] = []
    for run in _RUN.findall(text):
        if _CHINESE.match(run):
            found += _words(run)
        else:
            found.append(run)
    return " ".join(found)


def joined(own: Mapping[int, float], english: Mapping[int, float]) -> dict[int, float]:
    """Give the BM25 scores of both wordings by chunk id, the English ones on a lower scale.

    >>> joined({1: 8.0, 2: 2.0}, {2: 3.0, 3: 1.5})
    {1: 8.0, 2: 4.0, 3: 2.0}
    """
    if not own or not english:
        return dict(own or english)
    scale = SHARE * max(own.values()) / max(english.values())
    both = {key: max(own.get(key, 0.0), scale * score) for key, score in english.items()}
    found = dict(own) | both
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def _words(run: str) -> Iterator[str]:
    """Cut Chinese characters into words that the dictionary knows, the longest first."""
    at = 0
    while at < len(run):
        for length in range(min(_LONGEST, len(run) - at), 0, -1):
            word = run[at : at + length]
            english = None if word in _EMPTY else _entry(word)
            if english is not None:
                yield english
                at += length
                break
        else:
            at += 1


def _entry(word: str) -> str | None:
    """Give the English words of a Chinese one, or None.

    The lines are in order, also as bytes: a search by halves is a fifth of what reading all of them
    into a table would take.
    """
    lines = _lines()
    key = f"{word}\t".encode()
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        start = lines.rfind(b"\n", 0, middle) + 1
        if lines[start : start + len(key)] < key:
            low = lines.index(b"\n", middle) + 1
        else:
            high = start
    if not lines.startswith(key, low):
        return None
    return lines[low + len(key) : lines.index(b"\n", low)].decode().replace(",", "")


@cache
def _lines() -> bytes:
    return Path(__file__).with_name("words.txt").read_bytes()
