"""The tables of `kb.sqlite3`, and how a database is made or brought up to date.

sqlite-utils carries the migrations; it is imported only when there is one to carry out, for its
import costs more than a whole search.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kb.errors import StoreError, failure
from kb.store.local import seals
from kb.store.local.database import (
    APPLICATION_ID,
    FILE,
    SCHEMA_VERSION,
    Database,
    connect,
    door,
    version,
)
from kb.store.local.fts import SETTINGS, TABLES
from kb.store.local.sealed import open_writer
from kb.store.local.steps import step
from kb.store.local.words import TOKENIZER_VERSION

if TYPE_CHECKING:
    from sqlite_utils import Database as UtilsDatabase

# No second copy of the text: the rows hold words only, made by `words.py`. FTS5's own tokenizer
# splits at spaces and takes English endings off; all non-ASCII is a word to it.
_WORDS: Final = """CREATE VIRTUAL TABLE {} USING fts5 (above, heading, body, content='',
        tokenize="porter ascii tokenchars '-._@/&'")"""
_SET_UP: Final = "INSERT INTO {0} ({0}, rank) VALUES (?, ?)"
# AUTOINCREMENT everywhere: an id that was once seen never names anything else (I6).
_TABLES: Final = (
    """CREATE TABLE facts (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE profiles (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest TEXT NOT NULL UNIQUE,
        json TEXT NOT NULL,
        canaries BLOB)""",
    """CREATE TABLE generations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        profile_id INTEGER REFERENCES profiles,
        chunking TEXT,
        state TEXT NOT NULL CHECK (state IN ('building', 'current', 'former')),
        created_at TEXT NOT NULL)""",
    """CREATE UNIQUE INDEX one_current ON generations (state) WHERE state = 'current'""",
    """CREATE TABLE sources (
        path TEXT PRIMARY KEY,
        collection TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('indexed', 'stale', 'failed')),
        retriable INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE REFERENCES sources,
        collection TEXT NOT NULL,
        title TEXT NOT NULL,
        format TEXT NOT NULL,
        paged INTEGER NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        ingested_at TEXT NOT NULL)""",
    # Apart from documents, so that a listing does not read through the text.
    """CREATE TABLE contents (
        document_id INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
        text TEXT NOT NULL,
        headings TEXT NOT NULL,
        problems TEXT NOT NULL)""",
    """CREATE TABLE pages (
        document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        number INTEGER NOT NULL,
        char_start INTEGER NOT NULL,
        char_end INTEGER NOT NULL,
        state TEXT NOT NULL,
        code TEXT,
        PRIMARY KEY (document_id, number)) WITHOUT ROWID""",
    """CREATE TABLE vectors (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        profile_id INTEGER NOT NULL REFERENCES profiles,
        key BLOB NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (profile_id, key))""",
    """CREATE TABLE chunks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        generation_id INTEGER NOT NULL REFERENCES generations,
        document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        ordinal INTEGER NOT NULL,
        char_start INTEGER NOT NULL,
        char_end INTEGER NOT NULL,
        byte_start INTEGER NOT NULL,
        byte_end INTEGER NOT NULL,
        page_start INTEGER,
        page_end INTEGER,
        line_start INTEGER NOT NULL,
        line_end INTEGER NOT NULL,
        page_line INTEGER,
        section TEXT NOT NULL,
        context TEXT NOT NULL,
        vector_id INTEGER REFERENCES vectors,
        UNIQUE (document_id, generation_id, ordinal))""",
    """CREATE INDEX chunks_by_vector ON chunks (vector_id)""",
    _WORDS.format("words"),
    """CREATE TABLE failures (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT,
        stage TEXT NOT NULL,
        code TEXT NOT NULL,
        locator TEXT,
        message TEXT NOT NULL,
        hint TEXT NOT NULL,
        retriable INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        detail TEXT NOT NULL,
        run TEXT,
        at TEXT NOT NULL)""",
    """CREATE INDEX failures_by_source ON failures (source)""",
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        command TEXT NOT NULL,
        status TEXT NOT NULL,
        started_at TEXT NOT NULL,
        finished_at TEXT,
        report TEXT)""",
    # The manifest. mtime_ns and inode are those of the file when its hash was last found right.
    """CREATE TABLE segments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        profile_id INTEGER NOT NULL REFERENCES profiles,
        sha256 TEXT NOT NULL,
        low_id INTEGER NOT NULL,
        high_id INTEGER NOT NULL,
        count INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL)""",
)


def make(home: Path) -> None:
    """Make an empty database in `home`; the caller holds the writer's lock.

    It is built under another name and renamed, so that a database of the final name is whole.
    """
    path, draft = home / FILE, home / f"{FILE}.new"
    journal = home / f"{FILE}-wal"
    with door(home):
        if journal.exists():
            message = f"{journal} is there, but the database it belongs to is gone."
            raise StoreError(failure("store.corrupt", message))
        for leftover in home.glob(f"{FILE}.new*"):
            leftover.unlink()
        connection = connect(draft, "mode=rwc")
        with closing(connection):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            _apply(connection)
        step("database.made")
        draft.rename(path)
        sync_folder(home)


def upgrade(path: Path) -> None:
    """Bring an older database up to this format; the caller holds the writer's lock."""
    database = open_writer(path)
    try:
        outdated = version(database) < SCHEMA_VERSION
    finally:
        database.close()
    if outdated:
        connection = connect(path, "mode=rw")
        with door(path), closing(connection):
            _apply(connection)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _apply(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database as Utils
    from sqlite_utils.migrations import Migrations

    seals.know(connection)
    migrations = Migrations("kb")
    migrations(name="0001_first")(_first)
    migrations(name="0002_shapes")(_shapes)
    migrations(name="0003_coverage")(_coverage)
    migrations.apply(Utils(connection, execute_plugins=False))


def _first(db: UtilsDatabase) -> None:
    for table in _TABLES:
        db.execute(table)
    for setting in SETTINGS:
        db.execute(_SET_UP.format("words"), setting)
    db.execute("INSERT INTO facts VALUES ('tokenizer', ?)", [TOKENIZER_VERSION])
    db.execute(
        "INSERT INTO generations (state, created_at) "
        "VALUES ('current', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))"
    )
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")


def _shapes(db: UtilsDatabase) -> None:
    """Let the manifest say how each segment is built and searched; until now all were exact."""
    for column in (
        "kind TEXT NOT NULL DEFAULT 'exact'",
        "width INTEGER NOT NULL DEFAULT 0",
        "lists INTEGER NOT NULL DEFAULT 0",
        "probes INTEGER NOT NULL DEFAULT 0",
        "candidates INTEGER NOT NULL DEFAULT 0",
        "recall REAL NOT NULL DEFAULT 1.0",
    ):
        db.execute(f"ALTER TABLE segments ADD COLUMN {column}")
    db.execute(
        "UPDATE segments SET width = coalesce((SELECT json_extract(json, '$.dimensions') "
        "FROM profiles WHERE profiles.id = profile_id), 0)"
    )
    _sets(db)
    db.execute("PRAGMA user_version = 2")


def _sets(db: UtilsDatabase) -> None:
    """Let a second and a third generation stand beside the one in use."""
    # The number of its table of words in `fts.TABLES`; one that has none is about to be deleted.
    db.execute("ALTER TABLE generations ADD COLUMN words INTEGER")
    # The settings that made it, by their names in kb.toml, as JSON; never the key.
    db.execute("ALTER TABLE generations ADD COLUMN settings TEXT")
    db.execute("UPDATE generations SET words = 0 WHERE state = 'current'")
    for table in TABLES[1:]:
        db.execute(_WORDS.format(table))
        for setting in SETTINGS:
            db.execute(_SET_UP.format(table), setting)
    # Which documents a generation that is not in use holds, and what failed of them in it.
    db.execute(
        """CREATE TABLE built (
        document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        generation_id INTEGER NOT NULL REFERENCES generations ON DELETE CASCADE,
        failures TEXT NOT NULL,
        PRIMARY KEY (document_id, generation_id)) WITHOUT ROWID"""
    )


def _coverage(db: UtilsDatabase) -> None:
    """Let each page say what was left out of it and how surely it was recognised."""
    db.execute("ALTER TABLE pages ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0")
    # As Python writes the number: exact, and the same bytes under the seal in every SQLite.
    db.execute("ALTER TABLE pages ADD COLUMN confidence TEXT")
    database = Database(db.conn, Path(FILE))
    # Before the index is made: the seals begin on the same page in every knowledge base.
    if seals.present(database):
        seals.widen(database, "pages", lacking=("left_out", "confidence"))
        seals.extend(database, seals.WORDS, seals.SETTINGS, seals.BUILT)
    else:
        seals.lay(database)
    # Few pages are in it, so that a search learns at once whether there are any.
    db.execute(
        "CREATE INDEX pages_not_searchable ON pages (document_id) "
        "WHERE state IN ('image_only', 'failed')"
    )
    db.execute("PRAGMA user_version = 3")
