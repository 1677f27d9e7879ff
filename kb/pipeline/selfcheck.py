"""Does the new generation find the user's own passages at least as well as the one in use?

Headings and sentences of the stored documents are asked in both, as `kb search` ranks them, and by
meaning alone, which is what a new model changes; or the user's own labelled questions are, as
`kb search` ranks them. The new one is worse where the mean reciprocal rank falls by more than
`MARGIN` and by more than chance can explain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from kb.embed import Embedder
from kb.errors import EndpointError, KbError
from kb.pipeline.embedder import question_vectors
from kb.pipeline.evaluate_own import Own
from kb.pipeline.marks import compare
from kb.pipeline.questions import Asked, Span, is_answer, questions
from kb.search.rank import Question, rank
from kb.store import Snapshot, Store

if TYPE_CHECKING:
    from kb.model import Vector

#: The mean reciprocal rank among the first ten may fall by so much.
MARGIN: Final = 0.05
#: Fewer questions prove nothing.
LEAST: Final = 12
_DEPTH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way of asking: the marks of both, 0 to 1."""

    #: "hybrid", "dense" or "lexical".
    mode: str
    before: float
    after: float
    #: What chance may account for.
    noise: float
    worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """What the comparison showed."""

    questions: int
    margin: float
    rows: tuple[Row, ...]
    worse: bool
    #: Name of the set that the questions are from; empty: they are made of the documents.
    dataset: str = ""
    #: Questions of the set that were not asked, as no answer to them is stored.
    left_out: int = 0
    #: Why there is less to compare than there might be; empty where there is not.
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give it as `kb reindex --json` shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A generation, and what embeds questions for it; None where that cannot be had."""

    generation: int
    embedder: Embedder | None


def self_check(
    store: Store, before: Side, after: Side, *, mode: str, own: Own | None = None
) -> SelfCheck:
    """Ask both generations; `own` are labelled questions to ask in place of those made here.

    Raises `EndpointError` where the new one's endpoint fails.
    """
    asked = own.asked if own is not None else questions(store)
    name, left_out = (own.name, own.left_out) if own is not None else ("", 0)
    if len(asked) < LEAST:
        what = f"labelled questions in {name}" if name else "headings and sentences"
        note = f"There are only {len(asked)} {what} to ask for: too few to compare."
        return SelfCheck(
            questions=len(asked),
            margin=MARGIN,
            rows=(),
            worse=False,
            dataset=name,
            left_out=left_out,
            note=note,
        )
    note, old = "", _vectors(before, asked, forgiving=True)
    if old is None:
        note = "The former model does not answer, so its words alone were compared with."
    new = old if after.embedder is before.embedder else _vectors(after, asked)
    assert new is not None, "only the former one's silence is forgiven"
    modes = [mode, "dense"] if mode == "hybrid" else [mode]
    if old is None or own is not None:
        # By meaning there is nothing to compare with: the new one has to do better than words do.
        # And a person's own questions say what searches are for: by which means does not matter.
        modes = modes[:1]
    rows = [_row(store, (before, old), (after, new), asked, way) for way in modes]
    return SelfCheck(
        questions=len(asked),
        margin=MARGIN,
        rows=tuple(rows),
        worse=any(row.worse for row in rows),
        dataset=name,
        left_out=left_out,
        note=note,
    )


_Vectors = list["Vector | None"]


def _vectors(side: Side, asked: Sequence[Asked], *, forgiving: bool = False) -> _Vectors | None:
    """Embed the questions; None where a side that is forgiven does not answer."""
    if side.embedder is None:
        return None
    try:
        return question_vectors(side.embedder, [each.text for each in asked])
    except EndpointError:
        if not forgiving:
            raise
        return None


def _row(
    store: Store,
    before: tuple[Side, _Vectors | None],
    after: tuple[Side, _Vectors],
    asked: Sequence[Asked],
    mode: str,
) -> Row:
    import numpy as np

    marks = []
    for side, vectors in (before, after):
        with store.snapshot(generation=side.generation) as snapshot:
            each = _marks(snapshot, asked, vectors or [None] * len(asked), mode)
        marks.append(np.array(each))
    found = compare(marks[0], marks[1])
    return Row(
        mode=mode,
        before=round(float(marks[0].mean()), 4),
        after=round(float(marks[1].mean()), 4),
        noise=round(found.noise, 4),
        worse=found.clear and found.difference < -MARGIN,
    )


def _marks(snapshot: Snapshot, asked: Sequence[Asked], vectors: _Vectors, mode: str) -> list[float]:
    profile = snapshot.profile
    weight = profile.dense_weight if profile else 0.0
    return [
        _mark(snapshot, each, vector, mode, weight)
        for each, vector in zip(asked, vectors, strict=True)
    ]


def _mark(
    snapshot: Snapshot, asked: Asked, vector: Vector | None, mode: str, weight: float
) -> float:
    """Give the reciprocal rank of the first passage that answers, or 0."""
    from kb.model import Filter

    if vector is None and mode == "dense":
        return 0.0
    ranked = rank(
        snapshot,
        Question(
            text=asked.text,
            vector=vector,
            mode=mode,
            top_k=_DEPTH,
            dense_weight=weight,
            within=Filter(path=asked.within),
        ),
    )
    for hit in ranked.hits:
        span = Span(path=hit.path, start=hit.char_start, end=hit.char_end)
        if is_answer(span, asked.answers):
            return 1 / hit.rank
    return 0.0


@contextmanager
def forgiving(opened: Callable[[], Embedder]) -> Iterator[Embedder | None]:
    """Open an embedder that may be gone; gives None where it cannot be used."""
    embedder: Embedder | None = None
    with suppress(KbError):
        embedder = opened()
    try:
        yield embedder
    finally:
        if embedder is not None:
            embedder.close()
