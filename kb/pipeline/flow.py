"""Documents on their way from text to stored passages, many at once, none waiting for another.

Texts of many documents travel to the embedder together, so that batches are full; each document
is stored as soon as its last text has come back. A text that several passages share travels once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kb.chunk import Chunking, chunk_document
from kb.errors import Failure, Stage, StageError
from kb.model import Chunk, Document, Embedded, EmbedItem, Profile, Source, text_key
from kb.pipeline.plan import Task, settled
from kb.pipeline.tally import Tally
from kb.store import ChunkDraft, DocumentDraft, Writer

if TYPE_CHECKING:
    from kb.model import Vector

#: Vectors are written down in blocks of this many, or sooner when their document is complete.
VECTOR_BLOCK = 512
#: Complete documents are written down together once they hold this many chunks.
DOCUMENT_BLOCK = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file that was read: its task, its bytes' hash, and what they say or why they do not."""

    task: Task
    source: Source
    sha256: str
    outcome: Document | Failure
    read_at_ns: int


@dataclass(slots=True, eq=False)
class _Pending:
    """A document whose texts are under way."""

    read: Read
    document: Document
    chunks: Sequence[Chunk]
    keys: list[bytes | None]
    waiting: set[bytes] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    #: The texts that were sent for this document and not refused; others it shares.
    sent: set[bytes] = field(default_factory=set)
    refused: int = 0


class Watch(Protocol):
    """What the flow calls as it goes."""

    def document(self, path: str) -> None:
        """Take note that this document was read."""

    def chunks(self, count: int) -> None:
        """Take note that so many chunks are done."""


class Flow:
    """Carries documents through chunking, embedding and storing, in one writer."""

    def __init__(
        self, writer: Writer, profile: Profile, chunking: Chunking, tally: Tally, watch: Watch
    ) -> None:
        self._writer = writer
        self._profile = profile
        self._chunking = chunking
        self._tally = tally
        self._watch = watch
        self._pending: dict[bytes, list[_Pending]] = {}
        self._vectors: dict[bytes, Vector] = {}
        self._complete: deque[_Pending] = deque()
        self._complete_chunks = 0

    def texts(self, reads: Iterable[Read]) -> Iterator[EmbedItem]:
        """Give the texts that have to be embedded, reading documents only as they are asked for."""
        for read in reads:
            self._watch.document(read.source.path)
            if isinstance(read.outcome, Failure):
                self._refuse(read, read.outcome)
                continue
            try:
                pending = self._divide(read, read.outcome)
            except StageError as error:
                self._refuse(read, error.failure)
                continue
            yield from self._missing(pending)

    def settle(self, embedded: Embedded) -> None:
        """Take what became of one text; stores each document that this completes."""
        owners = self._pending.pop(embedded.key)
        if embedded.vector is not None:
            self._tally.ok(Stage.EMBED)
            self._vectors[embedded.key] = embedded.vector
        elif embedded.failure is None:
            self._tally.skip(Stage.EMBED)
            self._tally.abstained += 1
        for pending in owners:
            if embedded.vector is None:
                self._without_vector(pending, embedded)
            pending.waiting.discard(embedded.key)
            if not pending.waiting:
                self._finish(pending)
        if len(self._vectors) >= VECTOR_BLOCK:
            self._write_vectors()

    def flush(self) -> None:
        """Store all that is complete, and keep the vectors of what is not.

        After an interruption it may be called again: vectors leave the queue only once they are
        stored, and a document that was interrupted is left to the next run.
        """
        with self._tally.at(Stage.STORE):
            self._write_vectors()
            while self._complete:
                pending = self._complete.popleft()
                self._complete_chunks -= len(pending.chunks)
                self._put(pending)

    def _refuse(self, read: Read, failure: Failure) -> None:
        told = failure.at(read.source.path)
        self._tally.fail(told)
        self._tally.documents["failed"] += 1
        with self._tally.at(Stage.STORE):
            self._writer.fail(
                settled(read.source, read.read_at_ns),
                read.sha256,
                told,
                collection=read.task.collection,
            )

    def _divide(self, read: Read, document: Document) -> _Pending:
        self._tally.ok(Stage.EXTRACT)
        with self._tally.at(Stage.CHUNK):
            chunks = chunk_document(document, chunking=self._chunking)
            keys = [text_key(self._profile.passage(chunk.with_context)) for chunk in chunks]
        self._tally.ok(Stage.CHUNK)
        pending = _Pending(read=read, document=document, chunks=chunks, keys=list(keys))
        for problem in document.problems:
            told = problem.at(read.source.path)
            pending.failures.append(told)
            self._tally.fail(told)
        return pending

    def _missing(self, pending: _Pending) -> Iterator[EmbedItem]:
        """Give those texts of a document that nobody has paid for and that are not under way."""
        keys = {key for key in pending.keys if key is not None}
        with self._tally.at(Stage.STORE):
            known = self._writer.known_keys(keys - self._vectors.keys()) | (
                keys & self._vectors.keys()
            )
        pending.waiting = keys - known
        fresh = list(self._join(pending, known))
        pending.sent = {item.key for item in fresh}
        if pending.waiting:
            yield from fresh
        else:
            self._finish(pending)

    def _join(self, pending: _Pending, known: set[bytes]) -> Iterator[EmbedItem]:
        """Make the document wait for its texts; give those that are not under way already."""
        for key, chunk in zip(pending.keys, pending.chunks, strict=True):
            if key is None or key in known:
                continue
            owners = self._pending.setdefault(key, [])
            if not owners:
                yield EmbedItem(key=key, text=self._profile.passage(chunk.with_context))
            if pending not in owners:
                owners.append(pending)

    def _without_vector(self, pending: _Pending, embedded: Embedded) -> None:
        for at, key in enumerate(pending.keys):
            if key != embedded.key:
                continue
            pending.keys[at] = None
            if embedded.failure is not None:
                told = embedded.failure.at(pending.read.source.path, f"chunk {at + 1}")
                pending.failures.append(told)
                pending.sent.discard(embedded.key)
                pending.refused += 1
                self._tally.fail(told)

    def _finish(self, pending: _Pending) -> None:
        self._complete.append(pending)
        self._complete_chunks += len(pending.chunks)
        if self._complete_chunks >= DOCUMENT_BLOCK:
            self.flush()

    def _write_vectors(self) -> None:
        if not self._vectors:
            return
        import numpy as np

        with self._tally.at(Stage.STORE):
            matrix = np.stack(list(self._vectors.values()))
            self._writer.add_vectors(list(self._vectors), matrix)
        self._vectors = {}

    def _put(self, pending: _Pending) -> None:
        read = pending.read
        draft = DocumentDraft(
            source=settled(read.source, read.read_at_ns),
            sha256=read.sha256,
            collection=read.task.collection,
            document=pending.document,
            chunks=[
                ChunkDraft(chunk=chunk, key=key)
                for chunk, key in zip(pending.chunks, pending.keys, strict=True)
            ],
            failures=pending.failures,
        )
        added, removed = self._writer.put(draft)
        self._tally.ok(Stage.STORE)
        reused = added - len(pending.sent) - pending.refused
        self._tally.skip(Stage.EMBED, reused)
        self._tally.chunks["added"] += len(pending.sent)
        self._tally.chunks["reused"] += reused
        self._tally.chunks["failed"] += pending.refused
        self._tally.chunks["removed"] += removed
        self._tally.documents["updated" if is_update(read.task) else "added"] += 1
        self._watch.chunks(added)


def is_update(task: Task) -> bool:
    """Tell whether a former version of the document is stored."""
    return task.known is not None and task.known.state != "failed"
