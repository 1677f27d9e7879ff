"""all-MiniLM-L6-v2's forward pass in float32, and a small model of the same make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import erf

import numpy as np

HEAD = 32
_erf = np.vectorize(erf, otypes=[np.float32])


def forward(tensors: Mapping[str, np.ndarray], ids: Sequence[int]) -> np.ndarray:
    """Give the unit vector of one text: embeddings, layers, mean, length one."""

    def normal(values: np.ndarray, name: str) -> np.ndarray:
        apart = values - values.mean(-1, keepdims=True)
        spread = np.sqrt((apart**2).mean(-1, keepdims=True) + 1e-12)
        return apart / spread * tensors[name + ".weight"] + tensors[name + ".bias"]

    def dense(values: np.ndarray, name: str) -> np.ndarray:
        return values @ tensors[name + ".weight"].T + tensors[name + ".bias"]

    def heads(values: np.ndarray) -> np.ndarray:
        return values.reshape(len(ids), -1, HEAD).transpose(1, 0, 2)

    now = tensors["embeddings.word_embeddings.weight"][list(ids)]
    now = now + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    now = now + tensors["embeddings.token_type_embeddings.weight"][0]
    now = normal(now, "embeddings.LayerNorm")
    for layer in range(sum(name.endswith("intermediate.dense.bias") for name in tensors)):
        name = f"encoder.layer.{layer}."
        own = name + "attention.self."
        query, key, value = (heads(dense(now, own + each)) for each in ("query", "key", "value"))
        products = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(HEAD))
        seen = products / products.sum(-1, keepdims=True) @ value
        seen = seen.transpose(1, 0, 2).reshape(len(ids), -1)
        seen = dense(seen, name + "attention.output.dense") + now
        now = normal(seen, name + "attention.output.LayerNorm")
        wide = dense(now, name + "intermediate.dense")
        wide = wide * (1 + _erf(wide / np.sqrt(2))) / 2
        now = normal(dense(wide, name + "output.dense") + now, name + "output.LayerNorm")
    mean = now.mean(0)
    return mean / np.linalg.norm(mean)


def small(words: Sequence[str], *, width: int = 384, layers: int = 2) -> tuple[dict, str]:
    """Give random weights and a vocabulary: these words, all letters, and the marks."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,-'?%"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, *letters, *("##" + c for c in letters)]
    chance = np.random.default_rng(7)
    made: dict[str, np.ndarray] = {}

    def add(name: str, *shape: int, about: float = 0.0) -> None:
        made[name] = (about + chance.standard_normal(shape) * 0.15).astype(np.float32)

    def normal(name: str) -> None:
        add(name + ".weight", width, about=1.0)
        add(name + ".bias", width)

    add("embeddings.word_embeddings.weight", len(pieces), width)
    add("embeddings.position_embeddings.weight", 512, width)
    add("embeddings.token_type_embeddings.weight", 2, width)
    normal("embeddings.LayerNorm")
    for layer in range(layers):
        name = f"encoder.layer.{layer}."
        shapes = dict.fromkeys(
            (f"attention.self.{each}" for each in ("query", "key", "value")), (width, width)
        )
        shapes |= {"attention.output.dense": (width, width)}
        shapes |= {"intermediate.dense": (2 * width, width), "output.dense": (width, 2 * width)}
        for each, shape in shapes.items():
            add(f"{name}{each}.weight", *shape)
            add(f"{name}{each}.bias", shape[0])
        normal(name + "attention.output.LayerNorm")
        normal(name + "output.LayerNorm")
    return made, "\n".join(pieces) + "\n"


def safetensors(tensors: Mapping[str, np.ndarray]) -> bytes:
    """Write a safetensors file."""
    kinds = {"float32": "F32", "int64": "I64"}
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        start, body = len(body), body + values.tobytes()
        header[name] = {
            "dtype": kinds[values.dtype.name],
            "shape": list(values.shape),
            "data_offsets": [start, len(body)],
        }
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + body
