"""`kb ingest --watch`: one ingest after another, as files change.

Each round looks at every file below the given paths, as any ingest does, so nothing hangs on what
the system tells of a change: it only wakes. The writer's lock is held during a round that has
something to write, and not between. A given path that is away is waited for: a folder that
disappears, or a disk that is unmounted, makes nobody forget what was in it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

from kb.errors import Failure, StoreError, UsageError, failure
from kb.model import Report
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.ingest import How, ingest
from kb.pipeline.observe import Observer, Silent
from kb.pipeline.stillness import Stillness
from kb.source import Changes, Unseen, is_shared, listening

#: A folder that is shared by machines is looked at so often, in seconds.
SHARED_S: Final = 5.0
#: Looks follow one another by at least so many times the time that one takes.
_SHARE: Final = 5
#: A path that is away is looked for so often, in seconds.
_AWAY_S: Final = 1.0
_FIRST_BACKOFF_S: Final = 1.0
#: Whether the watch is to end is looked up so often.
_LISTEN_S: Final = 0.5

#: What a watch gives: the report of a round that did something, or what keeps it from working.
Event: TypeAlias = Report | Failure
_Mark: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How quick a watch is, in seconds."""

    #: So long a file must be the same before it is read.
    still: float = 1.0
    #: Looks are at most so far apart, though no change was told.
    most: float = 60.0
    #: After a failure of the endpoint or the store, at most so long until the next attempt.
    backoff: float = 60.0
    #: Look so often in place of being told; None: be told, where that can be trusted.
    poll: float | None = None


def watch(
    base: KnowledgeBase,
    paths: Sequence[Path],
    *,
    how: How | None = None,
    observer: Observer | None = None,
    pace: Pace | None = None,
    stop: threading.Event | None = None,
) -> Generator[Event, None, None]:
    """Keep the knowledge base up to date until Ctrl-C or `stop`; the first round comes at once.

    Gives the report of each round in which something changed, with those failures alone that are
    new in it; and, once, what keeps the watch from going on, which it then tries again. Raises
    `UsageError` and `StoreError` for what no waiting mends, and `KeyboardInterrupt`.
    """
    if not any(os.path.lexists(path) for path in paths):
        named = ", ".join(map(str, paths))
        raise UsageError(failure("discover.missing", f"There is nothing to watch: {named}."))
    watching = _Watch(
        base,
        paths,
        how or How(),
        observer or Silent(),
        pace or Pace(),
        stop or threading.Event(),
    )
    yield from watching.rounds()


@dataclass(slots=True)
class _Place:
    """A given path as it was when it was last looked at."""

    path: Path
    mark: _Mark | None = None
    #: The file system that it was on when there was something in it.
    device: int | None = None

    def look(self) -> bool:
        """Tell whether it is there; an empty folder in place of another disk is not."""
        try:
            status = self.path.stat()
            empty = self.path.is_dir() and not any(self.path.iterdir())
        except OSError:
            self.mark = None
            return False
        if empty and self.device not in (None, status.st_dev):
            self.mark = None
            return False
        if not empty:
            self.device = status.st_dev
        self.mark = status.st_dev, status.st_ino
        return True


@dataclass(slots=True)
class _Watch:
    """One watch."""

    base: KnowledgeBase
    paths: Sequence[Path]
    how: How
    observer: Observer
    pace: Pace
    stop: threading.Event
    _places: list[_Place] = field(default_factory=list)
    _away: list[Path] = field(default_factory=list)
    #: What is listened to; other marks mean that another folder has taken the place of one.
    _marks: list[_Mark | None] = field(default_factory=list)
    _told: set[tuple[object, ...]] = field(default_factory=set)
    _trouble: str = ""
    _backoff: float = _FIRST_BACKOFF_S
    _took: float = 0.0
    _quiet: float = 0.0

    def rounds(self) -> Generator[Event, None, None]:
        """Look, wait, look again."""
        self._places = [_Place(path) for path in self.paths]
        still = Stillness(seconds=self.pace.still)
        self.how = replace(self.how, wanted=replace(self.how.wanted, patience=still))
        self._look_for_places()
        while not self.stop.is_set():
            with ExitStack() as stack:
                changes = self._listen(stack)
                while not (self._moved() or self.stop.is_set()):
                    event = self._round(still)
                    if event is not None:
                        yield event
                    if isinstance(event, Report) and event.status == "interrupted":
                        return
                    self._wait(changes, still)

    def _listen(self, stack: ExitStack) -> Changes:
        """Begin to be told of changes in what is there now, or to look now and then."""
        here = [place.path.absolute() for place in self._places if place.mark is not None]
        if self.pace.poll is not None or not here:
            return Unseen()
        if any(is_shared(path) for path in here):
            self.pace = replace(self.pace, poll=SHARED_S)
            self.observer.say(
                f"A shared folder tells of no change: looking every {SHARED_S:g} seconds."
            )
            return Unseen()
        return stack.enter_context(listening(here, self.base.home.absolute()))

    def _look_for_places(self) -> None:
        away = [place.path for place in self._places if not place.look()]
        for path in away:
            if path not in self._away:
                self.observer.say(f"{path} is not there: waiting for it, and forgetting nothing.")
        for path in self._away:
            if path not in away:
                self.observer.say(f"{path} is there again.")
        self._away = away
        self._marks = [place.mark for place in self._places]

    def _moved(self) -> bool:
        """Tell whether a given path went away, came, or is another folder than before."""
        before = self._marks
        self._look_for_places()
        return before != self._marks

    def _round(self, still: Stillness) -> Event | None:
        here = [place.path for place in self._places if place.mark is not None]
        if not here:
            return None
        still.begin()
        started = time.monotonic()
        try:
            report = self._ingest(here)
        except (UsageError, StoreError) as error:
            if still.first and not error.failure.retriable:
                raise
            return self._troubled(error, still)
        finally:
            self._took = time.monotonic() - started
        return self._judged(report, still)

    def _ingest(self, here: Sequence[Path]) -> Report:
        """Carry out one ingest, with the settings as they are now."""
        try:
            base = self.base.again() if self.base.again else self.base
        except OSError:
            base = self.base  # the folder that kb was started in is gone
        return ingest(base, here, how=self.how, observer=_Quiet(self.observer))

    def _judged(self, report: Report, still: Stillness) -> Event | None:
        """Give the report where it says something new."""
        # What is fresh is told when it is read.
        first = still.first and not still.waits
        if report.error is None:
            still.first = False
            # Everything was read again once.
            self.how = replace(self.how, wanted=replace(self.how.wanted, force=False))
            if self._trouble:
                self.observer.say("It works again.")
            self._trouble, self._backoff = "", _FIRST_BACKOFF_S
        stopped = report.error.code if report.error else ""
        told = {_key(each) for each in report.failures}
        new = tuple(each for each in report.failures if _key(each) not in self._told)
        if report.error is None:
            self._told = told
        counts = report.documents
        changed = bool(counts.added or counts.updated or counts.removed)
        again = stopped and stopped == self._trouble
        self._trouble = stopped or self._trouble
        if not (first or changed or (new and not again) or report.status == "interrupted"):
            return None
        status = "ok" if report.status == "partial" and not new else report.status
        return replace(report, failures=new, status=status)

    def _troubled(self, error: UsageError | StoreError, still: Stillness) -> Failure | None:
        """Take what keeps a round from being done, where it may pass; raise what does not."""
        code = error.failure.code
        if isinstance(error, StoreError) and not error.failure.retriable:
            raise error
        known, self._trouble = self._trouble, code
        still.waits = False
        return error.failure if known != code else None

    def _wait(self, changes: Changes, still: Stillness) -> None:
        """Wait for a change, for a file to be still, or for what keeps the watch from working."""
        least = self._took * _SHARE
        if self._trouble:
            until = time.monotonic() + self._backoff
            self._backoff = min(2 * self._backoff, self.pace.backoff)
            while (left := until - time.monotonic()) > 0 and not self.stop.is_set():
                # A mistake in a file of patterns is mended by a change; a server is not.
                if self._waited(changes, left) and self._trouble.startswith("usage."):
                    return
            return
        if self.pace.poll is not None:
            self._waited(changes, max(self.pace.poll, least))
            return
        most = self.pace.still if still.waits else min(self._quiet or 2.0, self.pace.most)
        if self._away:
            most = min(most, _AWAY_S)
        woken = self._waited(changes, max(most, least))
        # Something may follow what just changed that nobody tells: looks become rare again slowly.
        self._quiet = 2.0 if woken or still.waits else min(2 * max(most, 1.0), self.pace.most)
        if getattr(changes, "error", None) is not None:
            self.pace = replace(self.pace, poll=SHARED_S)
            self.observer.say(
                f"The system tells of no more changes ({getattr(changes, 'error', '')}): "
                f"looking every {SHARED_S:g} seconds."
            )

    def _waited(self, changes: Changes, seconds: float) -> bool:
        """Wait, and look meanwhile whether the watch is to end; tells whether something changed."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stop.is_set():
            if changes.wait(min(left, _LISTEN_S)):
                return True
        return False


class _Quiet(Silent):
    """Passes on how far a round is, and not what it says at every look."""

    def __init__(self, observer: Observer) -> None:
        self.advance = observer.advance  # type: ignore[method-assign]


def _key(failure: Failure) -> tuple[object, ...]:
    return failure.source, failure.code, failure.locator, failure.message
