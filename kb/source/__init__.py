"""Which bytes are there, and did they change?

`discover` walks folders, `sha256_of` says whether the bytes are the ones known already, and
`stored_path` is how the knowledge base names a file.
"""

from kb.source.content import sha256_of
from kb.source.paths import stored_path
from kb.source.walk import discover

__all__ = ["discover", "sha256_of", "stored_path"]
