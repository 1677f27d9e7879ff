"""Where the sentences of a passage begin and end, as far as it takes to show one of them.

`kb.chunk.sentences` weighs more cases, since a passage may be cut there; loading it costs a search
as much as all the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, TypeAlias

from kb.store.local import terms
from kb.store.local.evidence import rarity
from kb.store.local.terms import phrases
from kb.store.local.words import index_words

#: The end of a sentence, a blank line, or a line end before what begins a line of its own.
_CLOSERS: Final = "\"'”’」』）)】》\\]"
_END: Final = (
    rf"[。！？；][。！？；…]*[{_CLOSERS}]*\s*"
    rf"|[.!?…][.!?…]*[{_CLOSERS}]*(?:\s+|$|(?=[\u3400-\u9fff]))"
    r"|\n\s*\n\s*"
    r"|\n(?=\s*(?:\#|\||>|[-*+•·–]\s|[(（]\w{1,4}[)）]|\w{1,3}[.)）、]\s|\d+(?:\.\d+)+|第\S{1,8}条))\s*"
)
#: What a full stop may follow without ending a sentence; a single letter, too.
_ABBREVIATIONS: Final = frozenset(
    "mr mrs ms dr prof st no nos inc ltd co corp cf vs al approx art arts sec secs para fig figs "  # noqa: SIM905 - read as text
    "ch vol pp pg ed est dept etc".split()
)
_NUMBERING: Final = frozenset("0123456789ivxlc.()")
_LONGEST: Final = 24

#: Stems that stand side by side, and whether the last of them may go on.
Wanted: TypeAlias = tuple[str, bool]


#: The same words come again and again.
stem = lru_cache(1 << 14)(terms.stem)


@cache
def _end() -> re.Pattern[str]:
    return re.compile(_END)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Give the sentences of `text` as offsets, without the space around them; none is blank."""
    begin = 0
    for match in _end().finditer(text):
        stop = match.end()
        if stop >= len(text):
            break
        if match[0][0] == "." and _goes_on(text, begin, match.start(), stop):
            continue
        yield from _trimmed(text, begin, stop)
        begin = stop
    yield from _trimmed(text, begin, len(text))


def _goes_on(text: str, begin: int, dot: int, after: int) -> bool:
    """Tell whether the full stop at `dot` is part of an abbreviation or of a number."""
    if "\n\n" in text[dot:after]:
        return False
    if text[after : after + 1].islower():
        return True
    words = text[max(begin, dot - _LONGEST) : dot].split()
    word = words[-1].lstrip("(\"“'[").lower() if words else ""
    if word in _ABBREVIATIONS or (word.isalpha() and len(word) == 1):
        return True
    if "." in word and all(len(part) == 1 for part in word.split(".")):
        return True
    # The number of a clause stands before its first sentence.
    return dot - begin < _LONGEST and len(words) <= 2 and _NUMBERING.issuperset(word)


def _trimmed(text: str, begin: int, stop: int) -> Iterator[tuple[int, int]]:
    piece = text[begin:stop]
    start = begin + len(piece) - len(piece.lstrip())
    end = begin + len(piece.rstrip())
    if start < end:
        yield start, end


def wanted(query: str) -> list[Wanted]:
    """Give what a question asks for, as `best_sentence` takes it."""
    return [
        (" ".join(stem(word) for word in phrase.words), phrase.prefix) for phrase in phrases(query)
    ]


def best_sentence(
    text: str, asked: Sequence[Wanted], headings: Sequence[str] = ()
) -> tuple[int, int] | None:
    """Give the sentence that holds most of what is asked, each part worth more the rarer it is.

    Of equals the first; a heading answers nothing where more than headings stand in the text.
    None where nothing of what is asked does.
    """
    names = {_bare(heading) for heading in headings}
    every = list(sentences(text))
    found = [(a, b) for a, b in every if _bare(text[a:b]) not in names] or every
    held = [holds(text[start:end], asked) for start, end in found]
    counts = [sum(column) for column in zip(*held, strict=True)]
    worth = [rarity(count, len(found)) for count in counts]
    marks = [sum(w for w, has in zip(worth, row, strict=True) if has) for row in held]
    best = max(marks, default=0.0)
    return found[marks.index(best)] if best > 0 else None


def _bare(text: str) -> str:
    return text.strip(" \t\r\n#*_>.:：。").casefold()


def holds(text: str, asked: Sequence[Wanted]) -> list[bool]:
    """Tell of each part of a question whether it stands in a text."""
    words = list(map(stem, index_words(text).split(" ")))
    single, line = set(words), f" {' '.join(words)} "
    return [
        f" {stems}" in line
        if prefix
        else (stems in single or (" " in stems and f" {stems} " in line))
        for stems, prefix in asked
    ]
