"""Which bytes are there, and did they change?

`discover` walks folders (`Selection` and `.kbignore` say what is left out), `sha256_of` says
whether the bytes are the ones known already, and `stored_path` is how the knowledge base names a
file. `listening` tells that something changed, where `is_shared` does not forbid it.
"""

from kb.source.changes import Changes, Unseen, listening
from kb.source.content import sha256_of
from kb.source.ignore import IGNORE_FILE, LeftOut, Selection
from kb.source.mounts import is_shared
from kb.source.paths import stored_path
from kb.source.walk import discover
from kb.source.writers import is_being_written

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
