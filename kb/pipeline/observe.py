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


class Steps:
    """Turns the steps of a run over `total` documents into progress."""

    def __init__(self, observer: Observer, activity: str, total: int) -> None:
        self._observer = observer
        self._activity = activity
        self._total = total
        self._documents = 0
        self._chunks = 0

    def more(self, count: int) -> None:
        """Tell that there are so many documents more than was thought."""
        self._total += count

    def document(self, path: str) -> None:
        """Tell that this document was read."""
        self._documents += 1
        self._tell(path)

    def chunks(self, count: int) -> None:
        """Tell that so many chunks are done."""
        self._chunks += count
        self._tell("")

    def _tell(self, path: str) -> None:
        self._observer.advance(
            Progress(
                activity=self._activity,
                documents_done=self._documents,
                documents_total=self._total,
                chunks_done=self._chunks,
                current=path,
            )
        )
