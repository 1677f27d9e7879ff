"""What is about to be stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.errors import Failure
from kb.model import Chunk, Document, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDraft:
    """A chunk about to be stored, and the key of its vector."""

    chunk: Chunk
    #: Key in the vectors table; None when the model abstained or the endpoint refused the text.
    key: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDraft:
    """A whole document about to replace the former version of itself in one transaction."""

    source: Source
    sha256: str
    collection: str
    document: Document
    chunks: Sequence[ChunkDraft]
    failures: Sequence[Failure] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A file of which nothing can be stored, and why."""

    source: Source
    sha256: str
    collection: str
    failure: Failure
