"""What a store says of a passage; apart from the rest, as a search needs nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kb.model import Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stored chunk with the document it stands in."""

    chunk_id: int
    path: str
    title: str
    collection: str
    chunk: Chunk
