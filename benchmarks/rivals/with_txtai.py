"""Txtai with vectors from outside and its contents kept; the index is its default."""

from __future__ import annotations

from pathlib import Path

from txtai import Embeddings

from benchmarks.rivals import data as shared
from benchmarks.rivals.side import Found, Search, run
from benchmarks.store_data import Floats


class Txtai:
    """An `Embeddings` whose vectors come, in order, from the file that all sides read."""

    def ingest(self, data: Path, home: Path) -> None:
        """Index everything in one stream; it takes the vectors as it takes the texts."""
        # Its batches for `transform` are its own, so the vectors wait here one by one.
        waiting: list[Floats] = []

        def passages():  # noqa: ANN202 - what Embeddings.index takes
            for start, vectors, texts in shared.batches(data, 1000):
                waiting.extend(vectors)
                for at, text in enumerate(texts):
                    yield start + at, text, None

        def transform(texts: list[str]) -> list[Floats]:
            taken = waiting[: len(texts)]
            del waiting[: len(texts)]
            return taken

        made = Embeddings({"method": "external", "transform": transform, "content": True})
        made.index(passages())
        # A function cannot be stored; a search by vector does not need it.
        made.config.pop("transform")
        made.save(str(home))

    def open(self, home: Path) -> Search:
        """Load the saved index."""
        made = Embeddings()
        made.load(str(home))

        def search(vector: Floats, top: int) -> Found:
            return [(int(hit["id"]), hit["text"]) for hit in made.search(vector, top)]

        return search


if __name__ == "__main__":
    run(Txtai())
