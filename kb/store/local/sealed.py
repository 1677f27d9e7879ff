"""Databases opened with what makes and examines the seals of their rows."""

from __future__ import annotations

from pathlib import Path

from kb.store.local import seals
from kb.store.local.database import Database, door, open_database, open_reader


def open_writer(path: Path) -> Database:
    """Open `path` for writing; each COMMIT is on the disk when it returns (synchronous=FULL).

    The journal of vectors is no exception: a vector is paid for, and one flush for a batch costs
    little beside the call that brought it. What is written is sealed (`seals.py`).
    """
    database = open_database(path, "mode=rw", "synchronous=FULL", "foreign_keys=ON")
    try:
        with door(path):
            seals.know(database.connection)
        if seals.present(database):
            seals.arm(database)
    except BaseException:
        database.close()
        raise
    return database


def open_sealed(path: Path) -> Database:
    """Do as `open_writer`; what an early kb wrote, or what was just made, is put under seal."""
    database = open_writer(path)
    try:
        if not seals.present(database):
            with database.transaction():
                seals.lay(database)
            seals.arm(database)
    except BaseException:
        database.close()
        raise
    return database


def open_examiner(path: Path) -> Database:
    """Open `path` for reading whatever stands in it, also text that is no text any more."""
    database = open_reader(path)
    seals.know(database.connection)
    database.connection.text_factory = any_text
    return database


def any_text(data: bytes) -> str:
    """Read stored text, also what is no UTF-8: such bytes become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")
