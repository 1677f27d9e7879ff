"""What a run did: counts by stage, documents and chunks, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from kb.errors import (
    EXIT_ENDPOINT,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_PARTIAL,
    Failure,
    Stage,
)

if TYPE_CHECKING:
    from kb.model.profile import Profile

RunStatus: TypeAlias = Literal["ok", "partial", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCount:
    """How one stage went over a whole run; `attempted = succeeded + failed`."""

    stage: Stage
    attempted: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the row as the JSON contract shows it."""
        return asdict(self) | {"stage": self.stage.value, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCounts:
    """What became of the documents of a run."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCounts:
    """What became of the chunks of a run; `reused` ones cost no call."""

    added: int = 0
    reused: int = 0
    removed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run did and could not do."""

    run: str
    status: RunStatus
    seconds: float
    profile: Profile | None
    stages: tuple[StageCount, ...]
    documents: DocumentCounts
    chunks: ChunkCounts
    failures: tuple[Failure, ...] = field(default=())
    #: What stopped the run, where something did; what was finished before is kept.
    error: Failure | None = None
    #: Files and folders that a pattern left out, by where it stands: ".kbignore", "--exclude" or
    #: "--include".
    ignored: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """The exit code of the command that made this run."""
        if self.status == "interrupted":
            return EXIT_INTERRUPTED
        if self.error is not None:
            return EXIT_ENDPOINT
        return EXIT_PARTIAL if self.failures else EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """Give the report as the JSON contract shows it (`kb.ingest/1`)."""
        stopped = {"error": self.error.as_json()} if self.error else {}
        return {
            "schema": "kb.ingest/1",
            "run": self.run,
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "profile": self.profile.as_json() if self.profile else None,
            "stages": [stage.as_json() for stage in self.stages],
            "documents": asdict(self.documents),
            "chunks": asdict(self.chunks),
            "failures": [failure.as_json() for failure in self.failures],
            "ignored": {where: dict(counts) for where, counts in self.ignored.items()},
            **stopped,
        }
