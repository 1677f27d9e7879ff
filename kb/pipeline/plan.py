"""What an ingest has to do: which files are new or changed, which are the same, which are gone.

How an unchanged file is known, and why that is safe, is told in `remembered.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kb.errors import Failure, StageError
from kb.pipeline.remembered import (
    UNKNOWN_TIME,
    Remembered,
    Stamp,
    is_container,
    is_name_only,
    same_stat,
    settled,
    stamp_of,
)
from kb.source import LeftOut, Selection, discover, sha256_of, stored_path

if TYPE_CHECKING:
    import os

    from kb.model import Source
    from kb.source.walk import Same
    from kb.store import KnownSource

__all__ = [
    "DEFAULT_COLLECTION",
    "UNKNOWN_TIME",
    "Plan",
    "Remembered",
    "Stamp",
    "Task",
    "Wanted",
    "make_plan",
    "same_stat",
    "settled",
    "stamp_of",
]

DEFAULT_COLLECTION = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A file to read, or a member of one."""

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
    #: Names below the given paths that led nowhere once, and nobody asks for any more.
    forgotten: Sequence[str]
    #: What could not even be looked at.
    failures: Sequence[Failure]
    #: What a pattern leaves out, and which paths in the knowledge base it would leave out now.
    left_out: LeftOut = field(default_factory=LeftOut)
    ignored: Sequence[str] = ()

    @property
    def writes(self) -> bool:
        """True when the knowledge base would change, even if nothing failed."""
        return bool(self.tasks or self.touched or self.gone or self.forgotten)


class Patience(Protocol):
    """Whoever leaves files for later, as a watch does while they are being written."""

    def keeps(self, source: Source, known: KnownSource | None) -> bool:
        """Tell whether a new, changed or retried file is left as it is for now."""

    def misses(self, path: str) -> bool:
        """Tell whether a file that is gone may still come back in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How the files are to be taken in."""

    collection: str | None = None
    force: bool = False
    #: With `force`: only these paths are read again, though they be the same; None means all.
    only: AbstractSet[str] | None = None
    prune: bool = False
    #: Patterns beside those of `.kbignore`.
    selection: Selection = field(default_factory=Selection)
    patience: Patience | None = None


def make_plan(
    paths: Sequence[Path], *, root: Path, home: Path, remembered: Remembered, wanted: Wanted
) -> Plan:
    """Look at every file below `paths` and decide what it needs. Reads no more than it must.

    What is in a container is known only when that is read; until then its members are there.
    """
    planner = _Planner(remembered, wanted)
    left_out = LeftOut()
    for found in discover(
        paths,
        root=root,
        home=home,
        rules=wanted.selection,
        left_out=left_out,
        same=planner.sameness(),
    ):
        if isinstance(found, Failure):
            planner.refuse(found)
        else:
            planner.judge(found)
    forgotten = planner.forgotten(paths, root)
    gone = planner.gone(paths, root, left_out) if wanted.prune else []
    missing = {path for path in gone if _is_given(path, paths, root)}
    failures = [each for each in planner.failures if each.source not in missing]
    return Plan(
        tasks=planner.tasks,
        touched=planner.touched,
        unchanged=planner.unchanged,
        standing=planner.standing,
        gone=gone,
        forgotten=forgotten,
        failures=failures,
        left_out=left_out,
        ignored=planner.ignored(left_out),
    )


class _Planner:
    """Sorts the files it is shown into what each of them needs."""

    def __init__(self, remembered: Remembered, wanted: Wanted) -> None:
        self._remembered = remembered
        self._proof = remembered.proof
        self._wanted = wanted
        self.tasks: list[Task] = []
        self.touched: list[Source] = []
        self.unchanged: list[str] = []
        self.standing: list[str] = []
        self.failures: list[Failure] = []
        #: Stored paths that are there, whatever becomes of them, but for the unchanged.
        self.seen: set[str] = set()

    @property
    def _known(self) -> Mapping[str, KnownSource]:
        return self._remembered.known

    def sameness(self) -> Same:
        """Give what tells whether a file is as it was stored, and counts it then."""
        # All that most files of most runs cost besides their `stat`.
        proof_of, count = self._proof.get, self.unchanged.append

        def is_same(path: str, status: os.stat_result) -> bool:
            now = status.st_size, status.st_mtime_ns, status.st_ino
            if proof_of(path) == now:
                count(path)
                return True
            return self._is_known(path, now)

        return is_same

    def _is_known(self, path: str, now: Stamp) -> bool:
        known = self._known.get(path)
        if known is None or stamp_of(known) != now:
            return False
        if self._remembered.is_due(path, self._wanted.collection or known.collection):
            return False
        self._see(path)
        self._keep(known)
        return True

    def refuse(self, found: Failure) -> None:
        """Take what cannot be looked at; a stored file that is missing counts as gone."""
        self.failures.append(found)
        known = self._known.get(found.source or "")
        if found.code != "discover.missing" or known is None or is_name_only(known):
            self.seen.add(found.source or "")

    def gone(self, paths: Iterable[Path], root: Path, left_out: LeftOut) -> list[str]:
        """Give the known paths below `paths` that are no longer there, or are left out for good.

        What lies below a folder that cannot be read may well be there.
        """
        below = [stored_path(path, root=root) for path in paths]
        unread = [f.source or "" for f in self.failures if f.code == "discover.unreadable"]
        patience, seen = self._wanted.patience, self._seen_at_all()
        return [
            path
            for path in self._known
            if path not in seen
            and any(_within(path, each) for each in below)
            and not any(_within(path, each) for each in unread)
            and not left_out.is_unasked(path)
            and not is_name_only(self._known[path])
            and not (patience is not None and patience.misses(path))
        ]

    def forgotten(self, paths: Iterable[Path], root: Path) -> list[str]:
        """Give the names below `paths` that led nowhere once and were not asked for now."""
        names = self._remembered.names_only()
        if not names:
            return []
        below = [stored_path(path, root=root) for path in paths]
        seen = self._seen_at_all()
        return [
            name
            for name in names
            if name not in seen and any(_within(name, each) for each in below)
        ]

    def ignored(self, left_out: LeftOut) -> list[str]:
        """Give the known paths that a pattern leaves out now."""
        if not left_out.names:
            return []
        seen = self._seen_at_all()
        return [path for path in self._known if path not in seen and left_out.holds(path)]

    def _seen_at_all(self) -> set[str]:
        return self.seen.union(self.unchanged)

    def _see(self, path: str) -> None:
        self.seen.add(path)
        if path in self._known and is_container(path):
            self.seen.update(self._remembered.below(path))

    def judge(self, source: Source) -> None:
        known = self._known.get(source.path)
        self._see(source.path)
        patience = self._wanted.patience
        if patience is not None and patience.keeps(source, known):
            return
        collection = self._wanted.collection or (known.collection if known else DEFAULT_COLLECTION)
        if known is None or self._remembered.is_due(source.path, collection):
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
        # The members of a container may not all be stored yet: it is read, they are compared.
        if digest == known.sha256 and not is_container(source.path):
            self.touched.append(source)
            self._keep(known)
        else:
            task = Task(source=source, collection=known.collection, known=known, sha256=digest)
            self.tasks.append(task)

    def _keep(self, known: KnownSource) -> None:
        paths = [known.path]
        if is_container(known.path):
            paths += self._remembered.below(known.path)
        for path in paths:
            same = self._known[path].state == "indexed"
            (self.unchanged if same else self.standing).append(path)


def _is_given(path: str, paths: Iterable[Path], root: Path) -> bool:
    return any(stored_path(each, root=root) == path for each in paths)


def _within(path: str, folder: str) -> bool:
    # A stored path is absolute exactly when the file lies outside the root, which "." stands for.
    if folder in (".", ""):
        return not path.startswith("/")
    return path == folder or path.startswith(folder.rstrip("/") + "/")
