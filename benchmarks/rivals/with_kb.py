"""`kb` itself: documents of ten passages through its own store, vectors computed beforehand."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

# As `kb` itself does, before numpy is there.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.rivals import data as shared
from benchmarks.rivals.side import Found, Search, run
from benchmarks.store_base import draft, profile
from benchmarks.store_data import Floats
from kb.pipeline.flow import DOCUMENT_BLOCK, VECTOR_BLOCK
from kb.store import open_store
from kb.store.local.writer import LocalWriter

_PER_DOCUMENT: Final = 10


class Kb:
    """The local store; a passage's row stands in its document's name and its ordinal."""

    def __init__(self) -> None:
        # A snapshot stays open as long as its search is used: until the process ends.
        self._kept = ExitStack()

    def ingest(self, data: Path, home: Path) -> None:
        """Put all documents and bring the index up to them."""
        store = open_store(home, create=True)
        with closing(store), store.writer("benchmark") as writer:
            assert isinstance(writer, LocalWriter)
            writer.pin(profile(shared.dimensions(data)))
            # Transactions as large as those of `kb ingest`.
            for start, vectors, texts in shared.batches(data, _even(DOCUMENT_BLOCK)):
                drafts = [
                    draft(f"{start + at}", texts[at : at + _PER_DOCUMENT])
                    for at in range(0, len(texts), _PER_DOCUMENT)
                ]
                keys = [chunk.key for one in drafts for chunk in one.chunks if chunk.key]
                for at in range(0, len(keys), VECTOR_BLOCK):
                    some = slice(at, at + VECTOR_BLOCK)
                    writer.add_vectors(keys[some], np.ascontiguousarray(vectors[some]))
                writer.put_all(drafts)
            writer.refresh_index()

    def open(self, home: Path) -> Search:
        """Hold one snapshot open."""
        snapshot = self._kept.enter_context(open_store(home).snapshot())

        def search(vector: Floats, top: int) -> Found:
            ids = [chunk_id for chunk_id, _ in snapshot.nearest(vector, top_k=top)]
            passages = snapshot.passages(ids)
            return [
                (int(passages[i].path) + passages[i].chunk.ordinal, passages[i].chunk.text)
                for i in ids
            ]

        return search


def _even(chunks: int) -> int:
    """Give so many chunks, rounded down to whole documents."""
    return chunks - chunks % _PER_DOCUMENT


if __name__ == "__main__":
    run(Kb())
