"""Which code page of one byte to a character are these bytes in, and what do they say?

Judged are the bytes above ASCII with their neighbours, wherever in the file they stand. A reading
is as likely as its letters are in a language (`letters` beside this), and as their places are: no
one writes a quotation mark or a capital in the middle of a word, nor letters of two alphabets in
one. That is what tells the code pages of DOS and the Macintosh from those of Windows, which have
the same letters elsewhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from kb.extract.plain import letters

#: So many bytes above ASCII, neighbours included, are enough to judge by.
_SAMPLE: Final = 60_000
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
#: How much less likely a text may be than is usual for a language, per letter and in all; and by
#: how much it must be likelier than any other reading (20 to 1). Natural logarithms.
_LOOSE, _STRAY, _MARGIN = 1.0, 6.0, 3.0
#: What speaks for a code page before any letter is seen: for the Western one, more where hardly
#: any letter is outside ASCII; and against those of the systems before Windows.
_COMMON, _SPARSE, _LATER, _OLD = 3.0, 5.5, 2.0, -3.0
_FEW: Final = 0.01


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the sample says in one code page, and how likely that is."""

    likelihood: float
    text: str
    encoding: str


def single_byte(data: bytes, *, least: float = -math.inf) -> tuple[str, str] | None:
    """Give the text and its code page, or None where no reading is clearly the likeliest.

    `least` is what each byte above ASCII must bring on average: the logarithm of a likelihood.
    """
    sample, high = _sample(data)
    present = bytes(byte for byte in range(0x80, 0x100) if byte in data)
    sparse = high < _FEW * len(data)
    found = list(_readings(sample, present, sparse=sparse))
    if not found:
        return None
    best = max(found, key=attrgetter("likelihood"))
    rival = max((each.likelihood for each in found if each.text != best.text), default=-math.inf)
    if best.likelihood - rival < _MARGIN or best.likelihood < least * high:
        return None
    # Of code pages in which the file says the same, the name of the most usual one is given.
    said = present.decode(best.encoding)
    encoding = next(e.encoding for e in found if present.decode(e.encoding) == said)
    return data.decode(encoding), encoding


def _sample(data: bytes) -> tuple[bytes, int]:
    """Give the bytes above ASCII with one neighbour on either side, and how many those are."""
    pieces: list[bytes] = []
    size = 0
    high = 0
    for match in _HIGH.finditer(data):
        start, end = match.span()
        high += end - start
        if size < _SAMPLE:
            pieces.append(data[max(0, start - 1) : min(end, start + _SAMPLE) + 1])
            size += len(pieces[-1])
    return b"\n".join(pieces), high


def _readings(sample: bytes, present: bytes, *, sparse: bool) -> Iterator[_Reading]:
    """Give the readings that fit a language; all of the file must be in the code page."""
    counted: dict[str, tuple[str, letters.Counted] | None] = {}
    for alphabet in letters.ALL:
        name = alphabet.encoding
        if name not in counted:
            counted[name] = _counted(sample, present, name)
        seen = counted[name]
        if seen is not None and alphabet.fits(seen[1], _LOOSE, _STRAY):
            score = alphabet.score(seen[1]) + _prior(alphabet, sparse=sparse)
            yield _Reading(score, seen[0], name)


def _counted(sample: bytes, present: bytes, name: str) -> tuple[str, letters.Counted] | None:
    try:
        present.decode(name)
        text = sample.decode(name)
    except UnicodeDecodeError:
        return None
    return text, letters.count(text)


def _prior(alphabet: letters.Alphabet, *, sparse: bool) -> float:
    """Give what speaks for a code page before any letter is seen: the Western one is common.

    Icelandic is not, and its letters stand where those of the Baltic languages do.
    """
    if alphabet.encoding in letters.BEFORE_WINDOWS:
        return _OLD
    if alphabet.encoding == "iso8859_15":
        return _LATER
    if alphabet.encoding != "cp1252" or "ð" in alphabet.likely:
        return 0.0
    return _SPARSE if sparse else _COMMON
