"""Where does a labelled passage stand in the text that is stored?

Labels point into their own copy of a document. What is stored may differ from it in white space,
marks, forms of letters (a ligature, a full-width digit) and running heads, so a passage is looked
for by its letters and digits alone, nearest to where it is expected.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from typing import Final

_WORDS: Final = re.compile(r"[^\W_]+")
#: The beginning and the end of a passage are looked for apart where the whole is not found: so
#: many letters of each, and no further apart than so many times its length.
_ENDS: Final = (16, 60)
_STRETCH: Final = 2
_SLACK: Final = 600
#: A text in which a passage occurs more often says nothing about where it is.
_MOST: Final = 10_000


class Located:
    """A stored text in which labelled passages are looked for.

    `source` is the text that the offsets of the labels count in, where it is known; `pages` are
    the pages of the stored text as (start, end), in order, where it has any.
    """

    def __init__(
        self, text: str, *, source: str | None = None, pages: tuple[tuple[int, int], ...] = ()
    ) -> None:
        self._text = text
        self._source = source
        self._pages = pages

    def find(
        self, passage: str, *, start: int | None = None, page: int | None = None
    ) -> tuple[int, int] | None:
        """Give where the passage begins and ends in the stored text, or None.

        `start` is its offset in the source, `page` its page, counted from 1, where known. White
        space around it does not count.
        """
        begin = len(passage) - len(passage.lstrip())
        passage = passage.strip()
        if not passage:
            return None
        if start is not None and self._shift is not None:
            at = start + begin + self._shift
            if at >= 0 and self._text.startswith(passage, at):
                return at, at + len(passage)
        return self._by_letters(passage, self._expected(start, page))

    @cached_property
    def _shift(self) -> int | None:
        """How much further on the source's characters stand in the stored text, as one piece."""
        if self._source is None:
            return 0
        body = self._source.removeprefix("\ufeff").strip()
        at = self._text.find(body)
        return None if at < 0 else at - self._source.find(body)

    @cached_property
    def _letters(self) -> tuple[str, array[int]]:
        return letters(self._text)

    def _expected(self, start: int | None, page: int | None) -> int | None:
        """Give about which letter a passage begins at."""
        count = len(self._letters[0])
        if page is not None and 0 < page <= len(self._pages):
            return bisect_left(self._letters[1], self._pages[page - 1][0])
        if start is None:
            return None
        if self._source is None:
            return bisect_left(self._letters[1], start)
        before = len(letters(self._source[:start])[0])
        whole = len(self._source_letters)
        # Where one has a title or an appendix more than the other, the difference is spread.
        return round(before * count / whole) if whole else None

    @cached_property
    def _source_letters(self) -> str:
        return letters(self._source or "")[0]

    def _by_letters(self, passage: str, expected: int | None) -> tuple[int, int] | None:
        wanted = letters(passage)[0]
        if not wanted:
            at = self._text.find(passage)
            return (at, at + len(passage)) if at >= 0 else None
        first = self._nearest(wanted, expected)
        if first is not None:
            return self._span(first, first + len(wanted))
        return self._by_ends(wanted, expected)

    def _by_ends(self, wanted: str, expected: int | None) -> tuple[int, int] | None:
        least, most = _ENDS
        size = min(max(len(wanted) // 4, least), most)
        if len(wanted) < 2 * least:
            return None
        first = self._nearest(wanted[:size], expected)
        if first is None:
            return None
        last = self._letters[0].find(wanted[-size:], first + size)
        if last < 0 or last - first > _STRETCH * len(wanted) + _SLACK:
            return None
        return self._span(first, last + size)

    def _nearest(self, wanted: str, expected: int | None) -> int | None:
        """Give the occurrence nearest to where it is expected, whole words before parts of them."""
        found = list(self._occurrences(wanted))
        if not found:
            return None
        whole = [at for at in found if self._is_whole(at, at + len(wanted))]
        among = whole or found
        return among[0] if expected is None else min(among, key=lambda at: abs(at - expected))

    def _occurrences(self, wanted: str) -> Iterator[int]:
        text = self._letters[0]
        at, left = text.find(wanted), _MOST
        while at >= 0 and left:
            yield at
            at, left = text.find(wanted, at + 1), left - 1

    def _is_whole(self, first: int, last: int) -> bool:
        """Tell whether these letters begin and end with a word or a number."""
        start, end = self._span(first, last)
        return not (_joined(self._text, start) or _joined(self._text, end))

    def _span(self, first: int, last: int) -> tuple[int, int]:
        places = self._letters[1]
        return places[first], places[last - 1] + 1


def letters(text: str) -> tuple[str, array[int]]:
    """Give the letters and digits of a text in one form, and where each of them stands.

    >>> letters("The ﬁrst, ２nd")[0]
    'thefirst2nd'
    """
    parts: list[str] = []
    places = array("q")
    for match in _WORDS.finditer(text):
        word, at = match[0], match.start()
        if word.isascii():
            parts.append(word.lower())
            places.extend(range(at, match.end()))
            continue
        for offset, each in enumerate(word):
            form = "".join(_WORDS.findall(unicodedata.normalize("NFKD", each).casefold()))
            parts.append(form)
            places.extend([at + offset] * len(form))
    return "".join(parts), places


def _joined(text: str, at: int) -> bool:
    """Tell whether a word or a number that is written with spaces goes on at this offset."""
    around = text[max(at - 1, 0) : at + 1]
    return at > 0 and len(around) == 2 and all(c.isalnum() and ord(c) < 0x2E80 for c in around)
