"""Reading files in worker processes, so that a hostile one takes down only its own worker.

Workers are started when the first file comes that needs one, and replaced when they die. A file
has a time that grows with its size, and a worker has an address space that does not grow; what
goes beyond is a failure of that file alone.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import stat
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, TypeAlias

from kb.errors import Failure, StageError, failure
from kb.extract import conditions
from kb.extract.ocr import clock
from kb.extract.ocr.choice import reads_pictures
from kb.extract.registry import extract, supported, unsupported
from kb.extract.spawn import WorkerContext, undisturbed
from kb.model import Document, Source

if TYPE_CHECKING:
    from pebble import ProcessPool

#: What became of a source: what it says, or why that cannot be known.
Outcome: TypeAlias = Document | Failure

#: The time given is for files up to this size; one twice as large has twice as much.
_TIMED_BYTES = 10 * 2**20
_MOST_TIMES = 20
#: No worker can even start in less address space than this.
_LEAST_MEMORY = 256 * 2**20
#: A worker reads so many files before a fresh one takes its place: libraries leak.
_FILES_PER_WORKER = 500
#: So many files for each worker are under way.
_AHEAD = 4
#: Seconds for starting a worker on a busy machine.
_PATIENCE = 60


@contextmanager
def open_extractor(
    *,
    workers: int = 2,
    timeout_s: float = 120,
    memory_mb: int = 2048,
    passwords: Sequence[str] = (),
) -> Iterator[Extractor]:
    """Give an Extractor; leaving the context ends its workers at once, finished or not.

    `passwords` are tried on files that ask for one. Workers are handed them through a pipe; they
    stand in no command line, environment or message.
    """
    extractor = Extractor(
        workers=max(1, workers),
        timeout_s=timeout_s,
        memory_mb=memory_mb,
        passwords=tuple(passwords),
    )
    try:
        yield extractor
    finally:
        extractor.stop()


def read_one(source: Source) -> Outcome:
    """Read one file; this is what runs in a worker. Raises nothing that a file can cause."""
    try:
        return extract(source)
    except StageError as error:
        return error.failure


def read_carefully(source: Source) -> Outcome:
    """Read one file without the C code that crashed on it."""
    with conditions.carefully():
        return read_one(source)


def in_time(task: Callable[[Source], Outcome], source: Source, seconds: float) -> Outcome:
    """Do a task; this process ends when it takes longer, recognising letters not counted."""
    with clock.limited(seconds):
        return task(source)


@dataclass(frozen=True, slots=True)
class _Job:
    """A source that was given to the workers."""

    source: Source
    future: Future[Outcome]
    pool: ProcessPool
    #: For reading the file, and with recognising its letters.
    seconds: float
    most: float
    #: Whether this is the second time, with a reader that does not crash.
    careful: bool = False


@dataclass(slots=True, kw_only=True)
class Extractor:
    """Reads files in worker processes, several at a time and in order."""

    workers: int
    timeout_s: float
    memory_mb: int
    #: What a worker does with a source; tests put worse things here.
    task: Callable[[Source], Outcome] = read_one
    #: The same for a file on which a worker died, where there is another way to read it.
    careful_task: Callable[[Source], Outcome] = read_carefully
    passwords: tuple[str, ...] = field(default=(), repr=False)
    _pool: ProcessPool | None = field(default=None, init=False)

    def map(self, sources: Iterable[Source]) -> Generator[tuple[Source, Outcome], None, None]:
        """Give each source with what it says, or why not, in the order of the sources.

        No more than four times as many sources as there are workers are taken before the first
        of them is given back, so that a long file does not keep the other workers waiting.
        Failures: whatever `extract` raises, `extract.timeout` and `extract.crashed`.
        """
        queue: deque[_Job | tuple[Source, Failure]] = deque()
        for source in sources:
            refused = _refused(source)
            queue.append(self._job(source) if refused is None else (source, refused))
            if len(queue) >= _AHEAD * self.workers:
                yield self._finished(queue.popleft())
        while queue:
            yield self._finished(queue.popleft())

    def stop(self) -> None:
        """End the workers, whatever they are doing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    def _job(self, source: Source, *, careful: bool = False) -> _Job:
        """Give a source to the workers, to fresh ones if they all died after their last answer."""
        with suppress(RuntimeError):
            return self._submitted(source, careful=careful)
        self.stop()
        return self._submitted(source, careful=careful)

    def _submitted(self, source: Source, *, careful: bool) -> _Job:
        pool = self._pool or self._start()
        seconds = self._seconds(source)
        task = self.careful_task if careful else self.task
        most = seconds + (clock.allowance() if reads_pictures(source.path) else 0)
        future = pool.schedule(in_time, args=(task, source, seconds), timeout=most)
        return _Job(source, future, pool, seconds, most, careful)

    def _seconds(self, source: Source) -> float:
        return self.timeout_s * min(max(1.0, source.size / _TIMED_BYTES), _MOST_TIMES)

    def _finished(self, job: _Job | tuple[Source, Failure]) -> tuple[Source, Outcome]:
        if not isinstance(job, _Job):
            return job
        reason = ""
        for attempt in range(4):
            if job.pool is not self._pool and not job.future.done():
                # Its workers were ended because of another file.
                job = self._job(job.source, careful=job.careful)
            try:
                outcome = _answer(job)
                if not _worth_care(job, outcome):
                    return job.source, outcome
                job = self._job(job.source, careful=True)
            except BrokenProcessPool as error:
                # A worker died where pebble cannot tell whose fault it was. This file, the oldest,
                # is tried again; the others that were lost come here when it is their turn.
                reason = str(error)
                if job.pool is self._pool:
                    self.stop()
                careful = job.careful or (attempt > 0 and _has_careful_reader(job.source))
                job = self._job(job.source, careful=careful)
        self.stop()
        return job.source, failure("extract.crashed", source=job.source.path, reason=reason)

    def _start(self) -> ProcessPool:
        """Start the workers with Ctrl-C blocked, which they inherit: it is for us alone."""
        from pebble import ProcessPool

        self._pool = pool = ProcessPool(
            max_workers=self.workers,
            max_tasks=_FILES_PER_WORKER,
            initializer=_prepare,
            initargs=(max(self.memory_mb * 2**20, _LEAST_MEMORY), self.passwords),
            context=WorkerContext(),
        )
        resource_tracker.ensure_running()  # else it is started within, and unblocks the signal
        with undisturbed():
            _ = pool.active  # starts it
        return pool


def _refused(source: Source) -> Failure | None:
    """Refuse what no worker need be asked about: its name or its size says enough."""
    if not supported(source):
        return unsupported(source)
    if not source.size and not source.inside:
        return failure("extract.empty", source=source.path)
    return None


def _known(source: Source) -> Failure | None:
    """Say why a file has no text where that can be known without opening it."""
    if not supported(source):
        return unsupported(source)
    if source.size or source.inside:
        return None
    with suppress(OSError):  # a worker says what is wrong with it
        found = source.location.stat()
        if stat.S_ISREG(found.st_mode) and not found.st_size:
            return failure("extract.empty", source=source.path)
    return None


def _answer(job: _Job) -> Outcome:
    """Wait for a worker. Raises BrokenProcessPool when the workers are gone or do not answer."""
    from pebble import ProcessExpired

    try:
        # All jobs before this one are done, so it runs; pebble itself stops it when its time is
        # over. Waiting longer means that a worker was killed in the middle of its answer.
        return job.future.result(timeout=1.5 * job.most + _PATIENCE)
    except TimeoutError as error:
        if not job.future.done():
            raise BrokenProcessPool("The workers do not answer.") from error
        return _too_slow(job)
    except ProcessExpired as error:
        if error.exitcode == -signal.SIGALRM:  # by `in_time`
            return _too_slow(job)
        return failure("extract.crashed", source=job.source.path, exit_code=error.exitcode)
    except MemoryError:
        message = "Reading the file takes more memory than kb gives to one file."
        return failure("extract.too_large", message, source=job.source.path)


def _too_slow(job: _Job) -> Failure:
    message = f"Reading the file took longer than {job.seconds:g} seconds and was stopped."
    return failure("extract.timeout", message, source=job.source.path)


def _worth_care(job: _Job, outcome: Outcome) -> bool:
    """Tell whether a worker died on a file that can be read in another way too."""
    crashed = isinstance(outcome, Failure) and outcome.code == "extract.crashed"
    return crashed and not job.careful and _has_careful_reader(job.source)


def _has_careful_reader(source: Source) -> bool:
    return source.path.lower().endswith(".pdf")


def _prepare(memory: int, passwords: tuple[str, ...]) -> None:
    """Set up a worker: bounded in memory, silent, and ended by the first word."""
    conditions.set_passwords(passwords)
    # Reading makes many small things and hardly a cycle: looking for those takes a tenth of it.
    gc.set_threshold(100_000, 20, 20)
    # A reader stuck in C code would never run a handler written in Python.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.close(silence)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):  # macOS does not know this limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
