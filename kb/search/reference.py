"""The names under which `kb show` finds passages; none is ever used for another one."""

from __future__ import annotations

from typing import Final

_GREATEST_ID: Final = 2**63 - 1


def reference(*chunk_ids: int) -> str:
    """Give the name of one passage, or of neighbours that one answer covers, in their order.

    >>> reference(12), reference(12, 13)
    ('c12', 'c12-c13')
    """
    ends = dict.fromkeys((chunk_ids[0], chunk_ids[-1]))
    return "-".join(f"c{chunk_id}" for chunk_id in ends)


def chunk_of(ref: str) -> int | None:
    """Give the id of the first passage that a reference names; None where it is no reference.

    >>> chunk_of("c12"), chunk_of("c12-c13"), chunk_of("notes.md")
    (12, 12, None)
    """
    ends = ends_of(ref)
    return None if ends is None else ends[0]


def ends_of(ref: str) -> tuple[int, int] | None:
    """Give the ids of the first and the last passage that a reference names, or None.

    >>> ends_of("c12"), ends_of("c12-c13")
    ((12, 12), (12, 13))
    """
    first, dash, last = ref.partition("-")
    one = _number(first)
    other = _number(last) if dash else one
    return None if one is None or other is None else (one, other)


def _number(name: str) -> int | None:
    number = name[1:]
    is_name = name.startswith("c") and number.isascii() and number.isdigit()
    if not is_name or len(number) > len(str(_GREATEST_ID)):
        return None
    return int(number) if int(number) <= _GREATEST_ID else None
