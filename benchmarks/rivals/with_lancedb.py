"""LanceDB; the word `indexed` at the end adds its IVF-PQ index and its full-text index."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import lancedb
import pyarrow as pa
from lancedb.index import FTS, IvfPq

from benchmarks.rivals import data as shared
from benchmarks.rivals.side import Found, Search, run
from benchmarks.store_data import Floats


class LanceDb:
    """One table; without an index it compares with every vector, which is its default."""

    def __init__(self, *, indexed: bool) -> None:
        self.indexed = indexed

    def ingest(self, data: Path, home: Path) -> None:
        """Write all in one stream of batches."""
        width = shared.dimensions(data)
        of_vector = pa.list_(pa.float32(), width)
        schema = pa.schema([("id", pa.int64()), ("text", pa.string()), ("vector", of_vector)])

        def record_batches() -> Iterator[pa.RecordBatch]:
            for start, vectors, texts in shared.batches(data, 1000):
                column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), width)
                ids = pa.array(range(start, start + len(texts)), pa.int64())
                yield pa.record_batch([ids, pa.array(texts), column], schema=schema)

        stream = pa.RecordBatchReader.from_batches(schema, record_batches())
        table = lancedb.connect(home).create_table("passages", data=stream)
        if self.indexed:
            table.create_index("vector", config=IvfPq(distance_type="cosine"))
            table.create_index("text", config=FTS())

    def open(self, home: Path) -> Search:
        """Open the table."""
        table = lancedb.connect(home).open_table("passages")

        def search(vector: Floats, top: int) -> Found:
            asked = table.search(vector, vector_column_name="vector").metric("cosine").limit(top)
            if self.indexed:
                # Set by hand; the recall that comes of it stands in the table.
                asked = asked.nprobes(50).refine_factor(50)
            rows = asked.select(["id", "text", "_distance"]).to_arrow().to_pylist()
            return [(row["id"], row["text"]) for row in rows]

        return search


if __name__ == "__main__":
    wanted = sys.argv[-1] == "indexed"
    if wanted:
        sys.argv.pop()
    run(LanceDb(indexed=wanted))
