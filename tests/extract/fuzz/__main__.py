"""`python -m tests.extract.fuzz --seconds 600`: the run, its counts, and what it kept."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.extract.fuzz.run import Tally, cases, elapsed, fuzz
from tests.extract.fuzz.seeds import gathered


def main() -> int:
    """Run as the command line says; 1 when a rule was broken."""
    told = _options()
    seeds = gathered(told.seeds, filter(None, told.formats.split(",")))
    if not seeds:
        sys.stderr.write(f"No format is called {told.formats}.\n")
        return 2
    seed = told.seed if told.seed is not None else time.time_ns() % 10**6
    keep = told.keep or Path(tempfile.gettempdir()) / f"kb-fuzz-{seed}"
    names: Iterator[str] = iter([told.only]) if told.only else cases(seed, list(seeds))
    count = sum(map(len, seeds.values()))
    _say(f"seed {seed}, {count} whole files with {len(seeds)} endings, {told.seconds:g} seconds")
    with tempfile.TemporaryDirectory(prefix="kb-fuzz-") as folder:
        tally = fuzz(names, seeds, folder=Path(folder), keep=keep, until=elapsed(told.seconds))
    _report(tally, keep)
    return 1 if tally.broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.extract.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, help="the same seed makes the same files")
    parser.add_argument("--formats", default="", help="names or endings: pdf,docx")
    parser.add_argument("--only", default="", help="a case to make again: 7-12.pdf")
    parser.add_argument("--keep", type=Path, help="the folder for files with which something is")
    parser.add_argument("seeds", nargs="*", type=Path, help="folders with more whole files")
    return parser.parse_args()


def _report(tally: Tally, keep: Path) -> None:
    total: Counter[str] = Counter()
    for ending, outcomes in sorted(tally.outcomes.items()):
        total += outcomes
        _say(f"{ending:6} {_counted(outcomes)}")
    _say(f"{'all':6} {_counted(total)}")
    for each in tally.found:
        _say(f"{'BROKEN' if each.broken else 'noted'} {each.case}: {'; '.join(each.what)}"[:500])
    if tally.found:
        _say(f"These files, and what was found, are in {keep}.")
    here, below = (
        resource.getrusage(who).ru_maxrss // 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    _say(f"memory: {here} MiB in this process, {below} MiB in the largest worker")


def _counted(outcomes: Counter[str]) -> str:
    said = ", ".join(f"{code.removeprefix('extract.')} {n}" for code, n in outcomes.most_common())
    return f"{outcomes.total():7}: {said}"


def _say(line: str) -> None:
    sys.stdout.write(line.encode("utf-8", "backslashreplace").decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
