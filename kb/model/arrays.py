"""The shapes of embeddings; for type checkers, since a lexical search needs no numpy."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: One embedding, shape (dimensions,), float32, unit length.
Vector: TypeAlias = NDArray[np.float32]
#: Several embeddings, shape (n, dimensions), float32, unit length each.
Matrix: TypeAlias = NDArray[np.float32]
