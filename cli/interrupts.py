"""Ctrl-C and SIGTERM: both end a command with `KeyboardInterrupt`, and are not forgotten.

Python turns an interrupt into another error where it meets the making of a class, and libraries do
where it meets their start; so what ends a command after one is not the command's fault.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType


class Interrupts:
    """Remembers whether this process was interrupted."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._met = False

    def note(self) -> None:
        """Keep a Ctrl-C for `listen`: while the program is being read, nothing can tell of it."""
        with suppress(ValueError):  # a test may run in another thread
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._keep)

    def listen(self) -> None:
        """Take SIGTERM, and SIGINT where whoever started this has not had it ignored.

        Raises `KeyboardInterrupt` where one was kept.
        """
        # Signals are told to the main thread alone; a test may run elsewhere.
        with suppress(ValueError):
            signal.signal(signal.SIGTERM, self._stop)
            if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, self._keep):
                signal.signal(signal.SIGINT, self._stop)
        if self._met:
            raise KeyboardInterrupt

    def blamed(self, error: BaseException) -> BaseException:
        """Give what ended a command: the interrupt, where there was one, else the error itself."""
        if not self._met or isinstance(error, KeyboardInterrupt):
            return error
        interrupt = KeyboardInterrupt()
        interrupt.__cause__ = error
        return interrupt

    def settle(self) -> None:
        """Let the exit code be what it is given as.

        Python ends by SIGINT itself where an interrupt met a text that was run as a program, as
        the making of a dataclass is; running another one makes it forget that.
        """
        if self._met:
            exec("")  # noqa: S102

    def _keep(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal has it
        self._met = True

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal has it
        if os.getpid() != self._owner:
            os._exit(128 + number)  # a forked worker is ended from outside, and just ends
        self._met = True
        raise KeyboardInterrupt
