"""The nouns of `kb`: frozen values that every room speaks of and none of them owns.

Offsets are counted in characters (Unicode code points) of a document's canonical text, half
open: `text[start:end]`. Pages and lines are counted from 1. Higher scores are better.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from kb.errors import (
    EXIT_ENDPOINT,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_PARTIAL,
    Failure,
    Stage,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    #: One embedding, shape (dimensions,), float32, unit length.
    Vector: TypeAlias = NDArray[np.float32]
    #: Several embeddings, shape (n, dimensions), float32, unit length each.
    Matrix: TypeAlias = NDArray[np.float32]

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Bytes we were asked to index: which file, and what `stat` said when it was last looked at."""

    #: How the knowledge base names it: POSIX, relative to the folder of `.kb/` below it, else
    #: absolute.
    path: str
    location: Path
    size: int
    mtime_ns: int
    inode: int


class PageState(StrEnum):
    """The one state in which each page (or part) of a document ends."""

    INDEXED = "indexed"
    BLANK = "blank"
    IMAGE_ONLY = "image_only"
    OCR = "ocr"
    DUPLICATE = "duplicate"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: the slice of canonical text that stands on it, and what became of it."""

    number: int
    start: int
    end: int
    state: PageState = PageState.INDEXED
    #: The failure code where the state is FAILED or IMAGE_ONLY.
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading that the file format itself declares: `text[start:end]` is its line."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one source says: canonical text with its pages and declared headings.

    The pages follow one another in order and cover the text; a format without pages has one
    page that holds all of it, and `paged` is False.
    """

    title: str
    format: str
    text: str
    pages: tuple[Page, ...]
    paged: bool
    headings: tuple[Heading, ...] = ()
    #: Pages that could not be read, while the others could.
    problems: tuple[Failure, ...] = ()


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
class Profile:
    """Everything that makes two vectors comparable; one knowledge base generation has one."""

    #: "builtin" or "endpoint".
    provider: str
    model: str
    dimensions: int
    #: Each holds `{text}` once.
    query_template: str
    passage_template: str
    #: What the model's files hash to, where that can be known.
    revision: str = ""
    normalised: bool = True
    #: The share of the dense score in a hybrid search, 0 to 1. Not part of the identity.
    dense_weight: float = 0.5

    def query(self, text: str) -> str:
        """Give the exact text to embed for a question. The only place that does so."""
        return self.query_template.replace("{text}", text)

    def passage(self, text: str) -> str:
        """Give the exact text to embed for a passage. The only place that does so."""
        return self.passage_template.replace("{text}", text)

    @property
    def identity(self) -> dict[str, Any]:
        """The fields in which two profiles must agree for their vectors to be comparable."""
        fields = asdict(self)
        del fields["dense_weight"]
        return fields

    def differences(self, other: Profile) -> dict[str, tuple[Any, Any]]:
        """Give the identity fields in which `other` differs, each with both values."""
        theirs = other.identity
        mine = self.identity
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Profile:
        """Read what `as_json` wrote; keys this version does not know are left out."""
        return cls(**{each.name: written[each.name] for each in fields(cls)})

    @property
    def digest(self) -> str:
        """SHA-256 of the identity, hexadecimal."""
        text = json.dumps(self.identity, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Give the profile as the JSON contract shows it."""
        return asdict(self) | {"digest": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedItem:
    """A text on its way to the embedder, exactly as it will be sent."""

    key: bytes
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embedded:
    """What became of one text: a vector, a failure, or neither where the model abstains.

    The built-in model abstains from languages it does not know; such a passage is found by its
    words alone.
    """

    key: bytes
    vector: Vector | None = None
    failure: Failure | None = None


def text_key(text: str) -> bytes:
    """Give the SHA-256 (32 bytes) under which the vector of exactly this text is kept."""
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which documents a search may answer from."""

    collection: str | None = None
    #: A glob over stored paths: `*` and `?` do not cross `/`, `**` does.
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One answer of a search."""

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

    def as_json(self) -> dict[str, Any]:
        """Give the hit as the JSON contract shows it."""
        return asdict(self) | {"section": list(self.section)}


RunStatus: TypeAlias = Literal["ok", "partial", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCount:
    """How one stage went over a whole run; `attempted = succeeded + failed`."""

    stage: Stage
    attempted: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the row as the JSON contract shows it."""
        return asdict(self) | {"stage": self.stage.value, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCounts:
    """What became of the documents of a run."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCounts:
    """What became of the chunks of a run; `reused` ones cost no call."""

    added: int = 0
    reused: int = 0
    removed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run did and could not do."""

    run: str
    status: RunStatus
    seconds: float
    profile: Profile | None
    stages: tuple[StageCount, ...]
    documents: DocumentCounts
    chunks: ChunkCounts
    failures: tuple[Failure, ...] = field(default=())
    #: What stopped the run, where something did; what was finished before is kept.
    error: Failure | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of the command that made this run."""
        if self.status == "interrupted":
            return EXIT_INTERRUPTED
        if self.error is not None:
            return EXIT_ENDPOINT
        return EXIT_PARTIAL if self.failures else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """Give the report as the JSON contract shows it (`kb.ingest/1`)."""
        stopped = {"error": self.error.as_json()} if self.error else {}
        return {
            "schema": "kb.ingest/1",
            "run": self.run,
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "profile": self.profile.as_json() if self.profile else None,
            "stages": [stage.as_json() for stage in self.stages],
            "documents": asdict(self.documents),
            "chunks": asdict(self.chunks),
            "failures": [failure.as_json() for failure in self.failures],
            **stopped,
        }


class Lines:
    r"""Line numbers of a text: `\n`, `\r\n` and a lone `\r` each end a line.

    >>> Lines("one\ntwo").at(4)
    2
    """

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def at(self, offset: int) -> int:
        """Give the line, counted from 1, that holds the character at `offset`."""
        return bisect_right(self._starts, offset)
