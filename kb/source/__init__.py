"""Which bytes are there, and did they change?

`discover` walks folders (`Selection` and `.kbignore` say what is left out), `sha256_of` says
whether the bytes are the ones known already, and `stored_path` is how the knowledge base names a
file. `listening` tells that something changed, where `is_shared` does not forbid it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kb.lazily import lazily
from kb.source.content import sha256_of
from kb.source.ignore import IGNORE_FILE, LeftOut, Selection
from kb.source.paths import stored_path
from kb.source.walk import discover

if TYPE_CHECKING:
    from kb.source.changes import Changes, Unseen, listening
    from kb.source.mounts import is_shared
    from kb.source.writers import is_being_written

#: Of use to a watch alone.
_ROOMS: Final = {
    "changes": ("Changes", "Unseen", "listening"),
    "mounts": ("is_shared",),
    "writers": ("is_being_written",),
}


__getattr__ = lazily(__name__, _ROOMS)

__all__ = [
    "IGNORE_FILE",
    "Changes",
    "LeftOut",
    "Selection",
    "Unseen",
    "discover",
    "is_being_written",
    "is_shared",
    "listening",
    "sha256_of",
    "stored_path",
]
