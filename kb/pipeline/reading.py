"""Files on their way through the workers: hashed, read and cut, in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator

from kb.chunk import Chunking
from kb.errors import Stage, StageError
from kb.extract import Extractor, too_large
from kb.model import Source
from kb.pipeline.cutting import Cut, Cutter
from kb.pipeline.plan import Task
from kb.pipeline.shelf import Read
from kb.pipeline.tally import Tally
from kb.source import sha256_of


def outcomes(
    waiting: deque[Task], extractor: Extractor, chunking: Chunking, tally: Tally
) -> Generator[Read]:
    """Read and cut what waits, in order, hashing each file before it is read."""
    under_way: deque[tuple[Task, str]] = deque()

    def sources() -> Iterator[Source]:
        while waiting:
            task = waiting.popleft()
            inside = bool(task.source.inside)
            digest = task.sha256 or ("" if inside else _hash(task.source))
            under_way.append((task, digest))
            yield task.source

    results = extractor.map_then(sources(), Cutter(chunking=chunking))
    while True:
        with tally.at(Stage.EXTRACT):
            found = next(results, None)
        if found is None:
            return
        source, outcome = found
        task, digest = under_way.popleft()
        if isinstance(outcome, Cut):
            tally.ok(Stage.EXTRACT)
        yield Read(
            task=task,
            source=source,
            sha256=digest,
            outcome=outcome.document if isinstance(outcome, Cut) else outcome,
            chunks=outcome.chunks if isinstance(outcome, Cut) else None,
            read_at_ns=time.time_ns(),
        )


def _hash(source: Source) -> str:
    """Give the hash of a file, or nothing when the reader will say what is wrong with it."""
    try:
        return "" if too_large(source) else sha256_of(source)
    except StageError:
        return ""
