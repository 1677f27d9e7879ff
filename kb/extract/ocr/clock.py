"""The time that a file has for being read, in which recognising its letters does not count.

A file that is read in a minute may have four hundred pages of scans, each of which takes seconds.
Their time is bounded page by page and by `ALLOWANCE`; the clock of the file stands meanwhile.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import parent_process
from typing import Final

#: Seconds that recognition may take for one file, unless KB_OCR_SECONDS says otherwise.
ALLOWANCE: Final = 3600.0
#: Seconds for one page.
PAGE: Final = 120.0
#: Seconds for a picture of which nobody knows the number of pages.
FILE: Final = 10 * PAGE
#: Seconds for a file in a worker that counts them against the time of the file.
_COUNTED: Final = 60.0
_MOST: Final = 86_400.0

_running = False


def allowance(environ: Mapping[str, str] = os.environ) -> float:
    """Give the seconds that recognition may take for one file."""
    try:
        seconds = float(environ.get("KB_OCR_SECONDS") or ALLOWANCE)
    except ValueError:
        seconds = ALLOWANCE
    counted = not _running and parent_process() is not None
    return min(max(seconds, 0.0), _COUNTED if counted else _MOST)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End this process by SIGALRM after `seconds` that no `stopped` took, even within C code."""
    global _running  # noqa: PLW0603 - a process has one such timer
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _running = True
    try:
        yield
    finally:
        _running = False
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def stopped(seconds: float) -> Iterator[None]:
    """Let the clock of `limited` stand, for `seconds` at most; nothing where none runs."""
    if not _running:
        yield
        return
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))
