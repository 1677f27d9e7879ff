"""How much should the meaning of a question count beside its words? Measured on what is stored.

An endpoint's model may be good or useless for the user's documents, and one weight cannot serve
both. So when a model is new, a hundred short texts made of the stored passages are looked for with
each weight. The best one takes the place of the usual one where it is better by more than chance
can explain; the further away it is, the more it has to gain.

Measured on six labelled sets with two models, as they are and with noise in their scores (mean
reciprocal rank of real questions, `python -m benchmarks.weights`): 0.012 better than the usual
weight on the average, 0.02 to 0.1 where the model does not know the documents' language, at most
0.005 worse. What it cannot tell is how good a good model is, since words that a person would put
otherwise cannot be made of the passages themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from kb.embed import Embedder
from kb.errors import EndpointError
from kb.model import USUAL_WEIGHT, Filter, Profile
from kb.pipeline.embedder import question_vectors
from kb.pipeline.marks import compare
from kb.pipeline.observe import Observer
from kb.pipeline.questions import Span, is_answer
from kb.pipeline.weigh_probes import PASSAGES, Probe, probes
from kb.search.fuse import fuse
from kb.search.rank import DEPTH, Question, both
from kb.store import Builder, Snapshot, Store, Writer

if TYPE_CHECKING:
    from kb.model import Matrix, Vector

GRID: Final = tuple(step / 10 for step in range(11))
#: Fewer texts prove nothing.
LEAST: Final = 40
#: What a weight has to gain, in mean reciprocal rank, to lie 1 away from the usual one; the nearer
#: it is, the less, by the square.
_PULL: Final = 0.05
_DEPTH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The weight that was found, how many texts found it, and the mean reciprocal rank of each."""

    dense_weight: float
    questions: int
    marks: tuple[float, ...]


def weigh_new(store: Store, writer: Writer, embedder: Embedder, observer: Observer) -> Profile:
    """Measure the weight in the generation in use, unless that was done; gives its profile."""
    with store.snapshot() as snapshot:
        profile, generation = snapshot.profile, snapshot.generation
    if profile is None or profile.weighed:
        return profile or embedder.profile
    set_weight(store, writer, generation, embedder, observer)
    with store.snapshot() as snapshot:
        return snapshot.profile or embedder.profile


def set_weight(
    store: Store,
    keeper: Writer | Builder,
    generation: int,
    embedder: Embedder,
    observer: Observer,
) -> None:
    """Measure the weight of an endpoint's model in a generation, and keep it; never fails.

    Where there is too little to measure it with, or the endpoint goes away meanwhile, the usual
    weight stays, and the next ingest tries again.
    """
    if embedder.profile.provider == "builtin":
        return  # its weight was measured with it
    with store.snapshot() as snapshot:
        chunks = {each.id: each.chunks for each in snapshot.generations()}
    if chunks.get(generation, 0) < PASSAGES:
        return
    observer.say("Measuring how much meaning is to count beside words.")
    try:
        found = weigh(store, generation, embedder)
    except EndpointError as error:
        observer.say(
            "How much meaning counts beside words could not be measured, as the endpoint failed: "
            f"{error.failure.message} The next ingest tries again."
        )
        return
    if found is None:
        return
    keeper.weigh(found.dense_weight, questions=found.questions)
    observer.say(sentence(found))


def sentence(found: Weighed) -> str:
    """Say what was measured.

    >>> sentence(Weighed(dense_weight=0.5, questions=90, marks=()))
    'Meaning counts 50 % beside words, as is usual: 90 texts of your own show nothing better.'
    """
    share = f"Meaning counts {found.dense_weight:.0%} beside words".replace("%", " %")
    if found.dense_weight == USUAL_WEIGHT:
        return f"{share}, as is usual: {found.questions} texts of your own show nothing better."
    return f"{share}: {found.questions} texts of your own are found best so."


def weigh(store: Store, generation: int, embedder: Embedder) -> Weighed | None:
    """Measure the weight in a generation; None where there is too little to measure it with.

    Embeds a hundred short texts at most. Raises `EndpointError`.
    """
    made = probes(store)
    if len(made) < LEAST:
        return None
    pairs = zip(made, question_vectors(embedder, [each.embedded for each in made]), strict=True)
    asked = [(probe, vector) for probe, vector in pairs if vector is not None]
    if len(asked) < LEAST:
        return None
    import numpy as np

    with store.snapshot(generation=generation) as snapshot:
        marks = np.array([_marks(snapshot, *each) for each in asked], dtype=np.float32)
    return Weighed(
        dense_weight=chosen(marks),
        questions=len(asked),
        marks=tuple(round(float(each), 4) for each in marks.mean(axis=0)),
    )


def chosen(marks: Matrix) -> float:
    """Choose from the reciprocal ranks of some texts (rows) with each weight of `GRID` (columns).

    The usual weight is left only for one that is better by more than chance explains.
    """
    import numpy as np

    usual = GRID.index(USUAL_WEIGHT)
    pull = _PULL * (np.array(GRID) - USUAL_WEIGHT) ** 2
    best = int((marks.mean(axis=0) - pull).argmax())
    found = compare(marks[:, usual], marks[:, best])
    return GRID[best] if found.clear and found.difference > 0 else USUAL_WEIGHT


def _marks(snapshot: Snapshot, probe: Probe, vector: Vector) -> list[float]:
    """Give the mean reciprocal rank of the passage that answers a probe, for each weight."""
    sums = [0.0] * len(GRID)
    for worded in probe.worded:
        question = Question(
            text=worded, vector=vector, mode="hybrid", top_k=_DEPTH, dense_weight=0, within=Filter()
        )
        lexical, dense = both(snapshot, question, vector, DEPTH)
        orders = [
            [each.chunk_id for each in fuse(lexical, dense, dense_weight=weight)[:_DEPTH]]
            for weight in GRID
        ]
        right = _right(snapshot, set(chain.from_iterable(orders)), probe)
        for at, order in enumerate(orders):
            rank = next((n for n, chunk_id in enumerate(order, 1) if chunk_id in right), None)
            sums[at] += 1 / rank if rank else 0.0
    return [each / len(probe.worded) for each in sums]


def _right(snapshot: Snapshot, chunk_ids: set[int], probe: Probe) -> set[int]:
    passages = snapshot.passages(sorted(chunk_ids))
    return {
        chunk_id
        for chunk_id, passage in passages.items()
        if is_answer(
            Span(path=passage.path, start=passage.chunk.start, end=passage.chunk.end),
            [probe.answer],
        )
    }
