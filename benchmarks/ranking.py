"""`python -m benchmarks.ranking --data FOLDER [SET ...]`: how well passages are ranked.

Each set is a folder with queries.jsonl and qrels/test.tsv and either corpus.jsonl or docs.jsonl
with files and spans.jsonl. It is brought in as `kb ingest` does, and asked as `kb search` asks.
The figure is nDCG@10 of documents, or, where passages are labelled, the share of labelled passages
among the first ten (R). Parameters are chosen for each set by what is best on average on all the
others; a set's own column "chosen" shows what that choice gives it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from kb.embed.builtin import DENSE_WEIGHT, load_static_model
from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.search.fuse import fuse
from kb.search.naming import share_of_meaning, without_names
from kb.store import Passage, Snapshot
from kb.store.local import evidence
from kb.store.local.terms import match_expression

OWNS: Final = (0.0, 0.1, 0.2, 0.4, 1.0)
SHARES: Final = (0.0, 0.4, 0.7, 1.0)
WEIGHTS: Final = (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
DEPTH: Final = 200
_PLAIN: Final = """SELECT rowid, -bm25(words, 1.0, 2.0, 1.0) AS score FROM words
    WHERE words MATCH ? ORDER BY score DESC, rowid LIMIT ?"""


@dataclass(slots=True)
class Asked:
    """A question, what is right, and what each side found: scores by chunk id."""

    text: str
    relevant: dict[str, float]
    spans: list[tuple[str, int, int]]
    plain: dict[int, float] = field(default_factory=dict)
    #: Of the question as it is, and without names of documents, as a hybrid search asks it.
    static: dict[int, float] = field(default_factory=dict)
    dense: dict[int, float] = field(default_factory=dict)
    #: What its meaning counts, of what the profile says.
    share: float = 1.0
    #: By (own, share).
    lexical: dict[tuple[float, float], dict[int, float]] = field(default_factory=dict)


@dataclass(slots=True)
class Measured:
    """A set: its questions and passages, and the figure of each question by method."""

    name: str
    asked: list[Asked]
    passages: Mapping[int, Passage]

    def figures(self, ranked: Sequence[Sequence[int]]) -> list[float]:
        """Give the figure of each question, whose passages are given best first."""
        return [self._of(asked, ids) for asked, ids in zip(self.asked, ranked, strict=True)]

    def _of(self, asked: Asked, ids: Sequence[int]) -> float:
        found = [self.passages[each] for each in ids]
        if asked.spans:
            return statistics.mean(
                any(
                    Path(hit.path).name == name and hit.chunk.start < end and start < hit.chunk.end
                    for hit in found[:10]
                )
                for name, start, end in asked.spans
            )
        names = list(dict.fromkeys(Path(hit.path).name for hit in found))[:10]
        best = sorted(asked.relevant.values(), reverse=True)[:10]
        return _gain([asked.relevant.get(name, 0.0) for name in names]) / _gain(best)


def _gain(values: Sequence[float]) -> float:
    return sum(value / math.log2(at + 2) for at, value in enumerate(values))


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def write_documents(source: Path, folder: Path) -> dict[str, str]:
    """Put the documents into `folder`; gives the file name of each id."""
    names: dict[str, str] = {}
    listed = source / "docs.jsonl"
    for row in rows(listed if listed.exists() else source / "corpus.jsonl"):
        if "file" in row:
            file = source / row["file"]
            names[row["id"]] = file.name
            shutil.copy(file, folder / file.name)
        else:
            names[row["_id"]] = f"{row['_id'].replace('/', '_')}.md"
            title = f"# {row['title']}\n\n" if row.get("title") else ""
            (folder / names[row["_id"]]).write_text(title + row["text"], encoding="utf-8")
    return names


def questions(source: Path, names: Mapping[str, str], most: int) -> list[Asked]:
    relevant: dict[str, dict[str, float]] = defaultdict(dict)
    for line in (source / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        relevant[query][names[document]] = float(score)
    spans: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    if (source / "docs.jsonl").exists() and (source / "spans.jsonl").exists():
        for row in rows(source / "spans.jsonl"):
            spans[row["query_id"]].append((names[row["doc_id"]], row["start"], row["end"]))
    found = [row for row in rows(source / "queries.jsonl") if relevant[row["_id"]]]
    step = max(1, -(-len(found) // most))
    return [
        Asked(text=row["text"], relevant=relevant[row["_id"]], spans=spans[row["_id"]])
        for row in found[::step]
    ]


def measure(source: Path, most: int) -> Measured:
    """Bring a set in and ask all its questions in all ways."""
    with tempfile.TemporaryDirectory(prefix="kb-ranking-") as name:
        folder = Path(name)
        (folder / "documents").mkdir()
        asked = questions(source, write_documents(source, folder / "documents"), most)
        base = locate(environ={"KB_OCR": "off"}, cwd=folder)
        ingest(base, [folder / "documents"])
        with base.snapshot() as snapshot:
            ids: set[int] = set()
            for each in asked:
                ids |= _ask(snapshot, each)
            return Measured(source.name, asked, snapshot.passages(sorted(ids)))


def _ask(snapshot: Snapshot, asked: Asked) -> set[int]:
    database = snapshot._database  # type: ignore[attr-defined]  # noqa: SLF001 - FTS5 by itself
    expression = match_expression(asked.text)
    asked.plain = dict(database.all(_PLAIN, expression, DEPTH)) if expression else {}
    kept = evidence.OWN, evidence.SHARE
    for own, share in itertools.product(OWNS, SHARES):
        evidence.OWN, evidence.SHARE = own, share  # type: ignore[misc]
        asked.lexical[own, share] = dict(snapshot.match(asked.text, top_k=DEPTH))
    evidence.OWN, evidence.SHARE = kept  # type: ignore[misc]
    ids = set(asked.plain).union(*asked.lexical.values())
    named = without_names(asked.text, partial(evidence.naming, database, table="words"))
    asked.share = share_of_meaning(asked.text, named)
    asked.static, asked.dense = (_near(snapshot, text, ids) for text in (asked.text, named))
    return ids.union(asked.static, asked.dense)


def _near(snapshot: Snapshot, text: str, ids: set[int]) -> dict[int, float]:
    """Give the cosines of the nearest passages and of these, or nothing for another language."""
    vectors, known = load_static_model().encode([text])
    if not known[0]:
        return {}
    nearest = dict(snapshot.nearest(vectors[0], top_k=DEPTH))
    return nearest | dict(snapshot.similarities(vectors[0], sorted(ids - set(nearest))))


def hybrid(measured: Measured, own: float, share: float, weight: float) -> list[float]:
    """Give the figure of each question with these parameters."""
    ranked = []
    for asked in measured.asked:
        words = asked.lexical[own, share]
        near = sorted(asked.dense.items(), key=lambda scored: (-scored[1], scored[0]))
        dense = {at: score for n, (at, score) in enumerate(near) if n < DEPTH or at in words}
        joined = fuse(words, dense, dense_weight=weight * asked.share if dense else 0.0)
        ranked.append([each.chunk_id for each in joined])
    return measured.figures(ranked)


def alone(scores: Mapping[int, float]) -> list[int]:
    return sorted(scores, key=lambda at: (-scores[at], at))


def doubt(one: Sequence[float], other: Sequence[float]) -> float:
    """Give how often chance makes so great a difference: signs flipped 10,000 times."""
    differences = np.subtract(one, other)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (10_000, len(differences)))
    return float(np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--queries", type=int, default=200, help="of each set, at most")
    parser.add_argument("sets", nargs="*", help="their names; all, where none is named")
    options = parser.parse_args()
    found = sorted(path.parent for path in options.data.glob("*/queries.jsonl"))
    sets = [
        measure(path, options.queries)
        for path in found
        if path.name in options.sets or not options.sets
    ]
    grid = list(itertools.product(OWNS, SHARES, WEIGHTS))
    every = {each.name: {how: hybrid(each, *how) for how in grid} for each in sets}
    default = evidence.OWN, evidence.SHARE, DENSE_WEIGHT
    print(f"{'set':16} {'n':>4} {'BM25':>6} {'static':>6} {'words':>6} {'hybrid':>6} "
          f"{'p':>6} {'chosen':>6}  own, share, weight chosen on the others")  # fmt: skip
    for each in sets:
        show(each, every, default)


def show(each: Measured, every: Mapping[str, Any], default: tuple[float, float, float]) -> None:
    """Print the row of one set."""
    plain = each.figures([alone(asked.plain) for asked in each.asked])
    static = each.figures([alone(asked.static)[:DEPTH] for asked in each.asked])
    words = each.figures([alone(asked.lexical[default[:2]]) for asked in each.asked])
    ours = hybrid(each, *default)
    best = plain if statistics.mean(plain) >= statistics.mean(static) else static
    others = [name for name in every if name != each.name]
    chosen = max(
        every[each.name],
        key=lambda how: sum(statistics.mean(every[name][how]) for name in others),
    )
    figures = (plain, static, words, ours)
    print(
        f"{each.name[:14] + ' R' * bool(each.asked[0].spans):16} {len(ours):4} "
        + " ".join(f"{statistics.mean(each_):6.3f}" for each_ in figures)
        + f" {doubt(ours, best):6.3f} {statistics.mean(every[each.name][chosen]):6.3f}  {chosen}",
        flush=True,
    )


if __name__ == "__main__":
    main()
