"""What must hold of a knowledge base at any moment at which a process may die."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import astuple
from itertools import pairwise
from pathlib import Path

from kb.store.local.fts import word_row


def check(home: Path, *, swept: bool = False) -> None:
    """Assert I1, I2, I5, I6 and the exactness of the full-text rows, straight from the files."""
    with closing(sqlite3.connect(home / "kb.sqlite3", isolation_level=None)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        _segments(db, home, swept=swept)
        _chunks(db)
        _words(db)


def _segments(db: sqlite3.Connection, home: Path, *, swept: bool) -> None:
    rows = db.execute(
        "SELECT sha256, low_id, high_id, count, profile_id FROM segments ORDER BY low_id"
    ).fetchall()
    for sha256, low, high, count, profile in rows:
        data = (home / "index" / f"{sha256}.faiss").read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        sql = "SELECT count(*) FROM vectors WHERE id BETWEEN ? AND ? AND profile_id = ?"
        assert db.execute(sql, (low, high, profile)).fetchone() == (count,)
    for before, after in pairwise(rows):
        assert before[2] < after[1]
    if swept and (home / "index").exists():
        names = {path.name for path in (home / "index").iterdir()}
        assert names == {f"{row[0]}.faiss" for row in rows}


def _chunks(db: sqlite3.Connection) -> None:
    astray = """SELECT count(*) FROM chunks JOIN generations ON generations.id = generation_id
        JOIN vectors ON vectors.id = vector_id WHERE vectors.profile_id != generations.profile_id"""
    assert db.execute(astray).fetchone() == (0,)
    for table in ("documents", "chunks", "vectors", "runs", "failures"):
        highest = db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
        known = db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        assert highest <= (known[0] if known else 0)
    bare = (
        "SELECT count(*) FROM documents LEFT JOIN contents ON document_id = id WHERE text IS NULL"
    )
    assert db.execute(bare).fetchone() == (0,)


def _words(db: sqlite3.Connection) -> None:
    """Compare the index, word by word, with one made afresh from the stored text."""
    db.execute(
        """CREATE VIRTUAL TABLE temp.fresh USING fts5 (above, heading, body, content='',
        tokenize="porter ascii tokenchars '-._@/&'")"""
    )
    chunks = db.execute(
        """SELECT chunks.id, title, section, text, char_start, char_end FROM chunks
        JOIN documents ON documents.id = chunks.document_id
        JOIN contents ON contents.document_id = documents.id"""
    )
    for chunk_id, title, section, text, start, end in chunks.fetchall():
        row = word_row(chunk_id, title, json.loads(section), text[start:end])
        db.execute(
            "INSERT INTO temp.fresh (rowid, above, heading, body) VALUES (?, ?, ?, ?)", astuple(row)
        )
    db.execute("CREATE VIRTUAL TABLE temp.kept USING fts5vocab (main, words, instance)")
    db.execute("CREATE VIRTUAL TABLE temp.made USING fts5vocab (temp, fresh, instance)")
    kept = db.execute("SELECT * FROM temp.kept ORDER BY 1, 2, 3, 4").fetchall()
    assert kept == db.execute("SELECT * FROM temp.made ORDER BY 1, 2, 3, 4").fetchall()
    # bm25 also rests on the counts that FTS5 keeps beside the words.
    averages = "SELECT block FROM {} WHERE id = 1"
    kept_counts, made_counts = (
        (db.execute(averages.format(table)).fetchone()[0] or b"").strip(b"\0")
        for table in ("main.words_data", "temp.fresh_data")
    )
    assert kept_counts == made_counts
