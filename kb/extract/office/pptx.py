"""PowerPoint (PPTX): slides in their order, each with its title, its text and its notes.

In the text: what stands on the slide from its top left to its bottom right, tables as rows,
titles, names and values of charts, the words of SmartArt, descriptions that people gave to
pictures, speaker notes and comments. Slides that are not shown are read too and say so. Not in
it, but counted: date, footer and slide number.

Read with zipfile and lxml, as DOCX is: python-pptx unpacks every picture and film into memory,
knows neither notes' order nor SmartArt, and brings Pillow and XlsxWriter along, which a reader
has no use for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from kb.errors import StageError, failure
from kb.extract.canonical import Composer, sensible_title, stem
from kb.extract.office.drawing import (
    Place,
    choice,
    description,
    paragraphs,
    reading_order,
    said,
)
from kb.extract.office.graphics import graphic
from kb.extract.office.package import DAMAGE, Package, Relation, main_part, open_package
from kb.extract.office.places import Places, placeholder
from kb.extract.parts import Part, broken, joined, part
from kb.extract.rows import table
from kb.extract.xml import below, child, local
from kb.model import Document, Source

_TITLES = frozenset(("title", "ctrTitle"))
#: Placeholders that say the same on every slide.
_REPEATED = frozenset(("dt", "ftr", "sldNum", "hdr"))
_MAX_SLIDES = 20_000


def read(data: bytes, source: Source) -> Document:
    """Give the slides as pages, each under a heading of level 1: its title, or "Slide 7".

    The title is the declared one, else that of the first slide, else the file's name. Raises
    StageError: `extract.encrypted`, `extract.unsupported`, `extract.too_large`,
    `extract.corrupt`, `extract.no_text`, `extract.empty`.
    """
    package = open_package(data, "pptx")
    main = main_part(package, "presentation", "a PowerPoint presentation")
    threads = {each.key: each for each in package.relations(package.main)}
    keys = [_key(each) for each in below(child(main, "sldIdLst"))]
    if len(keys) > _MAX_SLIDES:
        raise StageError(failure("extract.too_large", slides=len(keys)))
    places = Places(package)
    parts = [
        _slide(package, threads.get(key), number, places) for number, key in enumerate(keys, 1)
    ]
    first = parts[0].headings[:1] if parts else ()
    title = package.declared_title() or sensible_title(first[0].title if first else None)
    return joined(parts, title=title or stem(source), kind="pptx", name="slide", source=source)


def _key(element: etree._Element) -> str:
    """Give the relation's key: `r:id`, which stands beside an `id` without a namespace."""
    return next(
        (str(text) for name, text in element.attrib.items() if str(name).endswith("}id")), ""
    )


def _slide(package: Package, thread: Relation | None, number: int, places: Places) -> Part:
    try:
        root = None if thread is None else package.part(thread.target)
        if thread is None or root is None:
            raise KeyError(f"there is no part for slide {number}")  # noqa: TRY301 - same outcome
        return _Slide(package=package, name=thread.target, places=places).read(root, number)
    except (*DAMAGE, KeyError, ValueError) as error:
        return broken(error)


@dataclass(slots=True, kw_only=True)
class _Slide:
    """Walks one slide and composes its text."""

    package: Package
    name: str
    places: Places
    out: Composer = field(default_factory=Composer)
    threads: dict[str, Relation] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    picture: bool = False
    left_out: int = 0

    def read(self, root: etree._Element, number: int) -> Part:
        """Give the slide as a part; one without a word is blank, or a picture."""
        self.threads = {each.key: each for each in self.package.relations(self.name)}
        found = self._shapes(child(root, "cSld", "spTree"), Place())
        body = Composer()
        for _, shape in reading_order(found):
            self._add(shape, body)
        self._notes(body)
        words = body.document(title="", kind="").text
        title = " ".join(" ".join(self.titles).split())
        if title or words.strip():
            self.out.add(title or f"Slide {number}", level=1)
            if root.get("show") in {"0", "false"}:
                self.out.add("(This slide is hidden.)")
            self.out.add(words.rstrip("\n"), gap=True)
        return part(self.out, picture=self.picture, left_out=self.left_out)

    def _shapes(
        self, tree: etree._Element | None, frame: Place
    ) -> list[tuple[Place, etree._Element]]:
        """Give what stands on the slide, each with its place; groups are looked into."""
        found: list[tuple[Place, etree._Element]] = []
        inherited = self.places.of(self.threads.values())
        waiting = [(frame, each) for each in below(tree)]
        while waiting:
            frame, shape = waiting.pop(0)
            name = local(shape)
            if name == "AlternateContent":
                waiting[:0] = [(frame, each) for each in choice(shape)]
            elif name == "grpSp":
                inner = frame.inside(child(shape, "grpSpPr", "xfrm"))
                waiting[:0] = [(inner, each) for each in shape]
            elif name in {"sp", "pic", "graphicFrame", "cxnSp", "contentPart"}:
                place = Place.read(shape) or inherited(shape)
                found.append((frame.mapped(place), shape))
        return found

    def _add(self, shape: etree._Element, body: Composer) -> None:
        kind = placeholder(shape)[0]
        texts = child(shape, "txBody")
        if kind in _REPEATED:
            self.left_out += len(said(texts))
        elif kind in _TITLES:
            self.titles.append(said(texts))
        elif local(shape) == "graphicFrame":
            self._graphic(shape, body)
        elif texts is not None and said(texts).strip():
            body.add("\n".join(paragraphs(texts, bullets=kind in {"body", "obj"})), gap=True)
        if local(shape) == "pic" or shape.find(".//{*}blip") is not None:
            self.picture = True
            body.add(_described(shape), gap=True)

    def _graphic(self, frame: etree._Element, body: Composer) -> None:
        """Add a table, a chart, or the words of SmartArt."""
        data = child(frame, "graphic", "graphicData")
        inner = next(iter(data), None) if data is not None else None
        if inner is None:
            return
        if local(inner) == "tbl":
            table(body, _rows(inner))
        elif not graphic(body, inner, self.package.behind(self.name)) or local(inner) == "chart":
            self.picture = True

    def _notes(self, body: Composer) -> None:
        """Add speaker notes and comments, which stand below the slide."""
        for thread in self.threads.values():
            if thread.kind not in {"notesSlide", "comments"}:
                continue
            root = self.package.whole_part(thread.target)
            if root is None:
                continue
            if thread.kind == "notesSlide":
                for shape in root.iter("{*}sp"):
                    if placeholder(shape)[0] == "body" and (text := said(shape).strip()):
                        body.add(f"Notes: {text}", gap=True)
            else:
                for text in _comments(root):
                    body.add(f"Comment: {text}", gap=True)


def _rows(tbl: etree._Element) -> Iterator[list[str]]:
    for row in tbl.iterchildren("{*}tr"):
        yield ["" if _covered(cell) else said(cell) for cell in row.iterchildren("{*}tc")]


def _covered(cell: etree._Element) -> bool:
    return any(cell.get(name) in {"1", "true"} for name in ("hMerge", "vMerge"))


def _comments(root: etree._Element) -> Iterator[str]:
    """Give the texts of both kinds of comments, those before and after 2021."""
    for element in root.iter("{*}cm", "{*}reply"):
        old = child(element, "text")
        text = (old.text or "") if old is not None else said(child(element, "txBody"))
        if text.strip():
            yield text.strip()


def _described(shape: etree._Element) -> str:
    """Give the description of a picture where a person wrote it."""
    described = shape.find("./{*}nvPicPr/{*}cNvPr")
    return description(described.get("descr") if described is not None else None)
