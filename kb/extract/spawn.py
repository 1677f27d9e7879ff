"""Worker processes that do not run the caller's script again.

A spawned process imports the module that was run as `__main__`, so that functions of it can be
unpickled. Ours needs none of them, and importing a script that has no `if __name__ == ...` guard
would run it once more in every worker.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import Final

_STARTING: Final = threading.Lock()


class Worker(SpawnProcess):
    """A spawned process whose `__main__` is empty."""

    def start(self) -> None:
        """Start the process."""
        with _without_main():
            super().start()

    def ended(self, timeout: float) -> int | None:
        """Wait for the process to end, and give its exit code; None when it goes on.

        Only here is a dead process asked for, and by one thread at a time: the system tells its
        exit code once, and starting another process asks for that of all.
        """
        if not wait([self.sentinel], timeout):
            return None
        with _STARTING:
            self.join()
            return self.exitcode


@contextmanager
def undisturbed() -> Iterator[None]:
    """Start workers with Ctrl-C blocked, which they inherit, and with SIGTERM put off.

    Interrupted in the middle, we would leave a worker that reads half of what it needs and says so.
    SIGTERM is not blocked, since it is what ends a worker.
    """
    late: list[int] = []
    ours = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda number, _: late.append(number)) if ours else None
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if ours:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
        if late:
            signal.raise_signal(signal.SIGTERM)


@contextmanager
def _without_main() -> Iterator[None]:
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
