"""Small documents, vectors and drafts for the tests of stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kb.errors import Failure
from kb.model import Chunk, Document, Page, Profile, Source, text_key
from kb.store import ChunkDraft, DocumentDraft, Writer

DIMENSIONS = 16

PROFILE = Profile(
    provider="endpoint",
    model="toy",
    dimensions=DIMENSIONS,
    query_template="query: {text}",
    passage_template="passage: {text}",
)


def unit(matrix) -> np.ndarray:
    matrix = np.asarray(matrix, dtype=np.float32)
    return matrix / np.linalg.norm(matrix, axis=-1, keepdims=True)


def vector_of(text: str, dimensions: int = DIMENSIONS) -> np.ndarray:
    """A vector that is always the same for the same text."""
    seed = int.from_bytes(text_key(text)[:8], "big")
    return unit(np.random.default_rng(seed).standard_normal(dimensions))


def source(path: str, *, size: int = 1, mtime_ns: int = 1, inode: int = 1) -> Source:
    return Source(path=path, location=Path(path), size=size, mtime_ns=mtime_ns, inode=inode)


def draft(
    path: str,
    texts: Sequence[str],
    *,
    title: str = "",
    collection: str = "default",
    section: tuple[str, ...] = (),
    failures: Sequence[Failure] = (),
    pages: tuple[Page, ...] | None = None,
    keys: Sequence[bytes | None] | None = None,
    problems: tuple[Failure, ...] = (),
    sha256: str = "",
) -> DocumentDraft:
    """A document whose chunks are `texts`, one paragraph each."""
    text = "\n\n".join(texts)
    chunks, at = [], 0
    keys = [text_key(PROFILE.passage(chunk)) for chunk in texts] if keys is None else keys
    for ordinal, (chunk, key) in enumerate(zip(texts, keys, strict=True)):
        made = Chunk(
            ordinal=ordinal,
            start=at,
            end=at + len(chunk),
            text=chunk,
            section=section,
            context="",
            page_start=1 if pages else None,
            page_end=1 if pages else None,
            line_start=1,
            line_end=1,
            page_line=1 if pages else None,
        )
        chunks.append(ChunkDraft(chunk=made, key=key))
        at += len(chunk) + 2
    document = Document(
        title=title or path.rpartition("/")[2],
        format="text",
        text=text,
        pages=pages or (Page(number=1, start=0, end=len(text)),),
        paged=pages is not None,
        problems=problems,
    )
    return DocumentDraft(
        source=source(path, size=len(text)),
        sha256=sha256 or text_key(text).hex(),
        collection=collection,
        document=document,
        chunks=chunks,
        failures=failures,
    )


def embed(writer: Writer, texts: Sequence[str]) -> None:
    """Do what the embed stage does: pin, and store the vectors not yet known."""
    writer.pin(PROFILE)
    keys = {text_key(PROFILE.passage(text)): text for text in texts}
    known = writer.known_keys(keys)
    missing = [key for key in keys if key not in known]
    if missing:
        writer.add_vectors(missing, np.stack([vector_of(keys[key]) for key in missing]))


def store_document(writer: Writer, path: str, texts: Sequence[str], **options) -> tuple[int, int]:
    embed(writer, texts)
    return writer.put(draft(path, texts, **options))


def texts_of(snapshot, hits) -> list[str]:
    passages = snapshot.passages([chunk_id for chunk_id, _ in hits])
    return [passages[chunk_id].chunk.text for chunk_id, _ in hits]
