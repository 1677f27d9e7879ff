"""Read out of a damaged database what SQLite can still read, into a new one.

A table is walked from both ends towards the damage, then every id in between is asked for by
itself. Whether what comes out is right, its seals tell when the new one is mended. The full-text
index is not read at all: it is made again from the text.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from kb.errors import StoreError, failure
from kb.store.local import schema
from kb.store.local import verify_seals as seals
from kb.store.local.database import (
    FILE,
    Database,
    _any_text,
    connect,
    door,
)
from kb.store.local.rows import profile
from kb.store.local.schema import sync_folder
from kb.store.local.verify_seals import Sealed
from kb.store.local.verify_tables import reference

_FOLDER: Final = "salvage.tmp"
_AT_ONCE: Final = 200
#: So many ids in the middle of a damaged table are asked for one by one.
_PROBES: Final = 2_000_000
_LAST: Final = (1 << 63) - 1
_BACKUP_HINT: Final = (
    "Put a backup in its place (`kb restore FILE --force`), or remove the folder and ingest the "
    "documents again."
)


def salvage(home: Path) -> Path:
    """Put a new database in place of the damaged one; gives where the damaged one is kept.

    The new one holds what could be read, and still has to be mended. Raises `StoreError`
    (`store.corrupt`) where nothing can be read; then nothing has changed. Call with the writer's
    lock.
    """
    work = home / _FOLDER
    try:
        with door(home):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
        made = _fill(home, work)
        return _swap(home, made)
    finally:
        shutil.rmtree(work, ignore_errors=True)


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
        with _source(home, work) as source, database.transaction():
            _copy(source, database)
            _expect_profile(home, database)
        database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    with door(path), path.open("rb") as file:
        os.fsync(file.fileno())
    return path


def _source(home: Path, work: Path) -> closing[Database]:
    """Open the damaged database; where its first page is gone, a copy with a new first page."""
    wanted = reference()
    for made in (False, True):
        path = _with_new_head(home, work) if made else home / FILE
        connection = connect(path, "mode=rw")
        found: dict[str, str] = {}
        with suppress(sqlite3.DatabaseError):
            connection.execute("PRAGMA query_only = ON")
            connection.text_factory = _any_text
            seals.know(connection)
            found = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
        if all(found.get(each.table) == wanted[each.table] for each in seals.SEALED):
            return closing(Database(connection, path))
        connection.close()
        if found and "documents" not in found and not made:
            raise _hopeless(home, "it is a database of another program")
    raise _hopeless(home, "no table of it can be read")


def _hopeless(home: Path, fact: str) -> StoreError:
    message = f"{home / FILE} cannot be repaired: {fact}. Nothing was changed."
    return StoreError(failure("store.corrupt", message, hint=_BACKUP_HINT))


def _with_new_head(home: Path, work: Path) -> Path:
    """Copy the database and give it the list of tables of a new one, which says where they begin.

    The tables of every knowledge base begin on the same pages: all are made at once, in one order.
    """
    model = work / "model"
    with door(work):
        model.mkdir()
    schema.make(model)
    with closing(connect(model / FILE, "mode=rw")) as connection:
        seals.know(connection)
        seals.lay(Database(connection, model / FILE))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    copy = work / FILE
    with door(work):
        shutil.copyfile(home / FILE, copy)
        fresh = bytearray((model / FILE).read_bytes())
        # The number of pages and an empty list of free ones; both counters of changes agree.
        fresh[28:32] = (copy.stat().st_size // size).to_bytes(4, "big")
        fresh[32:40] = bytes(8)
        fresh[92:96] = fresh[24:28]
        with copy.open("r+b") as file:
            for page in _catalogue(fresh):
                file.seek((page - 1) * size)
                file.write(fresh[(page - 1) * size : page * size])
    return copy


def _catalogue(database: bytes | bytearray) -> list[int]:
    """Give the numbers of the pages that hold the list of tables: the first, and those below it.

    >>> _catalogue(bytes(100) + bytes([13]) + bytes(11))
    [1]
    """
    interior, cells = 5, int.from_bytes(database[103:105], "big")
    if database[100] != interior:
        return [1]
    starts = [int.from_bytes(database[at : at + 2], "big") for at in range(112, 112 + 2 * cells, 2)]
    below = [int.from_bytes(database[at : at + 4], "big") for at in (*starts, 108)]
    return [1, *below]


def _copy(source: Database, target: Database) -> None:
    """Take over every row that can be read, right or not, with its seal, which tells which."""
    for each in seals.SEALED:
        target.run(f"DELETE FROM {each.table}")  # noqa: S608
        columns, put = _columns(target, each.table)
        _put(target, put, _rows(source, target, each, columns))
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
        raise _hopeless(home, "the profile of its vectors is lost") from error
    if found is None:
        raise _hopeless(home, "the generation in use cannot be read")


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
        made.replace(path)
        sync_folder(home)
    return kept
