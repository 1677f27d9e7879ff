"""Carries requests out: several at once on threads, or one at a time on the caller's own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Final, Protocol, TypeAlias

from kb.embed.batches import Job
from kb.embed.session import Result

#: Bytes that the C library may keep for the next answer: about what reading a full one takes.
_KEPT: Final = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A job under way: when it left, and what came back."""

    job: Job
    number: int
    #: How many requests had brought vectors when this one left.
    wins: int
    left: float
    result: Result | BaseException | None = None
    seconds: float = 0.0


#: Sends a job and gives it back with its result.
Carry: TypeAlias = Callable[[Flight], Flight]


class Crew(Protocol):
    """Who carries requests out."""

    @property
    def busy(self) -> int:
        """How many are under way."""

    def send(self, flight: Flight) -> None:
        """Begin one."""

    def next(self, timeout: float | None) -> Flight | None:
        """Give one that has come back; None when none does in time."""

    def stop(self) -> None:
        """Take on nothing more."""


class Threads:
    """Daemon threads, started as needed: a hung request never keeps the program from ending."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._inbox: SimpleQueue[Flight | None] = SimpleQueue()
        self._outbox: SimpleQueue[Flight] = SimpleQueue()
        self._started = 0
        self._busy = 0
        _keep_memory()

    @property
    def busy(self) -> int:
        """How many requests are under way."""
        return self._busy

    def send(self, flight: Flight) -> None:
        """Begin a request on a free thread."""
        self._busy += 1
        if self._busy > self._started:
            self._started += 1
            threading.Thread(target=self._work, name="kb-embed", daemon=True).start()
        self._inbox.put(flight)

    def next(self, timeout: float | None) -> Flight | None:
        """Wait for a request to come back; None after `timeout` seconds."""
        try:
            flight = self._outbox.get(timeout=timeout)
        except Empty:
            return None
        self._busy -= 1
        return flight

    def stop(self) -> None:
        """Let the threads end when what they do is done."""
        for _ in range(self._started):
            self._inbox.put(None)

    def _work(self) -> None:
        while (flight := self._inbox.get()) is not None:
            try:
                flight = self._carry(flight)
            except BaseException as error:  # noqa: BLE001 - raised again where it is read
                flight = replace(flight, result=error)
            self._outbox.put(flight)


class Alone:
    """The caller's own thread, one request at a time: what a single question needs."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._done: deque[Flight] = deque()

    @property
    def busy(self) -> int:
        """How many results wait to be read."""
        return len(self._done)

    def send(self, flight: Flight) -> None:
        """Carry the request out."""
        self._done.append(self._carry(flight))

    def next(self, timeout: float | None) -> Flight | None:  # noqa: ARG002 - as the protocol says
        """Give the oldest result."""
        return self._done.popleft()

    def stop(self) -> None:
        """Do nothing: there is nothing to end."""


def _keep_memory() -> None:
    """Let a thread's memory stay with the process between answers.

    glibc gives a thread's memory back when an answer has been read, and fetches it again page by
    page for the next one: a quarter of the client's CPU time. How much it keeps goes by the largest
    block that was ever freed, so one is freed here. It was never written to, so it takes no room.
    """
    block = bytes(_KEPT)
    del block
