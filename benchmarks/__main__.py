"""`python -m benchmarks [--corpus DIR]`: the figures that the README quotes, as ratios.

Each figure is measured against a yardstick in the same run, since machines differ and are shared.
`--corpus` names a folder of PDF files; without it only what needs no documents is measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import REPOSITORY, Cost, machine, python, ratio, run_once

KB = [str(Path(sys.executable).with_name("kb"))]
BARE_PYPDF = """
import pathlib, sys, pypdf
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.pdf")):
    for page in pypdf.PdfReader(path).pages:
        page.extract_text()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="a folder of PDF files")
    options = parser.parse_args()
    print(f"machine: {machine()}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "kb"
        cold(home)
        if options.corpus:
            corpus(options.corpus, Path(folder) / "corpus")


def show(what: str, value: float, unit: str, yardstick: str) -> None:
    print(f"{what:<44} {value:>9.2f} {unit:<12} {yardstick}")


def cold(home: Path) -> None:
    """Measure a fresh process each: the version, a search by words, a hybrid search."""
    kb = [*KB, "--home", str(home)]
    run_once([*kb, "-q", "ingest", str(REPOSITORY / "sample_docs")])
    bare, heavy = python("pass"), python("import click, sqlite3, faiss")
    show("kb --version", ratio([*KB, "--version"], bare), "x CPU", "of python -c pass")
    lexical = [*kb, "search", "how to refund", "--mode", "lexical"]
    show("kb search --mode lexical, cold", ratio(lexical, heavy), "x CPU", _HEAVY)
    hybrid = [*kb, "search", "how to refund"]
    show("kb search, cold", ratio(hybrid, heavy), "x CPU", _HEAVY)


_HEAVY = "of importing click, sqlite3, faiss"


def corpus(folder: Path, home: Path) -> None:
    """Ingest a folder of PDF files twice; bare pypdf over the same files is the yardstick."""
    pages = _pages(folder)
    bare = run_once([*python(BARE_PYPDF), str(folder)])
    first = run_once([*KB, "--home", str(home), "-q", "ingest", str(folder)])
    again = run_once([*KB, "--home", str(home), "-q", "ingest", str(folder)])
    show("ingest, first run", pages / first.wall_s, "pages/s", f"bare pypdf {_rate(pages, bare)}")
    show("ingest, wall time", first.wall_s / bare.wall_s, "x", "of bare pypdf on one core")
    show("ingest, peak memory", first.peak_mib, "MiB", f"bare pypdf {bare.peak_mib:.0f} MiB")
    show("ingest again, nothing changed", again.wall_s, "s", "")
    started = time.perf_counter()
    run_once([*KB, "--home", str(home), "search", "termination for convenience"])
    show("search, cold", time.perf_counter() - started, "s", "")


def _rate(pages: int, cost: Cost) -> str:
    return f"{pages / cost.wall_s:.0f} pages/s"


def _pages(folder: Path) -> int:
    import pypdf

    return sum(len(pypdf.PdfReader(path).pages) for path in folder.rglob("*.pdf"))


if __name__ == "__main__":
    main()
