"""`kb show`: a passage or a document exactly as it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kb.errors import UsageError, failure
from kb.model import Page
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.search import before_and_after
from kb.search.reference import chunk_of, ends_of, reference
from kb.source import stored_path
from kb.store import DocumentRow, Passage, Snapshot, StoredDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A document, or a passage of it with its neighbours; `text` is what was asked for."""

    document: DocumentRow
    text: str
    pages: tuple[Page, ...]
    passage: Passage | None = None
    #: The name of the passage, or of the two that stand side by side.
    ref: str = ""
    before: tuple[Passage, ...] = ()
    after: tuple[Passage, ...] = ()


def show(base: KnowledgeBase, ref: str, *, around: int = 0) -> Shown:
    """Give what a hit's `ref`, or a document's path, names.

    Raises `UsageError` (`search.bad_filter`) when it names nothing.
    """
    with base.snapshot() as snapshot:
        stored = _document(base, snapshot, ref)
        if stored is not None:
            document = stored.document
            return Shown(document=stored.row, text=document.text, pages=document.pages)
        chunk_id = chunk_of(ref)
        shown = _passage(snapshot, ref, around)
        if shown is None and chunk_id is not None:
            _refuse_former(snapshot, ref, chunk_id)
    if shown is None:
        raise UsageError(
            failure("search.bad_filter", f"Nothing in this knowledge base is called {ref}.")
        )
    return shown


def _refuse_former(snapshot: Snapshot, ref: str, chunk_id: int) -> None:
    """Say so where a passage is there, and belongs to a generation that does not answer."""
    generation = snapshot.generation_of(chunk_id)
    if generation is not None:
        now, *others = snapshot.generations()
        state = next((each.state for each in others if each.id == generation), "former")
        message = (
            f"{ref} is a passage of generation {generation}, which is not in use ({state}): "
            f"generation {now.id} answers, and its passages have other names."
        )
        hint = "Search again: hits name the passages of the generation in use."
        raise UsageError(failure("search.bad_filter", message, hint=hint))


def _document(base: KnowledgeBase, snapshot: Snapshot, ref: str) -> StoredDocument | None:
    """Take a path as typed, counted from here, or as `kb list` prints it."""
    return snapshot.document(stored_path(Path(ref), root=base.root)) or snapshot.document(ref)


def _passage(snapshot: Snapshot, ref: str, around: int) -> Shown | None:
    """Show one passage, or all from the first to the last that a hit covers."""
    ends = ends_of(ref)
    if ends is None:
        return None
    passage = snapshot.joined(*ends)
    if passage is None:
        return None
    stored = snapshot.document(passage.path)
    assert stored is not None, "a passage has a document"
    before, _ = before_and_after(snapshot.neighbours(ends[0], count=around), ends[0])
    _, after = before_and_after(snapshot.neighbours(ends[1], count=around), ends[1])
    return Shown(
        document=stored.row,
        text=passage.chunk.text,
        pages=stored.document.pages,
        passage=passage,
        ref=reference(*ends),
        before=before,
        after=after,
    )
