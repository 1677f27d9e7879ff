"""Short texts made of the stored documents that stand in for questions, with the places they mean.

Whoever asks does not use the words of the passage that answers. A sentence as it stands is found by
its words alone, so that words would seem to be all that is needed; what reaches the model therefore
has lost half of its words, and what is looked for by words most of the others.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from kb.model import Document
from kb.pipeline.questions import Span, sentences_of
from kb.pipeline.rebuild import stored
from kb.store import Store

#: How many probes are made at most, and how many of them are stretches of words, since text that
#: is no prose has no sentences.
MOST: Final = 100
#: Of fewer passages each is found anyway, so that none is made.
PASSAGES: Final = 100
_STRETCHES: Final = 40
#: Documents that are read at most, drawn evenly from all, and probes of each kind from one.
_DOCUMENTS: Final = 60
_OF_ONE: Final = 10
#: Lengths of stretches in words.
_WORDS: Final = (8, 20)
#: The share of the words that is lost on the way to the model, and to the search by words.
_LOST: Final = (0.5, 0.8)
#: In how many ways the words are lost that the search by words misses: one is much of a chance.
_WAYS: Final = 2
_WIDE: Final = "\u2e80-\u9fff\uac00-\ud7af"
#: Two characters of a script without spaces count as a word.
_WORD: Final = re.compile(rf"[{_WIDE}]{{1,2}}|[^\W_{_WIDE}]+(?:['’.-][^\W_{_WIDE}]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is embedded, what is looked for by words instead, and the place that answers both."""

    embedded: str
    worded: tuple[str, ...]
    answer: Span


def probes(store: Store, *, seed: int = 0) -> list[Probe]:
    """Give probes, the same ones each time for the same documents."""
    # Chance here draws a sample, no secrets.
    chance = random.Random(seed)  # noqa: S311
    with store.snapshot() as snapshot:
        paths = [row.path for row in snapshot.documents()]
    said: list[tuple[str, Span]] = []
    cut: list[tuple[str, Span]] = []
    drawn = sorted(chance.sample(paths, min(len(paths), _DOCUMENTS)))
    for row, document in stored(store, drawn):
        found = list(sentences_of(row.path, document))
        said += chance.sample(found, min(len(found), _OF_ONE))
        cut += islice(_stretches(row.path, document, chance), _OF_ONE)
    stretches = _some(cut, max(_STRETCHES, MOST - len(said)), chance)
    chosen = [*_some(said, MOST - len(stretches), chance), *stretches]
    return [_probe(text, span, chance) for text, span in chosen if _WORD.search(text)]


def _some(
    found: Sequence[tuple[str, Span]], number: int, chance: random.Random
) -> list[tuple[str, Span]]:
    return chance.sample(list(found), min(len(found), number))


def _stretches(path: str, document: Document, chance: random.Random) -> Iterator[tuple[str, Span]]:
    """Cut stretches of words out of a document, anywhere."""
    words = [found.span() for found in _WORD.finditer(document.text)]
    while len(words) >= 2 * _WORDS[1]:
        number = chance.randint(*_WORDS)
        first = chance.randrange(len(words) - number)
        start, end = words[first][0], words[first + number - 1][1]
        yield document.text[start:end], Span(path=path, start=start, end=end)


def _probe(text: str, span: Span, chance: random.Random) -> Probe:
    embedded = thinned(text, _LOST[0], chance)
    # What the model does not see, the words have lost as well.
    left = 1 - (1 - _LOST[1]) / (1 - _LOST[0])
    return Probe(
        embedded=embedded,
        worded=tuple(thinned(embedded, left, chance) for _ in range(_WAYS)),
        answer=span,
    )


def thinned(text: str, lost: float, chance: random.Random) -> str:
    """Give the text's words without a share of them, by chance; one word always stays."""
    words = [found.group() for found in _WORD.finditer(text)]
    kept = [word for word in words if chance.random() >= lost]
    if words and not kept:
        kept = [chance.choice(words)]
    return " ".join(kept)
