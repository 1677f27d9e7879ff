"""Named steps at which a test may kill the process, to prove that a crash costs nothing.

`step(name)` does nothing unless the environment variable `KB_TEST_KILL_AT` holds that very name;
then the process ends at once, as if the power had gone: no `finally`, no `atexit`, no flush.
"""

from __future__ import annotations

import os
import signal
from typing import Final

#: Every name that `step` is called with, in the order in which work passes them.
STEPS: Final = (
    "database.made",  # the new database stands beside its final name
    "vectors.written",  # before their COMMIT
    "vectors.committed",
    "put.written",  # before the COMMIT that makes the document visible
    "put.committed",
    "fail.written",
    "remove.written",
    "segment.measured",  # in memory, nothing of it on the disk
    "segment.written",  # under a temporary name
    "segment.renamed",  # under its final name, not yet in the manifest
    "segment.named",  # in the manifest; what it replaces still lies in the folder
)

#: Those that `kb reindex`, `kb rollback` and `kb gc` pass besides.
GENERATION_STEPS: Final = (
    "generation.begun",  # there is an empty one to be filled
    "built.written",  # before the COMMIT that puts a document into it
    "built.committed",
    "settings.written",  # beside kb.toml, before the switch
    "switch.put_away",  # what the one in use holds is written down, for a way back
    "switch.written",  # before the COMMIT that puts it in use
    "switch.committed",
    "settings.renamed",  # kb.toml is that of the generation in use
    "gc.marked",  # what is to go has no words any more
    "gc.emptied",  # its chunks are gone
    "gc.vectors",  # some vectors, and what the manifest said of them, are gone
)

#: Those that `kb backup`, `kb restore` and `kb verify --repair` pass besides.
SAFETY_STEPS: Final = (
    "backup.copied",  # a copy of the database lies in the folder of the backup
    "backup.packed",  # so does the archive, whole, not yet under its name
    "restore.unpacked",  # beside what is there
    "restore.announced",  # the new kb.toml lies beside the old one
    "restore.parted",  # the old database has no journal any more
    "restore.replaced",  # the new database has its name, the new kb.toml not yet
    "repair.salvaged",  # what could be read stands in a new database beside the damaged one
    "repair.mended",  # its rows are right; the index not yet
    "repair.linked",  # the damaged one has a second name
    "repair.swapped",  # the new one has its name
)

_VARIABLE: Final = "KB_TEST_KILL_AT"


def step(name: str) -> None:
    """Mark a place between two effects; only a test ever stops there."""
    if os.environ.get(_VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
