"""How Word writes the number of a list item: `3`, `iv`, `(b)`, `第三条`."""

from __future__ import annotations

from collections.abc import Callable

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_DIGITS = "零一二三四五六七八九"
_LEGAL_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_TRADITIONAL_LEGAL_DIGITS = "零壹貳參肆伍陸柒捌玖"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_GANADA = "가나다라마바사아자차카타파하"
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


def written(number: int, style: str) -> str:
    """Give `number` in one of Word's number formats; an unknown one is written in digits.

    >>> written(4, "lowerRoman"), written(28, "upperLetter"), written(12, "chineseCounting")
    ('iv', 'BB', '十二')
    """
    writer = _STYLES.get(style)
    return writer(number) if writer and 0 < number < 100_000 else str(number)


def _roman(number: int) -> str:
    digits = []
    for size, letters in _ROMAN:
        count, number = divmod(number, size)
        digits.append(letters * count)
    return "".join(digits)


def _letter(number: int) -> str:
    """Count a to z, then aa to zz, as Word does."""
    times, place = divmod(number - 1, 26)
    return chr(ord("a") + place) * (times + 1)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in {11, 12, 13} else ending}"


def _chinese(number: int, digits: str = _DIGITS, units: str = "十百千万") -> str:
    """Count in words: 十二, 一百零三, 二千零十."""
    if number >= 10_000:
        high, low = divmod(number, 10_000)
        gap = digits[0] if 0 < low < 1000 else ""
        rest = _chinese(low, digits, units) if low else ""
        return _chinese(high, digits, units) + units[3] + gap + rest
    words = ""
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            words += digits[digit] + (units[place - 1] if place else "")
        elif words and not words.endswith(digits[0]):
            words += digits[0]
    words = words.rstrip(digits[0])
    plain = digits is _DIGITS and 10 <= number < 20
    return words[1:] if plain else words


def _each_digit(number: int, digits: str) -> str:
    return "".join(digits[int(digit)] for digit in str(number))


def _cycle(number: int, signs: str) -> str:
    return signs[(number - 1) % len(signs)]


def _circled(number: int) -> str:
    return _CIRCLED[number - 1] if number <= len(_CIRCLED) else str(number)


_STYLES: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalZero": lambda number: f"{number:02}",
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "lowerLetter": _letter,
    "upperLetter": lambda number: _letter(number).upper(),
    "ordinal": _ordinal,
    "decimalFullWidth": lambda number: _each_digit(number, "０１２３４５６７８９"),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalEnclosedParen": lambda number: f"({number})",
    "ideographDigital": lambda number: _each_digit(number, "〇一二三四五六七八九"),
    "japaneseDigitalTenThousand": lambda number: _each_digit(number, "〇一二三四五六七八九"),
    "taiwaneseDigital": lambda number: _each_digit(number, "〇一二三四五六七八九"),
    "chineseLegalSimplified": lambda number: _chinese(number, _LEGAL_DIGITS, "拾佰仟万"),
    "ideographLegalTraditional": lambda number: _chinese(
        number, _TRADITIONAL_LEGAL_DIGITS, "拾佰仟萬"
    ),
    "ideographTraditional": lambda number: _cycle(number, _STEMS),
    "ideographZodiac": lambda number: _cycle(number, _BRANCHES),
    "ganada": lambda number: _cycle(number, _GANADA),
    **dict.fromkeys(
        (
            "chineseCounting",
            "chineseCountingThousand",
            "japaneseCounting",
            "taiwaneseCounting",
            "taiwaneseCountingThousand",
        ),
        _chinese,
    ),
}
