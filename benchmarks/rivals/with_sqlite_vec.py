"""sqlite-vec; the word `fts` at the end adds an FTS5 table over the texts."""

from __future__ import annotations

import re
import sys
from operator import add
from pathlib import Path

import sqlite_vec

# Python's own sqlite3 is often built without the loading of extensions.
from pysqlite3 import dbapi2 as sqlite3

from benchmarks.rivals import data as shared
from benchmarks.rivals.side import Found, Search, run
from benchmarks.store_data import Floats

_SEARCH = (
    "SELECT rowid, text FROM passages JOIN"
    " (SELECT rowid AS hit, distance FROM vectors WHERE vector MATCH ? AND k = ?)"
    " ON rowid = hit ORDER BY distance"
)


_CHINESE = re.compile("[\u3400-\u9fff]{2,}")


class SqliteVec:
    """A `vec0` table beside an ordinary one with the texts; it compares with every vector."""

    def __init__(self, *, fts: bool) -> None:
        self.fts = fts

    def ingest(self, data: Path, home: Path) -> None:
        """Insert in batches, one transaction each."""
        database = _connect(home)
        database.execute("PRAGMA journal_mode = WAL")
        column = f"vector float[{shared.dimensions(data)}] distance_metric=cosine"
        database.execute(f"CREATE VIRTUAL TABLE vectors USING vec0({column})")
        database.execute("CREATE TABLE passages (text TEXT)")
        if self.fts:
            # Not of the texts themselves: its tokenizers find no word within a Chinese sentence.
            options = "text, content='', tokenize='porter'"
            database.execute(f"CREATE VIRTUAL TABLE words USING fts5({options})")
        for start, vectors, texts in shared.batches(data, 1000):
            ids = range(start + 1, start + 1 + len(texts))
            with database:
                database.executemany(
                    "INSERT INTO vectors (rowid, vector) VALUES (?, ?)",
                    zip(ids, vectors, strict=True),
                )
                self._texts(database, list(zip(ids, texts, strict=True)))
        database.close()

    def _texts(self, database: sqlite3.Connection, rows: list[tuple[int, str]]) -> None:
        database.executemany("INSERT INTO passages (rowid, text) VALUES (?, ?)", rows)
        if self.fts:
            paired = [(row, _CHINESE.sub(_pairs, text)) for row, text in rows]
            database.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", paired)

    def open(self, home: Path) -> Search:
        """Open the database."""
        database = _connect(home)

        def search(vector: Floats, top: int) -> Found:
            return [(row - 1, text) for row, text in database.execute(_SEARCH, (vector, top))]

        return search


def _pairs(run: re.Match[str]) -> str:
    """Give each two neighbours of a run of Chinese characters as a word."""
    signs = run.group()
    return f" {' '.join(map(add, signs, signs[1:]))} "


def _connect(home: Path) -> sqlite3.Connection:
    database = sqlite3.connect(home / "vectors.sqlite3")
    database.enable_load_extension(True)
    sqlite_vec.load(database)
    return database


if __name__ == "__main__":
    wanted = sys.argv[-1] == "fts"
    if wanted:
        sys.argv.pop()
    run(SqliteVec(fts=wanted))
