"""Everything a knowledge base says, without times and ids, so that two can be compared."""

from __future__ import annotations

from dataclasses import replace

from kb.pipeline.base import KnowledgeBase


def dump(base: KnowledgeBase) -> dict[str, object]:
    """Give documents with text and passages, failures and counts, independent of how they came."""
    with base.snapshot() as snapshot:
        summary = snapshot.summary()
        documents = {}
        for row in snapshot.documents():
            stored = snapshot.document(row.path)
            assert stored is not None
            documents[row.path] = (
                replace(row, ingested_at=""),
                stored.document.text,
                stored.document.pages,
                _passages(snapshot, row.path),
            )
        return {
            "documents": documents,
            "failures": [
                (each.source, each.code, each.locator, each.message) for each in snapshot.failures()
            ],
            "counts": (summary.documents, summary.chunks, dict(summary.failures_by_stage)),
            "profile": snapshot.profile,
        }


def _passages(snapshot, path: str) -> list[object]:
    """Find all chunks of a document by asking for neighbours of the first one it can name."""
    from kb.model import Filter

    stored = snapshot.document(path)
    words = stored.document.text.split()[:200]
    for word in words:
        found = snapshot.match(word, top_k=1, within=Filter(path=path))
        if found:
            passages = snapshot.neighbours(found[0][0], count=100_000)
            return [passage.chunk for passage in passages]
    return []
