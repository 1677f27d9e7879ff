"""The one door to FAISS: making, filling, writing, reading and searching an index.

What FAISS does not check is checked by the callers: a wrong dimension is an empty AssertionError,
a `k` above the count pads the answer with id -1. An index that was read is never modified: with a
mapped one that ends the process.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.model import Matrix, Vector

#: So many vectors for each list are enough to find its centre.
SAMPLE_PER_LIST: Final = 40


def exact(dimensions: int) -> Any:  # noqa: ANN401 - of faiss
    """Give an empty index that keeps vectors as float16."""
    faiss = _faiss()
    quantizer = faiss.IndexScalarQuantizer(
        dimensions, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    return faiss.IndexIDMap(quantizer)


def compact(
    reduced: Matrix,
    *,
    dimensions: int,
    directions: Matrix | None,
    lists: int,
) -> Growing:
    """Give an empty index that keeps one byte for each dimension of a reduced space.

    `reduced` is a sample of the vectors in that space, shape (n, width), on which it is trained.
    `directions`, shape (width, dimensions), lead there; None takes the leading dimensions.
    """
    faiss = _faiss()
    width = reduced.shape[1]
    kind, metric = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    if lists:
        centres = faiss.IndexFlatIP(width)
        index = faiss.IndexIVFScalarQuantizer(centres, width, lists, kind, metric)
        index.cp.niter = 8
        # Fewer would be told on the terminal.
        index.cp.min_points_per_centroid = 1
    else:
        index = faiss.IndexScalarQuantizer(width, kind, metric)
    index.train(reduced)
    layers = [index]
    if directions is not None or width < dimensions:
        layers.append(faiss.IndexPreTransform(_transform(dimensions, width, directions), index))
    if not lists:
        # Lists keep the ids themselves.
        layers.append(faiss.IndexIDMap(layers[-1]))
    return Growing(layers)


class Growing:
    """A compact index that is being filled with vectors of its reduced space.

    It could reduce them itself, but that was measured to take five times as long as numpy's way.
    """

    def __init__(self, layers: list[Any]) -> None:
        self._layers = layers
        self._ids: list[NDArray[np.int64]] = []

    def add(self, reduced: Matrix, ids: NDArray[np.int64]) -> None:
        """Add vectors, shape (n, width)."""
        inner = self._layers[0]
        if self._keeps_ids:
            inner.add_with_ids(reduced, ids)
        else:
            inner.add(reduced)
            self._ids.append(ids)

    def whole(self) -> Any:  # noqa: ANN401 - of faiss
        """Give the filled index, which takes questions of all dimensions; call once, at the end."""
        inner, *outer = self._layers
        for layer in outer:
            layer.ntotal = inner.ntotal
        if not self._keeps_ids:
            import numpy as np

            ids = np.concatenate([np.empty(0, np.int64), *self._ids])
            _faiss().copy_array_to_vector(ids, outer[-1].id_map)
        return self._layers[-1]

    @property
    def _keeps_ids(self) -> bool:
        return not hasattr(self._layers[-1], "id_map")


def search(
    index: Any,  # noqa: ANN401 - of faiss
    vector: Vector,
    *,
    count: int,
    probes: int = 0,
    allowed: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Give scores and ids of up to `count` nearest vectors, best first, padding taken off.

    `allowed` is a bitmap by id, least significant bit first. `probes` is how many lists of an
    index that has them are looked through. One query runs on one thread: more were measured to be
    slower.
    """
    parameters = _parameters(probes, allowed)
    with _threads(1):
        wanted = min(count, index.ntotal)
        scores, ids = index.search(vector.reshape(1, -1), wanted, params=parameters)
    real = ids[0] >= 0
    return scores[0][real], ids[0][real]


def search_all(
    index: Any,  # noqa: ANN401 - of faiss
    questions: Matrix,
    *,
    count: int,
    probes: int = 0,
) -> NDArray[np.int64]:
    """Give the ids of the `count` nearest vectors of many questions, padded with -1."""
    found = index.search(questions, min(count, index.ntotal), params=_parameters(probes, None))
    ids: NDArray[np.int64] = found[1]
    return ids


def dump(index: Any, take: Callable[[bytes], int]) -> None:  # noqa: ANN401 - of faiss
    """Hand the index's file to `take`, piece by piece."""
    faiss = _faiss()
    faiss.write_index(index, faiss.PyCallbackIOWriter(take))


def load(path: Path, *, lists: bool) -> Any | None:  # noqa: ANN401 - of faiss
    """Map an index into memory, or give None where the file is none.

    `lists`: it has some; then only those that a search looks through are ever read.
    """
    faiss = _faiss()
    # A process that asks one question would spend more on a copy than on all of its search.
    mapped = faiss.IO_FLAG_MMAP if lists else faiss.IO_FLAG_MMAP_IFC
    try:
        return faiss.read_index(str(path), mapped)
    except RuntimeError:
        return None


def lists_of(index: Any) -> int:  # noqa: ANN401 - of faiss
    """Give how many lists an index has, 0 where it is scanned whole."""
    found = _faiss().try_extract_index_ivf(index)
    return 0 if found is None else int(found.nlist)


def _transform(dimensions: int, width: int, directions: Matrix | None) -> Any:  # noqa: ANN401
    faiss = _faiss()
    if directions is None:
        return faiss.RemapDimensionsTransform(dimensions, width, False)
    turn = faiss.LinearTransform(dimensions, width, False)
    faiss.copy_array_to_vector(directions.ravel(), turn.A)
    turn.is_trained = True
    return turn


def _parameters(probes: int, allowed: NDArray[np.uint8] | None) -> Any | None:  # noqa: ANN401
    faiss = _faiss()
    selector = None if allowed is None else faiss.IDSelectorBitmap(allowed)
    if probes:
        return faiss.SearchParametersIVF(nprobe=probes, **({"sel": selector} if selector else {}))
    return faiss.SearchParameters(sel=selector) if selector else None


@contextmanager
def _threads(count: int) -> Iterator[None]:
    faiss = _faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _faiss() -> Any:  # noqa: ANN401 - its stubs do not know its Python layer
    return importlib.import_module("faiss")
