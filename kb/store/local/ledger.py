"""The failure ledger and the runs: what went wrong and is not mended, and who tried when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as dataclass_replace
from datetime import UTC, datetime

from kb.errors import Failure
from kb.model import Report
from kb.store.local.database import Database
from kb.store.local.rows import FAILURE_SQL, read_failure, to_json


def now() -> str:
    """Give the time as it is stored: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def replace(
    database: Database, source: str, failures: Iterable[Failure], *, run: str | None
) -> None:
    """Make `failures` all that the ledger holds of `source`; call inside a transaction.

    One that stood there before (same stage, code and locator) goes on counting its attempts.
    """
    before: dict[tuple[str, str, str | None], int] = {
        (stage, code, locator): attempts
        for stage, code, locator, attempts in database.all(
            "SELECT stage, code, locator, attempts FROM failures WHERE source = ?", source
        )
    }
    if before:
        forget(database, source)
    distinct = {(f.stage.value, f.code, f.locator): f for f in failures}
    if not distinct:
        return
    database.many(
        "INSERT INTO failures (source, stage, code, locator, message, hint, retriable, attempts, "
        "detail, run, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(source, *key, failure.message, failure.hint, failure.retriable),
                *(before.get(key, 0) + failure.attempts, to_json(failure.detail), run, now()),
            )
            for key, failure in distinct.items()
        ],
    )


def add(database: Database, failure: Failure, source: str, *, run: str | None) -> None:
    """Tell of a source whose former version answers: what is wrong with its passages still holds.

    Call inside a transaction.
    """
    kept = database.all(f"{FAILURE_SQL} WHERE source = ? AND locator LIKE 'chunk %'", source)
    passages = [dataclass_replace(read_failure(row), attempts=0) for row in kept]
    replace(database, source, [*passages, failure], run=run)


def forget(database: Database, source: str) -> None:
    """Take everything of `source` out of the ledger."""
    database.run("DELETE FROM failures WHERE source = ?", source)


def start(database: Database, command: str) -> str:
    """Open a run; one that was never closed was killed, for its writer's lock is ours now."""
    with database.transaction():
        database.run(
            "UPDATE runs SET status = 'interrupted', finished_at = ? WHERE status = 'running'",
            now(),
        )
        return str(
            database.run(
                "INSERT INTO runs (command, status, started_at) VALUES (?, 'running', ?)",
                *(command, now()),
            )
        )


def finish(database: Database, report: Report) -> None:
    """Close a run with what it did."""
    database.run(
        "UPDATE runs SET status = ?, finished_at = ?, report = ? WHERE id = ?",
        *(report.status, now(), to_json(report.as_json()), int(report.run)),
    )
