"""Reads an answer and believes nothing in it: count, order, length, finite, not zero."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from kb.model import Matrix

#: Shorter than this is rounding, not a direction.
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """Embeddings in the order of the texts, shape (n, dimensions), unit length each."""

    rows: Matrix
    #: Rows that hold no direction (not finite, or all zeros); they must not be used.
    bad: frozenset[int] = frozenset()
    #: What the server says the texts came to, where it says so.
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an answer cannot be used: the failure code and a sentence."""

    code: str
    message: str
    #: It comes from something that is no embedding server at all.
    stranger: bool = False


class _FaultError(Exception):
    def __init__(self, code: str, message: str, *, stranger: bool = False) -> None:
        super().__init__(message)
        self.fault = Fault(code, message, stranger)


def read_answer(body: bytes, *, count: int, dimensions: int | None) -> Answer | Fault:
    """Read the body of a 200; `dimensions` is the length that the vectors must have, if known."""
    try:
        answer = _object(body)
        rows = _rows(_in_order(_entries(answer), count), dimensions)
    except _FaultError as error:
        return error.fault
    return _normalised(rows, tokens_of(answer))


def read_rows(body: bytes, *, count: int, dimensions: int | None) -> Matrix | Fault:
    """Read the vectors just as they were sent, shape (n, dimensions): not normalised, not judged.

    Count, order and length are checked as in `read_answer`.
    """
    try:
        return _rows(_in_order(_entries(_object(body)), count), dimensions)
    except _FaultError as error:
        return error.fault


def _object(body: bytes) -> dict[str, Any]:
    if body.lstrip()[:1] == b"<":
        raise _FaultError(
            "embed.invalid_response", "The endpoint answered with a web page.", stranger=True
        )
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise _FaultError(
            "embed.invalid_response", "The endpoint's answer is not JSON, or was cut off."
        ) from None
    if not isinstance(answer, dict):
        raise _FaultError("embed.invalid_response", "The endpoint's answer is not a JSON object.")
    return answer


def _entries(answer: dict[str, Any]) -> list[Any]:
    data = answer.get("data")
    if isinstance(data, list):
        return data
    if "choices" in answer:
        raise _FaultError(
            "embed.not_embedding_model",
            "The endpoint answered with generated text.",
            stranger=True,
        )
    if answer.get("error"):
        raise _FaultError("embed.invalid_response", "The endpoint answered 200 with an error.")
    raise _FaultError("embed.invalid_response", "The endpoint's answer holds no `data`.")


def _in_order(entries: list[Any], count: int) -> list[Any]:
    """Give the embeddings in the order of the texts, whatever order they came in."""
    if not all(isinstance(entry, dict) and "embedding" in entry for entry in entries):
        raise _FaultError("embed.invalid_response", "An entry of `data` holds no `embedding`.")
    if len(entries) != count:
        raise _FaultError(
            "embed.count_mismatch",
            f"The endpoint answered with {_number(len(entries), 'vector')} for "
            f"{_number(count, 'text')}.",
        )
    indices = [entry.get("index") for entry in entries]
    if all(index is None for index in indices):
        return [entry["embedding"] for entry in entries]
    if not all(type(index) is int for index in indices) or set(indices) != set(range(count)):
        raise _FaultError(
            "embed.invalid_response", "The `index` numbers do not name each text once."
        )
    return [entry["embedding"] for entry in sorted(entries, key=lambda entry: entry["index"])]


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _rows(embeddings: list[Any], dimensions: int | None) -> Matrix:
    vectors = [_vector(embedding) for embedding in embeddings]
    lengths = {len(vector) for vector in vectors}
    wanted = dimensions or len(vectors[0])
    if lengths != {wanted}:
        other = min(lengths - {wanted})
        raise _FaultError(
            "embed.dimension_mismatch",
            f"The endpoint answered with a vector of {other} numbers where {wanted} are expected.",
        )
    return np.stack(vectors)


def _vector(embedding: object) -> Matrix:
    """Decode base64 (little-endian float32) or a list of numbers; shape (dimensions,)."""
    try:
        if isinstance(embedding, str):
            vector = np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
        else:
            with np.errstate(over="ignore"):
                vector = np.asarray(embedding, dtype=np.float64).astype(np.float32)
    except (ValueError, TypeError, OverflowError):
        vector = np.empty(0, np.float32)
    if vector.ndim != 1 or not vector.size:
        raise _FaultError("embed.invalid_response", "An `embedding` is not a list of numbers.")
    return vector


def _normalised(rows: Matrix, tokens: int | None) -> Answer:
    with np.errstate(all="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        good = np.isfinite(norms) & (norms > _TINY)
        unit = np.empty_like(rows, dtype=np.float32)
        divisors = np.where(good, norms, 1.0)[:, None]
        np.divide(rows, divisors, out=unit, dtype=np.float64, casting="same_kind")
    bad = frozenset(np.flatnonzero(~good).tolist())
    return Answer(rows=unit, bad=bad, tokens=tokens)


def tokens_of(answer: dict[str, Any]) -> int | None:
    """Give the number of tokens that an answer reports, if it does."""
    usage = answer.get("usage")
    count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return count if type(count) is int and count > 0 else None
