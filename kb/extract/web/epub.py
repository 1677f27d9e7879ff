"""EPUB: the chapters in the order of the book's spine, read as the web pages that they are.

EbookLib, the usual library, is under the AGPL, and what it would add to zipfile and lxml is
writing. Navigation and tables of contents are kept out; names of chapters are taken from them
where a chapter itself bears none. No name in the file becomes a path on this machine.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree

from kb.errors import Failure, StageError, failure
from kb.extract.canonical import Composer, sensible_title, stem
from kb.extract.office.package import DAMAGE
from kb.extract.plain.encoding import decode_as
from kb.extract.web import html
from kb.extract.web.whole import as_page, of_drawing, read_whole
from kb.extract.xml import below, child, local, parse
from kb.extract.zipped import judge, open_zip, unpacked
from kb.model import Document, Heading, Page, Source

_CONTAINER = "META-INF/container.xml"
#: Encryption that hides fonts from copying, and no text.
_FONTS = frozenset(("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"))
_PAGES = frozenset(
    (
        *("application/xhtml+xml", "text/html", "application/xml", "image/svg+xml"),
        *("text/x-oeb1-document", "application/x-dtbook+xml"),
    )
)
_ENDINGS = (".xhtml", ".html", ".htm")
#: So many times a spine may point from a kind that readers need not know to another.
_MOST_FALLBACKS = 10
_MAX_CHAPTERS = 20_000


def read(data: bytes, source: Source) -> Document:
    """Give the book's text; headings are those of its chapters.

    A damaged chapter is a problem of the document, as long as others can be read. Raises
    StageError: `extract.encrypted` (copy protection), `extract.too_large`, `extract.corrupt`,
    `extract.no_text`, `extract.empty`.
    """
    book = _open(data)
    texts: list[str] = []
    headings: list[Heading] = []
    problems: list[Failure] = []
    start = 0
    for name in book.chapters:
        try:
            text, found = _chapter(book, name, source)
        except (*DAMAGE, StageError, ValueError) as error:
            message = "A chapter is damaged; the others were read."
            reason = str(error)[:500]
            problems.append(
                failure("extract.corrupt", message, source=source.path, locator=name, reason=reason)
            )
            continue
        if text.strip():
            texts.append(text.rstrip("\n") + "\n\n")
            headings += [
                Heading(
                    level=each.level,
                    title=each.title,
                    start=each.start + start,
                    end=each.end + start,
                )
                for each in found
            ]
            start += len(texts[-1])
    if not texts:
        raise StageError(_nothing(book, problems))
    whole = "".join(texts).rstrip("\n") + "\n"
    return Document(
        title=book.title or stem(source), format="epub", text=whole,
        pages=(Page(number=1, start=0, end=len(whole)),), paged=False,
        headings=tuple(headings), problems=tuple(problems),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    archive: zipfile.ZipFile
    names: dict[str, zipfile.ZipInfo]
    title: str | None
    #: The chapters' names, in the order of the spine.
    chapters: tuple[str, ...]
    #: What the table of contents calls each chapter.
    labels: dict[str, str]
    pictures: bool


def _open(data: bytes) -> _Book:
    try:
        archive = open_zip(data)
    except DAMAGE as error:
        raise StageError(failure("extract.corrupt", reason=str(error)[:500])) from error
    names = {entry.filename: entry for entry in archive.infolist()}
    endings = (".xml", ".opf", ".ncx", *_ENDINGS)
    judge([each for name, each in names.items() if name.lower().endswith(endings)], of=len(names))
    try:
        opf = _opf_name(archive, names)
        root = _parsed(archive, names, opf)
        _refuse_protected(archive, names)
    except DAMAGE as error:
        raise StageError(failure("extract.corrupt", reason=str(error)[:500])) from error
    manifest, spine = child(root, "manifest"), child(root, "spine")
    if manifest is None or spine is None:
        raise StageError(failure("extract.corrupt", "The file is not an EPUB book."))
    items = {each.get("id"): each for each in below(manifest, "item")}
    folder = posixpath.dirname(opf)
    named = [items[key] for each in below(spine, "itemref") if (key := each.get("idref")) in items]
    read = [each for each in (_readable(one, items) for one in named) if each is not None]
    chapters = [
        _target(folder, each.get("href") or "")
        for each in read
        if "nav" not in (each.get("properties") or "").split()
    ]
    if len(chapters) > _MAX_CHAPTERS:
        raise StageError(failure("extract.too_large", chapters=len(chapters)))
    kinds = [each.get("media-type") or "" for each in items.values()]
    title = next((each.text for each in root.iter("{*}title")), None)
    return _Book(
        archive=archive, names=names, title=sensible_title(title),
        chapters=tuple(dict.fromkeys(chapters)),
        labels=dict(_labels(archive, names, folder, items.values())),
        pictures=any(kind.startswith("image/") for kind in kinds),
    )  # fmt: skip


def _readable(
    item: etree._Element, items: Mapping[str | None, etree._Element]
) -> etree._Element | None:
    """Give the item, or what stands in for it where it is no page (EPUB's fallbacks)."""
    current: etree._Element | None = item
    for _ in range(_MOST_FALLBACKS):
        if current is None:
            return None
        name = (current.get("href") or "").partition("#")[0].lower()
        if current.get("media-type") in _PAGES or name.endswith(_ENDINGS):
            return current
        fallback = current.get("fallback")
        current = items.get(fallback) if fallback else None
    return None


def _opf_name(archive: zipfile.ZipFile, names: dict[str, zipfile.ZipInfo]) -> str:
    """Give the name of the file that lists all others."""
    if _CONTAINER in names:
        root = _parsed(archive, names, _CONTAINER)
        for each in root.iter("{*}rootfile"):
            path = _target("", each.get("full-path") or "")
            if path in names:
                return path
    found = next((name for name in names if name.lower().endswith(".opf")), None)
    if found is None:
        raise StageError(failure("extract.corrupt", "The file is not an EPUB book."))
    return found


def _refuse_protected(archive: zipfile.ZipFile, names: dict[str, zipfile.ZipInfo]) -> None:
    """Refuse a book of which more than fonts is encrypted."""
    if "META-INF/encryption.xml" not in names:
        return
    root = _parsed(archive, names, "META-INF/encryption.xml")
    for each in root.iter("{*}EncryptedData"):
        method = child(each, "EncryptionMethod")
        if (method.get("Algorithm") if method is not None else None) not in _FONTS:
            message = "The book is copy-protected (DRM)."
            hint = "Ingest a copy that the publisher sells without protection."
            raise StageError(failure("extract.encrypted", message, hint=hint))


def _parsed(
    archive: zipfile.ZipFile, names: dict[str, zipfile.ZipInfo], name: str
) -> etree._Element:
    entry = names.get(name)
    if entry is None:
        raise EOFError(f"{name} is not in the file")
    return parse(unpacked(archive, entry))


def _target(folder: str, href: str) -> str:
    """Give the name in the zip that a reference means; it is only ever looked up."""
    path = unquote(href.partition("#")[0])
    return posixpath.normpath(posixpath.join(folder, path)).lstrip("/")


def _labels(
    archive: zipfile.ZipFile,
    names: dict[str, zipfile.ZipInfo],
    folder: str,
    items: Collection[etree._Element],
) -> Iterator[tuple[str, str]]:
    """Give the first name in the table of contents for each file, of EPUB 3 or 2."""
    seen: set[str] = set()
    for item in items:
        is_nav = "nav" in (item.get("properties") or "").split()
        if not is_nav and item.get("media-type") != "application/x-dtbncx+xml":
            continue
        name = _target(folder, item.get("href") or "")
        try:
            root = _parsed(archive, names, name)
        except DAMAGE:
            continue
        for each in root.iter("{*}a", "{*}navPoint"):
            href, label = _entry(each)
            target = _target(posixpath.dirname(name), href)
            if href and label and target not in seen:
                seen.add(target)
                yield target, label


def _entry(element: etree._Element) -> tuple[str, str]:
    if local(element) == "a":
        return element.get("href") or "", " ".join("".join(map(str, element.itertext())).split())
    content, text = child(element, "content"), child(element, "navLabel", "text")
    href = content.get("src") if content is not None else None
    return href or "", " ".join((text.text or "").split()) if text is not None else ""


def _chapter(book: _Book, name: str, source: Source) -> tuple[str, tuple[Heading, ...]]:
    """Give a chapter's text and headings; one that has none is under its name in the contents."""
    entry = book.names.get(name)
    if entry is None:
        raise EOFError(f"{name} is not in the file")
    document = _read(unpacked(book.archive, entry), source)
    label = book.labels.get(name, "")
    if document.headings or not label or not document.text.strip():
        return document.text, document.headings
    first = document.text.lstrip("\n").split("\n", 1)[0]
    out = Composer()
    if " ".join(first.split()).casefold() == label.casefold():
        out.add(first, level=1)
        out.add(document.text.lstrip("\n")[len(first) :].strip("\n"), gap=True)
    else:
        out.add(label, level=1)
        out.add(document.text.strip("\n"), gap=True)
    made = out.document(title="", kind="")
    return made.text, made.headings


def _read(data: bytes, source: Source) -> Document:
    """Read a chapter, all of which is text but the lists that lead through the book."""
    try:
        root = parse(data)
    except etree.XMLSyntaxError:
        return read_whole(decode_as(data, None)[0], source)
    body = child(root, "body")
    if local(root) == "svg":
        body = etree.Element("body")
        body.append(of_drawing(root))
    if body is None:
        return html.read(data, source)
    for element in list(body.iter("{*}nav")):
        if element is not body:
            tail = element.tail
            element.clear()
            element.tail = tail
    return html.read(as_page(body), source)


def _nothing(book: _Book, problems: list[Failure]) -> Failure:
    """Say why no chapter has text."""
    if problems:
        return failure("extract.corrupt", reason=str(problems[0].detail.get("reason", ""))[:500])
    if book.pictures:
        message = "The book holds pictures and no text."
        return failure("extract.no_text", message, hint="Convert it to PDF and run OCR on that.")
    return failure("extract.empty", "No chapter of the book has text.")
