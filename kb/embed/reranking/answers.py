"""Reads an answer of a reranker and believes nothing in it: places, numbers, once each."""

from __future__ import annotations

import json
import math
from typing import Any


class FaultError(Exception):
    """An answer cannot be used; the text says why, in a whole sentence."""


def read_scores(body: bytes, *, count: int) -> tuple[float | None, ...]:
    """Give the score of each of `count` texts, in their order; None where the answer has none.

    Servers answer with a list of `index` and `relevance_score` (or `score`), best first, in
    `results`, in `data` or bare. Raises `FaultError`.

    >>> read_scores(b'{"results": [{"index": 1, "relevance_score": 0.5}]}', count=2)
    (None, 0.5)
    """
    found: list[float | None] = [None] * count
    for entry in _entries(_parsed(body)):
        index, score = _entry(entry)
        if not 0 <= index < count:
            raise FaultError(f"The answer speaks of text {index}, and {count} were sent.")
        if found[index] is not None:
            raise FaultError(f"The answer gives two scores to text {index}.")
        found[index] = score
    if count and all(score is None for score in found):
        raise FaultError("The answer gives no score at all.")
    return tuple(found)


def tokens_of(body: bytes) -> int | None:
    """Give how many tokens the server says that it read; None where it does not say."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    usage = answer.get("usage") if isinstance(answer, dict) else None
    usage = usage if isinstance(usage, dict) else {}
    counts = (usage.get(name) for name in ("prompt_tokens", "total_tokens"))
    return next((count for count in counts if type(count) is int and count > 0), None)


def _parsed(body: bytes) -> object:
    if body.lstrip()[:1] == b"<":
        raise FaultError("The answer is a web page.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise FaultError("The answer is not JSON, or was cut off.") from None


def _entries(answer: object) -> list[Any]:
    if isinstance(answer, list):
        return answer
    if not isinstance(answer, dict):
        raise FaultError("The answer is not a list of scores.")
    for name in ("results", "data"):
        if isinstance(answer.get(name), list):
            return list(answer[name])
    if answer.get("error"):
        raise FaultError("The answer is 200 with an error in it.")
    raise FaultError("The answer holds no `results`.")


def _entry(entry: object) -> tuple[int, float]:
    if not isinstance(entry, dict) or type(entry.get("index")) is not int:
        raise FaultError("A result does not say which text it is about.")
    score = entry.get("relevance_score", entry.get("score"))
    if isinstance(score, bool) or not isinstance(score, (int, float)):
        raise FaultError("A result holds no score.")
    try:
        number = float(score)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise FaultError("A score is not a finite number.")
    return entry["index"], number
