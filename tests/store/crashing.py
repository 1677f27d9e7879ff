"""A run of the writer that passes every named step; started by `test_crash.py` and killed in it."""

from __future__ import annotations

import sys
from pathlib import Path

from kb.errors import failure
from kb.store import open_store
from kb.store.local import tiers
from tests.store.builders import source, store_document

BEFORE = [f"before {n}" for n in range(12)]
AFTER = [f"after {n}" for n in range(14)]


def prepare(home: Path) -> None:
    """What is there before the crash."""
    with open_store(home, create=True).writer("prepare") as writer:
        store_document(writer, "changed.txt", BEFORE)
        store_document(writer, "removed.txt", ["gone soon"])
        store_document(writer, "failing.txt", ["stays"])
        writer.refresh_index()


def work(home: Path) -> None:
    """Every kind of change, one after another; done twice, it gives the same."""
    with open_store(home, create=True).writer("work") as writer:
        writer.start_run("work")
        store_document(writer, "changed.txt", AFTER)
        writer.fail(source("failing.txt"), "h", failure("extract.corrupt"), collection="default")
        writer.remove(["removed.txt"])
        for part in range(3):
            store_document(writer, f"new{part}.txt", [f"new {part} {n}" for n in range(10)])
            writer.refresh_index()


if __name__ == "__main__":
    tiers.SMALLEST = 8
    work(Path(sys.argv[1]))
