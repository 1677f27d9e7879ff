"""Which files are left for later in a watch: those that are still being written, or just gone."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from kb.model import Source
from kb.pipeline.plan import Stamp, same_stat, stamp_of
from kb.source import is_being_written
from kb.store import KnownSource

#: What failed though it may succeed (a timeout, a crash) is tried again after so many seconds.
_AGAIN_S: Final = 600.0
#: A file that somebody keeps open, as a log is, is taken when it was still for so many seconds.
_OPEN_S: Final = 30.0


@dataclass(slots=True, kw_only=True)
class Stillness:
    """Keeps a file back until it was the same at two looks, `seconds` apart: a `Patience`."""

    seconds: float
    #: True while what lay there long before the watch began is taken at once.
    first: bool = True
    _seen: dict[str, tuple[Stamp | None, float]] = field(default_factory=dict)
    _before: dict[str, tuple[Stamp | None, float]] = field(default_factory=dict)
    _tried: float = field(default_factory=time.monotonic)
    _retry: bool = False
    waits: bool = False

    def begin(self) -> None:
        """Begin a look; what the one before it did not see again is forgotten."""
        self._before, self._seen, self.waits = self._seen, {}, False
        now = time.monotonic()
        self._retry = self.first or now - self._tried > _AGAIN_S
        if self._retry:
            self._tried = now

    def keeps(self, source: Source, known: KnownSource | None) -> bool:
        """Tell whether a new, changed or retried file is left as it is for now."""
        if known is not None and same_stat(source, known):
            return not self._retry
        if self.first and time.time() - source.mtime_ns / 1e9 > 2 * self.seconds:
            return False
        still = self._still(source.path, stamp_of(source))
        kept = still < self.seconds or (still < _OPEN_S and is_being_written(source.location))
        self.waits |= kept
        return kept

    def misses(self, path: str) -> bool:
        """Tell whether a file that is gone may still come back in a moment."""
        kept = self._still(path, None) < self.seconds
        self.waits |= kept
        return kept

    def _still(self, path: str, stamp: Stamp | None) -> float:
        """Give for how many seconds the file has been as it is."""
        now = time.monotonic()
        found = self._before.get(path)
        since = found[1] if found is not None and found[0] == stamp else now
        self._seen[path] = (stamp, since)
        return now - since
