"""Questions made of the stored documents, with the places that answer them.

A heading asks for the passages below it; a sentence asks for the passage that it stands in. An
answer is a span of a document's text, so that it holds whatever the passages are.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kb.chunk import chunk_document, estimate_tokens
from kb.chunk.sentences import sentences
from kb.model import Document
from kb.pipeline.rebuild import stored
from kb.store import Store

#: Of each kind, so many are asked.
MOST: Final = 75
#: Documents that are read at most, drawn evenly from all.
_MOST_DOCUMENTS: Final = 60
#: A heading or a sentence that stands in more places asks for none of them.
_PLACES: Final = 5
_TOKENS: Final = range(6, 61)
_MARKS: Final = re.compile(r"^[#>*=\-\s\d.§()]+|[#*=:\s]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of a document's text."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, and the places that answer it."""

    text: str
    answers: tuple[Span, ...]
    #: The path of the document that alone it is asked of; None: all.
    within: str | None = None


def questions(store: Store, *, seed: int = 0) -> list[Asked]:
    """Give questions, the same ones each time for the same documents."""
    # Chance here draws a sample, no secrets.
    chance = random.Random(seed)  # noqa: S311
    with store.snapshot() as snapshot:
        paths = [row.path for row in snapshot.documents()]
    drawn = sorted(chance.sample(paths, min(len(paths), _MOST_DOCUMENTS)))
    headings: dict[str, list[Span]] = {}
    said: dict[str, list[Span]] = {}
    for row, document in stored(store, drawn):
        for text, span in _headings(row.path, document):
            headings.setdefault(text, []).append(span)
        for text, span in sentences_of(row.path, document):
            said.setdefault(text, []).append(span)
    return [*_draw(headings, chance), *_draw(said, chance)]


def _draw(found: dict[str, list[Span]], chance: random.Random) -> Iterator[Asked]:
    fit = [text for text, spans in found.items() if len(spans) <= _PLACES]
    for text in chance.sample(fit, min(len(fit), MOST)):
        yield Asked(text=text, answers=tuple(found[text]))


def _headings(path: str, document: Document) -> Iterator[tuple[str, Span]]:
    spans: dict[tuple[str, ...], tuple[int, int]] = {}
    for chunk in chunk_document(document):
        if chunk.section:
            start, _ = spans.get(chunk.section, (chunk.start, 0))
            spans[chunk.section] = (start, chunk.end)
    for section, (start, end) in spans.items():
        text = " ".join(_MARKS.sub("", section[-1]).split())
        if asks(text):
            yield text, Span(path=path, start=start, end=end)


def asks(text: str) -> bool:
    """Tell whether a heading says enough, and not too much, to be a question."""
    wide = any("\u2e80" <= each <= "\u9fff" or "\uac00" <= each <= "\ud7af" for each in text)
    return sum(map(str.isalpha, text)) >= (2 if wide else 5) and estimate_tokens(text) <= 60


def sentences_of(path: str, document: Document) -> Iterator[tuple[str, Span]]:
    """Give the sentences of a document that are neither headings nor too short or long to ask."""
    for start, end in sentences(document.text, 0, len(document.text)):
        text = " ".join(document.text[start:end].split())
        if not text.startswith("#") and estimate_tokens(text) in _TOKENS:
            yield text, Span(path=path, start=start, end=end)


def is_answer(span: Span, answers: Sequence[Span]) -> bool:
    """Tell whether a passage holds half of an answer, or half of it lies within one."""
    for answer in answers:
        if answer.path == span.path:
            shared = min(answer.end, span.end) - max(answer.start, span.start)
            least = min(answer.end - answer.start, span.end - span.start)
            if shared > 0 and 2 * shared >= least:
                return True
    return False
