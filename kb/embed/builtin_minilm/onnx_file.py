"""Writes an ONNX file: tensors and nodes in, bytes out, without the `onnx` package.

ONNX files are protocol buffers; of their format only what a plain graph needs is here.
Source of the field numbers: onnx/onnx.proto of the ONNX project (IR version 9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

IR_VERSION: Final = 9
#: Kinds of tensors, by the names NumPy gives them.
KINDS: Final = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}
#: Wire types of protocol buffers.
_VARINT: Final = 0
_BYTES: Final = 2
_FLOAT: Final = 5
#: Kinds of attributes.
_IS_FLOAT: Final = 1
_IS_INT: Final = 2
_IS_INTS: Final = 7

Attribute = int | float | Sequence[int]


class Graph:
    """A graph being put together; each call names what it adds, and `node` gives that name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a tensor of which the file holds the values, and give its name."""
        kind = KINDS[values.dtype.name]
        little = values.astype(values.dtype.newbyteorder("<"), order="C")
        dims = [_number(1, size) for size in values.shape]
        body = [_number(2, kind), _text(8, name), _field(9, little.tobytes())]
        self._tensors.append(b"".join([*dims, *body]))
        return name

    def node(self, kind: str, inputs: Sequence[str], *outputs: str, **attributes: Attribute) -> str:
        """Add an operation of ONNX's own set, and give the name of its first output."""
        parts = [_text(1, name) for name in inputs] + [_text(2, name) for name in outputs]
        parts += [_text(3, outputs[0]), _text(4, kind)]
        parts += [_field(5, _attribute(name, value)) for name, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return outputs[0]

    def input(self, name: str, kind: str, shape: Sequence[int | str]) -> str:
        """Add what is given to the graph when it runs; a text in `shape` is any length."""
        self._inputs.append(_value(name, kind, shape))
        return name

    def output(self, name: str, kind: str, shape: Sequence[int | str]) -> None:
        """Say what the graph gives."""
        self._outputs.append(_value(name, kind, shape))

    def model(self, *, operations: int, notes: Mapping[str, str]) -> bytes:
        """Give the file. `operations`: the version of ONNX's own set of operations."""
        graph = [_field(1, node) for node in self._nodes]
        graph += [_text(2, self._name)]
        graph += [_field(5, tensor) for tensor in self._tensors]
        graph += [_field(11, value) for value in self._inputs]
        graph += [_field(12, value) for value in self._outputs]
        parts = [_number(1, IR_VERSION), _text(2, "kb"), _field(7, b"".join(graph))]
        parts.append(_field(8, _text(1, "") + _number(2, operations)))
        parts += [_field(14, _text(1, key) + _text(2, text)) for key, text in notes.items()]
        return b"".join(parts)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are written as their two's complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _field(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(body)) + body


def _text(field: int, value: str) -> bytes:
    return _field(field, value.encode())


def _attribute(name: str, value: Attribute) -> bytes:
    head = _text(1, name)
    if isinstance(value, float):
        body = _varint(2 << 3 | _FLOAT) + np.array(value, "<f4").tobytes()
        return head + body + _number(20, _IS_FLOAT)
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, _IS_INT)
    return head + b"".join(_number(8, each) for each in value) + _number(20, _IS_INTS)


def _value(name: str, kind: str, shape: Sequence[int | str]) -> bytes:
    dims = [_number(1, size) if isinstance(size, int) else _text(2, size) for size in shape]
    body = _number(1, KINDS[kind]) + _field(2, b"".join(_field(1, dim) for dim in dims))
    return _text(1, name) + _field(2, _field(1, body))
