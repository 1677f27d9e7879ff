"""Worker processes that do not run the caller's script again.

A spawned process imports the module that was run as `__main__`, so that functions of it can be
unpickled. Ours needs none of them, and importing a script that has no `if __name__ == ...` guard
would run it once more in every worker.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Final

_STARTING: Final = threading.Lock()


class Worker(SpawnProcess):
    """A spawned process whose `__main__` is empty."""

    def start(self) -> None:
        """Start the process."""
        with _without_main():
            super().start()


class WorkerContext(SpawnContext):
    """The context in which such processes are started."""

    Process = Worker


@contextmanager
def _without_main() -> Iterator[None]:
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
