"""Chroma, persistent; its default index and its own full-text table."""

from __future__ import annotations

from pathlib import Path

import chromadb
from chromadb.config import Settings

from benchmarks.rivals import data as shared
from benchmarks.rivals.side import Found, Search, run
from benchmarks.store_data import Floats

_SETTINGS = Settings(anonymized_telemetry=False)


class Chroma:
    """One collection; the vectors are of unit length, so its distance ranks as a cosine does."""

    def ingest(self, data: Path, home: Path) -> None:
        """Add in batches as large as it allows."""
        client = chromadb.PersistentClient(str(home), settings=_SETTINGS)
        collection = client.create_collection("passages", embedding_function=None)
        for start, vectors, texts in shared.batches(data, client.get_max_batch_size()):
            ids = [str(start + at) for at in range(len(texts))]
            collection.add(ids=ids, embeddings=vectors, documents=texts)

    def open(self, home: Path) -> Search:
        """Open the collection."""
        client = chromadb.PersistentClient(str(home), settings=_SETTINGS)
        collection = client.get_collection("passages", embedding_function=None)

        def search(vector: Floats, top: int) -> Found:
            found = collection.query(
                query_embeddings=vector[None], n_results=top, include=["documents"]
            )
            return list(zip(map(int, found["ids"][0]), found["documents"][0], strict=True))

        return search


if __name__ == "__main__":
    run(Chroma())
