"""Which bytes are there, and did they change?

`discover` walks folders (`Selection` and `.kbignore` say what is left out), `sha256_of` says
whether the bytes are the ones known already, and `stored_path` is how the knowledge base names a
file. `listening` tells that something changed, where `is_shared` does not forbid it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

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
    "Changes": "changes",
    "Unseen": "changes",
    "listening": "changes",
    "is_shared": "mounts",
    "is_being_written": "writers",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    """Give what a watch needs; the module that it stands in is loaded the first time."""
    if name in _ROOMS:
        return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
