"""Walk files and folders: which files are there to be read, and which names lead nowhere.

One `scandir` per folder and one `stat` per file is all that an unchanged tree costs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kb.errors import Failure, failure
from kb.model import Source
from kb.source.paths import name_below, printable

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def discover(paths: Sequence[Path], *, root: Path, home: Path) -> Iterator[Source | Failure]:
    """Give each file at or below `paths` once, folder by folder in order of name.

    Below a given folder, hidden names and the knowledge base's own `home` are left out, links to
    files are followed and links to folders are not (so there is no loop); a path that is given
    itself is taken as it is. Failures (`discover.missing`, `discover.unreadable`,
    `extract.unsupported` for pipes, sockets and devices) stand in the place of what cannot be
    read, and the walk goes on.
    """
    walk = _Walk(root=os.path.abspath(root), home=os.path.abspath(home))  # noqa: PTH100 - resolve() would follow links
    for path in paths:
        yield from walk.given(os.path.abspath(path))  # noqa: PTH100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """One walk: where names are relative to, what to leave out, what was already given."""

    root: str
    home: str
    seen: set[str] = field(default_factory=set)

    def given(self, path: str) -> Iterator[Source | Failure]:
        """Walk one path as the user gave it: a file, a folder, or a link to either."""
        if path == self.home:
            return
        try:
            status = os.stat(path)  # noqa: PTH116 - a Path is made only for what is yielded
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            yield self._refused(path, error)
            return
        if stat.S_ISDIR(status.st_mode):
            yield from self._folder(path)
        elif path not in self.seen:
            self.seen.add(path)
            yield self._file(path, name_below(path, self.root), status)

    def _folder(self, top: str) -> Iterator[Source | Failure]:
        pending = [top]
        while pending:
            folder = pending.pop()
            if folder in self.seen:
                continue
            self.seen.add(folder)
            try:
                with os.scandir(folder) as entries:
                    listing = sorted(entries, key=_entry_name)
            except OSError as error:
                yield self._refused(folder, error)
                continue
            below: list[str] = []
            yield from self._entries(folder, listing, below)
            pending.extend(reversed(below))

    def _entries(
        self, folder: str, listing: list[os.DirEntry[str]], below: list[str]
    ) -> Iterator[Source | Failure]:
        """Give the files of one folder; the folders in it are added to `below`."""
        prefix = _stored_prefix(folder, self.root)
        for entry in listing:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir():
                    if not entry.is_symlink() and entry.path != self.home:
                        below.append(entry.path)
                    continue
                status = entry.stat()
            except OSError as error:
                if entry.is_symlink() or not isinstance(error, FileNotFoundError):
                    yield self._refused(entry.path, error)
                continue  # a plain file that is gone was deleted while we looked
            if entry.path not in self.seen:
                self.seen.add(entry.path)
                yield self._file(entry.path, prefix + printable(entry.name), status)

    def _file(self, path: str, name: str, status: os.stat_result) -> Source | Failure:
        kind = stat.S_IFMT(status.st_mode)
        if kind != stat.S_IFREG:
            what = _KINDS.get(kind, "a special file")
            message = f"This is {what}, not a file with text in it."
            hint = "Give the path of an ordinary file."
            return failure("extract.unsupported", message, source=name, hint=hint)
        return Source(
            path=name,
            location=Path(path),
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            inode=status.st_ino,
        )

    def _refused(self, path: str, error: OSError | ValueError) -> Failure:
        """Say why a path cannot be looked at: it is not there, or we may not."""
        name = name_below(path, self.root)
        if not isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
            reason = error.strerror or str(error)
            return failure("discover.unreadable", source=name, reason=reason)
        if os.path.islink(path):  # noqa: PTH114 - as above
            message = "This link points to a file that is not there."
            hint = "Remove the link or put the file back."
            return failure("discover.missing", message, source=name, hint=hint)
        return failure("discover.missing", source=name)


def _entry_name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _stored_prefix(folder: str, root: str) -> str:
    """Give what stands before a file's own name in the stored names of one folder."""
    name = name_below(folder, root)
    if name == ".":
        return ""
    return name if name.endswith("/") else name + "/"
