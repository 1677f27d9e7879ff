"""What vLLM's /metrics says about its queue and its prefix cache; the names differ by version."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(r"(vllm:[\w:]+)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*")
#: Versions before 0.9 write gpu_ before the name, some the cache's own _total after it.
_QUERIES: Final = re.compile(r"vllm:(gpu_)?prefix_cache_queries(_total)?")
_HITS: Final = re.compile(r"vllm:(gpu_)?prefix_cache_hits(_total)?")
_ENABLED: Final = re.compile(r'enable_prefix_caching="(True|False)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The figures that matter here, summed over engines; None where there is no such figure."""

    running: float | None = None
    waiting: float | None = None
    #: Tokens looked for in the prefix cache, and those found there, since the server started.
    queries: float | None = None
    hits: float | None = None
    #: Whether prefix caching is switched on, where the server says so.
    caching: bool | None = None


def read_metrics(text: str) -> Metrics | None:
    """Give vLLM's figures from a page of metrics, or None where it holds none of vLLM's.

    >>> read_metrics('vllm:num_requests_waiting{engine="0"} 3.0').waiting
    3.0
    """
    rows = list(_rows(text))
    if not rows:
        return None
    switched = [found[1] == "True" for _, labels, _ in rows for found in _ENABLED.finditer(labels)]
    return Metrics(
        running=_sum(rows, re.compile("vllm:num_requests_running")),
        waiting=_sum(rows, re.compile("vllm:num_requests_waiting")),
        queries=_sum(rows, _QUERIES),
        hits=_sum(rows, _HITS),
        caching=any(switched) if switched else None,
    )


def _rows(text: str) -> Iterator[tuple[str, str, float]]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line[:10_000])
        if found is None:
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        if math.isfinite(value):
            yield found[1], found[2] or "", value


def _sum(rows: list[tuple[str, str, float]], name: re.Pattern[str]) -> float | None:
    values = [value for each, _, value in rows if name.fullmatch(each)]
    return sum(values) if values else None
