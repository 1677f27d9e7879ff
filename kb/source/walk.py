"""Walk files and folders: which files are there to be read, and which names lead nowhere.

One `scandir` per folder and one `stat` per file is all that an unchanged tree costs; patterns cost
something only where there are any.
"""

from __future__ import annotations

import errno
import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from kb.errors import Failure, failure
from kb.source.ignore import IGNORE_FILE, LeftOut, Rules, Selection, rules_at
from kb.source.paths import name_below, printable

if TYPE_CHECKING:
    from kb.model import Source

#: Tells, by stored name and `stat`, whether a file is the one that is known already.
Same: TypeAlias = Callable[[str, os.stat_result], bool]

_NAME: Final = attrgetter("name")
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def discover(
    paths: Sequence[Path],
    *,
    root: Path,
    home: Path,
    rules: Selection | None = None,
    left_out: LeftOut | None = None,
    same: Same | None = None,
) -> Iterator[Source | Failure]:
    """Give each file at or below `paths` once, folder by folder in order of name.

    Below a given folder, hidden names and the knowledge base's own `home` are left out, so is what
    a `.kbignore` or `rules` leave out (counted in `left_out`), links to files are followed and
    links to folders are not (so there is no loop); a path that is given itself is taken as it is.
    Ordinary files for which `same` is true are not given. Failures (`discover.missing`,
    `discover.unreadable`, `extract.unsupported` for pipes, sockets and devices) stand in the place
    of what cannot be read, and the walk goes on. Raises `UsageError` for a broken pattern.
    """
    walk = _Walk(
        os.path.abspath(root),  # noqa: PTH100 - resolve() would follow links
        os.path.abspath(home),  # noqa: PTH100
        rules or Selection(),
        LeftOut() if left_out is None else left_out,
        same or _never,
        # The files of one folder have names of their own, and each folder is looked at once.
        twice=len(paths) > 1,
    )
    for path in paths:
        yield from walk.given(os.path.abspath(path))  # noqa: PTH100


class _Walk:
    """One walk: where names are relative to, what to leave out, what was already given."""

    def __init__(
        self,
        root: str,
        home: str,
        selection: Selection,
        left_out: LeftOut,
        same: Same,
        *,
        twice: bool,
    ) -> None:
        """With `twice`, a file may be come upon again, by another of the given paths."""
        self.root = root
        self.home = home
        self.selection = selection
        self.left_out = left_out
        self.same = same
        self.twice = twice
        self.seen: set[str] = set()

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
            name = name_below(path, self.root)
            if not (stat.S_ISREG(status.st_mode) and self.same(name, status)):
                yield self._file(path, name, status)

    def _folder(self, top: str) -> Iterator[Source | Failure]:
        pending = [(top, rules_at(top, self.root, self.selection))]
        while pending:
            folder, rules = pending.pop()
            if folder in self.seen:
                continue
            self.seen.add(folder)
            try:
                with os.scandir(folder) as entries:
                    listing = sorted(entries, key=_NAME)
            except OSError as error:
                if folder == top or not isinstance(error, FileNotFoundError):
                    yield self._refused(folder, error)
                continue  # a folder that is gone was deleted while we looked
            if _has_ignore_file(listing):
                rules = rules.with_file(folder, self.root)
            below: list[str] = []
            yield from self._entries(folder, listing, below, rules)
            pending.extend((each, rules) for each in reversed(below))

    def _entries(  # noqa: C901 - one decision after another for each name
        self, folder: str, listing: list[os.DirEntry[str]], below: list[str], rules: Rules
    ) -> Iterator[Source | Failure]:
        """Give the files of one folder; the folders in it are added to `below`."""
        prefix = _stored_prefix(folder, self.root)
        # Asked once for each file, these are a tenth of what an unchanged tree costs.
        ruled, same, twice, regular = rules.any, self.same, self.twice, stat.S_ISREG
        for entry in listing:
            name = entry.name
            if name[0] == ".":
                continue
            try:
                is_folder = entry.is_dir()
                if ruled and self._is_left_out(entry, prefix, rules, folder=is_folder):
                    continue
                if is_folder:
                    if not entry.is_symlink() and entry.path != self.home:
                        below.append(entry.path)
                    continue
                status = entry.stat()
            except OSError as error:
                if entry.is_symlink() or not isinstance(error, FileNotFoundError):
                    yield self._refused(entry.path, error)
                continue  # a plain file that is gone was deleted while we looked
            if twice and self._is_again(entry.path):
                continue
            stored = prefix + (name if name.isascii() else printable(name))
            if not (regular(status.st_mode) and same(stored, status)):
                yield self._file(entry.path, stored, status)

    def _is_again(self, path: str) -> bool:
        """Tell whether a file was given before, and remember it."""
        before = len(self.seen)
        self.seen.add(path)
        return len(self.seen) == before

    def _is_left_out(
        self, entry: os.DirEntry[str], prefix: str, rules: Rules, *, folder: bool
    ) -> bool:
        """Tell whether a pattern leaves an entry out, and count it then."""
        if entry.path == self.home:
            return False
        why = rules.why_not(entry.path, folder=folder)
        if why is not None:
            self.left_out.note(prefix + printable(entry.name), why, folder=folder)
        return why is not None

    def _file(self, path: str, name: str, status: os.stat_result) -> Source | Failure:
        kind = stat.S_IFMT(status.st_mode)
        if kind != stat.S_IFREG:
            what = _KINDS.get(kind, "a special file")
            message = f"This is {what}, not a file with text in it."
            hint = "Give the path of an ordinary file."
            return failure("extract.unsupported", message, source=name, hint=hint)
        from kb.model import Source  # where all files are known, none is made

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
            if error.errno == errno.ELOOP:
                message = "This link leads back to itself."
                return failure("discover.unreadable", message, source=name, hint="Remove the link.")
            reason = error.strerror or str(error)
            return failure("discover.unreadable", source=name, reason=reason)
        if isinstance(error, NotADirectoryError) and (holder := _file_above(path, self.root)):
            message = f"{name} would be inside {holder}, which is a file."
            hint = f"`kb ingest {holder}` reads all that is inside it."
            return failure("discover.missing", message, source=name, hint=hint, inside=holder)
        if os.path.islink(path):  # noqa: PTH114 - as above
            message = "This link points to a file that is not there."
            hint = "Remove the link or put the file back."
            return failure("discover.missing", message, source=name, hint=hint)
        return failure("discover.missing", source=name)


def _never(_name: str, _status: os.stat_result) -> bool:
    """Stand for whoever knows no file."""
    return False


def _has_ignore_file(listing: list[os.DirEntry[str]]) -> bool:
    """Tell whether a listing in order of name holds a `.kbignore`."""
    at = bisect_left(listing, IGNORE_FILE, key=_NAME)
    return at < len(listing) and listing[at].name == IGNORE_FILE


def _stored_prefix(folder: str, root: str) -> str:
    """Give what stands before a file's own name in the stored names of one folder."""
    name = name_below(folder, root)
    if name == ".":
        return ""
    return name if name.endswith("/") else name + "/"


def _file_above(path: str, root: str) -> str:
    """Give the stored name of the file that a path leads through, or nothing."""
    files = (above for above in Path(path).parents if above.is_file())
    return next((name_below(str(above), root) for above in files), "")
