"""What builtin:minilm gives: its dense weight, passages a second, and re-scoring with it.

    python -m benchmarks.minilm SET... [--model builtin:static] [--queries 400] [--rescore]

Each SET is a folder that `kb eval` reads. nDCG@10 of documents for every dense weight, and which
weight the other sets would choose for each set. `--rescore`: search with the vectors of --model,
then give the first passages of each question the cosines of MiniLM. Times are processor time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb.embed import open_builtin
from kb.evaluate.documents import document_measures
from kb.evaluate.reading import read_dataset
from kb.model import Filter
from kb.pipeline.base import FOLDER, locate
from kb.pipeline.evaluate_shelf import lay_out, sample, stored_names
from kb.pipeline.ingest import ingest
from kb.search.fuse import fuse, scale_by_range
from kb.search.rank import DEPTH
from kb.store import Snapshot

WEIGHTS: Final = (0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 1.0)
POOLS: Final = (10, 20, 50)
MINILM: Final = "builtin:minilm"


@dataclass(frozen=True)
class Asked:
    """One question with what both sides of the search found, by chunk id."""

    text: str
    relevant: dict[str, int]
    lexical: dict[int, float]
    dense: dict[int, float]


@dataclass(frozen=True)
class Found:
    """All questions of a set, and of each passage its document and its text."""

    asked: list[Asked]
    documents: dict[int, str]
    texts: dict[int, str]

    def quality(self, rankings: Sequence[Sequence[int]]) -> float:
        """Mean nDCG@10, a document standing where its best passage does."""
        each = [
            document_measures(
                list(dict.fromkeys(self.documents[chunk] for chunk in ranking)), asked.relevant
            )["ndcg@10"]
            for asked, ranking in zip(self.asked, rankings, strict=True)
        ]
        return float(np.mean(each))

    def ranked(self, weight: float) -> list[list[int]]:
        """For each question its chunks, best first."""
        return [
            [each.chunk_id for each in fuse(asked.lexical, asked.dense, dense_weight=weight)]
            for asked in self.asked
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default=MINILM)
    parser.add_argument("--queries", type=int, help="so many questions of each set")
    parser.add_argument("--rescore", action="store_true")
    options = parser.parse_args()
    curves: dict[str, NDArray[np.float64]] = {}
    for folder in options.sets:
        found = search(folder, options.model, options.queries)
        curve = np.array([found.quality(found.ranked(weight)) for weight in WEIGHTS])
        curves[folder.name] = curve
        print(folder.name, *(f"{w}:{v:.4f}" for w, v in zip(WEIGHTS, curve, strict=True)))
        if options.rescore:
            rescored(found)
    if len(curves) > 1:
        left_out(curves)


def search(folder: Path, model: str, queries: int | None) -> Found:
    """Bring the set's documents in, and ask its questions."""
    dataset = read_dataset(folder)
    with tempfile.TemporaryDirectory() as named:
        home = Path(named).resolve()
        files = lay_out(dataset, home / "corpus")
        base = locate(home / FOLDER, environ={"KB_MODEL": model}, cwd=home)
        started = time.process_time()
        chunks = ingest(base, list(files.values())).chunks
        spent = time.process_time() - started
        added = chunks.added + chunks.reused
        print(f"{folder.name}: {added} passages, {added / spent:.0f} a second of processor time")
        names = stored_names(files, home)
        with base.snapshot() as snapshot, open_builtin(model) as embedder:
            found = Found([], {}, {})
            for query in sample(dataset.queries, queries):
                (outcome,) = embedder.embed_now([query.text])
                lexical = dict(snapshot.match(query.text, top_k=DEPTH, within=Filter()))
                dense = {} if outcome.vector is None else _near(snapshot, outcome.vector, lexical)
                found.asked.append(Asked(query.text, dict(query.relevant), lexical, dense))
                new = (lexical.keys() | dense.keys()) - found.documents.keys()
                for chunk, passage in snapshot.passages(list(new)).items():
                    found.documents[chunk] = names.document(passage.path) or ""
                    found.texts[chunk] = passage.chunk.with_context
    return found


def _near(
    snapshot: Snapshot, vector: NDArray[np.float32], lexical: dict[int, float]
) -> dict[int, float]:
    near = dict(snapshot.nearest(vector, top_k=DEPTH, within=Filter()))
    return near | dict(snapshot.similarities(vector, [c for c in lexical if c not in near]))


def rescored(found: Found) -> None:
    """Say what the cosines of MiniLM do to the first passages, and what they cost."""
    from kb.embed.builtin_minilm.embedder import DENSE_WEIGHT
    from kb.embed.builtin_minilm.model import load
    from kb.embed.builtin_minilm.weights import LONGEST

    model = load()

    def vector(text: str) -> NDArray[np.float32]:
        ids = model.ids(text)
        return model.vector(ids if len(ids) <= LONGEST else [*ids[: LONGEST - 1], ids[-1]])

    first = found.ranked(0.2)
    pools = [ranking[: max(POOLS)] for ranking in first]
    wanted = sorted({chunk for pool in pools for chunk in pool})
    started = time.process_time()
    known = {chunk: vector(found.texts[chunk]) for chunk in wanted}
    each = (time.process_time() - started) / max(1, len(wanted))
    print(f"  as it is: {found.quality(first):.4f}; {each * 1000:.1f} ms a passage")
    questions = [vector(asked.text) for asked in found.asked]
    for size in POOLS:
        rankings = []
        for asked, question, ranking in zip(found.asked, questions, first, strict=True):
            pool = ranking[:size]
            meaning = scale_by_range({chunk: float(known[chunk] @ question) for chunk in pool})
            words = {chunk: asked.lexical[chunk] for chunk in pool if chunk in asked.lexical}
            joined = fuse(words, meaning, dense_weight=DENSE_WEIGHT)
            rankings.append([*(each.chunk_id for each in joined), *ranking[size:]])
        cost = f"{size * each:.2f} s of processor time a question"
        print(f"  first {size} re-scored: {found.quality(rankings):.4f}, {cost}")


def left_out(curves: dict[str, NDArray[np.float64]]) -> None:
    """For each set, the weight that the others choose, and what it gives there."""
    for name, curve in curves.items():
        others = np.mean([each for other, each in curves.items() if other != name], axis=0)
        place = int(others.argmax())
        told = f"the others choose {WEIGHTS[place]}, which gives {curve[place]:.4f}"
        print(f"{name}: {told}; its own best is {curve.max():.4f} at {WEIGHTS[curve.argmax()]}")


if __name__ == "__main__":
    main()
