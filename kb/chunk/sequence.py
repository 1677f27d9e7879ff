"""Does a clause's number follow from those before it?

A reference that slipped through ("Section 12.4 Survival" in the middle of section 3) would
hide every clause after it, as numbers only go up. So a jump is believed only where the next
number of the same kind does not fall back.
"""

from __future__ import annotations

from typing import TypeAlias

Number: TypeAlias = tuple[int, ...]


def is_first(number: Number) -> bool:
    """Whether a sequence may begin with it: 1, or 3.1, or 2.0."""
    return number[-1] <= 1


def follows(last: Number, number: Number) -> bool:
    """Whether `number` comes right after `last`: 3.2 to 3.3, 3.9 to 4.1, 12 to 12之一."""
    if number[: len(last)] == last:
        return len(number) == len(last) + 1 and number[-1] <= 2
    for before, after, i in zip(last, number, range(len(number)), strict=False):
        if before != after:
            return after == before + 1 and all(part <= 1 for part in number[i + 1 :])
    return False


def is_next(last: Number | None, number: Number, coming: Number | None, *, strict: bool) -> bool:
    """Whether a clause may have this number, after `last` and with `coming` ahead.

    `strict` asks for the very next number or a first one, or for one that is followed by its next.
    """
    if last is None:
        return is_first(number) or (not strict and (coming is None or coming >= number))
    if follows(last, number):
        return True
    if number > last:
        if strict:
            # One or two may have been lost; what comes next tells it from a mention.
            return coming is not None and follows(number, coming) and _is_step(last, number)
        return coming is None or coming > number or _is_step(last, number)
    # A new part or an annex begins to count anew.
    return number != last and not strict and all(part <= 1 for part in number)


def _is_step(last: Number, number: Number) -> bool:
    """Whether only a few numbers are missing."""
    return len(last) == len(number) and last[:-1] == number[:-1] and number[-1] - last[-1] <= 3


def is_followed(number: Number, coming: Number | None) -> bool:
    """Whether a first number has its second one ahead."""
    return is_first(number) and coming is not None and follows(number, coming)
