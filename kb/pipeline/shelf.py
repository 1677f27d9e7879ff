"""What is finished and not yet written down: vectors, and documents with all their passages.

Both are stored in blocks, since each write waits for the disk; when that is, the flow decides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from kb.errors import Failure, Stage, StoreError
from kb.model import Chunk, Document, Source
from kb.pipeline.observe import Steps
from kb.pipeline.plan import Task, settled
from kb.pipeline.tally import Tally
from kb.store import ChunkDraft, DocumentDraft, Refusal

if TYPE_CHECKING:
    from kb.model import Matrix, Vector

#: Files of which nothing can be kept are written down together, so many at most.
REFUSAL_BLOCK = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file that was read: its task, its bytes' hash, and what they say or why they do not."""

    task: Task
    source: Source
    sha256: str
    outcome: Document | Failure
    read_at_ns: int
    #: Its passages, or why there are none, where the worker that read it has cut it too.
    chunks: Sequence[Chunk] | Failure | None = None


@dataclass(slots=True, eq=False)
class Part:
    """A passage of a document under way, and what became of its text."""

    chunk: Chunk
    #: Its text travels without the headings above it, which would fill it by themselves.
    bare: bool
    key: bytes | None
    failure: Failure | None = None


@dataclass(slots=True, eq=False)
class Pending:
    """A document whose texts are under way."""

    read: Read
    document: Document
    parts: list[Part]
    waiting: set[bytes] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    #: The texts that were sent for this document and not refused; others it shares.
    sent: set[bytes] = field(default_factory=set)
    refused: int = 0


class Shelf(Protocol):
    """Where the flow puts what is finished: a writer, or a generation being made."""

    def known_keys(self, keys: Iterable[bytes]) -> set[bytes]:
        """Give those keys whose vectors are already paid for."""

    def add_vectors(self, keys: Sequence[bytes], matrix: Matrix) -> None:
        """Keep vectors; row i belongs to `keys[i]`."""

    def put_all(self, drafts: Sequence[DocumentDraft]) -> Sequence[tuple[int, int]]:
        """Keep the passages of documents, all or none; gives of each how many came and went."""

    def fail_all(self, refusals: Sequence[Refusal]) -> None:
        """Write down why nothing of some documents could be kept, in one transaction."""


class Finished:
    """What waits to be stored on one shelf; it stays here until it is."""

    def __init__(self, shelf: Shelf, tally: Tally, steps: Steps) -> None:
        self._shelf = shelf
        self._tally = tally
        self._steps = steps
        self._documents: deque[Pending] = deque()
        self._refusals: list[Refusal] = []
        #: Vectors that are not written down yet, by key.
        self.vectors: dict[bytes, Vector] = {}
        #: How many passages the documents have that are not written down yet.
        self.chunks = 0

    def known(self, keys: set[bytes]) -> set[bytes]:
        """Give those keys whose vectors are stored, or wait to be."""
        with self._tally.at(Stage.STORE):
            here = keys & self.vectors.keys()
            return self._shelf.known_keys(keys - here) | here

    def add(self, pending: Pending) -> None:
        """Take a document whose last text has come back."""
        self._documents.append(pending)
        self.chunks += len(pending.parts)

    def refuse(self, read: Read, failure: Failure) -> None:
        """Write down why nothing of a document can be kept."""
        told = failure.at(read.source.path)
        self._tally.fail(told)
        self._tally.documents["failed"] += 1
        refusal = Refusal(
            source=settled(read.source, read.read_at_ns),
            sha256=read.sha256,
            collection=read.task.collection,
            failure=told,
        )
        self._refusals.append(refusal)
        if len(self._refusals) >= REFUSAL_BLOCK:
            self._write_refusals()

    def write_vectors(self) -> None:
        """Store the vectors."""
        if not self.vectors:
            return
        import numpy as np

        with self._tally.at(Stage.STORE):
            matrix = np.stack(list(self.vectors.values()))
            self._shelf.add_vectors(list(self.vectors), matrix)
        self.vectors = {}

    def write(self) -> None:
        """Store the vectors, and then the documents in one transaction.

        After an interruption it may be called again: what is stored twice is there once.
        """
        self.write_vectors()
        self._write_refusals()
        if not self._documents:
            return
        with self._tally.at(Stage.STORE):
            try:
                counts = self._shelf.put_all([_draft(each) for each in self._documents])
            except StoreError:
                self._write_singly()
                return
        stored = list(self._documents)
        self._documents.clear()
        self.chunks = 0
        for pending, (added, removed) in zip(stored, counts, strict=True):
            self._count(pending, added, removed)

    def _write_refusals(self) -> None:
        if self._refusals:
            with self._tally.at(Stage.STORE):
                self._shelf.fail_all(self._refusals)
            self._refusals = []

    def _write_singly(self) -> None:
        """Store one document after the other, so that one of them does not keep the rest out."""
        while self._documents:
            pending = self._documents.popleft()
            self.chunks -= len(pending.parts)
            self._count(pending, *self._shelf.put_all([_draft(pending)])[0])

    def _count(self, pending: Pending, added: int, removed: int) -> None:
        self._tally.ok(Stage.STORE)
        reused = added - len(pending.sent) - pending.refused
        self._tally.skip(Stage.EMBED, reused)
        self._tally.chunks["added"] += len(pending.sent)
        self._tally.chunks["reused"] += reused
        self._tally.chunks["failed"] += pending.refused
        self._tally.chunks["removed"] += removed
        self._tally.documents["updated" if is_update(pending.read.task) else "added"] += 1
        self._steps.chunks(added)


def _draft(pending: Pending) -> DocumentDraft:
    read = pending.read
    return DocumentDraft(
        source=settled(read.source, read.read_at_ns),
        sha256=read.sha256,
        collection=read.task.collection,
        document=pending.document,
        chunks=[
            ChunkDraft(chunk=replace(part.chunk, ordinal=at), key=part.key)
            for at, part in enumerate(pending.parts)
        ],
        failures=pending.failures,
    )


def is_update(task: Task) -> bool:
    """Tell whether a former version of the document is stored."""
    return task.known is not None and task.known.state != "failed"
