"""Verification, repair, backup and restore: what they are asked, and what they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check of `kb verify` found."""

    #: Stable: scripts may rely on it.
    id: str
    ok: bool
    message: str
    #: What mends it; empty where nothing has to be mended.
    hint: str = ""
    #: Figures, and the first examples of what is wrong.
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A document of which something is gone that only its file can bring back."""

    path: str
    #: A whole sentence.
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What a repair did."""

    #: What was mended, in whole sentences; empty where nothing had to be.
    mended: Sequence[str]
    #: What the next `kb ingest` of these files brings back.
    lost: Sequence[Lost]
    #: Where the damaged database was put aside, or None.
    kept: Path | None
    #: What a second verification, after the repair, found.
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds."""

    file: Path
    #: Of the backup file.
    bytes: int
    documents: int
    chunks: int
    vectors: int
    #: When it was made: UTC, to the second.
    made_at: str
    #: The names of the settings files that ride along.
    settings: Sequence[str] = ()


def verify_store(home: Path) -> Sequence[Finding]:
    """Prove the knowledge base in `home` whole: one consistent state, nothing is written.

    Raises as `open_store` does where the database cannot be opened at all.
    """
    from kb.store.local.verify import verify

    return verify(home)


def repair_store(home: Path) -> Repair:
    """Mend what can be derived, say what cannot, and verify again; takes the writer's lock.

    Raises `StoreError`: `store.locked`, `store.version`, `store.disk_full`, and `store.corrupt`
    where nothing could be read out of the database; then nothing was changed.
    """
    from kb.store.local.repair import repair

    return repair(home)


def backup_store(
    home: Path, file: Path, *, extra: Mapping[str, bytes] | None = None, force: bool = False
) -> Backup:
    """Write a consistent copy to `file`, also while another process writes; verifies it.

    `extra` holds small files that ride along, by name. Raises `UsageError` (`usage.invalid`)
    where there is such a file and `force` is False, and `StoreError`.
    """
    from kb.store.local.backup import backup

    return backup(home, file, extra=extra or {}, force=force)


def restore_store(home: Path, file: Path, *, force: bool = False) -> Backup:
    """Put the knowledge base of a backup in place; checks all of it before it touches anything.

    Raises `UsageError` (`usage.invalid`) where there is a knowledge base in `home` and `force` is
    False, and `StoreError`: `store.corrupt` for a backup that is none, or is damaged.
    """
    from kb.store.local.backup_restore import restore

    return restore(home, file, force=force)


def settle_restored(home: Path) -> None:
    """Put the settings in place that belong to a restored database, where a kill prevented that."""
    from kb.store.local.backup_settings import settle_settings

    settle_settings(home)
