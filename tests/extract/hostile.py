"""What a worker does when a test wants it to misbehave: the file says how."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kb.extract.pool import Outcome, read_one
from kb.model import Source


def obey(source: Source) -> Outcome:
    """Read the file, or do what stands in it."""
    order, _, rest = source.location.read_text().partition(" ")
    if order in _DEEDS:
        _DEEDS[order](rest)
    return read_one(source)


def _spin(_: str) -> None:
    while True:
        pass


def _deaf(_: str) -> None:
    sum(range(10**12))  # C code that looks at no signal


def _print(_: str) -> None:
    os.write(1, b"NOISE")
    sys.stderr.write("NOISE")
    sys.stderr.flush()


def _note(name: str) -> None:
    Path(name).write_text(f"{os.getpid()}")


_DEEDS: dict[str, Callable[[str], object]] = {
    "hang": lambda _: time.sleep(1000),
    "spin": _spin,
    "deaf": _deaf,
    "die": lambda _: os._exit(3),
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "eat": lambda _: bytearray(2**30),
    "print": _print,
    "note": _note,
}
