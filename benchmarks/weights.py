"""Is the weight that is measured on a model's own passages the one that real questions want?

    python -m benchmarks.weights HOME DATASET [--noise N]

HOME is a knowledge base of the documents of DATASET, made with an endpoint that still answers
(KB_BASE_URL; file names are the documents' ids). DATASET holds `queries.jsonl` and `spans.jsonl` or
`qrels/test.tsv`. Printed is the mean reciprocal rank for each share of meaning, of the texts that
kb makes of the passages and of the set's questions, and what kb would choose. `--noise` spoils the
model: so many standard deviations of its scores are added to them by chance.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np

from kb.embed import Embedder
from kb.model import USUAL_WEIGHT, Filter, Matrix, Vector
from kb.pipeline.base import locate
from kb.pipeline.embedder import open_embedder
from kb.pipeline.observe import Silent
from kb.pipeline.questions import Span
from kb.pipeline.weigh_probes import probes
from kb.pipeline.weighing import GRID, chosen
from kb.search.fuse import fuse
from kb.search.rank import DEPTH as CANDIDATES
from kb.search.rank import Question, both
from kb.store import Snapshot

#: Questions of the set that are asked at most.
MOST = 200
DEPTH = 10


@dataclass(frozen=True)
class Asked:
    """What is embedded, what is looked for by words, and the places that answer."""

    embedded: str
    worded: tuple[str, ...]
    answers: tuple[Span, ...]


def rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def labelled(dataset: Path) -> list[Asked]:
    """Give the set's questions; a whole document answers where there are no spans."""
    texts = {row["_id"]: row["text"] for row in rows(dataset / "queries.jsonl")}
    answers: dict[str, list[Span]] = {}
    for query, span in _spans(dataset):
        answers.setdefault(query, []).append(span)
    made = [Asked(texts[key], (texts[key],), tuple(spans)) for key, spans in answers.items()]
    return random.Random(0).sample(made, min(MOST, len(made)))


def _spans(dataset: Path) -> Iterator[tuple[str, Span]]:
    if (dataset / "spans.jsonl").exists():
        for row in rows(dataset / "spans.jsonl"):
            yield row["query_id"], Span(path=row["doc_id"], start=row["start"], end=row["end"])
        return
    for line in (dataset / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        if float(score) > 0:
            yield query, Span(path=document, start=0, end=10**12)


def marks(snapshot: Snapshot, embedder: Embedder, asked: Sequence[Asked], noise: float) -> Matrix:
    """Give the reciprocal rank of each question with each share, shape (questions, shares)."""
    drawn = np.random.default_rng(0)
    found = []
    for at in range(0, len(asked), 16):
        some = asked[at : at + 16]
        vectors = embedder.embed_now([embedder.profile.query(each.embedded) for each in some])
        for each, outcome in zip(some, vectors, strict=True):
            assert outcome.vector is not None
            found.append(_marks(snapshot, each, outcome.vector, noise, drawn))
    return np.array(found, np.float32)


def _marks(
    snapshot: Snapshot, asked: Asked, vector: Vector, noise: float, drawn: np.random.Generator
) -> list[float]:
    each = []
    for worded in asked.worded:
        lexical, dense = both(
            snapshot,
            Question(
                text=worded,
                vector=vector,
                mode="hybrid",
                top_k=DEPTH,
                dense_weight=0,
                within=Filter(),
            ),
            vector,
            CANDIDATES,
        )
        spread = noise * pstdev(dense.values()) if len(dense) > 1 else 0.0
        dense = {key: score + spread * drawn.standard_normal() for key, score in dense.items()}
        each.append([_mark(snapshot, asked, lexical, dense, share) for share in GRID])
    return [fmean(column) for column in zip(*each, strict=True)]


def _mark(
    snapshot: Snapshot,
    asked: Asked,
    lexical: Mapping[int, float],
    dense: Mapping[int, float],
    share: float,
) -> float:
    order = [each.chunk_id for each in fuse(lexical, dense, dense_weight=share)[:DEPTH]]
    passages = snapshot.passages(order)
    for rank, chunk_id in enumerate(order, 1):
        chunk, document = passages[chunk_id].chunk, passages[chunk_id].path
        names = {document, Path(document).name, Path(document).stem}
        for answer in asked.answers:
            if answer.path in names and min(answer.end, chunk.end) > max(answer.start, chunk.start):
                return 1 / rank
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--noise", type=float, default=0.0)
    options = parser.parse_args()
    base = locate(options.home)
    store = base.open()
    made = [Asked(each.embedded, each.worded, (each.answer,)) for each in probes(store)]
    with (
        store.snapshot() as snapshot,
        open_embedder(base.settings, snapshot.profile, Silent()) as embedder,
    ):
        own = marks(snapshot, embedder, made, options.noise)
        real = marks(snapshot, embedder, labelled(options.dataset), options.noise)
    share = chosen(own)
    print(f"{'share':>8} {'passages':>9} {'questions':>9}")
    for at, each in enumerate(GRID):
        told = " chosen" * (each == share) + " usual" * (each == USUAL_WEIGHT)
        print(f"{each:8.1f} {own[:, at].mean():9.4f} {real[:, at].mean():9.4f}{told}")


if __name__ == "__main__":
    main()
