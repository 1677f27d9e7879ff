"""A knowledge base of made vectors and made texts, filled as an ingest fills it."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.store_data import Cloud, Floats
from kb.model import Chunk, Document, Page, Profile, Source, text_key
from kb.store import ChunkDraft, DocumentDraft, open_store
from kb.store.local.writer import LocalWriter

#: Chunks of a document, words of a chunk, chunks that are written in one go (as `kb ingest` does).
PER_DOCUMENT: Final = 20
_WORDS: Final = 110
TOGETHER: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What filling cost; `index_s` of `wall_s` went into the index, and so for CPU time."""

    wall_s: float
    cpu_s: float
    index_s: float
    index_cpu_s: float
    peak_mib: float


def profile(dimensions: int) -> Profile:
    """Give the profile of the made vectors."""
    return Profile(
        provider="endpoint",
        model="m",
        dimensions=dimensions,
        query_template="{text}",
        passage_template="{text}",
    )


class Writing:
    """Texts of words that are as often as words of a language, the same every time."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        letters = "etaoinshrdlucmfwypvbgk"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(2, 9)))
            for _ in range(20_000)
        ]
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(len(self._words))))

    def text(self) -> str:
        """Give the text of one passage."""
        words = self._random.choices(self._words, cum_weights=self._weights, k=_WORDS)
        return " ".join(words).capitalize() + "."

    def documents(self, name: str, chunks: int) -> list[DocumentDraft]:
        """Give documents of `PER_DOCUMENT` chunks each."""
        return [
            draft(f"{name}/{at}.txt", [self.text() for _ in range(min(PER_DOCUMENT, chunks - at))])
            for at in range(0, chunks, PER_DOCUMENT)
        ]


def draft(path: str, texts: Sequence[str]) -> DocumentDraft:
    """Give a document of these passages, a blank line between them."""
    drafts, at = [], 0
    for ordinal, text in enumerate(texts):
        chunk = Chunk(
            ordinal=ordinal,
            start=at,
            end=at + len(text),
            text=text,
            section=(),
            context="",
            page_start=None,
            page_end=None,
            line_start=2 * ordinal + 1,
            line_end=2 * ordinal + 1,
            page_line=None,
        )
        drafts.append(ChunkDraft(chunk=chunk, key=text_key(text)))
        at += len(text) + 2
    text = "\n\n".join(texts)
    return DocumentDraft(
        source=Source(path=path, location=Path(path), size=len(text), mtime_ns=1, inode=1),
        sha256=text_key(text).hex(),
        collection="default",
        document=Document(
            title=path,
            format="text",
            text=text,
            pages=(Page(number=1, start=0, end=len(text)),),
            paged=False,
        ),
        chunks=drafts,
    )


def fill(home: Path, cloud: Cloud) -> Filled:
    """Put a whole cloud into a new knowledge base; what making it costs is not counted."""
    writing = Writing()
    wall = cpu = 0.0
    store = open_store(home, create=True)
    with store.writer("benchmark") as writer:
        writer.pin(profile(cloud.dimensions))
        for start, vectors in cloud.blocks(1000):
            drafts = writing.documents(str(start), len(vectors))
            began, spent = time.perf_counter(), time.process_time()
            put(writer, drafts, vectors)
            wall += time.perf_counter() - began
            cpu += time.process_time() - spent
        began, spent = time.perf_counter(), time.process_time()
        writer.refresh_index()
        index, index_cpu = time.perf_counter() - began, time.process_time() - spent
    store.close()
    return Filled(
        wall_s=wall + index,
        cpu_s=cpu + index_cpu,
        index_s=index,
        index_cpu_s=index_cpu,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def put(writer: object, drafts: Sequence[DocumentDraft], vectors: Floats) -> None:
    """Store vectors and documents, `TOGETHER` chunks at a time."""
    assert isinstance(writer, LocalWriter)
    step = TOGETHER // PER_DOCUMENT
    for at in range(0, len(drafts), step):
        some = drafts[at : at + step]
        keys = [chunk.key for draft in some for chunk in draft.chunks if chunk.key]
        first = at * PER_DOCUMENT
        writer.add_vectors(keys, np.ascontiguousarray(vectors[first : first + len(keys)]))
        writer.put_all(some)
