"""Where do the sections of a document begin and end, and what are they called?

A section is what a citation names: a numbered clause, or the text below a heading. Numbered
items within a clause stay in it as its parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from kb.chunk import clauses, contents, headings, layout
from kb.chunk.outline import Entry, outline
from kb.chunk.tokens import estimate_tokens
from kb.model import Document


@dataclass(frozen=True, slots=True)
class Name:
    """One heading above a passage, and where it stands."""

    start: int
    end: int
    text: str


Path: TypeAlias = tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A numbered item within a section: `text[start:end]`, with all headings above it."""

    start: int
    end: int
    path: Path
    #: The part that holds this one.
    parent: Part | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`text[start:end]`, beginning with the headings that stand right above it."""

    start: int
    end: int
    #: Where the headings end and the text begins.
    body: int
    path: Path
    parts: tuple[Part, ...]


def sections(document: Document) -> list[Section]:
    """Give the sections of `document`, in order; together they are all of its text."""
    tree = _Tree(document)
    starts = _section_starts(tree)
    edges = [*starts, len(tree.entries)]
    found = [_section(tree, first, after) for first, after in pairwise(edges)]
    top = found[0].start if found else len(document.text)
    if document.text[:top].strip():
        found.insert(0, Section(start=0, end=top, body=0, path=(), parts=()))
    return found


class _Tree:
    """The outline with what is known of each heading by its index."""

    def __init__(self, document: Document) -> None:
        self.text = document.text
        lines = list(layout.lines(document.text))
        found = headings.candidates(document, lines)
        self.entries = outline(self.text, contents.without_contents(self.text, found))
        self.paths = _paths(self.entries)
        self.ends = _ends(self.entries, len(self.text))
        self.is_section = _are_sections(self)

    def start(self, i: int) -> int:
        return self.entries[i].candidate.start if i < len(self.entries) else len(self.text)

    def is_bare(self, i: int) -> bool:
        """Whether nothing stands between this heading and the next one."""
        candidate = self.entries[i].candidate
        after = self.text[candidate.end : self.start(i + 1)]
        return candidate.whole and not after.strip()


def _paths(entries: list[Entry]) -> list[Path]:
    paths: list[Path] = []
    for entry in entries:
        candidate = entry.candidate
        name = Name(candidate.start, candidate.end, candidate.element)
        paths.append((*(() if entry.parent is None else paths[entry.parent]), name))
    return paths


def _ends(entries: list[Entry], end: int) -> list[int]:
    ends = [end] * len(entries)
    open_: list[int] = []
    for i, entry in enumerate(entries):
        while open_ and open_[-1] != entry.parent:
            ends[open_.pop()] = entry.candidate.start
        open_.append(i)
    return ends


#: Numbered items of fewer tokens on average are a list, not clauses of their own.
_CLAUSE_TOKENS: Final = 60


def _are_sections(tree: _Tree) -> list[bool]:
    """Say for each heading whether a section begins with it; else it is part of one."""
    known: list[bool] = []
    clauselike = _clauselike_lists(tree)
    for i, entry in enumerate(tree.entries):
        parent = entry.parent
        above = parent is None or known[parent]
        if entry.candidate.level is not None or entry.marker is None:
            known.append(True)
        elif entry.marker.floating:
            known.append(above and entry.rank == clauses.ARTICLE and clauselike[i])
        elif entry.rank < clauses.CLAUSE + 5:
            known.append(True)
        else:
            # 3.2.1 is a clause of its own where 3.2 is no more than a title.
            known.append(parent is None or (known[parent] and _is_title_only(tree, parent)))
    return known


def _is_title_only(tree: _Tree, i: int) -> bool:
    return tree.entries[i].marker is None or tree.is_bare(i)


def _clauselike_lists(tree: _Tree) -> list[bool]:
    """Say of each heading numbered `1.` or `一、` whether its list is one of clauses."""
    groups: dict[tuple[int | None, str], list[int]] = {}
    for i, entry in enumerate(tree.entries):
        if entry.rank == clauses.ARTICLE and entry.marker is not None and entry.marker.floating:
            groups.setdefault((entry.parent, entry.numbering), []).append(i)
    clauselike = [False] * len(tree.entries)
    for members in groups.values():
        titled = sum(_has_title_and_text(tree, i) for i in members)
        verdict = titled * 2 >= len(members) or _are_long(tree, members)
        for i in members:
            clauselike[i] = verdict
    return clauselike


def _are_long(tree: _Tree, members: list[int]) -> bool:
    size = sum(estimate_tokens(tree.text[tree.start(i) : tree.ends[i]]) for i in members)
    return size >= _CLAUSE_TOKENS * len(members)


def _has_title_and_text(tree: _Tree, i: int) -> bool:
    candidate = tree.entries[i].candidate
    return bool(candidate.title) and bool(tree.text[candidate.end : tree.ends[i]].strip(" .\r\n"))


def _section_starts(tree: _Tree) -> list[int]:
    """Give the headings with which sections begin; a bare heading goes with what follows."""
    starts: list[int] = []
    glued = False
    for i, is_section in enumerate(tree.is_section):
        if not is_section:
            glued = False
            continue
        if not glued:
            starts.append(i)
        glued = tree.is_bare(i) and i + 1 < len(tree.entries) and _leads(tree, i, i + 1)
    return starts


def _leads(tree: _Tree, i: int, after: int) -> bool:
    """Whether a bare heading belongs to the section after it, rather than being one itself."""
    if not tree.is_section[after]:
        return False
    return tree.entries[after].parent == i or tree.entries[i].rank < clauses.ARTICLE


def _section(tree: _Tree, first: int, after: int) -> Section:
    heads = first
    while heads + 1 < after and tree.is_section[heads + 1]:
        heads += 1
    candidate = tree.entries[heads].candidate
    parts: dict[int, Part] = {}
    for i in range(heads + 1, after):
        parent = tree.entries[i].parent
        parts[i] = Part(
            start=tree.start(i), end=tree.ends[i], path=tree.paths[i],
            parent=None if parent is None else parts.get(parent),
        )  # fmt: skip
    return Section(
        start=tree.start(first), end=tree.start(after), body=candidate.end,
        path=tree.paths[heads], parts=tuple(parts.values()),
    )  # fmt: skip
