"""Words that the end of a line cut in two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from kb.extract.pdf.sheet import Line

_BEFORE: Final = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)?)[-\u2010\u00ad]\s*$")
_HYPHENS: Final = frozenset("-\u2010\u00ad")
_AFTER: Final = re.compile(r"\s*(([^\W\d_]+)\S*)(?:\s+|$)")
_LETTER: Final = r"[^\W\d_]"
_WORD: Final = re.compile(rf"{_LETTER}+(?:-{_LETTER}+)*")
_ENDS: Final = re.compile(rf"{_LETTER}-?\Z")
_GOES_ON: Final = re.compile(rf"-?{_LETTER}")
#: So many cut words are looked up one by one.
_FEW: Final = 20
#: Words begin so, and the hyphen is part of them.
_PARTS: Final = frozenset(
    (
        "non",
        "self",
        "cross",
        "quasi",
        "well",
        "third",
        "half",
        "long",
        "short",
        "high",
        "low",
        "vice",
    )
)


class Words:
    """The words of a document in small letters, and how often it has each.

    Where few are asked for, counting all takes longer than reading the rest of a page.
    """

    def __init__(self, text: str, *, many: bool) -> None:
        self._text = text
        self._counts = Counter(_WORD.findall(text)) if many else None

    def count(self, word: str) -> int:
        """Count a word of one or more parts."""
        if self._counts is not None:
            return self._counts[word]
        return sum(1 for _ in self._places(word))

    def has(self, word: str) -> bool:
        """Tell whether the word is there at all."""
        if self._counts is not None:
            return word in self._counts
        return any(True for _ in self._places(word))

    def _places(self, word: str) -> Iterator[int]:
        if not _WORD.fullmatch(word):
            return
        at = self._text.find(word)
        while at >= 0:
            end = at + len(word)
            if not _ENDS.search(self._text[max(0, at - 2) : at]) and not _GOES_ON.match(
                self._text[end : end + 2]
            ):
                yield at
            at = self._text.find(word, end)


def known_words(pages: Iterable[Sequence[Line]]) -> Words | None:
    """Give the words of a document in which a line ends with a hyphen; None where none does."""
    texts = [line.text for lines in pages for line in lines]
    cut = [at for at, text in enumerate(texts) if _is_cut(text)]
    if not cut:
        return None
    for at in cut:
        if match := _BEFORE.search(texts[at]):
            texts[at] = texts[at][: match.start()]
    return Words("\n".join(texts).casefold(), many=len(cut) > _FEW)


def _is_cut(text: str) -> bool:
    return text.rstrip()[-1:] in _HYPHENS


def whole_words(lines: Sequence[Line], known: Words) -> list[Line]:
    """Give the lines with each word whole, on the line on which it begins."""
    found: list[Line] = []
    for line in lines:
        above = found[-1] if found else line
        cut = bool(found) and _is_cut(above.text) and not (above.row or line.row)
        before = _BEFORE.search(above.text) if cut else None
        after = _AFTER.match(line.text) if before else None
        if before is None or after is None:
            found.append(line)
            continue
        hyphen = "-" if _keeps_hyphen(before[1], after[2], known) else ""
        found[-1] = above._replace(text=above.text[: before.end(1)] + hyphen + after[1])
        if rest := line.text[after.end() :]:
            found.append(line._replace(text=rest))
    return found


def _keeps_hyphen(start: str, end: str, known: Words) -> bool:
    """Decide by the document's own words whether a hyphen belongs to a word."""
    capital = end[0].isupper()
    start, end = start.casefold(), end.casefold()
    whole, parted = known.count(start + end), known.count(f"{start}-{end}")
    if whole or parted:
        return parted > whole
    if capital:
        return True
    words = len(start) > 2 and len(end) > 2 and known.has(start) and known.has(end)
    return start in _PARTS or words
