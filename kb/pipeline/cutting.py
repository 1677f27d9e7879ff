"""Cutting a document into passages right where it was read: in the worker that read it.

So both cores cut, and a text that takes the cutter too long is stopped with its file.
"""

from __future__ import annotations

from dataclasses import dataclass

from kb.chunk import Chunking, chunk_document
from kb.errors import Failure, StageError, failure
from kb.model import Chunk, Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A document and its passages, or why it could not be cut."""

    document: Document
    chunks: list[Chunk] | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """Cuts documents, in whatever process it is called."""

    chunking: Chunking

    def __call__(self, document: Document) -> Cut:
        """Give the document with its passages. Raises MemoryError alone."""
        return Cut(document=document, chunks=cut(document, self.chunking))


def cut(document: Document, chunking: Chunking) -> list[Chunk] | Failure:
    """Give the passages of a document, or `chunk.failed`. Raises MemoryError alone."""
    try:
        return chunk_document(document, chunking=chunking)
    except StageError as error:
        return error.failure
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - what is odd in one document is no reason to leave the others
        reason = f"{type(error).__name__}: {error}"[:500]
        return failure("chunk.failed", reason=reason)
