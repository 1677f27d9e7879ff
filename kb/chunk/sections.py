"""Where do the sections of a document begin and end, and what are they called?

A section is what a citation names: a numbered clause, or the text below a heading. Numbered
items within a clause stay in it as its parts.
"""

from __future__ import annotations

from collections.abc import Iterator
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
        parts = _parts(tree, 0, edges[0])
        found.insert(0, Section(start=0, end=top, body=0, path=(), parts=parts))
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


#: Fewer of them are a list within a text.
_LEAST_CLAUSES: Final = 8
#: Numbers that stand below those of clauses, and may have titles on lines of their own.
_TITLED: Final = (
    "decimal.3", "decimal.4", "decimal.5", "decimal.A.2", "decimal.A.3", "decimal.A.4",
    "1.", "1、", "一、", "1)", "(1)", "A.", "I.", clauses.PLAIN,
)  # fmt: skip
#: Numbered items of fewer tokens on average are a list, not clauses of their own.
_CLAUSE_TOKENS: Final = 60


def _are_sections(tree: _Tree) -> list[bool]:
    """Say for each heading whether a section begins with it; else it is part of one."""
    known: list[bool] = []
    clauselike = _clauselike_lists(tree)
    titled = _titled_groups(tree)
    for i, entry in enumerate(tree.entries):
        parent = entry.parent
        above = parent is None or known[parent]
        if entry.candidate.level is not None or entry.marker is None:
            known.append(True)
        elif entry.marker.floating:
            is_clause = entry.rank == clauses.ARTICLE and clauselike[i]
            known.append(above and (is_clause or titled[i]))
        elif entry.rank < clauses.CLAUSE + 5:
            known.append(True)
        else:
            # 3.2.1 is a clause of its own where 3.2 is no more than a title, or it has one itself.
            own = parent is None or _is_title_only(tree, parent) or titled[i]
            known.append(above and own)
    return known


def _is_title_only(tree: _Tree, i: int) -> bool:
    return tree.entries[i].marker is None or tree.is_bare(i)


def _titled_groups(tree: _Tree) -> list[bool]:
    """Say of each heading below a clause (3.2.1, or `1.` in `A.`) whether it heads a section.

    It does where most of its group have lines of their own, with text below them.
    """
    groups: dict[tuple[int | None, str], list[int]] = {}
    for i, entry in enumerate(tree.entries):
        if entry.rank >= clauses.CLAUSE + 5 and entry.numbering in _TITLED:
            groups.setdefault((entry.parent, entry.numbering), []).append(i)
    titled = [False] * len(tree.entries)
    for members in groups.values():
        least = 0 if tree.entries[members[0]].rank < clauses.FLOATING else _CLAUSE_TOKENS
        heads = [i for i in members if _is_line_of_its_own(tree, i)]
        verdict = len(heads) * 2 > len(members) and _size(tree, members) >= least * len(members)
        for i in members:
            titled[i] = verdict
    return titled


def _is_line_of_its_own(tree: _Tree, i: int) -> bool:
    return tree.entries[i].candidate.whole and _has_title_and_text(tree, i)


def _clauselike_lists(tree: _Tree) -> list[bool]:
    """Say of each heading numbered `1.` or `一、` whether its list is one of clauses."""
    clauselike = [False] * len(tree.entries)
    for members in _lists(tree):
        titled = sum(_has_title_and_text(tree, i) for i in members)
        verdict = titled * 2 >= len(members) or _are_long(tree, members)
        verdict = verdict or _have_items(tree, members)
        for i in members:
            clauselike[i] = verdict
    return clauselike


def _lists(tree: _Tree) -> Iterator[list[int]]:
    """Give the members of each list; one that counts on from part to part is one list."""
    groups: dict[tuple[int | None, str], list[int]] = {}
    last: dict[str, list[int]] = {}
    for i, entry in enumerate(tree.entries):
        if entry.rank != clauses.ARTICLE or entry.marker is None or not entry.marker.floating:
            continue
        key = (entry.parent, entry.numbering)
        before = last.get(entry.numbering)
        if key not in groups and before is not None and _counts_on(tree.entries, before[-1], i):
            groups[key] = before
        members = groups.setdefault(key, [])
        members.append(i)
        last[entry.numbering] = members
    seen: set[int] = set()
    for members in groups.values():
        if members[0] not in seen:
            seen.add(members[0])
            yield members


def _counts_on(entries: list[Entry], before: int, i: int) -> bool:
    one, other = entries[before].marker, entries[i].marker
    return one is not None and other is not None and other.number[0] == one.number[0] + 1


def _have_items(tree: _Tree, members: list[int]) -> bool:
    """Whether many members have numbered items of their own, as those of a statute have."""
    followed = sum(i + 1 < len(tree.entries) and tree.entries[i + 1].parent == i for i in members)
    return followed * 4 >= len(members) >= _LEAST_CLAUSES


def _are_long(tree: _Tree, members: list[int]) -> bool:
    return _size(tree, members) >= _CLAUSE_TOKENS * len(members)


def _size(tree: _Tree, members: list[int]) -> int:
    return sum(estimate_tokens(tree.text[tree.start(i) : tree.ends[i]]) for i in members)


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
    return Section(
        start=tree.start(first), end=tree.start(after), body=tree.entries[heads].candidate.end,
        path=tree.paths[heads], parts=_parts(tree, heads + 1, after),
    )  # fmt: skip


def _parts(tree: _Tree, first: int, after: int) -> tuple[Part, ...]:
    """Give the items among the headings from `first` up to `after`."""
    parts: dict[int, Part] = {}
    for i in range(first, after):
        parent = tree.entries[i].parent
        parts[i] = Part(
            start=tree.start(i), end=tree.ends[i], path=tree.paths[i],
            parent=None if parent is None else parts.get(parent),
        )  # fmt: skip
    return tuple(parts.values())
