"""Markdown: the decoded file, exactly as it is, and the headings it declares."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.extract.canonical import keepable, one_page, sensible_title, stem
from kb.extract.plain.encoding import decode
from kb.model import Document, Heading, Source

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
#: Lines after which `---` is a rule and not the underline of a heading.
_NO_PARAGRAPH = re.compile(r"[ \t]*$| {0,3}(?:[-*+>|]|\d{1,9}[.)])(?:[ \t]|$)| {4}|\t|\|")
_FRONT = re.compile(
    r"---[ \t]*(?:\r\n|\r|\n)(.*?)(?:\r\n|\r|\n)(?:---|\.\.\.)[ \t]*(?:\r\n|\r|\n|\Z)", re.DOTALL
)
#: Hugo's front matter is TOML between other lines.
_FRONT_TOML = re.compile(
    r"\+\+\+[ \t]*(?:\r\n|\r|\n)(.*?)(?:\r\n|\r|\n)\+\+\+[ \t]*(?:\r\n|\r|\n|\Z)", re.DOTALL
)
_FRONT_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE)
#: A heading in HTML, as many a README begins with one.
_HTML_HEADING = re.compile(r" {0,3}<h([1-6])(?:[ \t][^<>]*)?>(.*)</h\1>[ \t]*$", re.IGNORECASE)
#: A longer title is left as it is, and one with so many marks in a row.
_LONGEST = 400
_MARKS = re.compile(r"[`*_~\[\]]{12,}")
#: Inline marks and what they leave standing.
_INLINE = (
    (re.compile(r"!?\[([^\]\[]*)\]\([^()\s]*(?:[ \t]+\"[^\"]*\")?\)"), r"\1"),
    (re.compile(r"!?\[([^\]\[]+)\]\[[^\]]*\]"), r"\1"),
    (re.compile(r"<(?:https?:[^>\s]*|/?[a-zA-Z][^<>]*)>"), ""),
    (re.compile(r"(?<!\\)(`+)(.+?)\1"), r"\2"),
    (re.compile(r"(?<![\\\w])(\*\*\*|\*\*|\*|___|__|_|~~)(?=\S)(.+?)(?<=\S)\1(?!\w)"), r"\2"),
    (re.compile(r"[ \t]*\{[#.][^{}]*\}$"), ""),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)


def read(data: bytes, source: Source) -> Document:
    """Give the text with its own line ends, and ATX and setext headings outside code fences.

    The title is that of the front matter, else the first heading of the highest level, else the
    file's name. Raises StageError: `extract.encoding`, `extract.corrupt` (binary data).
    """
    text, _ = decode(data)
    text = keepable(text)
    front = _FRONT.match(text) or _FRONT_TOML.match(text)
    headings = tuple(_headings(text, front.end() if front else 0))
    named = _FRONT_TITLE.search(front[1]) if front else None
    title = sensible_title(named[2]) if named else None
    if title is None and headings:
        title = sensible_title(min(headings, key=lambda heading: heading.level).title)
    return one_page(text, title=title or stem(source), kind="markdown", headings=headings)


def plain(title: str) -> str:
    """Give a heading's text without its inline marks.

    >>> plain("The **[kb](https://example.com)** `init` command")
    'The kb init command'
    """
    if len(title) > _LONGEST or _MARKS.search(title):
        # No person wrote it, and the patterns below would take long over it.
        return " ".join(title.split())
    for pattern, replacement in _INLINE:
        title = pattern.sub(replacement, title)
    return " ".join(title.split())


def _headings(text: str, start: int) -> Iterator[Heading]:
    """Give the headings of a text in order; `start` is where its front matter ends."""
    fence = ""
    paragraph: tuple[int, int] | None = None  # the line above, if an underline may follow it
    for match in _LINE.finditer(text, start):
        line = match[0].rstrip("\r\n")
        begin, end = match.start(), match.start() + len(line)
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
            continue
        above, paragraph = paragraph, None
        if mark:
            fence = mark[1]
        elif one := _one_line(line):
            yield from _heading(*one, begin, end)
        elif above and (under := _SETEXT.match(line)):
            yield from _heading(1 if under[1][0] == "=" else 2, text[slice(*above)], *above)
        elif not _NO_PARAGRAPH.match(line):
            paragraph = (begin, end)


def _one_line(line: str) -> tuple[int, str] | None:
    """Give level and title of a heading that is one line, of Markdown's own or of HTML."""
    if atx := _ATX.match(line):
        return len(atx[1]), atx[2] or ""
    html = _HTML_HEADING.match(line)
    return (int(html[1]), html[2]) if html else None


def _heading(level: int, title: str, start: int, end: int) -> Iterator[Heading]:
    if words := plain(title):
        yield Heading(level=level, title=words, start=start, end=end)
