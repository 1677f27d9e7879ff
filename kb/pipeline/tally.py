"""Counting what a run does, stage by stage; the clock of a stage stops while another works."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kb.errors import Failure, Stage
from kb.model import ChunkCounts, DocumentCounts, Report, StageCount

if TYPE_CHECKING:
    from kb.model import Profile, RunStatus

STAGES = (Stage.DISCOVER, Stage.EXTRACT, Stage.CHUNK, Stage.EMBED, Stage.STORE)


class Tally:
    """The running counts of one run."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._counts: Counter[tuple[Stage, str]] = Counter()
        self._seconds: Counter[Stage] = Counter()
        self._clock: list[Stage] = []
        self._since = self._started
        self.documents: Counter[str] = Counter()
        self.chunks: Counter[str] = Counter()
        self.failures: list[Failure] = []
        #: What patterns left out, as `Report.ignored` has it.
        self.ignored: Mapping[str, Mapping[str, int]] = {}
        #: Texts in a language that the model does not know.
        self.abstained = 0

    def ok(self, stage: Stage, count: int = 1) -> None:
        """Count things that passed a stage."""
        self._counts[stage, "succeeded"] += count

    def skip(self, stage: Stage, count: int = 1) -> None:
        """Count things that had no need of a stage."""
        self._counts[stage, "skipped"] += count

    def fail(self, failure: Failure) -> None:
        """Count and keep a failure of this run."""
        self._counts[failure.stage, "failed"] += 1
        self.failures.append(failure)

    def standing(self, failure: Failure) -> None:
        """Keep a failure of an earlier run whose cause is unchanged: told, not counted again."""
        self.failures.append(failure)

    @contextmanager
    def at(self, stage: Stage) -> Iterator[None]:
        """Run the clock of this stage, and of no other, while the block runs."""
        self._turn()
        self._clock.append(stage)
        try:
            yield
        finally:
            self._turn()
            self._clock.pop()

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._clock:
            self._seconds[self._clock[-1]] += now - self._since  # type: ignore[assignment]
        self._since = now

    @property
    def seconds(self) -> float:
        """Wall seconds since the run began."""
        return time.perf_counter() - self._started

    def stages(self) -> tuple[StageCount, ...]:
        """Give one row for each stage, in order."""
        return tuple(self._stage(stage) for stage in STAGES)

    def _stage(self, stage: Stage) -> StageCount:
        succeeded = self._counts[stage, "succeeded"]
        failed = self._counts[stage, "failed"]
        return StageCount(
            stage=stage,
            attempted=succeeded + failed,
            succeeded=succeeded,
            failed=failed,
            skipped=self._counts[stage, "skipped"],
            seconds=float(self._seconds[stage]),
        )

    def sentence(self) -> str:
        """Say what was read and embedded, in one sentence."""
        stages = {row.stage: row for row in self.stages()}
        read, embedded = stages[Stage.EXTRACT], stages[Stage.EMBED]
        told = (
            f"Read {read.succeeded:,} of {counted(read.attempted, 'file')}; embedded "
            f"{counted(embedded.succeeded, 'passage')}."
        )
        if self.abstained:
            told += (
                f" {self.abstained:,} in languages that the model does not know are found by "
                "their words."
            )
        return told

    def document_counts(self) -> DocumentCounts:
        """Give what became of the documents."""
        return DocumentCounts(**self.documents)

    def chunk_counts(self) -> ChunkCounts:
        """Give what became of the chunks."""
        return ChunkCounts(**self.chunks)

    def report(
        self,
        run: str,
        status: RunStatus,
        *,
        profile: Profile | None,
        error: Failure | None = None,
    ) -> Report:
        """Give the report of the run as it stands; "ok" with failures is "partial"."""
        return Report(
            run=run,
            status="partial" if status == "ok" and self.failures else status,
            seconds=self.seconds,
            profile=profile,
            stages=self.stages(),
            documents=self.document_counts(),
            chunks=self.chunk_counts(),
            failures=tuple(self.failures),
            error=error,
            ignored=self.ignored,
        )


def counted(number: int, noun: str) -> str:
    """Give a number with its noun.

    >>> counted(1, "file"), counted(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
