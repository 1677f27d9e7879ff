"""Seals: a checksum of every row that nothing else could prove right.

SQLite tells a torn page, not a changed letter. So each row of the tables that hold the truth has
a row in `seals`, written in the same transaction by triggers of the writer's connection. What can
be derived (full-text index, segments) needs none. A seal is a CRC-32: it is meant for bits that
fall over, not for an enemy.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

    from kb.store.local.database import Database


@dataclass(frozen=True, slots=True)
class Sealed:
    """A table under seal: its number in `seals`, what names a row of it, and what is sealed.

    Numbers never change. A column that a later format adds stands outside the seal, unless that
    format's migration seals the rows anew (`schema.py`). Columns whose damage is mended in another
    way than that of the rest have a seal of their own.
    """

    number: int
    table: str
    #: An SQL expression over the columns, with `{}` where the row's name goes.
    key: str
    columns: tuple[str, ...]
    #: What a second seal of a table is about; empty for the first one.
    part: str = ""

    @property
    def about(self) -> str:
        """What is under this seal: a table, or a part of it."""
        return f"{self.table} ({self.part})" if self.part else self.table

    def seal(self, row: str) -> str:
        """Give the SQL expression of the seal of a row called `row`."""
        # As bytes, for a damaged text may not be text any more.
        return f"kb_seal({', '.join(f'CAST({row}.{name} AS BLOB)' for name in self.columns)})"

    def name(self, row: str) -> str:
        """Give the SQL expression that names a row called `row`."""
        # The sign takes the column's type away: with it, no index of `seals` would serve.
        return "+" + self.key.format(row)


def _sealed(number: int, table: str, columns: str, key: str = "{}.id", *, part: str = "") -> Sealed:
    return Sealed(number, table, key, tuple(columns.split()), part)


def _pair(one: str, other: str) -> str:
    return f"({{0}}.{one} || '.' || {{0}}.{other})"


#: Which table of words a generation has, and the settings that made it.
WORDS: Final = _sealed(11, "generations", "id words", part="words")
SETTINGS: Final = _sealed(12, "generations", "id settings", part="settings")
#: Which documents a generation that is not in use holds, and what failed of them.
BUILT: Final = _sealed(
    13, "built", "document_id generation_id failures", _pair("document_id", "generation_id")
)


SEALED: Final = (
    _sealed(1, "profiles", "id digest json canaries"),
    _sealed(2, "generations", "id profile_id chunking state created_at"),
    _sealed(3, "sources", "path collection size mtime_ns inode sha256 state retriable", "{}.path"),
    _sealed(4, "documents", "id path collection title format paged size sha256 ingested_at"),
    _sealed(5, "contents", "document_id text headings problems", "{}.document_id"),
    _sealed(
        6,
        "pages",
        "document_id number char_start char_end state code left_out confidence",
        _pair("document_id", "number"),
    ),
    _sealed(7, "vectors", "id profile_id key vector"),
    _sealed(
        8,
        "chunks",
        "id generation_id document_id ordinal char_start char_end byte_start byte_end page_start "
        "page_end line_start line_end page_line section context vector_id",
    ),
    _sealed(
        9,
        "failures",
        "id source stage code locator message hint retriable attempts detail run at",
    ),
    _sealed(10, "runs", "id command status started_at finished_at report"),
    WORDS,
    SETTINGS,
    BUILT,
)

#: What makes the table of seals.
TABLE: Final = """CREATE TABLE seals (
    kind INTEGER NOT NULL,
    name NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (kind, name)) WITHOUT ROWID"""


def know(connection: sqlite3.Connection) -> None:
    """Teach a connection how seals are made."""
    connection.create_function("kb_seal", -1, _seal, deterministic=True)


def _seal(*values: bytes | None) -> int:
    return zlib.crc32(
        b"".join([b"-" if value is None else b"%d:%b" % (len(value), value) for value in values])
    )


def present(database: Database) -> bool:
    """Tell whether the rows are under seal; those of a database made by an early kb are not."""
    return database.one("SELECT 1 FROM sqlite_master WHERE name = 'seals'") is not None


def arm(database: Database) -> None:
    """Let this connection seal what it writes, in the transaction that writes it."""
    for each in SEALED:
        values = f"{each.number}, {each.name('NEW')}, {each.seal('NEW')}"
        put = f"INSERT OR REPLACE INTO seals VALUES ({values});"  # noqa: S608
        forget = f"DELETE FROM seals WHERE kind = {each.number} AND name = {each.name('OLD')};"  # noqa: S608
        for event, body in (
            ("INSERT", put),
            ("UPDATE", forget + put),
            ("DELETE", forget),
        ):
            database.run(
                f"CREATE TEMP TRIGGER seal_{each.number}_{event} "
                f"AFTER {event} ON main.{each.table} BEGIN {body} END"
            )


def lay(database: Database) -> None:
    """Put every row under seal, as it stands; call inside a transaction."""
    if present(database):
        # Not dropped: its place in the file is the same in every knowledge base.
        database.run("DELETE FROM seals")
    else:
        database.run(TABLE)
    extend(database, *SEALED)


def extend(database: Database, *more: Sealed) -> None:
    """Put under seal what was not until now, as it stands; call inside a transaction."""
    for each in more:
        database.run(
            f"INSERT INTO seals SELECT {each.number}, {each.name('t')}, {each.seal('t')} "  # noqa: S608
            f"FROM {each.table} AS t"
        )


def widen(database: Database, table: str, *, lacking: tuple[str, ...]) -> None:
    """Seal the rows of a table anew, with columns that their seals lacked until now.

    A row that is not what was sealed keeps its old seal, so that it is found out as before. Call
    inside a transaction.
    """
    (each,) = (each for each in SEALED if each.table == table)
    before = replace(each, columns=tuple(name for name in each.columns if name not in lacking))
    database.run(
        f"INSERT OR REPLACE INTO seals SELECT {each.number}, {each.name('t')}, {each.seal('t')} "  # noqa: S608
        f"FROM {each.table} AS t JOIN seals ON kind = {each.number} AND name = {each.name('t')} "
        f"WHERE seals.seal = {before.seal('t')}"
    )


def broken(database: Database, each: Sealed) -> Iterator[object]:
    """Give the name of every row of a table that is not what was sealed, or that has no seal."""
    sql = (
        f"SELECT {each.name('t')} FROM {each.table} AS t LEFT JOIN seals "  # noqa: S608
        f"ON kind = {each.number} AND name = {each.name('t')} "
        f"WHERE seal IS NULL OR seal != {each.seal('t')}"
    )
    for rows in database.blocks(sql, size=1024):
        yield from (row[0] for row in rows)


def lost(database: Database, each: Sealed) -> Iterator[object]:
    """Give the name of every row that was sealed and is not there."""
    sql = (
        f"SELECT name FROM seals WHERE kind = {each.number} AND NOT EXISTS "  # noqa: S608
        f"(SELECT 1 FROM {each.table} AS t WHERE {_found(each)})"
    )
    for rows in database.blocks(sql, size=1024):
        yield from (row[0] for row in rows)


def _found(each: Sealed) -> str:
    """Give the condition by which a row is looked up, in a way that an index serves."""
    if each.table in {"pages", "built"}:
        second = "number" if each.table == "pages" else "generation_id"
        return (
            "t.document_id = CAST(seals.name AS INTEGER) AND "
            f"t.{second} = CAST(substr(seals.name, instr(seals.name, '.') + 1) AS INTEGER)"
        )
    return f"{each.key.format('t')} = seals.name"
