"""Filling a generation that is not in use, from the text that is stored; shared by two commands."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from kb.chunk import Chunking
from kb.embed import Embedder
from kb.model import Document, Source
from kb.pipeline.flow import Flow, Read
from kb.pipeline.observe import Observer, Steps
from kb.pipeline.plan import Task
from kb.pipeline.tally import Tally
from kb.store import Builder, DocumentRow, Store

#: So many documents are read in one view of the store. A view that stayed open as long as the run
#: would keep SQLite from folding its journal into the database.
_AT_ONCE: Final = 64


@dataclass(slots=True)
class Work:
    """What a run that fills a generation goes by."""

    store: Store
    tally: Tally
    observer: Observer


def fill(work: Work, builder: Builder, embedder: Embedder, how: Chunking) -> None:
    """Put every document into the generation that it does not hold yet.

    Raises `EndpointError`; what was finished before is kept, and a second call goes on.
    """
    paths = builder.missing()
    for failure in builder.failures():
        work.tally.standing(failure)
    steps = Steps(work.observer, "Embedding anew", len(paths))
    flow = Flow(builder, builder.profile, how, work.tally, steps)
    with closing(_reads(work.store, paths)) as reads:
        flow.carry(reads, embedder)


def stored(store: Store, paths: Sequence[str]) -> Iterator[tuple[DocumentRow, Document]]:
    """Give stored documents by their paths, some at a time from one view."""
    left = iter(paths)
    while some := list(islice(left, _AT_ONCE)):
        with store.snapshot() as snapshot:
            found = [snapshot.document(path) for path in some]
        yield from ((each.row, each.document) for each in found if each is not None)


def _reads(store: Store, paths: Sequence[str]) -> Generator[Read]:
    with store.snapshot() as snapshot:
        known = snapshot.known_sources()
    for row, document in stored(store, paths):
        source = _source(row)
        yield Read(
            task=Task(source=source, collection=row.collection, known=known.get(row.path)),
            source=source,
            sha256=row.sha256,
            # What could not be read of it, the ledger tells already.
            outcome=replace(document, problems=()),
            read_at_ns=0,
        )


def _source(row: DocumentRow) -> Source:
    return Source(path=row.path, location=Path(row.path), size=row.bytes, mtime_ns=0, inode=0)
