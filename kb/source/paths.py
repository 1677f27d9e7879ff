"""How the knowledge base names a file: POSIX, relative below its own root, else absolute."""

from __future__ import annotations

import os
from pathlib import Path


def stored_path(path: Path, *, root: Path) -> str:
    """Give the name under which the knowledge base keeps the file or folder at `path`.

    Below `root` (the folder that holds `.kb/`) the name is relative to it, elsewhere absolute;
    `root` itself is `.`. Symbolic links are not resolved: a file is known by the name it was
    given. Raises nothing; the file need not exist.
    """
    return name_below(os.path.abspath(path), os.path.abspath(root))  # noqa: PTH100 - resolve() would follow links


def name_below(absolute: str, root: str) -> str:
    """Give the stored name of `absolute`; both are absolute and normalised."""
    if absolute == root:
        return "."
    prefix = root if root.endswith(os.sep) else root + os.sep
    absolute = absolute.removeprefix(prefix)
    return printable(absolute.replace(os.sep, "/"))


def printable(name: str) -> str:
    r"""Give a name that can be printed and stored as UTF-8.

    Bytes of a file name that are not UTF-8 come from Python as lone surrogates, which no
    database and no terminal takes; here they are written as `\xff`, so that the byte can be told.

    >>> printable("a\udcff.txt")
    'a\\xff.txt'
    """
    if name.isascii():
        return name
    return os.fsencode(name).decode("utf-8", "backslashreplace")
