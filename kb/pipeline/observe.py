"""What a long run tells whoever watches it; the library itself prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is."""

    #: What is happening now, e.g. "Reading and embedding".
    activity: str
    documents_done: int = 0
    documents_total: int = 0
    chunks_done: int = 0
    #: Path of the document read last.
    current: str = ""


class Observer(Protocol):
    """Whoever watches a run."""

    def say(self, sentence: str) -> None:
        """Take a whole sentence, one per stage or event."""

    def advance(self, progress: Progress) -> None:
        """Take the latest state; called often, so it must be cheap."""


class Silent:
    """An observer that looks away."""

    def say(self, sentence: str) -> None:
        """Take no notice."""

    def advance(self, progress: Progress) -> None:
        """Take no notice."""
