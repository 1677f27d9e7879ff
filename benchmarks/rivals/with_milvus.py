"""Milvus Lite through `MilvusClient` and its quick set-up, the way its pages show."""

from __future__ import annotations

from pathlib import Path

from pymilvus import MilvusClient

from benchmarks.rivals import data as shared
from benchmarks.rivals.side import Found, Search, run
from benchmarks.store_data import Floats


class Milvus:
    """One collection in one local database."""

    def ingest(self, data: Path, home: Path) -> None:
        """Insert in batches and flush."""
        client = MilvusClient(str(home / "milvus.db"))
        client.create_collection(
            "passages", dimension=shared.dimensions(data), metric_type="COSINE"
        )
        for start, vectors, texts in shared.batches(data, 1000):
            rows = [
                {"id": start + at, "vector": vector, "text": text}
                for at, (vector, text) in enumerate(zip(vectors, texts, strict=True))
            ]
            client.insert("passages", rows)
        client.flush("passages")
        client.close()

    def open(self, home: Path) -> Search:
        """Load the collection."""
        client = MilvusClient(str(home / "milvus.db"))
        client.load_collection("passages")

        def search(vector: Floats, top: int) -> Found:
            hits = client.search("passages", data=[vector], limit=top, output_fields=["text"])
            return [(hit["id"], hit["entity"]["text"]) for hit in hits[0]]

        return search


if __name__ == "__main__":
    run(Milvus())
