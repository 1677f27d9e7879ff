"""reStructuredText: each line where it stands in the file, with the markup taken out of it.

docutils, the library for this, gives a tree without the lines of the file, which citations need;
it answers each directive or role of Sphinx that it does not know with an error in the text, and a
manual of a megabyte takes it the better part of a minute. So the lines are kept and their markup
is read here: titles, directives, comments, targets, tables and inline marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from unicodedata import east_asian_width

from kb.extract.canonical import keepable, one_page, sensible_title, stem
from kb.extract.plain.encoding import decode
from kb.extract.plain.rst_marks import inline
from kb.extract.rows import row
from kb.model import Document, Heading, Source

_ADORNMENT: Final = re.compile(r"([!-/:-@\[-`{-~])\1*[ \t]*$")
_EXPLICIT: Final = re.compile(r"([ \t]*)\.\.(?:[ \t]+|$)")
_DIRECTIVE: Final = re.compile(
    r"(?:\|([^|]+)\|[ \t]+)?([A-Za-z][\w:.+-]*?)[ \t]?::(?:[ \t]+|$)(.*)"
)
_TARGET: Final = re.compile(r"_[^:]*:|_`[^`]*`:|__(?:[ \t]|$|:)")
_REPLACED: Final = re.compile(
    r"^[ \t]*\.\.[ \t]+\|([^|\n]+)\|[ \t]+replace::[ \t]*(.*)$", re.MULTILINE
)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_NOTE: Final = re.compile(r"(\[[^\]]+\])[ \t]+(.*)")
_OPTION: Final = re.compile(r"[ \t]*:([\w-]+):(?:[ \t]+(.*))?$")
_SIMPLE: Final = re.compile(r"[ \t]*=+(?:[ \t]+=+)+[ \t]*$")
_GRID: Final = re.compile(r"[ \t]*\+(?:[-=]+\+)+[ \t]*$")
_UNDER: Final = re.compile(r"[ \t]*-+(?:[ \t]+-+)*[ \t]*$")
#: Directives whose text is shown as it is, not read as markup.
_LITERAL: Final = frozenset(
    {
        *("code", "code-block", "sourcecode", "parsed-literal", "math", "prompt", "productionlist"),
        *("ipython", "doctest", "testcode", "testoutput", "graphviz", "mermaid", "uml", "console"),
    }
)
#: Directives that put nothing of their own on the page, or nothing but links.
_NOTHING: Final = frozenset(
    {
        *("toctree", "contents", "sectnum", "raw", "include", "literalinclude", "index", "meta"),
        *("role", "default-role", "highlight", "currentmodule", "module", "py:currentmodule"),
        *("automodule", "autoclass", "autofunction", "tabularcolumns", "testsetup", "image"),
        *("header", "footer", "unicode", "date", "target-notes", "autosummary", "sidebar-toc"),
    }
)
#: Directives that show their own name above their text.
_NAMED: Final = frozenset(
    {
        *("attention", "caution", "danger", "error", "hint", "important", "note", "tip"),
        *("warning", "seealso", "todo", "versionadded", "versionchanged", "deprecated"),
    }
)
_PICTURES: Final = frozenset(("image", "figure"))


def read(data: bytes, source: Source) -> Document:
    """Give the text line by line as in the file; section titles are its headings.

    Comments, targets and options of directives leave empty lines behind. The title is the first
    heading of the highest level, else the file's name. Raises StageError: `extract.encoding`,
    `extract.corrupt` (binary data).
    """
    text, _ = decode(data)
    lines = _LINE_END.split(keepable(text).expandtabs(8))
    page = _Page(lines if lines[-1] else lines[:-1])
    page.words = {found[1]: inline(found[2], {}) for found in _REPLACED.finditer(text)}
    page.read()
    written, headings = _headed(page)
    first = min(headings, key=lambda each: each.level).title if headings else None
    title = sensible_title(first) or stem(source)
    return one_page(written, title=title, kind="rst", headings=tuple(headings))


def _headed(page: _Page) -> tuple[str, list[Heading]]:
    starts: list[int] = []
    length = 0
    for line in page.out:
        starts.append(length)
        length += len(line) + 1
    headings = []
    for number, level in page.titles:
        line = page.out[number]
        start = starts[number] + len(line) - len(line.lstrip())
        if title := " ".join(line.split()):
            headings.append(
                Heading(level=min(level, 9), title=title, start=start, end=start + len(title))
            )
    return "".join(line + "\n" for line in page.out), headings


@dataclass(slots=True)
class _Page:
    """Reads lines one after the other; `out` has as many as came in."""

    lines: list[str]
    out: list[str] = field(default_factory=list)
    #: Line and level of each title.
    titles: list[tuple[int, int]] = field(default_factory=list)
    styles: list[tuple[str, bool]] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    #: Lines of a paragraph whose inline marks are still to be read.
    held: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Read all lines."""
        while (at := len(self.out) + len(self.held)) < len(self.lines):
            line = self.lines[at]
            if not line.strip():
                self._end(literal=self._ends_literal())
                if len(self.out) == at:
                    self._put("")
            elif self.held and _EXPLICIT.match(line):
                self._end(literal=False)
            elif self.held or not (self._title(at) or self._explicit(at) or self._table(at)):
                self.held.append(line)
        self._end(literal=False)

    def _put(self, *lines: str) -> None:
        self.out += [line.rstrip() for line in lines]

    def _ends_literal(self) -> bool:
        return bool(self.held) and self.held[-1].rstrip().endswith("::")

    def _end(self, *, literal: bool) -> None:
        """End the paragraph; what is indented below one that ends in `::` stays as it is."""
        if not self.held:
            return
        indent = _indent(self.held[-1])
        if literal:
            words = self.held[-1].rstrip()[:-2]
            self.held[-1] = f"{words}:" if words[-1:].strip() else words
        self._put(*inline("\n".join(self.held), self.words).split("\n"))
        self.held = []
        if literal:
            self._verbatim(len(self.out), indent)

    def _verbatim(self, at: int, indent: int) -> None:
        """Keep the lines that stand further in than `indent`, without a change."""
        end = self._below(at, indent)
        self._put(*self.lines[at:end])

    def _below(self, at: int, indent: int) -> int:
        """Give where the lines end that are blank or stand further in than `indent`."""
        end = at
        while at < len(self.lines):
            if self.lines[at].strip():
                if _indent(self.lines[at]) <= indent:
                    break
                end = at + 1
            at += 1
        return end

    def _title(self, at: int) -> bool:
        """Take two or three lines for a title, or a line of signs alone for a rule."""
        line = self.lines[at].rstrip()
        mark = _ADORNMENT.match(line)
        below = [each.rstrip() for each in self.lines[at + 1 : at + 3]] + ["", ""]
        if mark and below[0].strip() and below[1] == line and len(line) >= 2:
            self._head(at + 1, (mark[1], True), before=1)
        elif (
            not mark
            and line[:1] != " "
            and (under := _ADORNMENT.match(below[0]))
            and len(below[0]) >= min(_width(line), 4)
        ):
            self._head(at, (under[1], False), before=0)
        elif mark and len(line) >= 4 and not below[0].strip():
            self._put("")
        else:
            return False
        return True

    def _head(self, at: int, style: tuple[str, bool], *, before: int) -> None:
        if style not in self.styles:
            self.styles.append(style)
        self.titles.append((at, self.styles.index(style) + 1))
        self._put(*[""] * before, inline(self.lines[at].strip(), self.words), "")

    def _explicit(self, at: int) -> bool:
        """Read what begins with two points: a directive, a footnote, a target, a comment."""
        mark = _EXPLICIT.match(self.lines[at])
        if mark is None:
            return False
        rest, indent = self.lines[at][mark.end() :], len(mark[1])
        if found := _DIRECTIVE.match(rest):
            self._directive(at, indent, found)
        elif _TARGET.match(rest):
            self._put(*[""] * (self._below(at + 1, indent) - at))
        elif note := _NOTE.match(rest):
            self.held.append(f"{mark[1]}{note[1]} {note[2]}")
        else:
            self._put(*[""] * (self._below(at + 1, indent) - at))
        return True

    def _directive(self, at: int, indent: int, found: re.Match[str]) -> None:
        substitution, name, words = found[1], found[2].lower(), found[3].strip()
        end = self._below(at + 1, indent)
        first = at + 1
        options: dict[str, str] = {}
        while first < end and (option := _OPTION.match(self.lines[first])):
            options[option[1]] = option[2] or ""
            first += 1
        if substitution is not None:
            self._put(*[""] * (end - at))
            return
        self._put(self._said(name, words, options, " " * indent), *[""] * (first - at - 1))
        if name in _LITERAL:
            self._verbatim(first, indent)
        elif name in _NOTHING:
            self._put(*[""] * (end - first))

    def _said(self, name: str, words: str, options: dict[str, str], indent: str) -> str:
        """Give what a directive shows in its own line."""
        if name in _PICTURES:
            words = f"[{options['alt']}]" if options.get("alt") else ""
        elif name in _NOTHING or name in _LITERAL:
            words = options.get("caption", words if name in {"math", "prompt"} else "")
        elif name in _NAMED:
            title = {"seealso": "See also", "versionadded": "Added in version"}.get(
                name, {"versionchanged": "Changed in version"}.get(name, name.capitalize())
            )
            words = f"{title} {words}" if name.startswith("version") else f"{title}: {words}"
        return f"{indent}{inline(words, self.words)}".rstrip() if words else ""

    def _table(self, at: int) -> bool:
        line = self.lines[at]
        if _GRID.match(line):
            end = at
            while end < len(self.lines) and self.lines[end].strip()[:1] in {"+", "|"}:
                end += 1
            for each in self.lines[at:end]:
                cells = each.strip().strip("|").split("|")
                border = each.strip().startswith("+")
                self._put("" if border else row([inline(cell, self.words) for cell in cells]))
            return True
        if _SIMPLE.match(line):
            self._simple(at)
            return True
        return False

    def _simple(self, at: int) -> None:
        """Read a table whose columns are set out by lines of equals signs, up to its last one."""
        border = self.lines[at]
        columns = [match.span() for match in re.finditer("=+", border)]
        borders = list(_borders(self.lines, at))
        end = borders[-1]
        for number in range(at, end + 1):
            line = self.lines[number]
            if number in borders or _UNDER.match(line) or not line.strip():
                self._put("")
                continue
            ends = [start for start, _ in columns[1:]] + [len(line)]
            spans = zip(columns, ends, strict=True)
            cells = [line[start:stop].strip() for (start, _), stop in spans]
            self._put(row([inline(cell, self.words) for cell in cells]))


def _borders(lines: list[str], at: int) -> Iterator[int]:
    """Give the lines that border a simple table: two, or three where it has a header."""
    yield at
    found = 1
    for number in range(at + 1, len(lines)):
        if _SIMPLE.match(lines[number]):
            yield number
            found += 1
            blank = number + 1 >= len(lines) or not lines[number + 1].strip()
            if found == 3 or blank:
                return
        elif lines[number].strip() and _indent(lines[number]) < _indent(lines[at]):
            return


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _width(line: str) -> int:
    """Give how many columns a line takes: two for each wide letter."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in line)
