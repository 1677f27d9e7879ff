"""The nouns of `kb`: frozen values that every room speaks of and none of them owns.

Offsets are counted in characters (Unicode code points) of a document's canonical text, half
open: `text[start:end]`. Pages and lines are counted from 1. Higher scores are better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kb.lazily import lazily

if TYPE_CHECKING:
    from kb.model.arrays import Matrix, Vector
    from kb.model.documents import Document, Heading, Lines, Member, Page, PageState, Source
    from kb.model.passages import Chunk, Copy, Filter, Hit, Sentence
    from kb.model.profile import USUAL_WEIGHT, Embedded, EmbedItem, Profile, text_key
    from kb.model.report import ChunkCounts, DocumentCounts, Report, RunStatus, StageCount

# To make these classes is a fifth of what starting a command costs, and none needs all of them.
_ROOMS: Final = {
    "arrays": ("Matrix", "Vector"),
    "documents": ("Document", "Heading", "Lines", "Member", "Page", "PageState", "Source"),
    "passages": ("Chunk", "Copy", "Filter", "Hit", "Sentence"),
    "profile": ("USUAL_WEIGHT", "EmbedItem", "Embedded", "Profile", "text_key"),
    "report": ("ChunkCounts", "DocumentCounts", "Report", "RunStatus", "StageCount"),
}


__getattr__ = lazily(__name__, _ROOMS)

__all__ = [
    "USUAL_WEIGHT",
    "Chunk",
    "ChunkCounts",
    "Copy",
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
    "Sentence",
    "Source",
    "StageCount",
    "Vector",
    "text_key",
]
