"""What does reading PDF files cost, and is the page of a labelled passage right?

    python -m benchmarks.extract DATA [--files 30] [--rounds 3]
    python -m benchmarks.extract DATA --labels [--careful]

DATA is a folder with PDF files below it. Each round reads all of them with bare pypdf (one in
eight of the files: it is slow, and its figures are for those), with bare pypdfium2 (both: the
text of every page, in one process), with kb's reader in one process, and with kb's readers in
worker processes and kb's chunker beside them (`pipeline`), and cuts the same text with kb's
chunker and with a leading splitter where one is installed (`semantic-text-splitter`,
`langchain-text-splitters`). The sides take turns within each round, as machines are shared; the
best round of each counts, and pypdf has one alone. No side recognises letters in pictures
(`KB_OCR=off`), as the bare libraries cannot.

With --labels, DATA holds `docs.jsonl` (id, pdf) and `spans.jsonl` (doc_id, text, page): each
labelled passage is looked for by its letters and digits in kb's text. `--careful` reads with
pypdf alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import machine
from kb.chunk import Chunking, chunk_document
from kb.extract import conditions, extract, open_extractor
from kb.model import Document, Source
from kb.pipeline.cutting import Cut, Cutter

_SIGN = re.compile(r"[^\W_]")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--files", type=int, help="so many of the files, evenly chosen")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--careful", action="store_true", help="with --labels: pypdf alone")
    options = parser.parse_args()
    if options.labels:
        labels(options.data, careful=options.careful)
        return
    files = sorted(options.data.rglob("*.pdf"))
    if options.files:
        files = files[:: max(1, len(files) // options.files)]
    os.environ["KB_OCR"] = "off"
    speed(files, options.rounds, options.workers)


def source(path: Path) -> Source:
    status = path.stat()
    return Source(
        path=path.name, location=path, size=status.st_size, mtime_ns=0, inode=status.st_ino
    )


def bare_pypdf(files: list[Path]) -> int:
    import pypdf

    return sum(len(page.extract_text()) for path in files for page in pypdf.PdfReader(path).pages)


def bare_pdfium(files: list[Path]) -> int:
    import pypdfium2

    characters = 0
    for path in files:
        document = pypdfium2.PdfDocument(path)
        for number in range(len(document)):
            page = document[number]
            text = page.get_textpage()
            characters += len(text.get_text_range())
            text.close()
            page.close()
        document.close()
    return characters


def pipeline(files: list[Path], workers: int) -> int:
    with open_extractor(workers=workers) as extractor:
        found = extractor.map_then(map(source, files), Cutter(chunking=Chunking()))
        cuts = (outcome.chunks for _, outcome in found if isinstance(outcome, Cut))
        return sum(len(chunk.text) for chunks in cuts for chunk in chunks)


def splitters(texts: list[str]) -> Iterator[tuple[str, Callable[[], int] | str]]:
    """Give the splitters of others, or why there is none to compare with."""
    try:
        from semantic_text_splitter import TextSplitter
    except ImportError:
        yield "semantic-text-splitter", "not installed"
    else:
        rust = TextSplitter(1000)
        yield "semantic-text-splitter", lambda: sum(len(rust.chunks(text)) for text in texts)
    try:
        from langchain_text_splitters import RecursiveCharacterTextSplitter
    except ImportError:
        yield "langchain-text-splitters", "not installed"
    else:
        plain = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=0)
        yield "langchain-text-splitters", lambda: sum(len(plain.split_text(t)) for t in texts)


@dataclass
class Side:
    """One way to do the work, and its best time."""

    name: str
    work: Callable[[], int]
    #: What is read, by pages, bytes of files and bytes of text; 0 where it reads no files.
    pages: int
    size: int
    text_size: int
    seconds: float = float("inf")
    #: Of the processor, with those of worker processes that have ended.
    cpu_s: float = float("inf")

    def run(self) -> None:
        """Do the work once."""
        began, cpu = time.perf_counter(), _cpu()
        self.work()
        self.seconds = min(self.seconds, time.perf_counter() - began)
        self.cpu_s = min(self.cpu_s, _cpu() - cpu)

    def line(self) -> str:
        """Give the figures of the best round."""
        rates = [self.pages, self.size / 1e6, self.text_size / 1e6]
        per_second = [rate / self.seconds for rate in rates]
        return (
            f"{self.name:28} {per_second[0]:8.0f} {per_second[1]:7.2f} {per_second[2]:9.2f}"
            f" {self.seconds:8.2f} {self.cpu_s:7.2f}"
        )


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def speed(files: list[Path], rounds: int, workers: int) -> None:
    read = {path: document for path in files if (document := _read(path)) is not None}
    files, documents = list(read), list(read.values())
    texts = [document.text for document in documents]

    def side(name: str, work: Callable[[], int], of: list[Path], *, files_too: bool = True) -> Side:
        pages = sum(len(read[path].pages) for path in of) if files_too else 0
        size = sum(path.stat().st_size for path in of) if files_too else 0
        return Side(name, work, pages, size, sum(len(read[path].text.encode()) for path in of))

    some = files[::8]
    pypdf = side(f"bare pypdf, {len(some)} files", lambda: bare_pypdf(some), some)
    bare = side("bare pypdfium2", lambda: bare_pdfium(files), files)
    one = side("kb extract, one process", lambda: sum(len(_read(p).text) for p in files), files)
    whole = side(f"kb pipeline, {workers} workers", lambda: pipeline(files, workers), files)

    def chunks() -> int:
        return sum(len(chunk_document(document)) for document in documents)

    sides = [bare, one, whole, side("kb chunk", chunks, files, files_too=False)]
    for name, found in splitters(texts):
        if isinstance(found, str):
            print(f"{name}: skipped, as it is {found}")
        else:
            sides.append(side(name, found, files, files_too=False))
    pypdf.run()
    for _ in range(rounds):
        for each in sides:
            each.run()
    sides.insert(0, pypdf)
    print(f"machine: {machine()}")
    print(f"{len(files)} files, {bare.pages} pages, {bare.size / 1e6:.1f} MB")
    print(f"{'':28} {'pages/s':>8} {'MB/s':>7} {'text MB/s':>9} {'seconds':>8} {'CPU s':>7}")
    for each in sides:
        print(each.line())
    _compare(pypdf, bare, (one, 1), (whole, workers))


def _compare(pypdf: Side, bare: Side, *ours: tuple[Side, int]) -> None:
    for each, by in ours:
        print(
            f"{each.name}: {each.seconds / bare.seconds:.2f} times bare pypdfium2 by the clock, "
            f"{each.cpu_s / by / bare.cpu_s:.2f} by processor time, were {by} free (limit 1.3)"
        )
        page = pypdf.cpu_s / max(1, pypdf.pages)
        print(f"{'':28} {each.cpu_s / each.pages / page:.2f} times bare pypdf, page by page")


def _read(path: Path) -> Document:
    return extract(source(path))


def labels(folder: Path, *, careful: bool) -> None:
    """Print how many labelled passages are found, and on how many of those the page is right."""
    files = {row["id"]: row["pdf"] for row in _rows(folder / "docs.jsonl") if row.get("pdf")}
    spans = defaultdict(list)
    for span in _rows(folder / "spans.jsonl"):
        if span.get("page") and span["doc_id"] in files:
            spans[span["doc_id"]].append(span)
    counts = [0, 0, 0]
    for document, wanted in spans.items():
        if careful:
            with conditions.carefully():
                read = extract(source(folder / files[document]))
        else:
            read = extract(source(folder / files[document]))
        for place, right in judged(read, wanted):
            counts[0] += 1
            counts[1] += place
            counts[2] += right
    labelled, found, right = counts
    print(f"{labelled} labelled passages with a page")
    print(f"found      {found / max(1, labelled):.4f}  ({found})")
    print(f"page right {right / max(1, found):.4f}  ({right} of those found)")


def judged(document: Document, spans: list[dict[str, Any]]) -> Iterator[tuple[bool, bool]]:
    """Give for each span whether it is found, and whether it begins on the labelled page."""
    places = [match.start() for match in _SIGN.finditer(document.text)]
    signs = "".join(document.text[place] for place in places).casefold()
    starts = [page.start for page in document.pages]
    for span in spans:
        wanted = "".join(_SIGN.findall(span["text"])).casefold()
        at = signs.find(wanted)
        pages = set()
        while at >= 0 and wanted:
            pages.add(bisect_right(starts, places[at]))
            at = signs.find(wanted, at + 1)
        yield bool(pages), span["page"] in pages


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


if __name__ == "__main__":
    main()
