"""Being told that something changed below some folders, or looking now and then.

What exactly changed is of no use: whoever is woken looks at every file again, which costs little
and misses nothing. watchfiles is imported here alone, and only to be told.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from kb.errors import UsageError, failure
from kb.source.ignore import IGNORE_FILE

#: Changes that follow one another by less than this, in milliseconds, are one; and so long at most.
_STEP_MS = 200
_JOINED_MS = 1000
#: After so long the thread looks whether it is still wanted.
_LISTEN_MS = 500


class Changes(Protocol):
    """Whoever notices changes."""

    def wait(self, seconds: float) -> bool:
        """Wait until something changed (True), or until the time is over (False)."""


class Unseen:
    """Notices nothing: every change is found by looking."""

    def wait(self, seconds: float) -> bool:
        """Wait so long; nothing is told."""
        time.sleep(seconds)
        return False


class Told:
    """Is told of changes by the system, in a thread of its own."""

    def __init__(self, paths: Sequence[Path], home: Path) -> None:
        from watchfiles import watch

        self._paths = [os.fspath(path) for path in paths]
        self._home = os.fspath(home)
        self._woken = threading.Event()
        self._stop = threading.Event()
        #: What ended the listening before it was to end.
        self.error: OSError | RuntimeError | None = None
        self._watch = watch
        self._thread = threading.Thread(target=self._listen, name="kb-watch", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until something changed, or until the time is over."""
        woken = self._woken.wait(seconds)
        self._woken.clear()
        return woken

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _listen(self) -> None:
        try:
            changes = self._watch(
                *self._paths,
                watch_filter=lambda _, path: self._matters(path),
                debounce=_JOINED_MS,
                step=_STEP_MS,
                stop_event=self._stop,
                rust_timeout=_LISTEN_MS,
                force_polling=False,
                ignore_permission_denied=True,
            )
            for _ in changes:
                self._woken.set()
        except (OSError, RuntimeError) as error:
            self.error = error
            self._woken.set()

    def _matters(self, path: str) -> bool:
        """Tell whether a walk would see the change: hidden names and the knowledge base are not."""
        if path == self._home or path.startswith(self._home + os.sep):
            return False
        for top in self._paths:
            if path == top:
                return True
            if path.startswith(top + os.sep):
                *folders, name = Path(path[len(top) + 1 :]).parts
                hidden = any(each.startswith(".") for each in folders)
                return not hidden and (name == IGNORE_FILE or not name.startswith("."))
        return True


@contextmanager
def listening(paths: Sequence[Path], home: Path) -> Iterator[Told]:
    """Be told of changes at or below `paths`, all of which are there.

    Raises `UsageError` where watchfiles is not installed.
    """
    try:
        told = Told(paths, home)
    except ImportError as error:
        message = "Watching folders takes the package watchfiles, which is not installed."
        hint = "Run: pip install watchfiles; or look every few seconds instead: --poll 5"
        raise UsageError(failure("usage.settings", message, hint=hint)) from error
    try:
        yield told
    finally:
        told.stop()
