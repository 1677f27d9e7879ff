"""The indexes that a process holds in memory; nothing of FAISS is loaded before one is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kb.store.local.segments import Segment


class Shelf:
    """The FAISS indexes that this process has read, by hash; shared by all its snapshots."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._read: dict[str, Any] = {}

    def get(self, segment: Segment, *, dimensions: int) -> Any | None:  # noqa: ANN401 - of faiss
        """Give the index of a segment, or None where its file is missing or not what it was."""
        with self._lock:
            if segment.sha256 not in self._read:
                from kb.store.local.segments import read

                index = read(self.folder, segment, dimensions=dimensions)
                if index is None:
                    return None
                self._read[segment.sha256] = index
            return self._read[segment.sha256]

    def keep_only(self, segments: Sequence[Segment]) -> None:
        """Let go of indexes that are not among `segments`."""
        names = {segment.sha256 for segment in segments}
        with self._lock:
            self._read = {name: index for name, index in self._read.items() if name in names}
