"""The JSON objects of the contract, one function for each schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kb.model import PageState

if TYPE_CHECKING:
    from kb.doctor import Check
    from kb.errors import Failure
    from kb.model import Profile
    from kb.pipeline.base import KnowledgeBase
    from kb.pipeline.catalogue import Removal
    from kb.pipeline.search import Answer
    from kb.pipeline.show import Shown
    from kb.store import DocumentRow, Generation, Passage, Summary

Object = dict[str, Any]


def error_object(failure: Failure) -> Object:
    """Give `kb.error/1`."""
    return {"schema": "kb.error/1", "error": failure.as_json()}


def init_object(base: KnowledgeBase, profile: Profile | None, *, created: bool) -> Object:
    """Give `kb.init/1`."""
    return {
        "schema": "kb.init/1",
        "home": str(base.home),
        "created": created,
        "profile": _profile(profile),
    }


def search_object(answer: Answer, *, around: bool) -> Object:
    """Give `kb.search/1`; each hit has `before` and `after` where context was asked for.

    It and each hit have `explain` where that was asked for; it has `hints` where nothing was found.
    """
    hits = []
    for hit in answer.hits:
        each = hit.as_json()
        if around:
            before, after = answer.context.get(hit.ref, ((), ()))
            each |= {"before": _passages(before), "after": _passages(after)}
        hits.append(each)
    told = {
        "schema": "kb.search/1",
        "query": answer.query,
        "mode": answer.mode,
        "profile": _profile(answer.profile),
        "hits": hits,
        "warnings": list(answer.warnings),
        "timings_ms": dict(answer.timings_ms),
    }
    if answer.hints:
        told["hints"] = list(answer.hints)
    if answer.explain is not None:
        told["explain"] = dict(answer.explain)
    return told


def show_object(shown: Shown) -> Object:
    """Give `kb.show/1`; for a passage also where it stands and what stands around it."""
    row = shown.document
    told: Object = {
        "schema": "kb.show/1",
        "path": row.path,
        "title": row.title,
        "collection": row.collection,
        "format": row.format,
        "text": shown.text,
    }
    if shown.passage is None:
        paged = row.pages is not None
        pages = [asdict(page) | {"state": page.state.value} for page in shown.pages if paged]
        return told | {"state": row.state, "sha256": row.sha256, "pages": pages}
    passage = _passage(shown.passage)
    if shown.ref:
        passage["ref"] = shown.ref
    return told | passage | {"before": _passages(shown.before), "after": _passages(shown.after)}


def list_object(rows: Sequence[DocumentRow]) -> Object:
    """Give `kb.list/1`."""
    documents = [asdict(row) | {"coverage": _states(row.coverage)} for row in rows]
    return {"schema": "kb.list/1", "documents": documents}


def status_object(summary: Summary, base: KnowledgeBase) -> Object:
    """Give `kb.status/1`."""
    return {
        "schema": "kb.status/1",
        "home": str(base.home),
        "documents": summary.documents,
        "chunks": summary.chunks,
        "vectors": summary.vectors,
        "profile": _profile(summary.profile),
        "generation": summary.generation,
        "collections": dict(summary.collections),
        "failures_by_stage": dict(summary.failures_by_stage),
        "not_searchable": [dict(entry) for entry in summary.not_searchable],
        "pages": _states(summary.coverage),
        "left_out": summary.left_out,
        "doubtful": summary.doubtful,
        "bytes": summary.bytes,
        "last_run": _mapping(summary.last_run),
        "index": dict(summary.index),
        "generations": [_generation(each) for each in summary.generations],
    }


def _states(coverage: Mapping[str, int]) -> dict[str, int]:
    """Give how many pages ended in each state, also in those that no page is in."""
    return {state.value: coverage.get(state.value, 0) for state in PageState}


def _generation(generation: Generation) -> Object:
    profile = generation.profile
    return {
        "id": generation.id,
        "state": generation.state,
        "model": profile.model if profile else None,
        "chunking": dict(generation.recipe.chunking) if generation.recipe else None,
        "chunks": generation.chunks,
        "missing": generation.missing,
        "created_at": generation.created_at,
    }


def failures_object(failures: Sequence[Failure]) -> Object:
    """Give `kb.failures/1`."""
    return {"schema": "kb.failures/1", "failures": [each.as_json() for each in failures]}


def remove_object(removal: Removal) -> Object:
    """Give `kb.remove/1`."""
    return {
        "schema": "kb.remove/1",
        "documents": removal.documents,
        "chunks": removal.chunks,
        "failures": [each.as_json() for each in removal.failures],
    }


def config_object(base: KnowledgeBase) -> Object:
    """Give `kb.config/1`; secrets are masked by the settings themselves."""
    return {
        "schema": "kb.config/1",
        "home": str(base.home),
        "exists": base.exists,
        "settings": [asdict(row) for row in base.settings.rows()],
    }


def _profile(profile: Profile | None) -> Object | None:
    return profile.as_json() if profile is not None else None


def _mapping(value: Mapping[str, Any] | None) -> Object | None:
    return dict(value) if value is not None else None


def _passages(passages: Sequence[Passage]) -> list[Object]:
    return [_passage(passage) for passage in passages]


def _passage(passage: Passage) -> Object:
    from kb.search.reference import reference

    chunk = passage.chunk
    return {
        "ref": reference(passage.chunk_id),
        "char_start": chunk.start,
        "char_end": chunk.end,
        "line_start": chunk.line_start,
        "line_end": chunk.line_end,
        "page_start": chunk.page_start,
        "page_end": chunk.page_end,
        "page_line": chunk.page_line,
        "section": list(chunk.section),
        "text": chunk.text,
    }


def doctor_object(checks: Sequence[Check]) -> Object:
    """Give `kb.doctor/1`."""
    return {
        "schema": "kb.doctor/1",
        "ok": all(check.status != "fail" for check in checks),
        "checks": [asdict(check) for check in checks],
    }
