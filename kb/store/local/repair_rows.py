"""Mend the rows: what can be derived is, and what cannot is marked to be read again.

What remains of a document that is not whole is taken out, for half a document shown as a whole one
would be a lie. Its source stays, marked as failed and worth another try; so the next `kb ingest`
reads the file again, and pays only for texts whose vectors are gone. Call all of it inside one
transaction, on a connection that does not enforce references: they may be what is broken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kb.errors import Failure, failure
from kb.store import Lost
from kb.store.local import documents, fts, ledger, rows, seals
from kb.store.local.database import Database
from kb.store.local.verify_check import Damage, counted
from kb.store.local.verify_places import COLUMNS, places
from kb.store.local.verify_tables import COUNTED, HIGHEST

_HINT = "Run `kb ingest` with this file again; what is already paid for costs nothing."


@dataclass(slots=True)
class Outcome:
    """What was mended, in whole sentences, and what only a file can bring back."""

    mended: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)

    def losses(self) -> list[Lost]:
        """Give what was lost in order of path."""
        return [Lost(path=path, reason=reason) for path, reason in sorted(self.lost.items())]

    def note(self, number: int, noun: str, done: str, *, plural: str = "") -> None:
        """Say what was done with so many things, if there were any."""
        if number:
            were = "was" if number == 1 else "were"
            self.mended.append(f"{counted(number, noun, plural)} {were} {done}.")


def mend(database: Database, damage: Damage, outcome: Outcome) -> None:
    """Bring the tables to a state in which every check passes, and seal them anew."""
    _ledgers(database, damage, outcome)
    _places(database, damage.places - damage.documents.keys(), outcome)
    _vectors(database, damage, outcome)
    _unbuild(database, damage, outcome)
    for document_id, why in damage.documents.items():
        _drop(database, document_id, why, outcome)
    _orphans(database, outcome)
    for path in damage.sources:
        _source(database, path, outcome)
    _references(database)
    if damage.canaries:
        database.run("UPDATE profiles SET canaries = NULL")
        outcome.mended.append("The canaries were forgotten: the next ingest takes them again.")
    if damage.manifest:
        database.run("DELETE FROM segments")
    _generations(database, damage, outcome)
    if damage.words or damage.documents or outcome.lost:
        fts.rebuild(database, documents.all_words(database))
        if damage.words:
            outcome.mended.append("The full-text index was built again from the stored text.")
    seals.lay(database)


def _generations(database: Database, damage: Damage, outcome: Outcome) -> None:
    """Give each generation that has words a table of its own; forget settings that are lost."""
    if damage.owners:
        damage.words = True
        for number, (id_,) in enumerate(
            database.all(
                "SELECT id FROM generations WHERE words IS NOT NULL OR state = 'current' "
                "OR id IN (SELECT value FROM json_each(?)) ORDER BY state != 'current', id DESC",
                rows.to_json([*damage.disowned]),
            )
        ):
            table = number if number < len(fts.TABLES) else None
            database.run("UPDATE generations SET words = ? WHERE id = ?", table, id_)
    for id_ in damage.recipes:
        database.run("UPDATE generations SET settings = NULL WHERE id = ?", id_)
        outcome.mended.append(
            f"The settings that made generation {id_} were garbled, and are forgotten: name its "
            "endpoint and model again where they are asked for."
        )


def _ledgers(database: Database, damage: Damage, outcome: Outcome) -> None:
    for table in ("failures", "runs"):
        names = damage.rows.get(table, set())
        for name in names:
            if table == "failures":
                # A failure that cannot be told any more is found again by trying.
                database.run(
                    "UPDATE sources SET retriable = 1, mtime_ns = -1 WHERE path = "
                    "(SELECT source FROM failures WHERE id = ?)",
                    name,
                )
            database.run(f"DELETE FROM {table} WHERE id = ?", name)  # noqa: S608
        lines = f"lines in the ledger of {table}"
        outcome.note(len(names), f"line in the ledger of {table}", "taken out", plural=lines)
    # Marked now: without its failure, such a source would be taken for one that never was.
    for (path,) in database.all(
        "SELECT path FROM sources WHERE state != 'indexed' AND path NOT IN "
        "(SELECT source FROM failures WHERE source IS NOT NULL)"
    ):
        _tell(database, path, "Why this file failed is not known any more.")
        outcome.lost[path] = "Why it failed is not known any more."
    if damage.counters:
        _counters(database)
        outcome.mended.append("The counters of ids were set again.")


def _counters(database: Database) -> None:
    for table in COUNTED:
        row = database.one(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608
        known = database.one("SELECT seq FROM sqlite_sequence WHERE name = ?", table)
        assert row is not None
        sane = known is not None and isinstance(known[0], int) and row[0] <= known[0] < HIGHEST
        if not sane:
            database.run("DELETE FROM sqlite_sequence WHERE name = ?", table)
            database.run("INSERT INTO sqlite_sequence VALUES (?, ?)", table, row[0])


def _places(database: Database, document_ids: Iterable[int], outcome: Outcome) -> None:
    number = 0
    settings = ", ".join(f"{name} = ?" for name in COLUMNS)
    for document_id in document_ids:
        (text,) = database.one("SELECT text FROM contents WHERE document_id = ?", document_id) or (
            "",
        )
        (paged,) = database.one("SELECT paged FROM documents WHERE id = ?", document_id) or (0,)
        pages = database.all(
            "SELECT number, char_start FROM pages WHERE document_id = ? ORDER BY number",
            document_id,
        )
        chunks = database.all(
            "SELECT id, char_start, char_end FROM chunks WHERE document_id = ?", document_id
        )
        made = places(text, pages if paged else None, [(row[1], row[2]) for row in chunks])
        for (chunk_id, _, _), place in zip(chunks, made, strict=True):
            values = [getattr(place, name) for name in COLUMNS]
            database.run(f"UPDATE chunks SET {settings} WHERE id = ?", *values, chunk_id)  # noqa: S608
        number += 1
    outcome.note(number, "document", "given its bytes, lines and pages again")


def _vectors(database: Database, damage: Damage, outcome: Outcome) -> None:
    """Take damaged vectors out; their chunks are found by words until the file is read again."""
    for vector_id in damage.vectors:
        for chunk_id, document_id, generation, state in database.all(
            "SELECT chunks.id, document_id, generation_id, state FROM chunks "
            "JOIN generations ON generations.id = generation_id WHERE vector_id = ?",
            vector_id,
        ):
            if state == "current":
                damage.estranged.add(chunk_id)
            else:
                damage.unbuilt.add((document_id, generation))
        database.run("DELETE FROM vectors WHERE id = ?", vector_id)
    if damage.vectors:
        damage.manifest = True
    outcome.note(len(damage.vectors), "damaged vector", "taken out")
    for chunk_id in damage.estranged:
        found = database.one(
            "SELECT document_id, path, ordinal FROM chunks JOIN documents "
            "ON documents.id = document_id WHERE chunks.id = ?",
            chunk_id,
        )
        database.run("UPDATE chunks SET vector_id = NULL WHERE id = ?", chunk_id)
        if found and found[0] not in damage.documents:
            why = "Vectors of it are gone; until it is read again these are found by words alone."
            _tell(database, found[1], why, locator=f"chunk {found[2] + 1}")
            outcome.lost[found[1]] = why


def _unbuild(database: Database, damage: Damage, outcome: Outcome) -> None:
    """Take documents that are not whole out of a generation that is not in use.

    It then lacks them, as it lacks those that came later: a rollback, or a reindex that goes on,
    puts them in first.
    """
    for pair in damage.unbuilt:
        for table in ("chunks", "built"):
            # A garbled row of `built` may name the generation in use, of which it tells nothing.
            database.run(
                f"DELETE FROM {table} WHERE document_id = ? AND generation_id = ? AND "  # noqa: S608
                "('built' = ? OR generation_id NOT IN "
                "(SELECT id FROM generations WHERE state = 'current'))",
                *(*pair, table),
            )
    if damage.unbuilt:
        damage.words = True
        told = counted(len(damage.unbuilt), "document")
        outcome.mended.append(
            f"{told} will be put anew into a generation that is not in use, before it is used."
        )


def _drop(database: Database, document_id: int, why: str, outcome: Outcome) -> None:
    """Take out what remains of a document, and mark its source."""
    found = database.one("SELECT path FROM documents WHERE id = ?", document_id)
    for table in ("chunks", "pages", "contents"):
        database.run(f"DELETE FROM {table} WHERE document_id = ?", document_id)  # noqa: S608
    database.run("DELETE FROM documents WHERE id = ?", document_id)
    if found is None or not database.one("SELECT 1 FROM sources WHERE path = ?", found[0]):
        return  # a garbled name: the source with the right one is marked by itself
    _failed(database, found[0], f"Nothing of it is found, since {why}.", outcome)


def _failed(database: Database, path: str, why: str, outcome: Outcome) -> None:
    database.run("UPDATE sources SET state = 'failed' WHERE path = ?", path)
    ledger.forget(database, path)
    _tell(database, path, why)
    outcome.lost[path] = why


def _tell(database: Database, path: str, why: str, *, locator: str | None = None) -> None:
    """Add a failure to the ledger, and let the next ingest read the file again."""
    database.run("UPDATE sources SET retriable = 1, mtime_ns = -1 WHERE path = ?", path)
    known: list[Failure] = [
        rows.read_failure(row)
        for row in database.all(f"{rows.FAILURE_SQL} WHERE source = ? ORDER BY id", path)
    ]
    told = failure("store.corrupt", why, source=path, locator=locator, hint=_HINT)
    ledger.replace(database, path, [*known, told], run=None)


def _orphans(database: Database, outcome: Outcome) -> None:
    for (table,) in database.all(
        "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c "
        "WHERE m.type = 'table' AND c.name = 'document_id'"
    ):
        database.run(
            f"DELETE FROM {table} WHERE document_id NOT IN (SELECT id FROM documents)"  # noqa: S608
        )
    for (path,) in database.all(
        "SELECT path FROM sources WHERE state != 'failed' "
        "AND path NOT IN (SELECT path FROM documents)"
    ):
        _failed(database, path, "Nothing of it is found, since its rows are gone.", outcome)


def _source(database: Database, path: object, outcome: Outcome) -> None:
    """Make the row of a source again from its document; without one, forget it."""
    name = str(path).encode("utf-8", "surrogateescape")
    database.run("DELETE FROM sources WHERE CAST(path AS BLOB) = ?", name)
    made = database.all(
        "INSERT INTO sources SELECT path, collection, size, -1, 0, sha256, 'indexed', 0 "
        "FROM documents WHERE CAST(path AS BLOB) = ? RETURNING path",
        name,
    )
    if made:
        outcome.mended.append(f"What is known of the file {made[0][0]} was made again.")
        return
    readable = name.decode("utf-8", "replace")
    database.run("DELETE FROM failures WHERE CAST(source AS BLOB) = ?", name)
    outcome.lost[readable] = "What was known of this file is gone."


def _references(database: Database) -> None:
    """Cut what still names a row that is not there; make sources that documents need."""
    database.run(
        "INSERT INTO sources SELECT path, collection, size, -1, 0, sha256, 'indexed', 0 "
        "FROM documents WHERE path NOT IN (SELECT path FROM sources)"
    )
    database.run("DELETE FROM built WHERE generation_id NOT IN (SELECT id FROM generations)")
    database.run("DELETE FROM segments WHERE profile_id NOT IN (SELECT id FROM profiles)")
    database.run("DELETE FROM vectors WHERE profile_id NOT IN (SELECT id FROM profiles)")
    database.run(
        "DELETE FROM failures WHERE source IS NOT NULL AND source NOT IN (SELECT path FROM sources)"
    )
