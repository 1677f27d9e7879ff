"""How many tokens has a text? What it cannot exceed, and an estimate that is mildly high."""

from __future__ import annotations

import re
from math import ceil
from typing import Final
from unicodedata import normalize

#: Tokens that a model adds to a text: a beginning, an end, a mark of the first word.
SPECIALS: Final = 8
#: Those that models usually add.
_USUAL: Final = 2
#: A word of Latin letters, or any other single character.
_RUN: Final = re.compile("[A-Za-z\u00c0-\u024f]+|\\S")
_SIGNS: Final = "\uffff"


def at_most(text: str) -> int:
    """Give a number of tokens that the text does not exceed, whatever the model.

    A token has one byte at least, of the text or of the form that a tokenizer gives it: accents
    apart, signs such as ㎏ spelt out.
    """
    size = len(text)
    if not text.isascii():
        size = max(len(text.encode()), len(normalize("NFKD", text).encode()))
    return size + SPECIALS


def weigh(text: str) -> int:
    """Give a mild over-estimate of the text's tokens.

    A word of Latin letters: 5 tokens for 18 letters, half a token for each capital where there
    are no others, and one at least. Every other character (digit, sign, Chinese) is one token,
    beyond the basic plane (emoji) two; alphabets other than Latin are over-estimated.
    """
    return _USUAL + ceil(sum(map(_tokens, _RUN.findall(text))))


def _tokens(run: str) -> float:
    size = len(run)
    if size == 1:
        return 1 if run <= _SIGNS else 2
    return max(1.0, size / 2 if run.isupper() else size * 5 / 18)
