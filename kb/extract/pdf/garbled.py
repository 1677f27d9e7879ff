"""Text that is not what a page shows: its fonts give letters other codes than they stand for.

Such a text has words and blanks, yet "wkh" where the page shows "the", and whoever searches it
finds nothing. It is told by how often each letter comes, which languages that are written in
Latin letters have much in common in.
"""

from __future__ import annotations

from typing import Final

import numpy as np

#: How often the letters from a to z come, in thousandths, on average over 25 languages.
_USUAL: Final = "114 15 24 40 108 9 25 23 86 10 27 48 30 83 62 22 4 59 57 65 35 20 6 4 13 10"
_SMALL: Final = slice(ord("a"), ord("z") + 1)
_CAPITAL: Final = slice(ord("A"), ord("Z") + 1)
#: "XXXX" stands where a name was struck out; the letter x is not counted.
_STRUCK_OUT: Final = ord("x") - ord("a")
_COUNTS: Final = np.array(_USUAL.split(), dtype=np.float64)
#: What each letter speaks for a language rather than for chance.
_WEIGHTS: Final = np.log(26 * _COUNTS / _COUNTS.sum())
#: Measured on translations of one text: the mean of English is 0.32, and 0.05 at least in nearly
#: all of 350 languages; with each letter replaced by one some places on, below -0.16 as a rule.
_LEAST: Final = -0.12
#: Fewer letters tell nothing.
_FEWEST: Final = 150
#: The beginning of a page is enough.
_MOST: Final = 1_500
#: Where other letters are the rule, those from a to z are names.
_SHARE: Final = 0.5
#: The scripts between Latin and the punctuation that all share, 128 codes each; nobody writes in
#: so many of them on one page.
_SCRIPTS: Final = frozenset(map(chr, range(0x0370, 0x1E00)))
_MANY: Final = 7
_FOREIGN: Final = 0.1
#: Of words rather than of formulas, letters are so many times the blanks.
_WORDS: Final = 2


def is_garbled(text: str) -> bool:
    """Tell whether the letters of a page are hardly those of any language, or of too many."""
    if len(text) < _FEWEST:
        return False
    text = text[:_MOST]
    counts = np.bincount(
        np.frombuffer(text.encode("latin-1", "replace"), dtype=np.uint8), minlength=128
    )
    foreign = counts[ord("?")] > _FOREIGN * len(text)  # as whatever is not of Latin-1 counted
    if foreign and len({ord(sign) >> 7 for sign in set(text) & _SCRIPTS}) >= _MANY:
        return True
    letters = counts[_SMALL] + counts[_CAPITAL]
    letters[_STRUCK_OUT] = 0
    total = int(letters.sum())
    blanks = int(counts[ord("\n")] + counts[ord(" ")])
    if total < max(_FEWEST, _SHARE * (len(text) - blanks), _WORDS * blanks):
        return False
    return bool(letters @ _WEIGHTS < _LEAST * total)
