"""`kb gc`: delete what nothing names, and give the room back."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from kb.pipeline.base import KnowledgeBase
from kb.store import Freed

COMMAND: Final = "gc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """What is to be deleted besides that which nothing names."""

    #: The former generation that is kept for a rollback.
    former: bool = False
    #: The half-built generation that a reindex would go on with.
    building: bool = False


def gc(
    base: KnowledgeBase,
    *,
    which: Which | None = None,
    dry_run: bool = False,
    wait_s: float | None = None,
) -> Freed:
    """Delete leftovers of earlier generations, vectors that no passage has, and stray files.

    Vectors that an unfinished ingest or reindex has paid for are left. Raises `UsageError` and
    `StoreError`.
    """
    chosen = which or Which()
    with closing(base.open()) as store:
        if dry_run:
            with store.snapshot() as snapshot:
                return snapshot.would_free(former=chosen.former, building=chosen.building)
        with store.writer(COMMAND, wait_s=wait_s) as writer:
            freed = writer.generations().collect(former=chosen.former, building=chosen.building)
            writer.refresh_index()
    return freed
