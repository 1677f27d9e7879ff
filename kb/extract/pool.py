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
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from kb.errors import Failure, StageError, failure
from kb.extract import conditions
from kb.extract.ocr import clock
from kb.extract.ocr.choice import reads_pictures
from kb.extract.registry import extract, supported, too_large, unsupported
from kb.extract.workers import DiedError, LateError, Workers
from kb.model import Document, Source

Result = TypeVar("Result")
#: What became of a source: what it says, or why that cannot be known.
Outcome: TypeAlias = Document | Failure

#: The time given is for files up to this size; one twice as large has twice as much.
_TIMED_BYTES = 10 * 2**20
_MOST_TIMES = 20
#: No worker can even start in less address space than this.
_LEAST_MEMORY = 256 * 2**20
#: So many files for each worker are under way, and half of that where they are large together.
_AHEAD = 8
_AHEAD_BYTES = 128 * 2**20


@contextmanager
def open_extractor(
    *,
    workers: int = 2,
    timeout_s: float = 120,
    memory_mb: int = 2048,
    passwords: Sequence[str] = (),
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Extractor]:
    """Give an Extractor; leaving the context ends its workers at once, finished or not.

    `passwords` are tried on files that ask for one. Workers are handed them through a pipe; they
    stand in no command line, environment or message. `environ` is set in the workers beside our
    own environment, for instance `{"KB_OCR": "off"}`.
    """
    extractor = Extractor(
        workers=max(1, workers),
        timeout_s=timeout_s,
        memory_mb=memory_mb,
        passwords=tuple(passwords),
        environ=dict(environ),
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


def whole(document: Document) -> Document:
    """Give the document as it is."""
    return document


def in_time(
    task: Callable[[Source], Outcome],
    after: Callable[[Document], Result],
    source: Source,
    seconds: float,
) -> Result | Failure:
    """Do a task; this process ends when it takes longer, recognising letters not counted."""
    with clock.limited(seconds):
        outcome = task(source)
        return outcome if isinstance(outcome, Failure) else after(outcome)


@dataclass(frozen=True, slots=True)
class _Job:
    """A source that was given to the workers."""

    source: Source
    future: Future[Any]
    #: For reading the file, not counting the recognition of its letters.
    seconds: float


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
    environ: Mapping[str, str] = field(default_factory=dict)
    _pool: Workers | None = field(default=None, init=False)

    def map(self, sources: Iterable[Source]) -> Generator[tuple[Source, Outcome]]:
        """Give each source with what it says, or why not, in the order of the sources.

        No more than eight times as many sources as there are workers are taken before the first
        of them is given back, and half of that where they are large, so that a long file does
        not keep the other workers waiting.
        Failures: whatever `extract` raises, `extract.timeout` and `extract.crashed`.
        """
        return self.map_then(sources, whole)

    def map_then(
        self, sources: Iterable[Source], after: Callable[[Document], Result]
    ) -> Generator[tuple[Source, Result | Failure]]:
        """Give the same as `map`, with what `after` makes of each document in its worker.

        `after` travels to the workers, so it and what it gives must bear pickling; its time and
        memory count as those of the file.
        """
        queue: deque[_Job | tuple[Source, Failure]] = deque()
        size = 0
        for source in sources:
            refused = _refused(source)
            queue.append(self._job(source, after) if refused is None else (source, refused))
            size += source.size
            while queue and len(queue) >= self._ahead(size):
                found = self._finished(queue.popleft())
                size -= found[0].size
                yield found
        while queue:
            yield self._finished(queue.popleft())

    def _ahead(self, size: int) -> int:
        """Give how many files are under way when they hold so many bytes."""
        return self.workers * (_AHEAD if size <= _AHEAD_BYTES else _AHEAD // 2)

    def seconds(self, source: Source) -> float:
        """Give the time that a file has for being read, in seconds."""
        return self.timeout_s * min(max(1.0, source.size / _TIMED_BYTES), _MOST_TIMES)

    def _for_pictures(self, source: Source) -> float:
        environ = {**os.environ, **self.environ}
        return clock.allowance(environ) if reads_pictures(source.path, environ) else 0.0

    def stop(self) -> None:
        """End the workers, whatever they are doing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()

    def _job(self, source: Source, after: Callable[[Document], Any]) -> _Job:
        if self._pool is None:
            memory = max(self.memory_mb * 2**20, _LEAST_MEMORY)
            prepare = partial(_prepare, memory, self.passwords, dict(self.environ))
            self._pool = Workers(self.workers, prepare)
        seconds = self.seconds(source)
        tasks = [self.task]
        if source.path.lower().endswith(".pdf"):
            tasks.append(self.careful_task)
        future = self._pool.submit(
            *((in_time, (task, after, source, seconds)) for task in tasks),
            seconds=seconds + self._for_pictures(source),
            size=source.size,
        )
        return _Job(source, future, seconds)

    def _finished(self, job: _Job | tuple[Source, Failure]) -> tuple[Source, Any]:
        return (job.source, _answer(job)) if isinstance(job, _Job) else job


def _refused(source: Source) -> Failure | None:
    """Refuse what no worker need be asked about: its name or its size says enough."""
    if not supported(source):
        return unsupported(source)
    if not source.size and not source.inside:
        return failure("extract.empty", source=source.path)
    return too_large(source)


def _answer(job: _Job) -> Any:  # noqa: ANN401 - what `after` gave, or a failure
    """Wait for what became of a source."""
    try:
        return job.future.result()
    except LateError:
        return _too_slow(job)
    except DiedError as error:
        return failure("extract.crashed", source=job.source.path, exit_code=error.exit_code)
    except MemoryError:
        message = "Reading the file takes more memory than kb gives to one file."
        return failure("extract.too_large", message, source=job.source.path)


def _too_slow(job: _Job) -> Failure:
    message = f"Reading the file took longer than {job.seconds:g} seconds and was stopped."
    return failure("extract.timeout", message, source=job.source.path)


def _prepare(memory: int, passwords: tuple[str, ...], environ: dict[str, str]) -> None:
    """Set up a worker: bounded in memory, silent, and ended by the first word."""
    os.environ.update(environ)
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
