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
_SPAN = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - wall clock


def kind_of(code: int, written: str | None) -> str:
    """Give the kind of a number format by its number and, if it has one, its pattern."""
    return _BUILT_IN.get(code, NUMBER) if written is None else _kind(written)


@lru_cache(maxsize=1000)
def _kind(written: str) -> str:
    """Give the kind of a pattern.

    >>> _kind('yyyy"年"m"月"d"日"'), _kind("[$-409]h:mm AM/PM"), _kind('0.0%'), _kind('#,##0 "d"')
    ('date', 'time', 'percent', 'number')
    """
    first = written[:500].split(";", 1)[0]
    bare = _LITERAL.sub("", first).lower().replace("general", "")
    if _SPAN.search(bare):
        return SPAN
    if "%" in bare:
        return PERCENT
    if re.search(r"[#0?]", bare.replace("ss.0", "").replace(".000", "")):
        return NUMBER
    day = re.search(r"[ydeg]|mmm", bare.replace("am/pm", "")) is not None
    hour = re.search(r"[hs]", bare) is not None
    if day and hour:
        return BOTH
    if hour:
        return TIME
    return DATE if day or "m" in bare.replace("am/pm", "") else NUMBER


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
