"""Words that the end of a line cut in two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from kb.extract.pdf.sheet import Line

_BEFORE: Final = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)?)[-\u2010\u00ad]\s*$")
_HYPHENS: Final = frozenset("-\u2010\u00ad")
_AFTER: Final = re.compile(r"\s*(([^\W\d_]+)\S*)(?:\s+|$)")
_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
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


def known_words(pages: Iterable[Sequence[Line]]) -> Counter[str] | None:
    """Count the words of a document in which a line ends with a hyphen; None where none does."""
    texts = [line.text for lines in pages for line in lines]
    cut = [at for at, text in enumerate(texts) if _is_cut(text)]
    if not cut:
        return None
    for at in cut:
        if match := _BEFORE.search(texts[at]):
            texts[at] = texts[at][: match.start()]
    return Counter(_WORD.findall("\n".join(texts).casefold()))


def _is_cut(text: str) -> bool:
    return text.rstrip()[-1:] in _HYPHENS


def whole_words(lines: Sequence[Line], known: Counter[str]) -> list[Line]:
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


def _keeps_hyphen(start: str, end: str, known: Counter[str]) -> bool:
    """Decide by the document's own words whether a hyphen belongs to a word."""
    capital = end[0].isupper()
    start, end = start.casefold(), end.casefold()
    whole, parted = known[start + end], known[f"{start}-{end}"]
    if whole or parted:
        return parted > whole
    if capital:
        return True
    words = len(start) > 2 and len(end) > 2 and known[start] and known[end]
    return start in _PARTS or bool(words)
