"""Web pages: the text that people came to read, block by block."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from kb.errors import StageError, failure
from kb.extract.canonical import Composer, keepable, sensible_title, stem
from kb.extract.plain.encoding import decode_as
from kb.extract.web.main_content import main_content
from kb.model import Document, Source

_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})"""
    rb"""|<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})""",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4096
#: Stands for `br` among the words, which may hold any white space but this.
_BREAK = "\x1e"
_BLANKS = re.compile(r"[ \t\r\n\f\u00a0]+")
#: Soft hyphens and characters of no width.
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")
#: The sign that many sites put after a heading to link to it.
_ANCHOR = re.compile(r"\s*(?:¶|(?<=\s)#|🔗)$")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "button",
            "caption",
            "center",
            "dd",
            "details",
        ),
        *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr"),
        *("html", "legend", "li", "main", "nav", "ol", "p", "section", "summary", "table", "tbody"),
        *("td", "tfoot", "th", "thead", "tr", "ul"),
    }
)
#: Blocks that stand line under line, without an empty line between them.
_TIGHT = frozenset(("li", "dt", "dd", "td", "th", "tr", "tbody", "thead", "tfoot"))
#: A row with one of these in it is laid out by the table, not a row of data.
_LAYOUT = ("table", "p", "div", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote")
_LONG_ROW = 1000


def read(data: bytes, source: Source) -> Document:
    """Give the page's text; `h1` to `h6` are its headings.

    The encoding is that of the byte order mark, else the declared one if the bytes agree, else
    found out. The title is that of `title`, else the first heading, else the file's name.
    Raises StageError: `extract.encoding`, `extract.corrupt`, `extract.empty`, `extract.too_large`
    (nested without end).
    """
    root = _parse(data)
    title = root.findtext(".//title")
    body = root.find(".//body")
    page = _Page()
    page.walk(main_content(body if body is not None else root))
    headings = page.out.headings
    found = sensible_title(title) or sensible_title(headings[0].title if headings else None)
    return page.out.document(title=found or stem(source), kind="html")


def _parse(data: bytes) -> etree._Element:
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    encoding = (declared[1] or declared[2]).decode("ascii", "replace") if declared else None
    text, _ = decode_as(data, encoding)
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(keepable(text).encode() or b" ", parser)
    last = parser.error_log.last_error
    if last is not None and last.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        # The parser stopped there, and would give what it had read without a word.
        message = "The elements of the page are nested without end."
        hint = "Open it in a browser and save it as PDF."
        raise StageError(failure("extract.too_large", message, hint=hint))
    if root is None:
        raise StageError(failure("extract.empty", "There is no text in the file."))
    return root


@dataclass(slots=True)
class _Page:
    """Walks a tree of any depth without recursion and composes its text."""

    out: Composer = field(default_factory=Composer)
    words: list[str] = field(default_factory=list)
    #: What stands before the next block: the bullet or number of a list item.
    bullet: str = ""
    #: True when that item is the first of its list.
    first: bool = False
    counts: list[int | None] = field(default_factory=list)
    #: Whether an empty line parts the next block from what stands above.
    gap: bool = False

    def walk(self, top: etree._Element) -> None:
        """Compose all that stands below `top`."""
        walker = etree.iterwalk(top, events=("start", "end"))
        for event, element in walker:
            if event == "start":
                if self._whole(element):
                    walker.skip_subtree()
                else:
                    self._open(element)
            else:
                self._close(element)
                if element is not top:
                    self.words.append(element.tail or "")
        self._flush()

    def _whole(self, element: etree._Element) -> bool:
        """Add an element that is one block by nature; False when it must be walked."""
        tag = element.tag
        if tag in _HEADINGS:
            self._flush()
            text = _ANCHOR.sub("", _flat(element))
            self.out.add(self.bullet + text if text else "", level=_HEADINGS[tag])
            self.bullet = ""
        elif tag == "pre":
            self._flush()
            self.out.add("".join(map(str, element.itertext())).strip("\r\n"), gap=True)
        elif tag == "tr" and _is_data(element):
            self._flush()
            self.out.add(_row(element), gap=self.gap)
            self.gap = False
        else:
            return False
        return True

    def _open(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "br":
            self.words.append(_BREAK)
        elif tag in _BLOCKS:
            self._flush()
            self.gap = self.gap or tag not in _TIGHT
            if tag in {"ol", "ul"}:
                self.counts.append(_start(element) if tag == "ol" else None)
            elif tag == "li":
                self.bullet = self._next_bullet()
                self.first = element.getprevious() is None
        self.words.append(element.text or "")

    def _close(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in _BLOCKS:
            self._flush()
            self.gap = self.gap or tag not in _TIGHT
        if tag in {"ol", "ul"} and self.counts:
            self.counts.pop()
        if tag == "li":
            self.bullet = ""

    def _next_bullet(self) -> str:
        count = self.counts[-1] if self.counts else None
        if count is None:
            return "- "
        self.counts[-1] = count + 1
        return f"{count}. "

    def _flush(self) -> None:
        """Add the words collected so far as a block."""
        lines = "".join(word if word == _BREAK else _BLANKS.sub(" ", word) for word in self.words)
        self.words.clear()
        lines = _UNSEEN.sub("", lines)
        text = "\n".join(" ".join(line.split()) for line in lines.split(_BREAK))
        text = text.strip("\n")
        if text:
            # Items follow one another closely, though there be a paragraph in each.
            self.out.add(self.bullet + text, gap=self.gap and (self.first or not self.bullet))
            self.bullet = ""
            self.gap = False


def _is_data(row: etree._Element) -> bool:
    """Tell whether a table row holds short values side by side."""
    cells = len(row.findall("td")) + len(row.findall("th"))
    if cells < 2 or row.find(".//table") is not None:
        return False
    blocks = sum(1 for _ in row.iter(*_LAYOUT))
    return blocks <= cells and len("".join(map(str, row.itertext()))) < _LONG_ROW


def _row(row: etree._Element) -> str:
    """Give a row of a table in one line; a row with one cell that is not empty is that cell."""
    cells = [_flat(cell) for cell in row.iterchildren("td", "th")]
    filled = [cell for cell in cells if cell]
    return " | ".join(cells if len(filled) > 1 else filled)


def _flat(element: etree._Element) -> str:
    """Give an element's text in one line; blocks and line breaks in it part words."""
    parts: list[str] = []
    for event, each in etree.iterwalk(element, events=("start", "end")):
        if each.tag == "br" or each.tag in _BLOCKS:
            parts.append(" ")
        if event == "start":
            parts.append(each.text or "")
        elif each is not element:
            parts.append(each.tail or "")
    return " ".join(_UNSEEN.sub("", "".join(parts)).split())


def _start(element: etree._Element) -> int:
    start = element.get("start") or "1"
    return int(start) if re.fullmatch(r"-?\d{1,6}", start) else 1
