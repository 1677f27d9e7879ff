"""What a worker does when a test wants it to misbehave: the file says how."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kb.errors import failure
from kb.extract import conditions
from kb.extract.pool import Outcome, read_one
from kb.model import Source


def obey(source: Source) -> Outcome:
    """Read the file, or do what stands in it."""
    order, _, rest = source.location.read_text().partition(" ")
    if order in _DEEDS:
        _DEEDS[order](rest)
    return read_one(source)


def die_on_pdf(source: Source) -> Outcome:
    """Read the file, or die where a PDF says so, as C code does."""
    if b"(die) Tj" in source.location.read_bytes():
        os.kill(os.getpid(), signal.SIGSEGV)
    return read_one(source)


def look(source: Source) -> Outcome:
    """Say what others can see of this process, and what it knows itself."""
    seen = b"".join(Path(f"/proc/self/{part}").read_bytes() for part in ("cmdline", "environ"))
    known = conditions.in_force().passwords
    text = f"{[word for word in known if word.encode() in seen]} {len(known)}"
    return failure("extract.corrupt", text, source=source.path)


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
