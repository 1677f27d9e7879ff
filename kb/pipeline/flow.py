"""Documents on their way from text to stored passages, many at once, none waiting for another.

Texts of many documents travel to the embedder together, so that batches are full; each document
is stored as soon as its last text has come back. A text that several passages share travels once.
A passage that the embedder does not read to its end is cut into shorter ones, which travel in its
place.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from kb.chunk import Chunking, estimate_tokens, split_chunk
from kb.embed import Embedder
from kb.errors import Failure, Stage, StageError
from kb.model import Chunk, Document, Embedded, EmbedItem, Profile, text_key
from kb.pipeline.cutting import cut
from kb.pipeline.observe import Steps
from kb.pipeline.shelf import Finished, Part, Pending, Read, Shelf, is_update
from kb.pipeline.tally import Tally

__all__ = ["DOCUMENT_BLOCK", "VECTOR_BLOCK", "Flow", "Read", "is_update"]

#: Vectors are written down in blocks of this many, or sooner when their document is complete.
VECTOR_BLOCK = 512
#: Nor are they kept waiting longer than this, in seconds: a killed run has lost no more.
VECTOR_SECONDS = 1.0
#: Complete documents are written down together once they hold this many chunks, or after so many
#: seconds: their vectors are safe by then, and the full-text index likes much at once.
DOCUMENT_BLOCK = 2_048
DOCUMENT_SECONDS = 5.0
#: A passage is cut into so many pieces at most in one go.
_MOST_PIECES = 64
_TOO_LONG = "embed.input_too_long"
_UNCUTTABLE = (
    "No shorter passage can be made of it. Let the endpoint accept longer texts, or raise "
    "embedding.max_input_tokens where it is set; then `kb retry --stage embed`."
)


class Flow:
    """Carries documents through chunking, embedding and storing, onto one shelf."""

    def __init__(
        self, writer: Shelf, profile: Profile, chunking: Chunking, tally: Tally, steps: Steps
    ) -> None:
        self._finished = Finished(writer, tally, steps)
        self._profile = profile
        self._chunking = chunking
        self._tally = tally
        self._steps = steps
        self._pending: dict[bytes, list[Pending]] = {}
        self._written_at = self._flushed_at = time.monotonic()
        #: Documents of which a passage was cut, and its pieces are not sent yet.
        self._cut: deque[Pending] = deque()

    def carry(self, reads: Iterable[Read], embedder: Embedder) -> None:
        """Bring all of these documents through; also when it ends early, what is complete is kept.

        Raises `EndpointError`.
        """
        try:
            with self._tally.at(Stage.EMBED):
                self._settle_all(embedder.embed(self.texts(reads)))
                # Settling the last texts may have cut passages.
                while self._cut:
                    self._settle_all(embedder.embed(self.texts(())))
        finally:
            self.flush()

    def _settle_all(self, outcomes: Iterable[Embedded]) -> None:
        for embedded in outcomes:
            self.settle(embedded)

    def texts(self, reads: Iterable[Read]) -> Iterator[EmbedItem]:
        """Give the texts that have to be embedded, reading documents only as they are asked for.

        What settling these texts adds may come too late, and is given by another call.
        """
        for read in reads:
            yield from self._pieces()
            self._steps.document(read.source.path)
            if isinstance(read.outcome, Failure):
                self._finished.refuse(read, read.outcome)
                continue
            try:
                pending = self._divide(read, read.outcome)
            except StageError as error:
                self._finished.refuse(read, error.failure)
                continue
            yield from self._missing(pending)
        yield from self._pieces()

    def settle(self, embedded: Embedded) -> None:
        """Take what became of one text; stores each document that this completes."""
        owners = self._pending.pop(embedded.key)
        if embedded.vector is not None:
            self._tally.ok(Stage.EMBED)
            self._finished.vectors[embedded.key] = embedded.vector
        elif embedded.failure is None:
            self._tally.skip(Stage.EMBED)
            self._tally.abstained += 1
        for pending in owners:
            pending.waiting.discard(embedded.key)
            if embedded.vector is None:
                self._without_vector(pending, embedded)
            if not pending.waiting:
                self._finish(pending)
        waited = time.monotonic() - self._written_at
        if len(self._finished.vectors) >= VECTOR_BLOCK or waited > VECTOR_SECONDS:
            self._written_at = time.monotonic()
            self._finished.write_vectors()

    def flush(self) -> None:
        """Store all that is complete, and keep the vectors of what is not.

        After an interruption it may be called again.
        """
        self._written_at = self._flushed_at = time.monotonic()
        self._finished.write()

    def _divide(self, read: Read, document: Document) -> Pending:
        with self._tally.at(Stage.CHUNK):
            chunks = cut(document, self._chunking) if read.chunks is None else read.chunks
            if isinstance(chunks, Failure):
                raise StageError(chunks)
            parts = [self._part(chunk) for chunk in chunks]
        self._tally.ok(Stage.CHUNK)
        pending = Pending(read=read, document=document, parts=parts)
        for problem in document.problems:
            told = problem.at(read.source.path)
            pending.failures.append(told)
            self._tally.fail(told)
        return pending

    def _part(self, chunk: Chunk, *, bare: bool = False) -> Part:
        return Part(chunk=chunk, bare=bare, key=text_key(self._text(chunk, bare=bare)))

    def _text(self, chunk: Chunk, *, bare: bool) -> str:
        return self._profile.passage(chunk.text if bare else chunk.with_context)

    def _pieces(self) -> Iterator[EmbedItem]:
        """Give the texts of those passages that were cut."""
        while self._cut:
            yield from self._missing(self._cut.popleft())

    def _missing(self, pending: Pending) -> Iterator[EmbedItem]:
        """Give those texts of a document that nobody has paid for and that are not under way."""
        keys = {part.key for part in pending.parts if part.key is not None}
        known = self._finished.known(keys)
        pending.waiting = keys - known
        fresh = list(self._join(pending, known))
        pending.sent |= {item.key for item in fresh}
        if pending.waiting:
            yield from fresh
        else:
            self._finish(pending)

    def _join(self, pending: Pending, known: set[bytes]) -> Iterator[EmbedItem]:
        """Make the document wait for its texts; give those that are not under way already."""
        for part in pending.parts:
            if part.key is None or part.key in known:
                continue
            owners = self._pending.setdefault(part.key, [])
            if not owners:
                yield EmbedItem(key=part.key, text=self._text(part.chunk, bare=part.bare))
            if pending not in owners:
                owners.append(pending)

    def _without_vector(self, pending: Pending, embedded: Embedded) -> None:
        """Cut those passages shorter that were too long; the others stay without a vector."""
        if embedded.failure is not None:
            pending.sent.discard(embedded.key)
        parts: list[Part] = []
        fresh: set[bytes] = set()
        for part in pending.parts:
            shorter = self._shorter(pending.document, part, embedded)
            if shorter:
                parts += shorter
                fresh |= {piece.key for piece in shorter if piece.key is not None}
                continue
            if part.key == embedded.key:
                part.key, part.failure = None, embedded.failure
            parts.append(part)
        pending.parts = parts
        if fresh:
            pending.waiting |= fresh
            if pending not in self._cut:
                self._cut.append(pending)

    def _shorter(self, document: Document, part: Part, embedded: Embedded) -> list[Part]:
        """Give what is sent in place of a passage whose text was too long; nothing if it was not.

        Nothing, too, where the passage cannot be cut any further.
        """
        found = embedded.failure
        if part.key != embedded.key or found is None or found.code != _TOO_LONG:
            return []
        chunk = part.chunk
        context = "" if part.bare else chunk.context
        if context and estimate_tokens(context) >= estimate_tokens(chunk.text):
            return [self._part(chunk, bare=True)]
        with self._tally.at(Stage.CHUNK):
            pieces = split_chunk(chunk, document, parts=_pieces_for(found))
            if len(pieces) == 1:
                return [self._part(chunk, bare=True)] if context else []
            parts = [self._part(piece, bare=part.bare) for piece in pieces]
        # A passage that begins with its own heading: its second piece stands under that heading.
        return [
            self._part(each.chunk, bare=True) if each.key == part.key else each for each in parts
        ]

    def _finish(self, pending: Pending) -> None:
        for at, part in enumerate(pending.parts, start=1):
            if part.failure is not None:
                told = part.failure.at(pending.read.source.path, f"chunk {at}")
                if told.code == _TOO_LONG:
                    told = replace(told, hint=_UNCUTTABLE)
                pending.failures.append(told)
                pending.refused += 1
                self._tally.fail(told)
        self._finished.add(pending)
        waited = time.monotonic() - self._flushed_at
        if self._finished.chunks >= DOCUMENT_BLOCK or waited > DOCUMENT_SECONDS:
            self.flush()


def _pieces_for(found: Failure) -> int:
    """Give how many pieces a text is cut into: two where it is not known how long it is."""
    tokens, limit = found.detail.get("tokens"), found.detail.get("limit")
    if not isinstance(tokens, int) or not isinstance(limit, int):
        return 2
    return max(2, min(_MOST_PIECES, -(-tokens // max(1, limit))))
