"""The built-in embedder: a static English model of 8 MB, NumPy only, no network, no endpoint."""

from kb.embed.builtin.model import (
    DENSE_WEIGHT,
    DIMENSIONS,
    BuiltinModelError,
    StaticModel,
    load_static_model,
)

__all__ = ["DENSE_WEIGHT", "DIMENSIONS", "BuiltinModelError", "StaticModel", "load_static_model"]
