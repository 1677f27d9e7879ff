"""Members of archives and attachments of mails: documents of their own, known by their container.

A container is looked at as a file is. What is in it is known only once it is read, and each
member is then a task of its own. The rule that a killed run goes on by: the `stat` of a container
is remembered when its last member is stored, and not before; until then one that never matches
stands in its place, and a container whose `stat` does not match is read again. Members whose
hashes are known are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kb.errors import Failure, failure
from kb.extract import is_container
from kb.model import Member, Source
from kb.pipeline.plan import UNKNOWN_TIME, Remembered, Task, settled
from kb.pipeline.shelf import Read
from kb.store import KnownSource, Writer

#: One file may hold so many members, so many more in the archives and mails in it (these multiply
#: what is in them), and so many bytes of all of them: either that number, or so many times its
#: own size.
MOST_MEMBERS = 100_000
MOST_NESTED = 10_000
MOST_BYTES = 4 * 2**30
MOST_GROWTH = 8


@dataclass(slots=True, kw_only=True)
class Members:
    """The members found in one run, and what is still to be done about their containers."""

    remembered: Remembered
    #: Members that are the same as they were.
    same: list[KnownSource] = field(default_factory=list)
    _gone: list[str] = field(default_factory=list)
    _finished: list[Source] = field(default_factory=list)
    _counts: Counter[tuple[bool, str]] = field(default_factory=Counter)
    _bytes: Counter[str] = field(default_factory=Counter)
    _most: dict[str, int] = field(default_factory=dict)

    def found(self, read: Read) -> tuple[Read | None, list[Task]]:
        """Take a file that was read: give what of it is to be stored, and its members' tasks.

        Nothing is to be stored of a container that is stored already.
        """
        document = read.outcome
        if isinstance(document, Failure) or not is_container(read.source.path):
            return read, []
        if (refused := self._too_much(read.source, document.members)) is not None:
            return replace(read, outcome=refused), []
        self._gone += self._no_longer(read.source, document.members)
        tasks = [task for each in document.members if (task := self._task(read, each))]
        # One of which nothing is stored anew is done once its members are; so is one with members.
        if document.members or self._is_stored(read):
            self._finished.append(settled(read.source, read.read_at_ns))
        if self._is_stored(read):
            return None, tasks
        waiting = UNKNOWN_TIME if document.members else read.source.mtime_ns
        return replace(read, source=replace(read.source, mtime_ns=waiting)), tasks

    def settle(self, writer: Writer) -> tuple[int, int]:
        """Write down that the containers are done, now that all of their members are.

        Gives how many members that are gone were forgotten, and their chunks.
        """
        removed = writer.remove(self._gone) if self._gone else (0, 0)
        for source in self._finished:
            writer.touch(source)
        self._gone, self._finished = [], []
        return removed

    def _task(self, read: Read, member: Member) -> Task | None:
        """Give the task of reading a member; None when it is the same as it was."""
        source = member_of(read.source, member)
        known = self.remembered.known.get(source.path)
        collection = read.task.collection
        same = known is not None and known.sha256 == member.sha256 != ""
        if known is not None and same and not self._is_due(known, collection):
            self.same.append(known)
            self.same += [self.remembered.known[path] for path in self._below(source.path)]
            return None
        return Task(source=source, collection=collection, known=known, sha256=member.sha256)

    def _is_due(self, known: KnownSource, collection: str) -> bool:
        unfinished = is_container(known.path) and known.mtime_ns == UNKNOWN_TIME
        return unfinished or self.remembered.is_due(known.path, collection)

    def _is_stored(self, read: Read) -> bool:
        """Tell whether the container's own text is stored already, and nobody wants it anew."""
        known = read.task.known
        return (
            known is not None
            and known.state == "indexed"
            and known.sha256 == read.sha256 != ""
            and known.collection == read.task.collection
            and not known.retriable
            and not self.remembered.is_wanted(known.path)
        )

    def _no_longer(self, source: Source, members: Sequence[Member]) -> Iterator[str]:
        """Give those stored members, and what is in them, that the container has no more."""
        names = {f"{source.path}/{member.name}" for member in members}
        for path in self._below(source.path):
            if path not in names and not any(each in names for each in containers_of(path)):
                yield path

    def _below(self, path: str) -> Sequence[str]:
        return self.remembered.below(path) if is_container(path) else ()

    def _too_much(self, source: Source, members: Sequence[Member]) -> Failure | None:
        """Refuse a container with which its outermost one holds more than anyone packs."""
        top = str(source.location)
        if not source.inside:
            self._most[top] = max(MOST_BYTES, MOST_GROWTH * source.size)
        nested = bool(source.inside)
        most = MOST_NESTED if nested else MOST_MEMBERS
        self._counts[nested, top] += len(members)
        self._bytes[top] += sum(member.size for member in members)
        if self._counts[nested, top] <= most and self._bytes[top] <= self._most[top]:
            return None
        message = (
            f"With this, {source.location.name} holds {self._counts[nested, top]:,} files of "
            f"{self._bytes[top]:,} bytes, more than kb accepts of one file."
        )
        hint = "Unpack it and ingest the files."
        return failure("extract.too_large", message, source=source.path, hint=hint)


def member_of(container: Source, member: Member) -> Source:
    """Give a member as a source of its own."""
    return replace(
        container,
        path=f"{container.path}/{member.name}",
        size=member.size,
        inside=(*container.inside, member.name),
    )


def containers_of(path: str) -> Iterator[str]:
    """Give those beginnings of a stored path that may be containers, the longest first.

    >>> list(containers_of("a/b.zip/c.eml/d.pdf"))
    ['a/b.zip/c.eml', 'a/b.zip']
    """
    above = path.rpartition("/")[0]
    while above:
        if is_container(above):
            yield above
        above = above.rpartition("/")[0]
