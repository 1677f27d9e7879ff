"""The built-in embedder: a static model of English and Chinese, 13 MB, NumPy only."""

from kb.embed.builtin.model import (
    DENSE_WEIGHT,
    DIMENSIONS,
    BuiltinModelError,
    StaticModel,
    load_static_model,
)

__all__ = ["DENSE_WEIGHT", "DIMENSIONS", "BuiltinModelError", "StaticModel", "load_static_model"]
