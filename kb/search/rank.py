"""Ranked passages for one question, from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kb.model import Filter, Hit
from kb.search.fuse import Scored, fuse, scale_by_best
from kb.store import Passage, Snapshot

if TYPE_CHECKING:
    from kb.model import Vector

_GREATEST_ID: Final = 2**63 - 1
#: How many candidates each side brings to the fusion, at least.
DEPTH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, in words and, where a model knows them, as a vector."""

    text: str
    vector: Vector | None
    mode: str
    top_k: int
    dense_weight: float
    within: Filter


def rank(snapshot: Snapshot, question: Question) -> list[Hit]:
    """Give up to `top_k` hits, best first."""
    scored = _score(snapshot, question)[: question.top_k]
    passages = snapshot.passages([each.chunk_id for each in scored])
    found = [each for each in scored if each.chunk_id in passages]
    return [_hit(at + 1, each, passages[each.chunk_id]) for at, each in enumerate(found)]


def _score(snapshot: Snapshot, question: Question) -> Sequence[Scored]:
    depth = max(DEPTH, question.top_k)
    lexical: dict[int, float] = {}
    if question.mode != "dense":
        lexical = dict(snapshot.match(question.text, top_k=depth, within=question.within))
    if question.vector is None or question.mode == "lexical":
        return _one_sided(lexical)
    dense = dict(snapshot.nearest(question.vector, top_k=depth, within=question.within))
    if question.mode == "dense":
        return [
            Scored(chunk_id=chunk_id, score=score, dense=score, lexical=None)
            for chunk_id, score in dense.items()
        ]
    unmeasured = [chunk_id for chunk_id in lexical if chunk_id not in dense]
    dense |= snapshot.similarities(question.vector, unmeasured)
    return fuse(lexical, dense, dense_weight=question.dense_weight)


def _one_sided(lexical: dict[int, float]) -> list[Scored]:
    return [
        Scored(chunk_id=chunk_id, score=score, dense=None, lexical=score)
        for chunk_id, score in scale_by_best(lexical).items()
    ]


def _hit(rank_: int, scored: Scored, passage: Passage) -> Hit:
    chunk = passage.chunk
    return Hit(
        rank=rank_,
        score=round(scored.score, 6),
        ref=reference(passage.chunk_id),
        path=passage.path,
        title=passage.title,
        collection=passage.collection,
        page_start=chunk.page_start,
        page_end=chunk.page_end,
        section=chunk.section,
        char_start=chunk.start,
        char_end=chunk.end,
        line_start=chunk.line_start,
        line_end=chunk.line_end,
        page_line=chunk.page_line,
        text=chunk.text,
        scores={"dense": _rounded(scored.dense), "lexical": _rounded(scored.lexical)},
    )


def reference(chunk_id: int) -> str:
    """Give the name under which `kb show` finds a passage; never used for another one.

    >>> reference(12), chunk_of("c12"), chunk_of("notes.md")
    ('c12', 12, None)
    """
    return f"c{chunk_id}"


def chunk_of(ref: str) -> int | None:
    """Give the chunk id that a reference names, or None where it is not a reference."""
    number = ref[1:]
    is_reference = ref.startswith("c") and number.isascii() and number.isdigit()
    if not is_reference or len(number) > len(str(_GREATEST_ID)):
        return None
    return int(number) if int(number) <= _GREATEST_ID else None


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 6)
