"""Read out of a damaged database what SQLite can still read, into a new one.

A table is walked from both ends towards the damage, then every id in between is asked for by
itself. Whether what comes out is right, its seals tell when the new one is mended. The full-text
index is not read at all: it is made again from the text.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from kb.errors import StoreError
from kb.store.local import fts, schema, seals
from kb.store.local.database import (
    FILE,
    Database,
    connect,
    door,
)
from kb.store.local.repair_head import hopeless, readable
from kb.store.local.rows import profile
from kb.store.local.schema import sync_folder
from kb.store.local.seals import Sealed
from kb.store.local.steps import step

_FOLDER: Final = "salvage.tmp"
_AT_ONCE: Final = 200
#: So many ids in the middle of a damaged table are asked for one by one.
_PROBES: Final = 2_000_000
_LAST: Final = (1 << 63) - 1


def salvage(home: Path, mend: Callable[[Path], None]) -> Path:
    """Put a new database in place of the damaged one; gives where the damaged one is kept.

    The new one holds what could be read; `mend` is given its folder before it takes the place of
    the other, so that nobody ever sees it half mended. Raises `StoreError` (`store.corrupt`) where
    nothing can be read; then nothing has changed. Call with the writer's lock.
    """
    work = home / _FOLDER
    try:
        with door(home):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            _take_back(home)
        made = _fill(home, work)
        step("repair.salvaged")
        mend(made.parent)
        with door(made), made.open("rb") as file:
            os.fsync(file.fileno())
        return _swap(home, made)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _take_back(home: Path) -> None:
    """Undo the exchange of a repair that was killed in it: the damaged one is in its place yet."""
    path = home / FILE
    for kept in home.glob(f"{FILE}.damaged-*"):
        if kept.name.endswith("-wal") or not path.exists() or not kept.samefile(path):
            continue
        journal, mine = kept.with_name(f"{kept.name}-wal"), path.with_name(f"{FILE}-wal")
        if journal.exists() and not (mine.exists() and mine.stat().st_size):
            journal.replace(mine)
        kept.unlink()


def _fill(home: Path, work: Path) -> Path:
    """Make the new database in `work`, from the first reading that gives a whole set of tables."""
    new = work / "new"
    with door(new):
        new.mkdir()
    schema.make(new)
    path = new / FILE
    with closing(connect(path, "mode=rw")) as target:
        seals.know(target)
        database = Database(target, path)
        with readable(home, work) as source, database.transaction():
            _copy(source, database)
            _expect_profile(home, database)
        database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _copy(source: Database, target: Database) -> None:
    """Take over every row that can be read, right or not, with its seal, which tells which."""
    for each in seals.SEALED:
        if each.part:
            continue
        target.run(f"DELETE FROM {each.table}")  # noqa: S608
        columns, put = _columns(target, each.table)
        _put(target, put, _rows(source, target, each, columns))
    for (id_,) in target.all(
        "SELECT id FROM generations WHERE words IS NOT NULL AND (typeof(words) != 'integer' "
        "OR words NOT BETWEEN 0 AND ?)",
        len(fts.TABLES) - 1,
    ):
        # With the number of a table that is not there, it could not even be looked at.
        free = fts.free_table(target)
        target.run("UPDATE generations SET words = ? WHERE id = ?", free, id_)
    _others(source, target)
    _manifest(source, target)
    _counters(source, target)
    seals.lay(target)
    if seals.present(source):
        _seals(source, target)


def _expect_profile(home: Path, target: Database) -> None:
    """Refuse to go on without the profile: no vector would mean anything any more."""
    found = target.one(
        "SELECT generations.profile_id, json FROM generations LEFT JOIN profiles "
        "ON profiles.id = profile_id WHERE state = 'current'"
    )
    try:
        if found is not None and found != (None, None):
            profile(found[1])
    except (ValueError, TypeError, KeyError) as error:
        raise hopeless(home, "the profile of its vectors is lost") from error
    if found is None:
        raise hopeless(home, "the generation in use cannot be read")


def _put(target: Database, sql: str, rows: Iterator[Sequence[Any]]) -> None:
    for row in rows:
        try:
            target.run(sql, *row)
        except StoreError as error:
            if error.failure.code == "store.disk_full":
                raise
            continue  # a value that no row of this table may have


def _seals(source: Database, target: Database) -> None:
    """Take over the seals; where not all can be read, rows without one are believed."""
    whole = True
    for each in seals.SEALED:
        found: list[Any] = []
        for order in ("", " DESC"):
            sql = f"SELECT kind, name, seal FROM seals WHERE kind = ? ORDER BY name{order}"  # noqa: S608
            some, complete = _walk(source, sql, each.number, most=None)
            found += some
            if complete:
                break
            whole = False
        if whole:
            target.run("DELETE FROM seals WHERE kind = ?", each.number)
        _put(target, "INSERT OR REPLACE INTO seals VALUES (?, ?, ?)", iter(found))


def _columns(target: Database, table: str) -> tuple[str, str]:
    """Give the columns of a table, and the statement that puts a row with all of them."""
    names = [row[1] for row in target.all(f"PRAGMA table_info({table})")]
    columns, marks = ", ".join(names), ", ".join("?" * len(names))
    return columns, f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608


def _others(source: Database, target: Database) -> None:
    """Take over the tables that later formats added, as far as they can be read."""
    known = {each.table for each in seals.SEALED} | {"facts", "segments", "seals"}
    for (table,) in target.all(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' "
        "AND name NOT LIKE 'words%' AND name NOT LIKE '%sqlite%'"
    ):
        if table not in known:
            columns, put = _columns(target, table)
            sql = f"SELECT {columns} FROM {table} WHERE ? < 1"  # noqa: S608
            _put(target, put, iter(_walk(source, sql, 0, most=None)[0]))


def _rows(
    source: Database, target: Database, each: Sealed, columns: str
) -> Iterator[Sequence[Any]]:
    if each.table == "sources":
        return _sources(source, columns)
    if each.table == "pages":
        return _pages(source, target, columns)
    if each.table == "built":
        sql = f"SELECT {columns} FROM built WHERE ? < 1"  # noqa: S608
        return iter(_walk(source, sql, 0, most=None)[0])
    return _by_id(source, each.table, columns)


def _by_id(source: Database, table: str, columns: str) -> Iterator[Sequence[Any]]:
    """Give the rows that can be read: from the beginning, from the end, then one by one."""
    sql = f"SELECT rowid, {columns} FROM {table} NOT INDEXED WHERE rowid "  # noqa: S608
    low = 0
    while True:
        some, ended = _walk(source, f"{sql} > ? ORDER BY rowid LIMIT {_AT_ONCE}", low)
        yield from (row[1:] for row in some)
        low = some[-1][0] if some else low
        if ended:
            break
        if not some:
            yield from _around(source, sql, low)
            break


def _walk(
    source: Database, sql: str, edge: int, *, most: int | None = _AT_ONCE
) -> tuple[list[Any], bool]:
    """Give up to `most` rows beyond `edge`, and whether there are no more of them."""
    found: list[Any] = []
    try:
        with closing(source.connection.execute(sql, (edge,))) as cursor:
            for row in cursor:
                found.append(row)  # noqa: PERF402 - an error must not lose those before it
    except sqlite3.Error:
        return found, False
    return found, most is None or len(found) < most


def _around(source: Database, sql: str, low: int) -> Iterator[Sequence[Any]]:
    """Go on behind the damage that follows the row `low`."""
    high = _LAST
    while True:
        some, ended = _walk(source, f"{sql} < ? ORDER BY rowid DESC LIMIT {_AT_ONCE}", high)
        some = [row for row in some if row[0] > low]
        yield from (row[1:] for row in some)
        high = some[-1][0] if some else high
        if ended or not some:
            break
    if high == _LAST:
        high = low + _PROBES
    for rowid in range(low + 1, min(high, low + _PROBES)):
        some, _ = _walk(source, f"{sql} = ? LIMIT 1", rowid)
        yield from (row[1:] for row in some)


def _sources(source: Database, columns: str) -> Iterator[Sequence[Any]]:
    """Give the rows of `sources` from both ends, then those that documents name."""
    for order in ("", " DESC"):
        sql = f"SELECT {columns} FROM sources WHERE size >= ? ORDER BY path{order}"  # noqa: S608
        yield from _walk(source, sql, -_LAST, most=None)[0]
    for row in list(_by_id(source, "documents", "path")):
        sql = f"SELECT {columns} FROM sources WHERE path = ?"  # noqa: S608
        try:
            yield from source.connection.execute(sql, row)
        except (sqlite3.Error, UnicodeError):
            continue


def _pages(source: Database, target: Database, columns: str) -> Iterator[Sequence[Any]]:
    sql = f"SELECT {columns} FROM pages WHERE document_id = ?"  # noqa: S608
    for (document_id,) in target.all("SELECT id FROM documents"):
        yield from _walk(source, sql, document_id, most=None)[0]


def _manifest(source: Database, target: Database) -> None:
    """Take over the names of segments that can be read; they are checked afterwards."""
    columns, put = _columns(target, "segments")
    _put(target, put, _by_id(source, "segments", columns))


def _counters(source: Database, target: Database) -> None:
    """Let no id be used twice, also one that was lost (I6)."""
    sql = "SELECT name, seq FROM sqlite_sequence WHERE rowid > ?"
    known, _ = _walk(source, sql, 0, most=None)
    for name, seq in known:
        if isinstance(seq, int) and 0 <= seq < 1 << 48:
            target.run("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", seq, name)


def _swap(home: Path, made: Path) -> Path:
    """Put the new database in place and keep the damaged one beside it, with its journal."""
    number = 1
    while (kept := home / f"{FILE}.damaged-{number}").exists():
        number += 1
    path = home / FILE
    with door(home):
        try:
            os.link(path, kept)
        except OSError:
            shutil.copyfile(path, kept)
        journal = path.with_name(f"{FILE}-wal")
        if journal.exists():
            # A journal is taken for that of whichever database lies beside it.
            journal.rename(kept.with_name(f"{kept.name}-wal"))
        path.with_name(f"{FILE}-shm").unlink(missing_ok=True)
        step("repair.linked")
        made.replace(path)
        step("repair.swapped")
        sync_folder(home)
    return kept
