"""What number does a clause's numeral stand for: Arabic, Roman, Chinese, letter or word?"""

from __future__ import annotations

import unicodedata
from typing import Final

_CHINESE: Final = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "两": 2}
_POWERS: Final = {"十": 10, "百": 100, "千": 1000}
_ROMAN: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
#: Spelt-out numbers, as "ARTICLE ONE" has them; for a pattern.
WORDS: Final = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    "sixteen|seventeen|eighteen|nineteen|twenty"
)
_WORDS: Final = WORDS.split("|")


def arabic(numeral: str) -> int | None:
    """Give the value of Arabic digits, of full or half width; None where it is something else."""
    return int(numeral) if numeral.isdecimal() else None


def chinese(numeral: str) -> int | None:
    """Give the value of a Chinese or Arabic numeral below ten thousand.

    >>> chinese("一百二十"), chinese("十二"), chinese("二〇"), chinese("１２")
    (120, 12, 20, 12)
    """
    if numeral.isdecimal():
        return int(numeral)
    if not any(c in _POWERS for c in numeral):
        digits = [_CHINESE.get(c) for c in numeral]
        return None if None in digits else int("".join(str(d) for d in digits) or "0")
    total = digit = 0
    for c in numeral:
        if c in _POWERS:
            total, digit = total + (digit or 1) * _POWERS[c], 0
        elif c in _CHINESE:
            digit = _CHINESE[c]
        else:
            return None
    return total + digit


def roman(numeral: str) -> int | None:
    """Give the value of a well-formed Roman numeral below 100, in either case.

    >>> roman("xiv"), roman("IC"), roman("iiii")
    (14, None, None)
    """
    values = [_ROMAN.get(c, 0) for c in numeral.upper()]
    if not values or 0 in values:
        return None
    pairs = zip(values, [*values[1:], 0], strict=True)
    total = sum(-value if value < after else value for value, after in pairs)
    return total if total < 100 and _as_roman(total) == numeral.upper() else None


def _as_roman(number: int) -> str:
    tens = ("", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC")[number // 10]
    return tens + ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")[number % 10]


def letters(numeral: str) -> int | None:
    """Give the place of `a` … `z`, `aa` (27), `bb` (28) in the way clauses are lettered."""
    letter = numeral[:1].lower()
    if not ("a" <= letter <= "z") or numeral.lower() != letter * len(numeral):
        return None
    return ord(letter) - 96 + 26 * (len(numeral) - 1)


def english(numeral: str) -> int | None:
    """Give the value of `4`, `IV`, `Four` or else `D`, as it follows Article, Part or Exhibit."""
    if numeral.lower() in _WORDS:
        return _WORDS.index(numeral.lower()) + 1
    value = arabic(numeral)
    value = roman(numeral) if value is None else value
    return letters(numeral) if value is None else value


def half_width(text: str) -> str:
    """Give digits, stops and brackets their ordinary width (`３．２` becomes `3.2`)."""
    return unicodedata.normalize("NFKC", text)
