"""`kb` with small segments, blocks and copies, that tells which steps it passes.

Run as `python -m tests.pipeline.small_kb ...` it is the real command line, in the real process,
with limits so low that a small corpus makes segments and merges them. Two variables are its own:
`KB_TEST_STEPS` names a file that gets one line for each step that is passed, and `KB_TEST_KILL_NTH`
says at which passing of `KB_TEST_KILL_AT` the process is killed (the first one, unless told).
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from kb.store.local import steps

#: Fewer than these are not enough for a segment, for a block of vectors, for a block of documents.
SEGMENT, VECTORS, CHUNKS = 8, 6, 8
LIMITS = {
    "kb.store.local.tiers": {"SMALLEST": SEGMENT},
    "kb.store.local.collect": {"_AT_ONCE": 8},
    "kb.store.local.backup": {"_PAGES": 4},
    "kb.pipeline.flow": {"VECTOR_BLOCK": VECTORS, "DOCUMENT_BLOCK": CHUNKS},
    "kb.pipeline.estimate": {"PROBE": 2 * VECTORS},
}
#: Work without steps of its own is killed before and after these functions.
MARKED = {
    "kb.store.local.backup": ("_copy", "_pack", "_publish"),
    "kb.store.local.backup_restore": ("_unpack", "_settle", "_replace"),
    "kb.store.local.collect": ("_drop_vectors",),
    "kb.store.local.generations": ("LocalGenerations._put_away", "LocalGenerations._take_out"),
    "kb.pipeline.setup": ("remember_settings",),
}


def main() -> int:
    """Set the limits and the marks, then run the command."""
    steps.step = _counting(steps.step)
    for module, limits in LIMITS.items():
        for name, value in limits.items():
            assert hasattr(importlib.import_module(module), name)
            setattr(importlib.import_module(module), name, value)
    for module, names in MARKED.items():
        for name in names:
            _mark(module, name)
    from cli.main import main as kb

    return kb()


def _counting(real: Callable[[str], None]) -> Callable[[str], None]:
    passed: Counter[str] = Counter()
    nth = int(os.environ.get("KB_TEST_KILL_NTH", "1"))
    log = os.environ.get("KB_TEST_STEPS")

    def step(name: str) -> None:
        passed[name] += 1
        if log:
            with Path(log).open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        if passed[name] == nth:
            real(name)

    return step


def _mark(module: str, name: str) -> None:
    *owners, name = name.split(".")
    loaded = functools.reduce(getattr, owners, importlib.import_module(module))
    work = getattr(loaded, name)
    short = f"{module.rpartition('.')[2]}.{name.strip('_')}"

    @functools.wraps(work)
    def marked(*given, **named):
        steps.step(f"before {short}")
        done = work(*given, **named)
        steps.step(f"after {short}")
        return done

    setattr(loaded, name, marked)


if __name__ == "__main__":
    sys.exit(main())
