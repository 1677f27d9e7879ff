"""Makes the int8 model from the weights: a graph of ONNX's own operations, the same bytes always.

Weights of matrices are int8 with one scale for each output (per channel: with one scale for a
whole matrix, cosines to the original fall from .995 to .93), those of words int8 with one scale
for each word. What flows between is made int8 while the model runs, by the range in the one text
it runs on; so a text's vector does not depend on others, and nothing is padded. Attention,
normalisation and activation stay float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.embed.builtin_minilm.onnx_file import Graph

OPERATIONS: Final = 20
VOCABULARY: Final = "vocabulary"
INPUT: Final = "ids"
#: Length of the vectors that one head of attention compares.
HEAD: Final = 32
_EPSILON: Final = 1e-12
_FLOAT: Final = 1  # ONNX's number for float32
_GREATEST: Final = np.float32(127)
_ONE: Final = np.float32(1)

Array = NDArray[np.float32]
Tensors = Mapping[str, Array]


def int8_model(tensors: Tensors, vocabulary: str) -> bytes:
    """Give the ONNX file: token ids of one text in, shape (tokens,), its mean out, (width,).

    The mean is not of unit length. `vocabulary` is kept in the file as a note.
    """
    return _Recipe(tensors).write(vocabulary)


def quantised(weights: Array) -> tuple[NDArray[np.int8], Array]:
    """Give int8 rows and the scale of each; a row is about the product of the two."""
    greatest = np.abs(weights).max(axis=1) / _GREATEST
    scales = np.where(greatest == 0, np.float32(1), greatest).astype(np.float32)
    return np.rint(weights / scales[:, None]).astype(np.int8), scales


class _Recipe:
    """Puts the graph together; names of operations are the names of what they give."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._graph = Graph("all-MiniLM-L6-v2")
        self._width = tensors["embeddings.LayerNorm.weight"].shape[0]
        self._layers = sum(name.endswith("intermediate.dense.bias") for name in tensors)

    def write(self, vocabulary: str) -> bytes:
        graph = self._graph
        graph.input(INPUT, "int64", ["tokens"])
        graph.constant("0", np.array([0], np.int64))
        graph.constant("heads", np.array([-1, 3, self._width // HEAD, HEAD], np.int64))
        graph.constant("flat", np.array([-1, self._width], np.int64))
        graph.constant("thirds", np.array([1, 1, 1], np.int64))
        now = self._words()
        for layer in range(self._layers):
            now = self._layer(now, layer)
        graph.node("ReduceMean", [now, "0"], "mean", keepdims=0)
        graph.output("mean", "float32", [self._width])
        return graph.model(operations=OPERATIONS, notes={VOCABULARY: vocabulary})

    def _words(self) -> str:
        graph, tensors = self._graph, self._tensors
        words, scales = quantised(tensors["embeddings.word_embeddings.weight"])
        kind = tensors["embeddings.token_type_embeddings.weight"][0]
        graph.constant("words", words)
        graph.constant("words.scale", scales[:, None])
        graph.constant("places", tensors["embeddings.position_embeddings.weight"] + kind)
        graph.node("Gather", ["words", INPUT], "word.int8")
        graph.node("Cast", ["word.int8"], "word.unscaled", to=_FLOAT)
        graph.node("Gather", ["words.scale", INPUT], "word.scale")
        graph.node("Mul", ["word.unscaled", "word.scale"], "word")
        graph.node("Shape", [INPUT], "tokens")
        graph.node("Slice", ["places", "0", "tokens"], "place")
        return self._normal(graph.node("Add", ["word", "place"], "in"), "embeddings.LayerNorm")

    def _layer(self, before: str, layer: int) -> str:
        graph, name = self._graph, f"encoder.layer.{layer}."
        seen = self._dense(self._attention(before, name), name + "attention.output.dense")
        graph.node("Add", [seen, before], name + "seen")
        middle = self._normal(name + "seen", name + "attention.output.LayerNorm")
        wide = self._dense(middle, name + "intermediate.dense")
        graph.node("Gelu", [wide], name + "active")
        thought = self._dense(name + "active", name + "output.dense")
        graph.node("Add", [thought, middle], name + "thought")
        return self._normal(name + "thought", name + "output.LayerNorm")

    def _attention(self, before: str, name: str) -> str:
        """Query, key and value in one product: what flows in is made int8 once."""
        graph, own = self._graph, name + "attention.self."
        query, key, value = (own + each for each in ("query", "key", "value"))
        # The root of a head's length, by which products are divided, goes into the query.
        shares = {query: np.float32(1 / np.sqrt(HEAD)), key: _ONE, value: _ONE}
        self._dense(before, own + "all", shares)
        graph.node("Reshape", [own + "all", "heads"], own + "heads")
        graph.node("Transpose", [own + "heads"], own + "turned", perm=[1, 2, 0, 3])
        graph.node("Split", [own + "turned", "thirds"], query, key, value, axis=0)
        graph.node("Transpose", [key], own + "across", perm=[0, 1, 3, 2])
        graph.node("MatMul", [query, own + "across"], own + "products")
        graph.node("Softmax", [own + "products"], own + "shares", axis=-1)
        graph.node("MatMul", [own + "shares", value], own + "seen")
        graph.node("Transpose", [own + "seen"], own + "back", perm=[0, 2, 1, 3])
        return graph.node("Reshape", [own + "back", "flat"], own + "together")

    def _dense(self, given: str, name: str, parts: dict[str, np.float32] | None = None) -> str:
        """Multiply by int8 weights. `parts`: matrices side by side, each with a factor."""
        graph = self._graph
        made = [self._matrix(part, factor) for part, factor in (parts or {name: _ONE}).items()]
        rows, scales, bias = (np.concatenate(each) for each in zip(*made, strict=True))
        graph.constant(name + ".int8", np.ascontiguousarray(rows.T))
        graph.constant(name + ".scale", scales)
        graph.constant(name + ".bias", bias)
        now = [name + ".in", name + ".in.scale", name + ".in.zero"]
        graph.node("DynamicQuantizeLinear", [given], *now)
        graph.node("MatMulInteger", [now[0], name + ".int8", now[2]], name + ".sums")
        graph.node("Cast", [name + ".sums"], name + ".unscaled", to=_FLOAT)
        graph.node("Mul", [now[1], name + ".scale"], name + ".scales")
        graph.node("Mul", [name + ".unscaled", name + ".scales"], name + ".product")
        return graph.node("Add", [name + ".product", name + ".bias"], name)

    def _matrix(self, name: str, factor: np.float32) -> tuple[NDArray[np.int8], Array, Array]:
        rows, scales = quantised(self._tensors[name + ".weight"])
        return rows, scales * factor, self._tensors[name + ".bias"] * factor

    def _normal(self, given: str, name: str) -> str:
        graph = self._graph
        for part in (".weight", ".bias"):
            graph.constant(name + part, self._tensors[name + part])
        inputs = [given, name + ".weight", name + ".bias"]
        return graph.node("LayerNormalization", inputs, name, axis=-1, epsilon=_EPSILON)
