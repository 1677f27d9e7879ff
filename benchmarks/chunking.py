"""How long should passages be? Measures where a labelled answer comes up for several lengths.

    python benchmarks/chunking.py DATA [--targets 128,192,256/384] [--overlaps 0,32]

256/384: prose is packed to 256 tokens, a clause of up to 384 is kept whole.

DATA is a folder of labelled sets, each with `docs.jsonl`, `queries.jsonl` and `spans.jsonl`
(the answer to a question as offsets in a document). Passages are ranked by BM25 alone (SQLite
FTS5, Chinese as pairs of characters), with their context, so that nothing but the cutting
differs. A passage is right when it holds half of the labelled span, or lies half within it.

Columns: recall@5 and @10 of the labelled spans; `span@4000`: the share of a span's characters
that stand in the first 4000 characters read; `read`: characters read until the first right
passage (median, mean; 20000 where none of the first 50 is right). A question that names its
document (`doc`) is asked within it; others over the whole set.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb.chunk import Chunking, chunk_document, estimate_tokens
from kb.model import Chunk, Document, Heading, Page

_DEPTH = 50
_NEVER = 20_000
_BUDGET = 4_000
_HAN = re.compile(r"[\u3400-\u9fff]+")
_MARKDOWN = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*$", re.MULTILINE)


@dataclass
class Score:
    """What was measured for one set and one length."""

    at5: list[bool] = field(default_factory=list)
    at10: list[bool] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    named: list[bool] = field(default_factory=list)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def load(folder: Path) -> dict[str, Document]:
    documents = {}
    for row in rows(folder / "docs.jsonl"):
        text = (folder / row["file"]).read_bytes().decode("utf-8")
        headings = ()
        if row["file"].endswith(".md"):
            headings = tuple(
                Heading(level=len(m[1]), title=m[2], start=m.start(), end=m.end())
                for m in _MARKDOWN.finditer(text)
            )
        documents[row["id"]] = Document(
            title=str(row.get("title", "")), format="text", text=text, paged=False,
            pages=(Page(number=1, start=0, end=len(text)),), headings=headings,
        )  # fmt: skip
    return documents


def words(text: str) -> list[str]:
    found = re.findall(r"[a-z0-9]+", text.lower())
    for run in _HAN.findall(text):
        found += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
    return found


def index(chunks: dict[str, list[Chunk]]) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE passage USING fts5(words, doc UNINDEXED, n UNINDEXED)")
    database.executemany(
        "INSERT INTO passage VALUES (?, ?, ?)",
        (
            (" ".join(words(f"{chunk.context} {chunk.text}")), doc, n)
            for doc, made in chunks.items()
            for n, chunk in enumerate(made)
        ),
    )
    return database


def search(database: sqlite3.Connection, query: dict[str, Any]) -> list[tuple[str, int]]:
    asked = " OR ".join(
        f'"{word}"' for word in dict.fromkeys(words(query.get("question", query["text"])))
    )
    within = " AND doc = ?" if "doc" in query else ""
    sql = f"SELECT doc, n FROM passage WHERE passage MATCH ?{within} ORDER BY rank LIMIT {_DEPTH}"
    return database.execute(sql, [asked, *([query["doc"]] if within else [])]).fetchall()


def overlap(chunk: Chunk, span: dict[str, Any]) -> int:
    return max(0, min(chunk.end, span["end"]) - max(chunk.start, span["start"]))


def judge(score: Score, span: dict[str, Any], ranked: list[tuple[str, Chunk]]) -> None:
    """Add what the ranking gives for one labelled span."""
    length = span["end"] - span["start"]
    first, read, characters = None, 0, 0
    covered = 0
    for rank, (doc, chunk) in enumerate(ranked, start=1):
        common = overlap(chunk, span) if doc == span["doc_id"] else 0
        if characters < _BUDGET:
            covered += common
        characters += len(chunk.text)
        if first is None:
            read = characters
            if common * 2 >= min(length, len(chunk.text)):
                first = rank
    score.at5.append(first is not None and first <= 5)
    score.at10.append(first is not None and first <= 10)
    score.covered.append(min(1.0, covered / length))
    score.read.append(_NEVER if first is None else min(_NEVER, read))


def measure(folder: Path, documents: dict[str, Document], chunking: Chunking) -> tuple[Score, str]:
    began = time.perf_counter()
    chunks = {doc: chunk_document(d, chunking=chunking) for doc, d in documents.items()}
    seconds = time.perf_counter() - began
    database = index(chunks)
    spans = defaultdict(list)
    for span in rows(folder / "spans.jsonl"):
        spans[span["query_id"]].append(span)
    score = Score()
    for query in rows(folder / "queries.jsonl"):
        ranked = [(doc, chunks[doc][n]) for doc, n in search(database, query)]
        for span in spans[query["_id"]]:
            judge(score, span, ranked)
            if "clause" in span:
                score.named.append(is_named(chunks[span["doc_id"]], span))
    made = [chunk for some in chunks.values() for chunk in some]
    mean = sum(estimate_tokens(chunk.text) for chunk in made) / len(made)
    size = sum(len(d.text.encode()) for d in documents.values()) / 1e6
    return score, f"{len(made):6d} {mean:6.0f} {size / seconds:6.1f}"


def is_named(chunks: list[Chunk], span: dict[str, Any]) -> bool:
    """Whether every passage with text of the labelled clause has its number in its section."""
    inside = [chunk for chunk in chunks if overlap(chunk, span)]
    return bool(inside) and all(span["clause"] in chunk.section for chunk in inside)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--targets", default="128,192,256,384,512")
    parser.add_argument("--overlaps", default="0")
    options = parser.parse_args()
    for folder in sorted(path.parent for path in options.data.glob("*/docs.jsonl")):
        documents = load(folder)
        print(f"\n{folder.name}: {len(documents)} documents")
        print(
            " target  lap chunks tokens   MB/s  rec@5 rec@10 span@4000  read: median   mean  named"
        )
        for lap in map(int, options.overlaps.split(",")):
            for name in options.targets.split(","):
                target, _, most = name.partition("/")
                chunking = Chunking(
                    target_tokens=int(target),
                    overlap_tokens=lap,
                    max_tokens=int(most) if most else None,
                )
                score, size = measure(folder, documents, chunking)
                named = f"{statistics.mean(score.named):6.3f}" if score.named else ""
                print(
                    f"{name:>7s} {lap:4d} {size} {statistics.mean(score.at5):6.3f} "
                    f"{statistics.mean(score.at10):6.3f} {statistics.mean(score.covered):9.3f} "
                    f"{statistics.median(score.read):13.0f} {statistics.mean(score.read):6.0f} "
                    f"{named}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
