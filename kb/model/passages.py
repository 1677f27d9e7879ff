"""Passages, which of them a search may answer with, and the answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage: `document.text[start:end]`, with where it stands."""

    ordinal: int
    start: int
    end: int
    text: str
    #: The headings above the passage, outermost first.
    section: tuple[str, ...]
    #: Headings that give the passage its context and do not stand in its own text.
    context: str
    page_start: int | None
    page_end: int | None
    line_start: int
    line_end: int
    #: The line on `page_start` where the passage begins, for formats with pages.
    page_line: int | None

    @property
    def with_context(self) -> str:
        """The passage under the headings that it stands under, for the embedder."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which documents a search may answer from."""

    collection: str | None = None
    #: A glob over stored paths: `*` and `?` do not cross `/`, `**` does.
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Another passage that says the same as a hit, and where it stands."""

    ref: str
    path: str
    page_start: int | None
    line_start: int
    section: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """The sentence of a hit that answers best; offsets and lines are those of its document."""

    char_start: int
    char_end: int
    text: str
    #: None for formats without pages.
    page: int | None
    line_start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One answer of a search: a passage, or two of one section that stand side by side."""

    rank: int
    score: float
    ref: str
    path: str
    title: str
    collection: str
    page_start: int | None
    page_end: int | None
    section: tuple[str, ...]
    char_start: int
    char_end: int
    line_start: int
    line_end: int
    page_line: int | None
    text: str
    #: The parts of the score, e.g. {"dense": 0.61, "lexical": 0.93}; null where not measured.
    scores: dict[str, float | None]
    #: The references of the passages that it covers; the first is the one that was ranked.
    passages: tuple[str, ...] = ()
    #: Passages further down the ranking that say the same, best first.
    duplicates: tuple[Copy, ...] = ()
    #: None where no word of the question stands in it.
    best: Sentence | None = None
    #: Why it stands where it does, where that was asked for.
    explain: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the hit as the JSON contract shows it; `explain` only where it was asked for."""
        told = asdict(self) | {"section": list(self.section)}
        if self.explain is None:
            del told["explain"]
        return told
