"""On which kind of file system a path lies: some tell nobody what others change on them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_TABLE: Final = Path("/proc/self/mountinfo")
#: Shared by machines, or between a machine and what it hosts. All of FUSE is taken for such.
_SHARED: Final = re.compile(
    "9p|afs|ceph|cifs|davfs|drvfs|fuse.*|glusterfs|gpfs|lustre|ncpfs|nfs4?|orangefs|prl_fs"
    "|smb3|smbfs|vboxsf|virtiofs"
)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def is_shared(path: Path, table: Path = _TABLE) -> bool:
    """Tell whether others may change files at `path` without this machine being told.

    False where that cannot be known.
    """
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    kinds = dict(found for line in lines if (found := _mount(line)))
    place = os.path.realpath(path)
    while place not in kinds and place != "/":
        place = os.path.dirname(place)  # noqa: PTH120 - a name, not a file
    return _SHARED.fullmatch(kinds.get(place, "")) is not None


def _mount(line: str) -> tuple[str, str] | None:
    r"""Give where a line of mountinfo says that something is mounted, and its kind.

    >>> _mount(r"36 35 98:0 / /mnt/a\040b rw - nfs4 host:/x rw")
    ('/mnt/a b', 'nfs4')
    """
    before, _, after = line.partition(" - ")
    fields, kind = before.split(" "), after.split(" ")[0]
    if len(fields) < 5 or not kind:
        return None
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]), kind
