"""What must hold of a knowledge base at any moment at which a process may die."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from kb.store.local.fts import TABLES, word_row


def check(home: Path, *, swept: bool = False) -> None:
    """Assert I1, I2, I5, I6 and the exactness of the full-text rows, straight from the files."""
    with closing(sqlite3.connect(home / "kb.sqlite3", isolation_level=None)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        _segments(db, home, swept=swept)
        _chunks(db)
        _generations(db)
        for generation, number in db.execute(
            "SELECT id, words FROM generations WHERE words IS NOT NULL"
        ).fetchall():
            table = TABLES[number]
            db.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
            _words(db, generation, table)


def _segments(db: sqlite3.Connection, home: Path, *, swept: bool) -> None:
    rows = db.execute(
        "SELECT sha256, low_id, high_id, count, profile_id FROM segments "
        "ORDER BY profile_id, low_id"
    ).fetchall()
    for sha256, low, high, count, profile in rows:
        data = (home / "index" / f"{sha256}.faiss").read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        sql = "SELECT count(*) FROM vectors WHERE id BETWEEN ? AND ? AND profile_id = ?"
        assert db.execute(sql, (low, high, profile)).fetchone() == (count,)
    for before, after in pairwise(rows):
        assert before[4] != after[4] or before[2] < after[1]
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


def _generations(db: sqlite3.Connection) -> None:
    """I3: one is current; the words of two never share a table; what is built is there."""
    rows = db.execute("SELECT id, state, words FROM generations").fetchall()
    assert [state for _, state, _ in rows].count("current") == 1
    assert all(words is not None for _, state, words in rows if state == "current")
    owned = [words for _, _, words in rows if words is not None]
    assert len(owned) == len(set(owned))
    bare = """SELECT count(*) FROM chunks JOIN generations ON generations.id = generation_id
        WHERE words IS NOT NULL AND state != 'current' AND NOT EXISTS (SELECT 1 FROM built
        WHERE built.document_id = chunks.document_id AND built.generation_id = generations.id)"""
    assert db.execute(bare).fetchone() == (0,)


def _words(db: sqlite3.Connection, generation: int, table: str) -> None:
    """Compare the index, word by word, with one made afresh from the stored text."""
    for scratch in ("fresh", "kept", "made"):
        db.execute(f"DROP TABLE IF EXISTS temp.{scratch}")
    db.execute(
        """CREATE VIRTUAL TABLE temp.fresh USING fts5 (above, heading, body, content='',
        tokenize="porter ascii tokenchars '-._@/&'")"""
    )
    chunks = db.execute(
        """SELECT chunks.id, title, section, text, char_start, char_end FROM chunks
        JOIN documents ON documents.id = chunks.document_id
        JOIN contents ON contents.document_id = documents.id WHERE generation_id = ?""",
        (generation,),
    )
    for chunk_id, title, section, text, start, end in chunks.fetchall():
        row = word_row(chunk_id, title, json.loads(section), text[start:end])
        db.execute("INSERT INTO temp.fresh (rowid, above, heading, body) VALUES (?, ?, ?, ?)", row)
    db.execute(f"CREATE VIRTUAL TABLE temp.kept USING fts5vocab (main, {table}, instance)")
    db.execute("CREATE VIRTUAL TABLE temp.made USING fts5vocab (temp, fresh, instance)")
    kept = db.execute("SELECT * FROM temp.kept ORDER BY 1, 2, 3, 4").fetchall()
    assert kept == db.execute("SELECT * FROM temp.made ORDER BY 1, 2, 3, 4").fetchall()
    # bm25 also rests on the counts that FTS5 keeps beside the words.
    averages = "SELECT block FROM {} WHERE id = 1"
    kept_counts, made_counts = (
        (db.execute(averages.format(table)).fetchone()[0] or b"").strip(b"\0")
        for table in (f"main.{table}_data", "temp.fresh_data")
    )
    assert kept_counts == made_counts
