"""What an ingest has to do: which files are new or changed, which are the same, which are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kb.errors import Failure, StageError
from kb.model import Source
from kb.source import discover, sha256_of, stored_path
from kb.store import KnownSource

DEFAULT_COLLECTION = "default"
#: A file changed less than one tick of its file system's clock before it was read may change again
#: within that tick, so its time stamp proves nothing (git's "racily clean" entries). Clocks tick
#: at least every 10 ms; time stamps in whole seconds betray a file system that ticks every 2 s.
TICK_NS = 20_000_000
COARSE_TICK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A file to read."""

    source: Source
    collection: str
    #: What the store knows of it; None when it is new.
    known: KnownSource | None
    #: Hash of its bytes where it was taken already.
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything an ingest has to do, in order of discovery."""

    tasks: Sequence[Task]
    #: Files whose bytes are the same although their `stat` differs.
    touched: Sequence[Source]
    #: Paths whose content is stored and the same.
    unchanged: Sequence[str]
    #: Paths that could not be stored before and are the same; their failures still stand.
    standing: Sequence[str]
    #: Paths in the knowledge base, below the given ones, that are no longer there.
    gone: Sequence[str]
    #: What could not even be looked at.
    failures: Sequence[Failure]

    @property
    def writes(self) -> bool:
        """True when the knowledge base would change."""
        return bool(self.tasks or self.touched or self.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How the files are to be taken in."""

    collection: str | None = None
    force: bool = False
    prune: bool = False


def make_plan(
    paths: Sequence[Path],
    *,
    root: Path,
    home: Path,
    known: Mapping[str, KnownSource],
    wanted: Wanted,
) -> Plan:
    """Look at every file below `paths` and decide what it needs. Reads no more than it must."""
    planner = _Planner(known, wanted)
    seen: set[str] = set()
    for found in discover(paths, root=root, home=home):
        if isinstance(found, Failure):
            planner.failures.append(found)
            seen.add(found.source or "")
        else:
            seen.add(found.path)
            planner.judge(found)
    gone = _gone(paths, root, known, seen) if wanted.prune else []
    missing = {path for path in gone if _is_given(path, paths, root)}
    failures = [each for each in planner.failures if each.source not in missing]
    return Plan(
        tasks=planner.tasks,
        touched=planner.touched,
        unchanged=planner.unchanged,
        standing=planner.standing,
        gone=gone,
        failures=failures,
    )


class _Planner:
    """Sorts the files it is shown into what each of them needs."""

    def __init__(self, known: Mapping[str, KnownSource], wanted: Wanted) -> None:
        self._known = known
        self._wanted = wanted
        self.tasks: list[Task] = []
        self.touched: list[Source] = []
        self.unchanged: list[str] = []
        self.standing: list[str] = []
        self.failures: list[Failure] = []

    def judge(self, source: Source) -> None:
        known = self._known.get(source.path)
        collection = self._wanted.collection or (known.collection if known else DEFAULT_COLLECTION)
        if known is None or self._wanted.force or known.retriable or known.collection != collection:
            self.tasks.append(Task(source=source, collection=collection, known=known))
        elif same_stat(source, known):
            self._keep(known)
        else:
            self._compare(source, known)

    def _compare(self, source: Source, known: KnownSource) -> None:
        try:
            digest = sha256_of(source)
        except StageError as error:
            self.failures.append(error.failure.at(source.path))
            return
        if digest == known.sha256:
            self.touched.append(source)
            self._keep(known)
        else:
            task = Task(source=source, collection=known.collection, known=known, sha256=digest)
            self.tasks.append(task)

    def _keep(self, known: KnownSource) -> None:
        (self.unchanged if known.state == "indexed" else self.standing).append(known.path)


def same_stat(source: Source, known: KnownSource) -> bool:
    """Tell whether size, time of change and inode are those of the bytes that were stored."""
    return (source.size, source.mtime_ns, source.inode) == (
        known.size,
        known.mtime_ns,
        known.inode,
    )


def settled(source: Source, read_at_ns: int) -> Source:
    """Give the source with a time stamp that can be trusted later, or one that never matches."""
    tick = COARSE_TICK_NS if source.mtime_ns % 1_000_000_000 == 0 else TICK_NS
    return source if read_at_ns - source.mtime_ns > tick else replace(source, mtime_ns=-1)


def _gone(
    paths: Iterable[Path], root: Path, known: Mapping[str, KnownSource], seen: set[str]
) -> list[str]:
    below = [stored_path(path, root=root) for path in paths]
    return [path for path in known if path not in seen and any(_within(path, b) for b in below)]


def _is_given(path: str, paths: Iterable[Path], root: Path) -> bool:
    return any(stored_path(each, root=root) == path for each in paths)


def _within(path: str, folder: str) -> bool:
    # A stored path is absolute exactly when the file lies outside the root, which "." stands for.
    if folder in (".", ""):
        return not path.startswith("/")
    return path == folder or path.startswith(folder.rstrip("/") + "/")
