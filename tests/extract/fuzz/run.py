"""The run: damaged files through the workers, what came of them, and what broke the rules."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from kb.errors import Failure
from kb.extract import Extractor, is_container, open_extractor, supported
from kb.model import Document, Source
from kb.pipeline.members import member_of
from tests.extract.fuzz.faults import chunk_faults, faults
from tests.extract.fuzz.mutate import mutated
from tests.extract.make import written

#: A file of at most 2 MB that takes longer to read, or its text to cut, is kept to be looked at.
READ_SECONDS, CUT_SECONDS = 30.0, 20
_MEMORY_MB = 1024
#: No more members of one file are read, nor deeper ones than kb reads.
_MOST_MEMBERS, _DEEPEST = 4, 5
#: Outcomes that kb survives, but whose file someone should look at.
_NOTED = frozenset(("extract.crashed", "extract.timeout"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file with which something is wrong."""

    #: What to give as `--only`, to make it again.
    case: str
    what: tuple[str, ...]
    #: False where kb itself kept all rules and only a worker was lost.
    broken: bool


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the files of a run."""

    #: By the ending of the name: how often each outcome ("text" or a code) came.
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)

    def count(self, source: Source, outcome: Document | Failure) -> None:
        """Count what became of a file."""
        ending = "." + source.path.rpartition(".")[2]
        code = "text" if isinstance(outcome, Document) else outcome.code
        self.outcomes.setdefault(ending, Counter())[code] += 1

    @property
    def broken(self) -> list[Found]:
        """The files with which a rule was broken."""
        return [each for each in self.found if each.broken]


def cases(seed: int, endings: Sequence[str]) -> Iterator[str]:
    """Give the names of cases without end: each format in turn, so none is left behind."""
    number = 0
    while True:
        yield from (f"{seed}-{number}{ending}" for ending in endings)
        number += 1


def fuzz(
    names: Iterator[str],
    seeds: Mapping[str, Sequence[bytes]],
    *,
    folder: Path,
    keep: Path,
    until: Callable[[], bool] = lambda: False,
) -> Tally:
    """Read the files of these cases in workers until there are no more, or `until` says so.

    Files are made in `folder` and taken away again; those with which something is wrong are
    copied to `keep`, which is made when it is needed.
    """
    tally = Tally()
    inside: deque[Source] = deque()

    def sources() -> Iterator[Source]:
        while not until():
            if inside:
                yield inside.popleft()
                continue
            name = next(names, None)
            if name is None:
                return
            ending = "." + name.rpartition(".")[2]
            yield written(folder / name, mutated(random.Random(name), ending, seeds[ending]))

    with open_extractor(timeout_s=READ_SECONDS, memory_mb=_MEMORY_MB) as extractor:
        more = True
        while more:
            for source, outcome in extractor.map(sources()):
                tally.count(source, outcome)
                _look(source, outcome, tally, keep)
                inside.extend(_members(source, outcome))
            more = bool(inside) and not until()
        _still_reads(extractor, folder, tally)
    for left in folder.iterdir():
        left.unlink()
    return tally


def _look(source: Source, outcome: Document | Failure, tally: Tally, keep: Path) -> None:
    """Check an outcome, and keep the file where something is wrong."""
    what = faults(source, outcome)
    if isinstance(outcome, Document):
        what += _cut(outcome)
    noted = outcome.code if isinstance(outcome, Failure) and outcome.code in _NOTED else ""
    if what or noted:
        case = source.location.name
        where = (f"in {source.path}",) if source.inside else ()
        found = Found(case=case, what=(*(what or [noted]), *where), broken=bool(what))
        tally.found.append(found)
        keep.mkdir(parents=True, exist_ok=True)
        (keep / case).write_bytes(source.location.read_bytes())
        with (keep / "found.txt").open("a", encoding="utf-8") as notes:
            notes.write(f"{case}: {'; '.join(found.what)}\n")


def _cut(document: Document) -> list[str]:
    """Cut a document into passages, and say what is wrong with them; an exception is."""
    try:
        with _clock(CUT_SECONDS):
            return chunk_faults(document)
    except Exception as error:
        return [f"cutting it into passages raised {type(error).__name__}: {error}"]


@contextmanager
def _clock(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in what is done here for too long."""

    def ring(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"it took longer than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _members(source: Source, outcome: Document | Failure) -> Iterator[Source]:
    """Give the first members of a container, as `kb ingest` goes on with all of them."""
    if not isinstance(outcome, Document) or not is_container(source.path):
        return
    if len(source.inside) < _DEEPEST:
        found = [member_of(source, each) for each in outcome.members]
        yield from [each for each in found if supported(each)][:_MOST_MEMBERS]


def _still_reads(extractor: Extractor, folder: Path, tally: Tally) -> None:
    """Check that the workers are as they were: a whole file is read after all that."""
    last = written(folder / "last.txt", b"All is well.\n")
    ((_, outcome),) = extractor.map([last])
    if not isinstance(outcome, Document) or outcome.text != "All is well.\n":
        tally.found.append(Found(case="last.txt", what=("the workers are spoilt",), broken=True))


def elapsed(seconds: float) -> Callable[[], bool]:
    """Give what tells whether so many seconds have gone by since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
