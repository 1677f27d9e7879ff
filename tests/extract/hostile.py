"""What a worker does when a test wants it to misbehave: the file says how."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kb.errors import failure
from kb.extract import conditions
from kb.extract.pool import Outcome, read_one
from kb.model import Document, Source


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


def die_at_once(*_: object) -> None:
    """Set up a worker so badly that it never does anything."""
    os._exit(7)


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


def _half(name: str) -> None:
    """Die in the middle of the answer, as often as the file has a letter for it."""
    left = Path(name).read_text()
    if left:
        Path(name).write_text(left[1:])
        socket.socket.sendall = _torn  # type: ignore[method-assign,assignment]


def _torn(link: socket.socket, answer: bytes) -> None:
    os.write(link.fileno(), answer[:5])
    os.kill(os.getpid(), signal.SIGKILL)


def _unsayable(_: str) -> None:
    raise UnsayableError(1, 2)


class UnsayableError(Exception):
    """An error that can be sent and not be received."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def long_named(document: Document) -> tuple[str, int]:
    """Give what a worker may make of a document, or never come back."""
    if document.text.startswith("spin"):
        _spin("")
    return document.text.upper(), os.getpid()


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
    "half": _half,
    "stop": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    "unsayable": _unsayable,
    "print": _print,
    "note": _note,
}
