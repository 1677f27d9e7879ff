"""Labelled places of a set, found in the text that a knowledge base stores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb.evaluate.dataset import Entry, Label, Query
from kb.evaluate.locate import Located
from kb.evaluate.passages import Place
from kb.store import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The places of each question, by its id."""

    places: Mapping[str, Sequence[Place]]
    #: How many labelled passages there are, and how many of them the stored text does not hold.
    labels: int
    missing: int


def places_of(
    snapshot: Snapshot,
    queries: Iterable[Query],
    paths: Mapping[str, str],
    entries: Mapping[str, Entry],
) -> Placed:
    """Find every labelled place; one that is not found stays, as one that no hit can find.

    `paths` says where each document is stored, by its id; `entries` where its labels' offsets
    count.
    """
    by_document: dict[str, list[tuple[str, int, Label]]] = defaultdict(list)
    for query in queries:
        for at, label in enumerate(query.labels):
            by_document[label.document].append((query.id, at, label))
    found: dict[str, dict[int, Place]] = defaultdict(dict)
    for document, labels in by_document.items():
        shelf = _Shelf.open(snapshot, paths.get(document), entries.get(document))
        for query_id, at, label in labels:
            found[query_id][at] = shelf.place(label)
    places = {name: [some[at] for at in sorted(some)] for name, some in found.items()}
    every = [each for some in places.values() for each in some]
    return Placed(
        places=places,
        labels=sum(each.labelled for each in every),
        missing=sum(each.span is None and each.labelled for each in every),
    )


@dataclass(slots=True)
class _Shelf:
    """One document in which labels are looked for."""

    text: Located | None
    source: str | None
    paged: bool

    @classmethod
    def open(cls, snapshot: Snapshot, path: str | None, entry: Entry | None) -> _Shelf:
        stored = snapshot.document(path) if path is not None else None
        source = None if entry is None else entry.text
        if source is None and entry is not None and entry.file is not None:
            source = _decoded(entry.file)
        if stored is None:
            return cls(None, source, paged=False)
        document = stored.document
        pages = tuple((page.start, page.end) for page in document.pages) if document.paged else ()
        return cls(Located(document.text, source=source, pages=pages), source, document.paged)

    def place(self, label: Label) -> Place:
        text = label.text
        if not text and label.start is not None and self.source is not None:
            text = self.source[label.start : label.end]
        span = None
        if self.text is not None and text:
            span = self.text.find(text, start=label.start, page=label.page)
        return Place(
            document=label.document,
            span=span,
            page=label.page if self.paged else None,
            clause=label.clause,
            labelled=bool(text) or label.start is not None,
        )


def _decoded(file: Path) -> str | None:
    """Give a file's text as offsets count in it, or None where it is no UTF-8 text."""
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
