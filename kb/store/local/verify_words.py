"""Are the full-text rows exactly the words of the stored chunks?

The index keeps no text, so it is compared word by word. Its own tables are copied to a scratch
database, for FTS5 checks itself only where it may write, and there must be no writing to the
knowledge base. Then every place of every word is added up into one number for each chunk, once as
the index has them and once as the stored text gives them: the order in which they come does not
matter, so neither side has to be sorted or held in memory. Eight bytes for each chunk are.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.store import Finding
from kb.store.local import fts
from kb.store.local.database import Database
from kb.store.local.fts import WordRow
from kb.store.local.verify_check import Check, Scene, counted

#: The tables in which FTS5 keeps an index, with the number of their columns.
_SHADOWS: Final = {"data": 2, "idx": 3, "docsize": 2, "config": 2}
_AT_ONCE: Final = 256
_ROWS: Final = 8192
_COLUMNS: Final = {"above": 1, "heading": 2, "body": 3}
#: Odd, so that a multiplication loses nothing.
_MIXER: Final = np.uint64(0x9E3779B97F4A7C15)

_Sums = NDArray[np.uint64]


def words(scene: Scene) -> Iterator[Finding]:
    """Compare the full-text index with the chunks; leave documents out that are damaged anyway."""
    database = scene.database
    rows, lookups = Check("words.rows"), Check("words.lookups")
    if not fts.is_current(database):
        told = "The full-text index is of another version: the next command that writes renews it."
        yield rows.finding(told)
        return
    chunks = distinct = 0
    for owner in fts.owners(database):
        ids = _ids(database, owner[0])
        chunks += len(ids)
        distinct += _table(scene, rows, lookups, owner, ids)
    scene.damage.words |= bool(rows.wrong or lookups.wrong)
    yield rows.finding(
        f"The full-text rows of {counted(chunks, 'chunk')} hold exactly their words.",
        "The full-text index is not that of the chunks",
        chunks=chunks,
    )
    yield lookups.finding(
        f"Each of {counted(distinct, 'word')} is found where it stands.",
        "Words are not found where they stand",
        words=distinct,
    )


def _table(
    scene: Scene, rows: Check, lookups: Check, owner: tuple[int, str], ids: NDArray[np.int64]
) -> int:
    """Compare the table of one generation; gives how many words it has."""
    distinct = 0
    with closing(sqlite3.connect("", isolation_level=None)) as kept:
        try:
            _copy(scene.database, kept, owner[1])
            kept.execute("INSERT INTO words (words) VALUES ('integrity-check')")
            found = _empty(ids)
            _add(kept, ids, found)
            distinct = _look_up(kept, lookups)
        except sqlite3.DatabaseError as error:
            rows.fail(f"FTS5 cannot read its index ({error})")
        else:
            _compare(scene, rows, kept, owner, ids, found)
    return distinct


def _ids(database: Database, generation_id: int) -> NDArray[np.int64]:
    sql = "SELECT id FROM chunks WHERE generation_id = ? ORDER BY id"
    blocks = [
        np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
        for rows in database.blocks(sql, generation_id, size=_ROWS)
    ]
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.int64)


def _copy(database: Database, kept: sqlite3.Connection, table: str) -> None:
    """Copy the tables that FTS5 keeps below `table` below one called `words`."""
    _declare(database, kept, table)
    for shadow, width in _SHADOWS.items():
        kept.execute(f"DELETE FROM words_{shadow}")  # noqa: S608
        marks = ", ".join("?" * width)
        for rows in database.blocks(f"SELECT * FROM {table}_{shadow}", size=_AT_ONCE):  # noqa: S608
            kept.executemany(f"INSERT INTO words_{shadow} VALUES ({marks})", rows)  # noqa: S608


def _declare(database: Database, scratch: sqlite3.Connection, table: str) -> None:
    """Make an index declared as the stored one is, and a view of each place of its words."""
    found = database.one("SELECT sql FROM sqlite_master WHERE name = ?", table)
    assert found is not None, "there is a full-text index"
    scratch.execute(found[0].replace(f"TABLE {table} ", "TABLE words ", 1))
    scratch.execute("CREATE VIRTUAL TABLE places USING fts5vocab (words, instance)")
    scratch.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (words, row)")


def _empty(ids: NDArray[np.int64]) -> _Sums:
    """Give a sum for each chunk, and a last one for rows of none."""
    return np.zeros(len(ids) + 1, dtype=np.uint64)


def _add(scratch: sqlite3.Connection, ids: NDArray[np.int64], sums: _Sums) -> None:
    """Add every word's place to the sum of its chunk."""
    cursor = scratch.execute("SELECT term, doc, col, offset FROM places")
    last, mark = "", 0
    while rows := cursor.fetchmany(_ROWS):
        marks = np.empty(len(rows), dtype=np.uint64)
        places = np.empty(len(rows), dtype=np.uint64)
        docs = np.empty(len(rows), dtype=np.int64)
        for n, (term, doc, column, offset) in enumerate(rows):
            if term != last:
                data = term.encode("utf-8", "surrogatepass")
                last, mark = term, zlib.crc32(data) << 32 | zlib.adler32(data)
            marks[n], docs[n], places[n] = mark, doc, offset << 2 | _COLUMNS[column]
        np.add.at(sums, _index(ids, docs), _mixed(_mixed(marks) + places))


def _index(ids: NDArray[np.int64], docs: NDArray[np.int64]) -> NDArray[np.intp]:
    at = np.searchsorted(ids, docs)
    if not len(ids):
        return at
    known = ids[np.minimum(at, len(ids) - 1)] == docs
    return np.where(known, at, len(ids))


def _mixed(values: _Sums) -> _Sums:
    values = (values ^ (values >> np.uint64(31))) * _MIXER
    mixed: _Sums = (values ^ (values >> np.uint64(29))) * _MIXER
    return mixed


def _look_up(kept: sqlite3.Connection, check: Check) -> int:
    """Ask for each word by itself: a damaged page table hides words that a full scan shows."""
    number = 0
    asked = kept.cursor()
    for term, documents, places in kept.execute("SELECT term, doc, cnt FROM terms"):
        number += 1
        found = asked.execute("SELECT doc, cnt FROM terms WHERE term = ?", (term,)).fetchone()
        check.expect(found == (documents, places), f"the word {term!r} is not found")
    return number


def _compare(
    scene: Scene,
    check: Check,
    kept: sqlite3.Connection,
    owner: tuple[int, str],
    ids: NDArray[np.int64],
    found: _Sums,
) -> None:
    wanted = _empty(ids)
    skipped = np.zeros(len(ids) + 1, dtype=bool)
    with closing(sqlite3.connect("", isolation_level=None)) as fresh:
        _declare(scene.database, fresh, owner[1])
        for rows in _expected(scene, owner[0]):
            _fill(fresh, rows)
            _add(fresh, ids, wanted)
            _sizes(check, kept, fresh, rows)
    for document_id in scene.damage.documents:
        sql = "SELECT id FROM chunks WHERE document_id = ? ORDER BY id"
        some = [row[0] for row in scene.database.all(sql, document_id)]
        skipped[_index(ids, np.array(some, dtype=np.int64))] = True
    different = np.flatnonzero((wanted != found) & ~skipped)
    for place in different.tolist():
        told = "rows of no chunk" if place == len(ids) else f"chunk {ids[place]} has other words"
        check.fail(told)
    foreign = {row[0] for row in kept.execute("SELECT id FROM words_docsize")} - set(ids.tolist())
    check.expect(not foreign, f"rows of no chunk ({sorted(foreign)[:3]})")
    _averages(check, kept)


def _expected(scene: Scene, generation_id: int) -> Iterator[Sequence[WordRow]]:
    """Give the rows that should stand, a few hundred at a time."""
    from kb.store.local.rows import word_rows

    pending: list[WordRow] = []
    for (document_id,) in scene.database.all("SELECT id FROM documents ORDER BY id"):
        if document_id in scene.damage.documents:
            continue
        for row in word_rows(scene.database, document_id, generation_id=generation_id):
            pending.append(row)
            if len(pending) == _AT_ONCE:
                yield pending
                pending = []
    yield pending


def _fill(fresh: sqlite3.Connection, rows: Sequence[WordRow]) -> None:
    fresh.execute("INSERT INTO words (words) VALUES ('delete-all')")
    fts.insert(Database(fresh, Path("scratch")), rows)


def _sizes(
    check: Check, kept: sqlite3.Connection, fresh: sqlite3.Connection, rows: Sequence[WordRow]
) -> None:
    """Compare the number of words that FTS5 keeps of each row."""
    known = "SELECT id, sz FROM words_docsize WHERE id BETWEEN ? AND ?"
    if not rows:
        return
    low, high = (edge(row.chunk_id for row in rows) for edge in (min, max))
    here, made = (dict(each.execute(known, (low, high))) for each in (kept, fresh))
    for row in rows:
        same = here.get(row.chunk_id) == made.get(row.chunk_id)
        check.expect(same, f"chunk {row.chunk_id} is counted wrongly")


def _averages(check: Check, kept: sqlite3.Connection) -> None:
    """Compare the totals that the ranking divides by with the sums of the rows."""
    rows, totals = 0, [0] * len(_COLUMNS)
    for (size,) in kept.execute("SELECT sz FROM words_docsize"):
        rows += 1
        totals = [a + b for a, b in zip(totals, _numbers(size), strict=False)]
    found = kept.execute("SELECT block FROM words_data WHERE id = 1").fetchone()
    told = _numbers(found[0]) if found and found[0] else []
    check.expect(
        (told + [0] * 4)[:4] == [rows, *totals], "the totals behind the ranking are not the sums"
    )


def _numbers(data: bytes) -> list[int]:
    """Read SQLite's variable-length integers: seven bits to a byte, the ninth byte whole."""
    found, value, length = [], 0, 0
    for byte in data:
        length += 1
        value = value << 8 | byte if length == 9 else value << 7 | (byte & 0x7F)
        if byte < 0x80 or length == 9:
            found.append(value)
            value = length = 0
    return found
