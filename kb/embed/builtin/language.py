"""The gates in front of the static model: is this text English, or is it Chinese?

English first, by two tests. Script: a text with a substantial share of letters outside the Latin
script is refused. Words: every word has a score from its letter n-grams (a linear model trained on
English against other Latin-script languages, see benchmarks/builtin_model), English function words
a bonus; the sum decides. What is not English is Chinese where Chinese characters carry at least
half of it, unless it begins with Japanese or Korean letters among them.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CJK_LETTER_WEIGHT = 2  # one such character carries about what two Latin letters do
READ_CHARACTERS = 4_000
FUNCTION_WORD_BONUS = 2.0  # so that a sentence with several foreign names is still English
FUNCTION_WORDS = frozenset(
    {"the", "and", "of", "with", "this", "that", "these", "which", "what", "how", "who", "whose"}
    | {"when", "where", "why", "from", "are", "were", "shall", "should", "does", "our", "your"}
)
READ_FOR_KANA = 200  # Japanese and Korean show themselves at once
_CACHED_WORDS = 200_000
_LONGEST_WORD = 40
_WORD = re.compile(r"[^\W\d_]+")
_OTHER_LETTER = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff]")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
# Without the middle dot and the long mark, which Chinese texts borrow.
_KANA_OR_HANGUL = re.compile(
    r"[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"
)


def words_of(text: str) -> list[str]:
    """Lower-cased runs of Latin letters, accents kept, in the first `READ_CHARACTERS`."""
    text = text[:READ_CHARACTERS].lower()
    return _WORD.findall(text if text.isascii() else _OTHER_LETTER.sub(" ", text))


def features_of(word: str, buckets: int) -> list[int]:
    """Buckets of the word's letter n-grams (2 to 4, ends marked) and of the whole word."""
    marked = f"<{word[:_LONGEST_WORD]}>"
    grams = {marked[i : i + n] for n in (2, 3, 4) for i in range(len(marked) - n + 1)}
    grams.add(f"={marked}")
    if not word.isascii():
        grams.add("non-ascii")
    return [zlib.crc32(gram.encode("utf-8", "replace")) % buckets for gram in sorted(grams)]


def other_script_share(text: str) -> float:
    """Share of the letters that are not Latin, 0 to 1; CJK characters count twice."""
    if text.isascii():
        return 0.0
    text = text[:READ_CHARACTERS]
    letters = sum(map(len, _WORD.findall(text)))
    cjk = len(_CJK.findall(text)) * (CJK_LETTER_WEIGHT - 1)
    other = len(_OTHER_LETTER.findall(text)) + cjk
    return other / (letters + cjk) if letters else 0.0


def han_letters(text: str) -> int:
    """Count the Chinese characters in the first `READ_CHARACTERS`."""
    return len(_HAN.findall(text[:READ_CHARACTERS]))


def is_chinese(text: str) -> bool:
    """Say whether Chinese characters carry at least half of the text, and it is not Japanese.

    >>> [is_chinese(text) for text in ("iPhone 保修政策", "What is 保修?", "退款のお知らせ")]
    [True, False, False]
    """
    if text.isascii():
        return False
    text = text[:READ_CHARACTERS]
    han = han_letters(text)
    others = sum(map(len, _WORD.findall(text))) - han
    weight = han * CJK_LETTER_WEIGHT
    return weight >= max(1, others) and not _KANA_OR_HANGUL.search(text[:READ_FOR_KANA])


@dataclass(frozen=True, slots=True)
class EnglishGate:
    """Says whether a text is English; `weights` are int8 log-odds by bucket, `scale` their unit."""

    weights: NDArray[np.int8]
    scale: float
    bias: float
    other_script_share: float = 0.25  # refused above this share of letters
    _scores: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def admits(self, text: str) -> bool:
        """Say whether it is English; False for other languages and for text without a letter."""
        if other_script_share(text) > self.other_script_share:
            return False
        words = words_of(text)
        return bool(words) and self.evidence(words) > 0

    def evidence(self, words: list[str]) -> float:
        """Log-odds that `words` are English: above 0 is English."""
        scores = self._scores
        total = self.bias
        for word in words:
            score = scores.get(word)
            total += self._score(word) if score is None else score
        return total

    def _score(self, word: str) -> float:
        buckets = features_of(word, len(self.weights))
        score = float(self.weights[buckets].mean(dtype=np.float64)) * self.scale
        if word in FUNCTION_WORDS:
            score += FUNCTION_WORD_BONUS
        if len(self._scores) < _CACHED_WORDS and len(word) <= _LONGEST_WORD:
            self._scores[word] = score
        return score
