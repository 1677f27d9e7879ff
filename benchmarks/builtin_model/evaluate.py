"""nDCG@10 of BM25, of the static model alone and of both fused, on folders in BEIR layout.

    python -m benchmarks.builtin_model.evaluate FOLDER... [--data DIR] [--weight 0.2] [--no-gate]

BM25 is SQLite FTS5 (porter unicode61; CJK runs as character bigrams; stop words dropped from the
query, words joined by OR). Fusion: (1 - w) * bm25 / best + w * cosine scaled to 0..1 over the
candidates, which are the first 100 of each side. A query that the gate refuses keeps BM25's order.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.embed.builtin.language import EnglishGate
from kb.embed.builtin.model import DENSE_WEIGHT, StaticModel, load_static_model, read_model

CANDIDATES = 100
CJK_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been but by can could did do does for from had has have how i if in
        into is it its of on or our should such that the their then there these they this those to
        was we were what when where which who whom whose why will with would you your""",
    )
)
Scores = dict[int, float]


@dataclass(frozen=True)
class Dataset:
    """Documents, queries and graded relevance of one folder."""

    name: str
    documents: list[tuple[str, str]]
    queries: list[tuple[str, str]]
    relevant: dict[str, dict[str, float]]


def read_lines(path: Path) -> list[dict[str, str]]:
    """JSON objects of a .jsonl file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read_dataset(folder: Path) -> Dataset:
    """Read the BEIR-layout set in `folder`; queries without a relevant document are left out."""
    relevant: dict[str, dict[str, float]] = {}
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as handle:
        for query, document, grade in list(csv.reader(handle, delimiter="\t"))[1:]:
            if float(grade) > 0:
                relevant.setdefault(query, {})[document] = float(grade)
    documents = [
        (d["_id"], f"{d.get('title', '')}\n{d['text']}".strip())
        for d in read_lines(folder / "corpus.jsonl")
    ]
    queries = [(q["_id"], q["text"]) for q in read_lines(folder / "queries.jsonl")]
    return Dataset(folder.name, documents, [q for q in queries if q[0] in relevant], relevant)


def with_bigrams(text: str) -> str:
    """Text with every CJK run written as its character bigrams, separated by spaces."""

    def spread(match: re.Match[str]) -> str:
        run = match[0]
        return f" {' '.join(run[i : i + 2] for i in range(max(1, len(run) - 1)))} "

    return CJK_RUN.sub(spread, text)


def bm25_index(documents: Sequence[tuple[str, str]]) -> sqlite3.Connection:
    """In-memory FTS5 index; rowid - 1 is the place in `documents`."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE d USING fts5(t, tokenize='porter unicode61')")
    rows = [(place + 1, with_bigrams(text)) for place, (_, text) in enumerate(documents)]
    database.executemany("INSERT INTO d(rowid, t) VALUES (?, ?)", rows)
    return database


def bm25_scores(database: sqlite3.Connection, query: str) -> Scores:
    """BM25 scores of the best documents, by place; empty when no word is left."""
    words = re.findall(r"\w+", with_bigrams(query).lower())
    wanted = [w for w in words if w not in STOP_WORDS] or words
    match = " OR ".join(f'"{w}"' for w in dict.fromkeys(wanted))
    if not match:
        return {}
    found = database.execute(
        "SELECT rowid - 1, -bm25(d) FROM d WHERE d MATCH ? ORDER BY bm25(d) LIMIT ?",
        (match, CANDIDATES),
    )
    return dict(found.fetchall())


def fused(lexical: Scores, cosines: NDArray[np.float32] | None, weight: float) -> Scores:
    """Weighted sum of both sides over the candidates; BM25 alone where there is no cosine."""
    if cosines is None:
        return lexical
    places = set(lexical) | set(np.argsort(-cosines, kind="stable")[:CANDIDATES].tolist())
    best = max(lexical.values(), default=1.0) or 1.0
    low, high = min(cosines[p] for p in places), max(cosines[p] for p in places)
    spread = float(high - low) or 1.0
    return {
        p: (1 - weight) * lexical.get(p, 0.0) / best + weight * float(cosines[p] - low) / spread
        for p in places
    }


def ndcg_at_10(ranked: Sequence[str], grades: dict[str, float]) -> float:
    """Graded nDCG over the first ten of `ranked`, gain 2^grade - 1."""
    gains = [2 ** grades.get(d, 0.0) - 1 for d in ranked[:10]]
    ideal = [2**g - 1 for g in sorted(grades.values(), reverse=True)[:10]]

    def discounted(values: list[float]) -> float:
        return sum(v / math.log2(rank + 2) for rank, v in enumerate(values))

    return discounted(gains) / discounted(ideal)


def measure(data: Dataset, model: StaticModel, weight: float) -> dict[str, float]:
    """Mean nDCG@10 of "bm25", "static" and "hybrid", and the share of queries `admitted`."""
    names = [name for name, _ in data.documents]
    database = bm25_index(data.documents)
    documents, _ = model.encode([text for _, text in data.documents])
    queries, known = model.encode([text for _, text in data.queries])
    totals: dict[str, list[float]] = {"bm25": [], "static": [], "hybrid": []}
    for place, (query, text) in enumerate(data.queries):
        lexical = bm25_scores(database, text)
        cosines = documents @ queries[place] if known[place] else None
        dense = {} if cosines is None else {p: float(c) for p, c in enumerate(cosines)}
        for side, scores in (
            ("bm25", lexical),
            ("static", dense),
            ("hybrid", fused(lexical, cosines, weight)),
        ):
            ranked = [names[p] for p in sorted(scores, key=lambda p: (-scores[p], p))[:10]]
            totals[side].append(ndcg_at_10(ranked, data.relevant[query]))
    return {side: float(np.mean(v)) for side, v in totals.items()} | {"admitted": known.mean()}


def without_gate(model: StaticModel) -> StaticModel:
    """Give the same model with an open gate, to show what the gate saves."""
    open_gate = EnglishGate(np.zeros(1, np.int8), 0.0, 1.0, other_script_share=2.0)
    return replace(model, gate=open_gate)


def main() -> None:
    """Print one line per folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, help="another model folder than the package's")
    parser.add_argument("--weight", type=float, default=DENSE_WEIGHT)
    parser.add_argument("--no-gate", action="store_true")
    options = parser.parse_args()
    model = read_model(options.data) if options.data else load_static_model()
    model = without_gate(model) if options.no_gate else model
    for folder in options.folders:
        got = measure(read_dataset(folder), model, options.weight)
        print(folder.name, " ".join(f"{side} {value:.4f}" for side, value in got.items()))


if __name__ == "__main__":
    main()
