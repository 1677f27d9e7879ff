"""An Office file as a package of XML parts: opened with care, parsed without reaching out.

The zip directory is judged before anything is unpacked. Parts are found as the format says,
through relationships; one that is missing is passed over, as Office does, unless it is the main
one. Pictures, macros and embedded files are never unpacked, and what lies outside the package is
never asked for.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from kb.errors import StageError, failure
from kb.extract.canonical import sensible_title
from kb.extract.xml import child, local, parse, value
from kb.extract.zipped import judge, open_zip, unpacked

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_NEWER = {"docx": "Word", "pptx": "PowerPoint", "xlsx": "Excel"}
#: What is raised for a part that is damaged, while others may be whole.
DAMAGE = (zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError, EOFError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Relation:
    """A thread from one part to another, inside the package."""

    key: str
    #: The last word of its type, e.g. "slideLayout".
    kind: str
    #: The name of the part it leads to.
    target: str


@dataclass(frozen=True, slots=True)
class Package:
    """An open package; `main` is the name of the part with the document's body."""

    archive: zipfile.ZipFile
    names: dict[str, zipfile.ZipInfo]
    main: str

    def part(self, name: str) -> etree._Element | None:
        """Parse one part; None when it is not there. Raises one of DAMAGE."""
        entry = self.names.get(name.lower())
        return None if entry is None else parse(unpacked(self.archive, entry))

    def whole_part(self, name: str) -> etree._Element | None:
        """Parse one part; None when it is not there or damaged."""
        try:
            return self.part(name)
        except DAMAGE:
            return None

    def relations(self, name: str) -> Iterator[Relation]:
        """Give what a part is related to within the package, in the order of the file."""
        folder, file = posixpath.split(name)
        root = self.whole_part(posixpath.join(folder, "_rels", f"{file}.rels"))
        for each in root if root is not None else ():
            if local(each) == "Relationship" and each.get("TargetMode") != "External":
                kind = str(each.get("Type", "")).rpartition("/")[2]
                target = joined(folder, str(each.get("Target", "")))
                yield Relation(str(each.get("Id", "")), kind, target)

    def behind(self, name: str) -> Callable[[str], etree._Element | None]:
        """Give what finds the part behind a key among a part's relations; None where it is not."""
        targets = {each.key: each.target for each in self.relations(name)}
        return lambda key: self.whole_part(targets[key]) if key in targets else None

    def related(self, kind: str, *, to: str = "") -> etree._Element | None:
        """Parse the part to which `to`, or the main part, is related as `kind`, e.g. "styles"."""
        threads = self.relations(to or self.main)
        target = next((each.target for each in threads if each.kind == kind), None)
        return None if target is None else self.part(target)

    def declared_title(self) -> str | None:
        """Give the title in the file's properties, if a person can have meant it."""
        title = child(self.whole_part("docProps/core.xml"), "title")
        return None if title is None else sensible_title(title.text)


def open_package(data: bytes, kind: str = "docx", *, max_unpacked: int | None = None) -> Package:
    """Open a Word, PowerPoint or Excel file; `kind` is its usual ending.

    Raises StageError: `extract.encrypted`, `extract.unsupported` (the format before 2007),
    `extract.too_large` (a zip bomb), `extract.corrupt`.
    """
    if data.startswith(_OLE):
        if _LOCKED in data:
            raise StageError(failure("extract.encrypted"))
        message = f"The file is in the format of {_NEWER[kind]} before 2007."
        hint = f"Convert it: `soffice --headless --convert-to {kind} FILE`."
        raise StageError(failure("extract.unsupported", message, hint=hint))
    try:
        archive = open_zip(data)
    except DAMAGE as error:
        raise StageError(failure("extract.corrupt", reason=str(error)[:500])) from error
    # Some programs on Windows write names with its own separator.
    names = {
        entry.filename.replace("\\", "/").lstrip("/").lower(): entry for entry in archive.infolist()
    }
    parts = [entry for name, entry in names.items() if name.endswith((".xml", ".rels"))]
    judge(parts, of=len(names), max_unpacked=max_unpacked)
    package = Package(archive, names, "")
    threads = package.relations("")
    main = next((each.target for each in threads if each.kind == "officeDocument"), "")
    return Package(archive, names, main or _MAIN[kind])


_MAIN = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}


def main_part(package: Package, name: str, what: str) -> etree._Element:
    """Parse the main part, whose outermost element must be `name`; `what` is the file's kind.

    Raises StageError: `extract.corrupt`.
    """
    try:
        root = package.part(package.main)
    except DAMAGE as error:
        raise StageError(failure("extract.corrupt", reason=str(error)[:500])) from error
    if root is None or local(root) != name:
        raise StageError(failure("extract.corrupt", f"The file is not {what}."))
    return root


def switched_on(element: etree._Element | None) -> bool:
    """Tell whether a toggle such as `w:vanish` is there and not switched off."""
    return element is not None and value(element) not in {"0", "false", "off"}


def joined(folder: str, target: str) -> str:
    """Give the name of the part that `target` means in a part of `folder`."""
    if target.startswith("/"):
        return target.lstrip("/")
    return posixpath.normpath(posixpath.join(folder, target))
