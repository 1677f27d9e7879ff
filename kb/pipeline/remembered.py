"""What the store knows of the files, and when that is proof that a file is the same.

A file is the one that was stored when its size, its time of change and its inode are what they
were then; nothing of it is read. Where one of the three differs, its bytes are hashed, and only
where the hash differs, too, it is read again. That is safe: whoever writes to a file changes the
time, whoever puts another in its place changes the inode; and a file that was changed within one
tick of its file system's clock before it was read is remembered with a time that no file has, so
that it is hashed the next time. Who writes as many bytes in place and sets the time back is not
found out; `--force` reads such a file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from kb.errors import Failure
    from kb.model import Source
    from kb.store import KnownSource

#: A file changed less than one tick of its file system's clock before it was read may change again
#: within that tick, so its time stamp proves nothing (git's "racily clean" entries). Clocks tick
#: at least every 10 ms; time stamps in whole seconds betray a file system that ticks every 2 s.
TICK_NS = 20_000_000
COARSE_TICK_NS = 2_000_000_000
#: Stands for a time of change that is not known, or proves nothing; no file has it.
UNKNOWN_TIME = -1
#: Size, time of change in nanoseconds, inode.
Stamp: TypeAlias = tuple[int, int, int]


class Remembered:
    """What the store knows, and what of it is to be read again whether it changed or not."""

    def __init__(
        self,
        load: Callable[[], Mapping[str, KnownSource]] = dict,
        *,
        stamps: Mapping[str, Stamp | None] = MappingProxyType({}),
        anew: AbstractSet[str] = frozenset(),
        force: bool = False,
        only: AbstractSet[str] | None = None,
    ) -> None:
        """`load` gives all that is known, and is called where `stamps` do not suffice.

        `stamps` are those of `kb.store.Snapshot.stamps` for the wanted collection. Read again are
        the paths `anew`, and with `force` those in `only`, or all.
        """
        self._load = load
        self._stamps = stamps
        self._anew = anew
        self._force = force
        self._only = only

    @cached_property
    def known(self) -> Mapping[str, KnownSource]:
        """Everything that is known, by path; to be asked for while the store can still be read."""
        return self._load()

    @cached_property
    def proof(self) -> Mapping[str, Stamp | None]:
        """The stamps that alone prove that a file is stored and there is nothing to be done."""
        if self._force:
            return {}
        doubtful = _holders(self._stamps) | self._anew
        return {**self._stamps, **dict.fromkeys(doubtful)} if doubtful else self._stamps

    def names_only(self) -> list[str]:
        """Give the names that led nowhere once."""
        if self._stamps and None not in self._stamps.values():
            return []
        return [each.path for each in self.known.values() if is_name_only(each)]

    def is_wanted(self, path: str) -> bool:
        """Tell whether this very file is to be read again."""
        asked = self._force and (self._only is None or path in self._only)
        return asked or path in self._anew

    def is_due(self, path: str, collection: str) -> bool:
        """Tell whether a known file is to be read again though its bytes be the same.

        A container is when one of its members is.
        """
        known = self.known[path]
        if known.collection != collection or self._is_due_itself(known):
            return True
        return is_container(path) and any(
            self._is_due_itself(self.known[each]) for each in self.below(path)
        )

    def _is_due_itself(self, known: KnownSource) -> bool:
        return self.is_wanted(known.path) or (known.retriable and self._only is None)

    def below(self, container: str) -> Sequence[str]:
        """Give the stored paths of what is in a container, and in what is in it, in order."""
        first = bisect_left(self._paths, container + "/")
        # "0" is the character after "/": nothing else that begins with both lies between.
        return self._paths[first : bisect_left(self._paths, container + "0", first)]

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self.known)


def is_container(path: str) -> bool:
    """Tell by the ending of a name whether such a file holds others."""
    # Where all files are unchanged, nothing of what reads them is loaded.
    from kb.extract import is_container as holds_others

    return holds_others(path)


def readable_by_now(failures: Iterable[Failure]) -> set[str]:
    """Give the files that kb could not read when it met them, and can now."""
    refused = [each for each in failures if each.source and each.code == "extract.unsupported"]
    if not refused:
        return set()
    from kb.extract import reads_by_now

    return {each.source for each in refused if each.source and reads_by_now(each)}


def _holders(names: Mapping[str, object]) -> set[str]:
    """Give those names that are folders to others: what is in a container is named so."""
    found = set()
    for folder in {name.rpartition("/")[0] for name in names}:
        above = folder
        while above:
            if above in names:
                found.add(above)
            above = above.rpartition("/")[0]
    return found


def same_stat(source: Source, known: KnownSource) -> bool:
    """Tell whether size, time of change and inode are those of the bytes that were stored."""
    return stamp_of(source) == stamp_of(known)


def stamp_of(file: Source | KnownSource) -> Stamp:
    """Give what tells one state of a file from another: size, time of change and inode."""
    return file.size, file.mtime_ns, file.inode


def is_name_only(known: KnownSource) -> bool:
    """Tell whether a name that led nowhere is all that was ever known of a file."""
    return not known.sha256 and known.state == "failed" and known.mtime_ns == UNKNOWN_TIME


def settled(source: Source, read_at_ns: int) -> Source:
    """Give the source with a time stamp that can be trusted later, or one that never matches."""
    tick = COARSE_TICK_NS if source.mtime_ns % 1_000_000_000 == 0 else TICK_NS
    return source if read_at_ns - source.mtime_ns > tick else replace(source, mtime_ns=UNKNOWN_TIME)
