"""What a spreadsheet shows in a cell for the value that it stores: dates, percents, numbers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

#: Kinds of number formats.
NUMBER, DATE, TIME, BOTH, SPAN, PERCENT = "number", "date", "time", "both", "span", "percent"
_BUILT_IN = {
    **dict.fromkeys((9, 10), PERCENT),
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 36, *range(50, 55), 57, 58), DATE),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56), TIME),
    22: BOTH,
    46: SPAN,
}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
#: Parts of a second, whose zeros are no digits of a number.
_FRACTION = re.compile(r"s\.0+")
#: Morning or afternoon.
_HALVES = re.compile(r"am/pm|a/p|上午/下午|午前/午後")
_SPAN = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - wall clock


def plain(text: str) -> str:
    r"""Give a text without Excel's way to write characters that XML cannot hold.

    >>> plain("a_x000D_\nb"), plain("5_x005F_x0031_"), plain("_x4e2d_")
    ('a\nb', '5_x0031_', '中')
    """
    return _ESCAPED.sub(_unescaped, text) if "_x" in text else text


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character.isprintable() or character in "\t\n" else ""


def kind_of(code: int, written: str | None) -> str:
    """Give the kind of a number format by its number and, if it has one, its pattern."""
    return _BUILT_IN.get(code, NUMBER) if written is None else _kind(written)


@lru_cache(maxsize=1000)
def _kind(written: str) -> str:
    """Give the kind of a pattern.

    >>> _kind('yyyy"年"m"月"d"日"'), _kind("[$-409]h:mm AM/PM"), _kind('0.0%'), _kind('#,##0 "d"')
    ('date', 'time', 'percent', 'number')
    >>> _kind("d/m/yy hh:mm:ss.000"), _kind("mm:ss.0"), _kind("h:m A/P")
    ('both', 'time', 'time')
    """
    first = written[:500].split(";", 1)[0]
    bare = _LITERAL.sub("", first).lower().replace("general", "")
    if _SPAN.search(bare):
        return SPAN
    if "%" in bare:
        return PERCENT
    if re.search(r"[#0?]", _FRACTION.sub("s", bare)):
        return NUMBER
    day = re.search(r"[ydeg]|mmm", _HALVES.sub("", bare)) is not None
    hour = re.search(r"[hs]", bare) is not None
    if day and hour:
        return BOTH
    if hour:
        return TIME
    return DATE if day or "m" in _HALVES.sub("", bare) else NUMBER


def shown(number: str, kind: str, *, from_1904: bool = False) -> str:
    """Give a stored number as people read it: dates in ISO form, percents with their sign.

    >>> shown("45292", "date"), shown("0.075", "percent"), shown("0.1", "number")
    ('2024-01-01', '7.5%', '0.1')
    """
    try:
        value = float(number)
    except ValueError:
        return number
    if kind == PERCENT:
        return f"{_plain(value * 100)}%"
    if kind == SPAN:
        seconds = round(value * 86400) if abs(value) < 1e9 else 0
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if kind in {DATE, TIME, BOTH}:
        return _moment(value, kind, from_1904=from_1904) or _plain(value)
    return _plain(value)


def _plain(value: float) -> str:
    """Write a number as Excel knows it: with 15 digits, and without a needless exponent."""
    if value != value or abs(value) >= 1e21:  # noqa: PLR0124 - NaN
        return repr(value)
    if value == int(value):
        return str(int(value))
    short = f"{value:.15g}"
    return f"{value:.15f}".rstrip("0") if "e-" in short and abs(value) > 1e-9 else short


def _moment(value: float, kind: str, *, from_1904: bool) -> str:
    if not 0 <= value < 2_958_466:
        return ""
    if value < 61 and not from_1904 and value >= 1:
        value += 1  # Excel believes that there was a 29 February 1900
    epoch = _EPOCH_1904 if from_1904 else _EPOCH
    try:
        moment = epoch + timedelta(seconds=round(value * 86400))
    except OverflowError:
        return ""
    clock = moment.strftime("%H:%M:%S" if moment.second else "%H:%M")
    if kind == TIME and value < 1:
        return clock
    midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    day = f"{moment.year:04}-{moment.month:02}-{moment.day:02}"
    return day if (kind == DATE and midnight) or midnight else f"{day} {clock}"
