"""The verbs that each side of the comparison answers as a process of its own.

ingest DATA HOME            everything of the data folder into a new store
search HOME QUESTION        open the store, answer one question, print ids and texts
warm HOME QUESTIONS OUT     open it once, answer all questions, write times and ids
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.store_data import Floats

#: The row of a passage in the shared data, and its text.
Found = Sequence[tuple[int, str]]
#: Answers one vector with the best so many passages.
Search = Callable[[Floats, int], Found]


class Side(Protocol):
    """A store as the comparison uses it; one import of its library for each process."""

    def ingest(self, data: Path, home: Path) -> None:
        """Store all passages under `home`, durable when it returns."""

    def open(self, home: Path) -> Search:
        """Open what was stored."""


def run(side: Side) -> None:
    """Do what the command line says."""
    verb, *given = sys.argv[1:]
    if verb == "ingest":
        side.ingest(Path(given[0]), Path(given[1]))
    elif verb == "search":
        for row, text in side.open(Path(given[0]))(np.load(given[1]), 10):
            print(row, text)
    elif verb == "warm":
        search, questions = side.open(Path(given[0])), np.load(given[1])
        search(questions[-1], 10)
        Path(given[2]).write_text(json.dumps([_timed(search, q) for q in questions]))
    else:
        sys.exit(f"unknown verb {verb!r}")


def _timed(search: Search, question: Floats) -> tuple[float, float, list[int]]:
    """Give CPU and wall seconds, all threads together, and the rows found."""
    began, spent = time.perf_counter(), time.process_time()
    found = search(question, 10)
    cost = time.process_time() - spent, time.perf_counter() - began
    return *cost, [row for row, _ in found]
