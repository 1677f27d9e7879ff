"""What a knowledge base must say, kept in dictionaries, and the drafts that are put into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kb.errors import Failure, failure
from kb.model import Chunk, Document, Page, Profile, text_key
from kb.store import ChunkDraft, DocumentDraft, Recipe
from tests.store.builders import source, vector_of

PATHS = ("a.md", "b/c.md", "d.txt", "e.md")
WORDS = ("cedar", "fjord", "garnet", "walnut", "保修", "ünder")
#: A text with this word gets no vector, since the endpoint refuses it.
REFUSED = "garnet"
PROFILES = tuple(
    Profile(
        provider="endpoint",
        model=f"toy{number}",
        dimensions=dimensions,
        query_template="query: {text}",
        passage_template="passage: {text}",
    )
    for number, dimensions in enumerate((16, 12, 16))
)


def vector(profile: Profile, text: str) -> np.ndarray:
    return vector_of(f"{profile.model} {text}", profile.dimensions)


def recipe(width: int) -> Recipe:
    return Recipe(chunking={"target_tokens": width, "overlap_tokens": 0}, settings={})


@dataclass(frozen=True)
class Entry:
    """A stored document: its paragraphs and where it is filed."""

    path: str
    paragraphs: tuple[str, ...]
    collection: str
    version: int

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs)

    def chunks(self, width: int) -> list[Chunk]:
        """Passages of `width` paragraphs each; paragraphs are one line long."""
        made, at = [], 0
        for first in range(0, len(self.paragraphs), width):
            text = "\n\n".join(self.paragraphs[first : first + width])
            line = 1 + 2 * first
            made.append(
                Chunk(
                    ordinal=len(made), start=at, end=at + len(text), text=text, section=(),
                    context="", page_start=None, page_end=None, line_start=line,
                    line_end=line + text.count("\n"), page_line=None,
                )
            )  # fmt: skip
            at += len(text) + 2
        return made

    def refusals(self, width: int) -> list[Failure]:
        return [
            failure("embed.bad_request", source=self.path, locator=f"chunk {chunk.ordinal + 1}")
            for chunk in self.chunks(width)
            if REFUSED in chunk.text
        ]

    def draft(self, profile: Profile, width: int) -> DocumentDraft:
        chunks = [
            ChunkDraft(
                chunk=chunk,
                key=None if REFUSED in chunk.text else text_key(profile.passage(chunk.text)),
            )
            for chunk in self.chunks(width)
        ]
        page = Page(number=1, start=0, end=len(self.text))
        document = Document(
            title=self.path.rpartition("/")[2], format="text", text=self.text, pages=(page,),
            paged=False,
        )  # fmt: skip
        return DocumentDraft(
            source=source(self.path, size=len(self.text.encode()), mtime_ns=self.version),
            sha256=text_key(self.text).hex(),
            collection=self.collection,
            document=document,
            chunks=chunks,
            failures=self.refusals(width),
        )


@dataclass(frozen=True)
class Made:
    """A generation: its profile, how many paragraphs a passage has, and whom it holds."""

    profile: Profile
    width: int
    #: The version of each document that it holds; of the one in use, all of them.
    holds: frozenset[tuple[str, int]] = frozenset()

    def with_(self, *entries: Entry) -> Made:
        held = self.holds | {(entry.path, entry.version) for entry in entries}
        return replace(self, holds=held)


@dataclass(frozen=True)
class Known:
    """A source: the state of the last attempt, and what stands in the ledger."""

    state: str
    mtime_ns: int
    sha256: str
    codes: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True)
class Model:
    """All that is visible; every change gives another one."""

    current: Made
    former: Made | None = None
    building: Made | None = None
    documents: dict[str, Entry] = field(default_factory=dict)
    sources: dict[str, Known] = field(default_factory=dict)

    def put(self, entry: Entry) -> Model:
        codes = tuple((each.code, each.locator) for each in entry.refusals(self.current.width))
        known = Known("indexed", entry.version, text_key(entry.text).hex(), codes)
        return replace(
            self,
            documents=self.documents | {entry.path: entry},
            sources=self.sources | {entry.path: known},
        )

    def fail(self, path: str, mtime_ns: int, code: str) -> Model:
        state = "stale" if path in self.documents else "failed"
        # The former version still answers, so what is wrong with its passages still holds.
        before = self.sources[path].codes if path in self.sources else ()
        passages = tuple(each for each in before if each[1] is not None)
        known = Known(state, mtime_ns, "new", (*passages, (code, None)))
        return replace(self, sources=self.sources | {path: known})

    def touch(self, path: str, mtime_ns: int) -> Model:
        if path not in self.sources:
            return self
        known = replace(self.sources[path], mtime_ns=mtime_ns)
        return replace(self, sources=self.sources | {path: known})

    def remove(self, paths: Sequence[str]) -> Model:
        return replace(
            self,
            documents={p: e for p, e in self.documents.items() if p not in paths},
            sources={p: k for p, k in self.sources.items() if p not in paths},
        )

    def missing(self, made: Made) -> set[str]:
        return {p for p, e in self.documents.items() if (p, e.version) not in made.holds}

    def switched(self, made: Made, *, keep: bool) -> Model:
        """Put `made` in use; what the ledger says of passages is about it from now on."""
        old = self.current.with_(*self.documents.values())
        sources = {}
        for path, known in self.sources.items():
            codes = tuple(each for each in known.codes if each[1] is None)
            if path in self.documents:
                refusals = self.documents[path].refusals(made.width)
                codes += tuple((each.code, each.locator) for each in refusals)
            sources[path] = replace(known, codes=codes)
        building = None if made is self.building else self.building
        return replace(
            self, current=made, former=old if keep else None, building=building, sources=sources
        )

    @property
    def passages(self) -> dict[tuple[str, int], Chunk]:
        """Every visible passage by its path and place."""
        return {
            (path, chunk.ordinal): chunk
            for path, entry in self.documents.items()
            for chunk in entry.chunks(self.current.width)
        }
