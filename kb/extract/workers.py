"""Worker processes, each with a thread of ours that waits for it and for nothing else.

So whatever becomes of a worker is known at once, and of which task: its answer, the end of its
time, or its death, be it in the middle of an answer. A worker says that it has begun before it
does anything, so that one which died idle or never came up is held against no task.
"""

from __future__ import annotations

import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from typing import Any, Final

from kb.extract.spawn import Worker, undisturbed

#: Seconds for starting a worker on a busy machine.
_PATIENCE: Final = 60.0
#: Seconds beyond the time of a task, for sending what it gave.
_GRACE: Final = 5.0
#: So many workers in a row may die before they begin with a task.
_STARTS: Final = 3
#: A worker does so many tasks before a fresh one takes its place: libraries leak.
_MOST_TASKS: Final = 500
_SIZE: Final = 8
_BEGUN: Final = b"\1"
_PART: Final = 1 << 20


class DiedError(Exception):
    """A worker ended before its answer was complete."""

    def __init__(
        self, exit_code: int | None, *, begun: bool = True, answering: bool = False
    ) -> None:
        super().__init__(f"A worker ended with exit code {exit_code}.")
        self.exit_code = exit_code
        #: Whether it had the task in hand, and whether it had begun to send an answer.
        self.begun = begun
        self.answering = answering


class LateError(Exception):
    """A task took longer than its time, and its worker was ended."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Job:
    """A task, with what is done in its place should a worker die of it."""

    calls: list[bytes]
    seconds: float
    size: int
    future: Future[Any] = field(default_factory=Future)


class Workers:
    """Does tasks in up to `number` processes, which are started as tasks come."""

    def __init__(self, number: int, prepare: Callable[[], None]) -> None:
        self._number = number
        self._prepare = prepare
        self._changed = threading.Condition()
        self._jobs: list[_Job] = []
        self._idle = 0
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._alive: set[_Worker] = set()

    def submit(
        self, *calls: tuple[Callable[..., Any], tuple[Any, ...]], seconds: float, size: int = 0
    ) -> Future[Any]:
        """Have the first of `calls` done, and the next one only where a worker died of it.

        The future gives what the call returned or raised, or raises LateError or DiedError.
        """
        job = _Job(calls=[pickle.dumps(call, -1) for call in calls], seconds=seconds, size=size)
        with self._changed:
            self._jobs.append(job)
            more = len(self._jobs) > self._idle and len(self._threads) < self._number
            self._changed.notify()
        if more:
            self._hire()
        return job.future

    def stop(self) -> None:
        """End all processes, whatever they are doing."""
        with self._changed:
            self._closed = True
            waiting, self._jobs = self._jobs, []
            for worker in self._alive:
                worker.kill()
            self._changed.notify_all()
        for job in waiting:
            job.future.cancel()
        for thread in self._threads:
            thread.join()

    def _hire(self) -> None:
        """Start a process here and now, which Ctrl-C cannot do to a half, and its thread."""
        worker = self._start()
        first = not self._threads
        thread = threading.Thread(target=self._serve, args=(worker, first), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _start(self) -> _Worker:
        resource_tracker.ensure_running()  # else it is started within, and unblocks the signal
        with undisturbed():
            worker = _Worker(self._prepare)
        with self._changed:
            self._alive.add(worker)
            if self._closed:
                worker.kill()
        return worker

    def _serve(self, worker: _Worker | None, first: bool) -> None:
        # Else this thread would be told of Ctrl-C while the main one must not be disturbed.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while (job := self._next(oldest=first)) is not None:
            try:
                worker, answer = self._done(worker, job)
            except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
                worker = None
                job.future.set_exception(error)
                continue
            works, given = answer
            if works:
                job.future.set_result(given)
            else:
                if isinstance(given, MemoryError):
                    self._dismiss(worker)
                    worker = None
                job.future.set_exception(given)
        self._dismiss(worker)

    def _next(self, *, oldest: bool) -> _Job | None:
        """Wait for a task. One worker takes the oldest, the others the largest first.

        So the answer that is waited for comes soon, and no large task is left for the end.
        """
        with self._changed:
            self._idle += 1
            while not self._jobs and not self._closed:
                self._changed.wait()
            self._idle -= 1
            if self._closed:
                return None
            at = 0 if oldest else max(range(len(self._jobs)), key=lambda i: self._jobs[i].size)
            job = self._jobs.pop(at)
            job.future.set_running_or_notify_cancel()
            return job

    def _done(self, worker: _Worker | None, job: _Job) -> tuple[_Worker, Any]:
        """Have a task done. Raises LateError and DiedError; no worker is left then."""
        again = True
        calls = list(job.calls)
        while True:
            try:
                return self._asked(worker, calls[0], job.seconds)
            except DiedError as died:
                worker = None
                if self._closed:
                    raise
                if died.answering and again:
                    # It was done with the task, so something else was the cause.
                    again = False
                    continue
                calls = calls[1:]
                if not calls:
                    raise

    def _asked(self, worker: _Worker | None, call: bytes, seconds: float) -> tuple[_Worker, Any]:
        for start in range(_STARTS + 1):
            if worker is not None and worker.tasks >= _MOST_TASKS:
                self._dismiss(worker)
                worker = None
            worker = worker or self._start()
            try:
                return worker, worker.ask(call, seconds)
            except DiedError as died:
                self._dismiss(worker)
                worker = None
                if died.begun or self._closed or start == _STARTS:
                    raise
            except BaseException:
                self._dismiss(worker)
                raise
        raise AssertionError  # the loop returns or raises

    def _dismiss(self, worker: _Worker | None) -> None:
        if worker is not None:
            worker.end()
            with self._changed:
                self._alive.discard(worker)


class _Worker:
    """A process, and our end of the line to it."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        self.tasks = 0
        self._link, theirs = socket.socketpair()
        with theirs:
            self._process = Worker(target=_work, args=(theirs, prepare), daemon=True)
            try:
                self._process.start()
            except BaseException:
                self._link.close()
                raise

    def ask(self, call: bytes, seconds: float) -> Any:  # noqa: ANN401 - whatever it gives
        """Give what a call came to: (True, what it returned) or (False, what it raised)."""
        self.tasks += 1
        begun = False
        answer = bytearray()
        try:
            self._link.settimeout(_PATIENCE)
            self._link.sendall(len(call).to_bytes(_SIZE) + call)
            self._receive(bytearray(), len(_BEGUN), time.monotonic() + _PATIENCE)
            begun = True
            limit = time.monotonic() + seconds + _GRACE
            self._receive(answer, _SIZE, limit)
            size = int.from_bytes(answer)
            self._receive(answer, _SIZE + size, limit)
        except TimeoutError:
            self.kill()
            if begun:
                raise LateError from None
            raise DiedError(self._exit_code(), begun=False) from None
        except (OSError, EOFError):
            code = self._exit_code()
            if code == -signal.SIGALRM:  # by `clock.limited`
                raise LateError from None
            raise DiedError(code, begun=begun, answering=bool(answer)) from None
        return pickle.loads(memoryview(answer)[_SIZE:])  # noqa: S301 - our own worker made it

    def _receive(self, into: bytearray, size: int, limit: float) -> None:
        """Receive until there are `size` bytes. Raises TimeoutError, OSError and EOFError."""
        while len(into) < size:
            self._link.settimeout(max(0.001, limit - time.monotonic()))
            part = self._link.recv(min(_PART, size - len(into)))
            if not part:
                raise EOFError
            into += part

    def _exit_code(self) -> int | None:
        """Wait for its end, which has come or is near, and give its exit code."""
        code = self._process.ended(_GRACE)
        if code is None:
            self.kill()
            code = self._process.ended(_GRACE)
        return code

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ValueError, ProcessLookupError):  # it has ended
            self._process.kill()

    def end(self) -> None:
        """Let the process end, as it does when nobody is at the other end of its line."""
        self._link.close()
        self._exit_code()
        with suppress(ValueError):  # it cannot be ended
            self._process.close()


def _work(link: socket.socket, prepare: Callable[[], None]) -> None:
    """Do tasks until nobody asks for more; this is what runs in the process."""
    prepare()
    with link, link.makefile("rb") as orders:
        while size := orders.read(_SIZE):
            call = orders.read(int.from_bytes(size))
            try:
                link.sendall(_BEGUN)
                answer = _answer(call)
                link.sendall(len(answer).to_bytes(_SIZE))
                link.sendall(answer)
            except OSError:
                return  # whoever asked is gone


def _answer(call: bytes) -> bytes:
    try:
        function, arguments = pickle.loads(call)  # noqa: S301 - we made it
        return pickle.dumps((True, function(*arguments)), -1)
    except MemoryError:
        return pickle.dumps((False, MemoryError()), -1)
    except Exception as error:  # noqa: BLE001 - it is raised where the answer is waited for
        try:
            told = pickle.dumps((False, error), -1)
            pickle.loads(told)  # noqa: S301 - as above
        except Exception:  # noqa: BLE001 - it cannot travel
            return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")), -1)
        return told
