"""Why a hit stands where it does: what words and vectors said of it, and which words matched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kb.model import Hit
from kb.search.rank import by_words
from kb.search.reference import chunk_of
from kb.search.sentences import holds, wanted
from kb.store import Snapshot

if TYPE_CHECKING:
    from kb.search.rank import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What both sides found: rank from 1 and score of each candidate, by chunk id."""

    dense: Mapping[int, tuple[int, float]]
    lexical: Mapping[int, tuple[int, float]]


def explained(
    snapshot: Snapshot, question: Question, hits: Sequence[Hit], *, silent: str, depth: int
) -> tuple[list[Hit], dict[str, Any]]:
    """Give the hits with an explanation each, and what holds for the whole question.

    `silent` is why there is no vector of the question, where that is known. The candidates are
    looked up once more, so this takes as long as the search itself.
    """
    found = _found(snapshot, question, depth)
    terms = _terms(snapshot, question)
    asked = [part for wording in _wordings(question) for part in wanted(wording)]
    told = [
        replace(hit, explain=_of_hit(snapshot, question, hit, found, terms, asked)) for hit in hits
    ]
    fused = question.mode == "hybrid" and question.vector is not None
    return told, {
        "mode": question.mode,
        "weights": {"dense": _weight(question), "lexical": round(1 - _weight(question), 6)},
        "dense": {
            "used": question.vector is not None and question.mode != "lexical",
            "candidates": len(found.dense),
            "silent": _why_silent(snapshot, question, silent),
        },
        "lexical": {"used": question.mode != "dense", "candidates": len(found.lexical)},
        "fused": fused,
        "english": question.english or None,
        "terms": terms,
    }


def _weight(question: Question) -> float:
    if question.mode == "dense":
        return 1.0
    if question.mode == "lexical" or question.vector is None:
        return 0.0
    return question.dense_weight


def _why_silent(snapshot: Snapshot, question: Question, silent: str) -> str | None:
    if question.mode == "lexical":
        return "The search was asked to go by words alone."
    if question.vector is not None:
        return None
    if silent:
        return silent
    if snapshot.profile is None:
        return "No passage has a vector yet."
    return f"The model {snapshot.profile.model} does not know the language of the question."


def _found(snapshot: Snapshot, question: Question, depth: int) -> _Found:
    lexical: Sequence[tuple[int, float]] = ()
    dense: Sequence[tuple[int, float]] = ()
    if question.mode != "dense":
        lexical = list(by_words(snapshot, question, depth).items())
    if question.mode != "lexical" and question.vector is not None:
        dense = snapshot.nearest(question.vector, top_k=depth, within=question.within)
    return _Found(dense=_ranked(dense), lexical=_ranked(lexical))


def _ranked(found: Sequence[tuple[int, float]]) -> dict[int, tuple[int, float]]:
    return {chunk_id: (at, score) for at, (chunk_id, score) in enumerate(found, 1)}


def _terms(snapshot: Snapshot, question: Question) -> list[dict[str, Any]]:
    """Give what is asked for, in how many passages it stands, and how much that makes it worth."""
    total = snapshot.size
    return [
        {
            "term": term,
            "passages": count,
            "idf": _idf(total, count),
            "typed": wording is question.text,
        }
        for wording in _wordings(question)
        for term, count in snapshot.occurrences(wording)
    ]


def _wordings(question: Question) -> list[str]:
    return [question.text, question.english] if question.english else [question.text]


def _idf(total: int, count: int) -> float | None:
    """Give the weight that BM25 as FTS5 counts it gives a word; None where it stands nowhere."""
    if not count:
        return None
    return round(max(0.0, math.log((total - count + 0.5) / (count + 0.5))), 3)


def _of_hit(
    snapshot: Snapshot,
    question: Question,
    hit: Hit,
    found: _Found,
    terms: Sequence[Mapping[str, Any]],
    asked: Sequence[tuple[str, bool]],
) -> dict[str, Any]:
    best = chunk_of(hit.passages[0])
    assert best is not None, "a passage has a reference"
    cosine = _cosine(snapshot, question, best)
    fields = _fields(hit, asked)
    matched = [
        {"term": term["term"], "idf": term["idf"], "fields": where}
        for term, where in zip(terms, fields, strict=True)
        if where
    ]
    missing = [
        term["term"]
        for term, where in zip(terms, fields, strict=True)
        if term["typed"] and not where
    ]
    dense, lexical = found.dense.get(best), found.lexical.get(best)
    return {
        "passage": hit.passages[0],
        "dense": {"cosine": cosine, "rank": dense[0] if dense else None},
        "lexical": {
            "score": round(lexical[1], 4) if lexical else None,
            "rank": lexical[0] if lexical else None,
        },
        "matched": matched,
        "missing": missing,
        "abstained": cosine is None and question.vector is not None and question.mode != "lexical",
    }


def _cosine(snapshot: Snapshot, question: Question, chunk_id: int) -> float | None:
    if question.vector is None or question.mode == "lexical":
        return None
    cosine = snapshot.similarities(question.vector, [chunk_id]).get(chunk_id)
    return None if cosine is None else round(cosine, 6)


def _fields(hit: Hit, asked: Sequence[tuple[str, bool]]) -> list[list[str]]:
    """Give for each part of the question where in a hit it stands: title, heading, text."""
    own = hit.section[-1:]
    above = " | ".join((hit.title, *hit.section[:-1]))
    told = {"text": hit.text, "heading": " | ".join(own), "title": above}
    held = {name: holds(text, asked) for name, text in told.items()}
    return [[name for name in told if held[name][at]] for at in range(len(asked))]
