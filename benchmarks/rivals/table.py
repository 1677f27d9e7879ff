"""The outcome in 80 columns: kb's own figures, then everybody's as ratios to them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.measure import Cost

_HEAD: Final = """\
                 cold search    warm p50       ingest          peak MiB of
                  CPU   wall   CPU  wall    CPU  wall  disk  search ingest  r@10"""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one side did; a part that was not measured is None or empty."""

    name: str
    told: str
    ingest: Cost | None = None
    disk: int = 0
    cold: list[Cost] = field(default_factory=list)
    #: Median CPU and wall seconds of one search in an open process.
    warm: tuple[float, float] | None = None
    recall: float | None = None
    failed: str = ""


def show(kb: Outcome, others: Sequence[Outcome], count: int) -> None:
    """Print kb's figures, then one row for each side, kb = 1.00, then how each is set up."""
    _absolute(kb, count)
    print(_HEAD)
    for one in (kb, *others):
        print(_row(one, kb))
    for one in (kb, *others):
        told = f"{one.name}: {one.told}" + (f" [{one.failed}]" if one.failed else "")
        print(textwrap.fill(told, 80, subsequent_indent="    ", break_on_hyphens=False))


def size_of(folder: Path) -> int:
    """Give the bytes of all files under a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _absolute(kb: Outcome, count: int) -> None:
    assert kb.ingest
    assert kb.warm
    cpu, wall = (median(getattr(c, name) for c in kb.cold) for name in ("cpu_s", "wall_s"))
    print(f"kb = 1.00: cold search {cpu:.3f} s CPU, {wall:.3f} s wall;")
    print(f"  warm search {1000 * kb.warm[0]:.2f} ms CPU, {1000 * kb.warm[1]:.2f} ms wall;")
    spent = kb.ingest.cpu_s
    print(f"  ingest {spent:.1f} s CPU ({count / spent:,.0f} chunks for a second), ", end="")
    print(f"{kb.ingest.wall_s:.1f} s wall;")
    print(f"  disk {kb.disk / count:,.0f} bytes for a chunk")


def _row(one: Outcome, kb: Outcome) -> str:
    paired = list(zip(one.cold, kb.cold, strict=False))
    cells = [
        _ratio([(mine.cpu_s, theirs.cpu_s) for mine, theirs in paired], 7),
        _ratio([(mine.wall_s, theirs.wall_s) for mine, theirs in paired], 7),
        *(
            _ratio([(one.warm[at], kb.warm[at])] if one.warm and kb.warm else [], 6)
            for at in (0, 1)
        ),
    ]
    both = [(one.ingest, kb.ingest)] if one.ingest and kb.ingest else []
    cells += [
        _ratio([(mine.cpu_s, theirs.cpu_s) for mine, theirs in both], 7),
        _ratio([(mine.wall_s, theirs.wall_s) for mine, theirs in both], 6),
        _ratio([(one.disk, kb.disk)] if one.disk else [], 6),
        f"{max(c.peak_mib for c in one.cold):>8.0f}" if one.cold else f"{'-':>8}",
        f"{one.ingest.peak_mib:>7.0f}" if one.ingest else f"{'-':>7}",
        f"{one.recall:>6.3f}" if one.recall is not None else f"{'-':>6}",
    ]
    return f"{one.name:<14}" + "".join(cells)


def _ratio(pairs: Sequence[tuple[float, float]], width: int) -> str:
    """Give the median ratio; what was measured in turns is divided pair by pair."""
    if not pairs:
        return f"{'-':>{width}}"
    value = median(one / other for one, other in pairs)
    return f"{value:>{width}.{2 if value < 10 else 1 if value < 100 else 0}f}"
