"""One writer at a time, across processes and threads.

The lock is the operating system's own, on the file `lock`: it is free again the moment its holder
ends, however it ends. A note beside it says who holds it, for the message to whoever waits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kb.errors import Failure, StoreError, failure
from kb.store.local.database import door

#: How long a second writer waits for the first, in seconds.
WAIT_S: Final = 5.0

_LOCK: Final = "lock"
_NOTE: Final = "lock.holder"


@contextmanager
def writer_lock(home: Path, command: str, *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the writer's lock of the knowledge base in `home` during the block.

    Raises `StoreError`: `store.locked` naming the holder's process id and command when it is not
    free within `wait_s` seconds; `store.unreachable` where the folder may not be written to.
    """
    from filelock import FileLock, Timeout

    note = home / _NOTE
    lock = FileLock(home / _LOCK, thread_local=False)
    with door(home):
        try:
            lock.acquire(timeout=wait_s, poll_interval=0.05)
        except Timeout as error:
            raise StoreError(_held(home, _read(note), wait_s)) from error
    try:
        with door(home):
            note.write_text(json.dumps(_holder(command)), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(command: str) -> dict[str, Any]:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "command": command, "started": started}


def _read(note: Path) -> dict[str, Any]:
    # Between another's taking the lock and its writing the note there is nothing to read.
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _held(home: Path, holder: dict[str, Any], wait_s: float) -> Failure:
    who = "another process"
    if holder:
        who = f"`{holder.get('command')}` (process {holder.get('pid')})"
    return failure(
        "store.locked",
        f"{home} is being written by {who}; waited {wait_s:g} s for it. Only one command writes at "
        "a time; searches go on meanwhile.",
        **holder,
    )
