"""Open a damaged database for reading, also where its first page, or its end, is gone.

The first page says where each table begins. Without it, the pages on which the tables of a new
knowledge base begin are tried, and those on which they begin once SQLite has packed the file; the
seals tell which of the two is right.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from kb.errors import StoreError, failure
from kb.store.local import schema, seals
from kb.store.local.database import FILE, Database, connect, door
from kb.store.local.sealed import any_text
from kb.store.local.seals import Sealed
from kb.store.local.verify_tables import reference

#: So many rows of a table are compared with their seals to tell whether it begins there.
_ROWS: Final = 200
_BACKUP_HINT: Final = (
    "Put a backup in its place (`kb restore FILE --force`), or remove the folder and ingest the "
    "documents again."
)


def readable(home: Path, work: Path) -> closing[Database]:
    """Open the damaged database, or a copy in `work` that has a new first page.

    Raises `StoreError` (`store.corrupt`) where none of it can be read.
    """
    path = home / FILE
    found = _opened(path)
    if found is not None and _is_listed(found):
        return closing(found)
    tables = _tables(found)
    if found is not None:
        found.close()
    if tables and "documents" not in tables:
        raise hopeless(home, "it is a database of another program")
    best: tuple[int, Path] | None = None
    for number, packed in enumerate((False, True)):
        copy = _with_new_head(home, work / f"head-{number}", packed=packed)
        begun = _trusted(copy)
        if begun and (best is None or begun > best[0]):
            best = begun, copy
    if best is not None and (found := _opened(best[1])) is not None:
        return closing(found)
    raise hopeless(home, "no table of it can be read")


def _opened(path: Path) -> Database | None:
    """Open a damaged database for reading what is left of it."""
    connection = connect(path, "mode=rw")
    try:
        connection.execute("PRAGMA query_only = ON")
        # With it, SQLite reads a file that is shorter than its first page says.
        connection.execute("PRAGMA writable_schema = ON")
        connection.text_factory = any_text
        seals.know(connection)
    except sqlite3.DatabaseError:
        connection.close()
        return None
    return Database(connection, path)


def _tables(database: Database | None) -> dict[str, str]:
    with suppress(sqlite3.DatabaseError):
        if database is not None:
            return dict(database.connection.execute("SELECT name, sql FROM sqlite_master"))
    return {}


def _is_listed(database: Database) -> bool:
    """Tell whether every table of the truth is named in it as it should be."""
    wanted, found = reference(), _tables(database)
    return all(found.get(each.table) == wanted[each.table] for each in seals.SEALED)


def _trusted(path: Path) -> int:
    """Tell how many of the tables of the truth begin where the list of tables says.

    A table that begins elsewhere cannot be read, or gives rows that are not as they were sealed.
    """
    found = _opened(path)
    if found is None:
        return 0
    try:
        return sum(_begins(found, each) for each in seals.SEALED) if _is_listed(found) else 0
    finally:
        found.close()


def _begins(database: Database, table: Sealed) -> bool:
    sql = (
        f"SELECT 1 FROM (SELECT * FROM {table.table} LIMIT {_ROWS}) AS t JOIN seals "  # noqa: S608
        f"ON kind = {table.number} AND name = {table.name('t')} WHERE seal = {table.seal('t')}"
    )
    with suppress(sqlite3.Error):
        return database.connection.execute(sql).fetchone() is not None
    return False


def hopeless(home: Path, fact: str) -> StoreError:
    """Give the error of a database out of which nothing can be made."""
    message = f"{home / FILE} cannot be repaired: {fact}. Nothing was changed."
    return StoreError(failure("store.corrupt", message, hint=_BACKUP_HINT))


def _with_new_head(home: Path, work: Path, *, packed: bool) -> Path:
    """Copy the database and give it the list of tables of a new one, which says where they begin.

    The tables of every knowledge base begin on the same pages, for all are made at once, in one
    order; and, `packed`, on others since `kb gc` has let SQLite write the file anew, in that order.
    """
    model = work / "model"
    with door(work):
        model.mkdir(parents=True)
    schema.make(model)
    with closing(connect(model / FILE, "mode=rw")) as connection:
        seals.know(connection)
        seals.lay(Database(connection, model / FILE))
        if packed:
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    copy = work / FILE
    with door(work):
        shutil.copyfile(home / FILE, copy)
        fresh = bytearray((model / FILE).read_bytes())
        pages = _catalogue(fresh)
        # The number of pages and an empty list of free ones; both counters of changes agree.
        fresh[28:32] = max(*pages, copy.stat().st_size // size, 1).to_bytes(4, "big")
        fresh[32:40] = bytes(8)
        fresh[92:96] = fresh[24:28]
        with copy.open("r+b") as file:
            for page in pages:
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
