"""The nouns of `kb`: frozen values that every room speaks of and none of them owns.

Offsets are counted in characters (Unicode code points) of a document's canonical text, half
open: `text[start:end]`. Pages and lines are counted from 1. Higher scores are better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kb.model.documents import Document, Heading, Lines, Member, Page, PageState, Source
from kb.model.passages import Chunk, Filter, Hit
from kb.model.profile import Embedded, EmbedItem, Profile, text_key

if TYPE_CHECKING:
    from kb.model.arrays import Matrix, Vector
    from kb.model.report import ChunkCounts, DocumentCounts, Report, RunStatus, StageCount


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    """Give a name of `__all__` that a search has no use for, so that it need not load it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in {"Matrix", "Vector"}:
        from kb.model import arrays

        return getattr(arrays, name)
    from kb.model import report

    return getattr(report, name)


__all__ = [
    "Chunk",
    "ChunkCounts",
    "Document",
    "DocumentCounts",
    "EmbedItem",
    "Embedded",
    "Filter",
    "Heading",
    "Hit",
    "Lines",
    "Matrix",
    "Member",
    "Page",
    "PageState",
    "Profile",
    "Report",
    "RunStatus",
    "Source",
    "StageCount",
    "Vector",
    "text_key",
]
