"""Which files are left out: `.kbignore` in any folder, and patterns of the command line.

What a pattern means is told in `patterns.py`, which is imported only where there is one.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from kb.errors import UsageError, failure
from kb.source.paths import name_below

if TYPE_CHECKING:
    from kb.source.patterns import Patterns

#: The name of the files that hold patterns; in any folder, for what lies below it.
IGNORE_FILE: Final = ".kbignore"
#: A longer one is no list of patterns.
_MOST_BYTES: Final = 1 << 20
EXCLUDE: Final = "--exclude"
INCLUDE: Final = "--include"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Patterns that say which files below the given folders are taken; `exclude` wins."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


@dataclass(slots=True)
class LeftOut:
    """What a walk did not give since a pattern says so, counted by where the pattern stands."""

    files: Counter[str] = field(default_factory=Counter)
    #: Folders are not looked into, so nobody knows how many files are in them.
    folders: Counter[str] = field(default_factory=Counter)
    #: Stored names of what `.kbignore` and `--exclude` name; folders end in "/".
    names: set[str] = field(default_factory=set)
    #: Stored names of files that `--include` does not name.
    unasked: set[str] = field(default_factory=set)

    def note(self, name: str, why: str, *, folder: bool = False) -> None:
        """Count a file or folder."""
        (self.folders if folder else self.files)[why] += 1
        (self.unasked if why == INCLUDE else self.names).add(f"{name}/" if folder else name)

    def holds(self, name: str) -> bool:
        """Tell whether a stored name was left out by a pattern that is there to stay.

        >>> LeftOut(names={"drafts/"}).holds("drafts/a/b.txt")
        True
        """
        return _is_below(name, self.names)

    def is_unasked(self, name: str) -> bool:
        """Tell whether this run does not look at a stored name, since `--include` does not."""
        return _is_below(name, self.unasked)

    def as_json(self) -> dict[str, dict[str, int]]:
        """Give the counts by where the pattern stands; nothing where nothing was left out."""
        return {
            why: {"files": self.files[why], "folders": self.folders[why]}
            for why in sorted(self.files.keys() | self.folders.keys())
        }


def _is_below(name: str, names: set[str]) -> bool:
    """Tell whether a name, a folder above it or an archive that holds it is among `names`."""
    if not names or name in names:
        return bool(names)
    at = name.find("/", 1)
    while at > 0:
        if name[: at + 1] in names or name[:at] in names:
            return True
        at = name.find("/", at + 1)
    return False


#: Each `.kbignore` on the way down, outermost first: the length of what stands before the names
#: it speaks of, and its patterns.
Layers: TypeAlias = "tuple[tuple[int, Patterns], ...]"


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in one folder."""

    layers: Layers = ()
    #: Patterns of the command line, for names below the folder that was given.
    given: int = 0
    include: Patterns | None = None
    exclude: Patterns | None = None

    @property
    def any(self) -> bool:
        """True when there is a pattern at all."""
        return bool(self.layers) or self.include is not None or self.exclude is not None

    def why_not(self, path: str, *, folder: bool) -> str | None:
        """Give what leaves out the file or folder at an absolute path, or None."""
        shown = f"{path}/" if folder else path
        if self.exclude is not None and self.exclude.says(shown[self.given :]):
            return EXCLUDE
        for length, patterns in reversed(self.layers):
            said = patterns.says(shown[length:])
            if said is not None:
                if said:
                    return IGNORE_FILE
                break
        if (
            not folder
            and self.include is not None
            and not self.include.says(path[self.given :], below=True)
        ):
            return INCLUDE
        return None

    def with_file(self, folder: str, root: str) -> Rules:
        """Give the rules with those of the `.kbignore` in `folder` on top."""
        lines = _lines(os.path.join(folder, IGNORE_FILE), root)  # noqa: PTH118 - as in walk.py
        if not lines:
            return self
        origin = name_below(os.path.join(folder, IGNORE_FILE), root)  # noqa: PTH118
        layer = (_length(folder), _patterns(lines, origin))
        return Rules((*self.layers, layer), self.given, self.include, self.exclude)


def rules_at(folder: str, root: str, selection: Selection) -> Rules:
    """Give the rules for what lies in a given folder.

    The `.kbignore` of the folders above it count up to `root`, unless they name the folder itself
    or one above it: what is given is taken. Raises `UsageError` for a broken pattern.
    """
    rules = Rules(
        (),
        _length(folder),
        _patterns(selection.include, INCLUDE) if selection.include else None,
        _patterns(selection.exclude, EXCLUDE) if selection.exclude else None,
    )
    if folder == root or not folder.startswith(root.rstrip("/") + "/"):
        return rules
    above = root
    for name in folder[_length(root) :].split("/"):
        if os.path.lexists(os.path.join(above, IGNORE_FILE)):  # noqa: PTH118
            rules = rules.with_file(above, root)
        above = os.path.join(above, name)  # noqa: PTH118
        if rules.layers and _without_given(rules).why_not(above, folder=True):
            rules = Rules((), rules.given, rules.include, rules.exclude)
    return rules


def _patterns(lines: Iterable[str], origin: str) -> Patterns:
    from kb.source.patterns import Patterns

    return Patterns(lines, origin=origin)


def _without_given(rules: Rules) -> Rules:
    return Rules(rules.layers)


def _length(folder: str) -> int:
    return len(folder.rstrip("/")) + 1


def _lines(path: str, root: str) -> list[str]:
    """Give the lines of a `.kbignore`; one that is no ordinary file says nothing."""
    try:
        # A named pipe would never end.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123 - it is open already
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return []
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return []  # a link to nothing, or deleted while we looked
    except IsADirectoryError:
        return []
    except OSError as error:
        message = f"{name_below(path, root)} cannot be read: {error.strerror or error}."
        hint = "Give yourself read permission, or remove the file: it may say what to leave out."
        raise UsageError(failure("usage.settings", message, hint=hint)) from error
    if len(data) > _MOST_BYTES:
        message = f"{name_below(path, root)} is longer than 1 MiB, which no list of patterns is."
        raise UsageError(failure("usage.settings", message, hint="Shorten it or remove it."))
    return os.fsdecode(data.removeprefix(b"\xef\xbb\xbf")).replace("\r\n", "\n").split("\n")
