"""A Word file as a package of XML parts: opened with care, parsed without reaching out.

The zip directory is judged before anything is unpacked. Parts are found as the format says,
through relationships; one that is missing is passed over, as Word does, unless it is the main
one. Pictures are never unpacked.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from dataclasses import dataclass

from lxml import etree

from kb.errors import StageError, failure

#: XML that unpacks to more than this is refused.
_MAX_UNPACKED = 256 * 2**20
#: So much may unpack to any multiple of its packed size; real documents reach about 50.
_ALWAYS_FINE = 32 * 2**20
_MAX_RATIO = 200
_MAX_ENTRIES = 50_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True, slots=True)
class Package:
    """An open package; `main` is the name of the part with the document's body."""

    archive: zipfile.ZipFile
    names: dict[str, zipfile.ZipInfo]
    main: str

    def part(self, name: str) -> etree._Element | None:
        """Parse one part; None when it is not there. Raises StageError and zlib's errors."""
        entry = self.names.get(name.lower())
        return None if entry is None else parse(self.archive.read(entry))

    def related(self, kind: str) -> etree._Element | None:
        """Parse the part to which the main part is related as `kind`, e.g. "styles"."""
        folder, name = posixpath.split(self.main)
        target = _target(self.part(f"{folder}/_rels/{name}.rels"), kind)
        return None if target is None else self.part(_joined(folder, target))


def open_package(data: bytes) -> Package:
    """Open a Word file.

    Raises StageError: `extract.encrypted`, `extract.unsupported` (the format before 2007),
    `extract.too_large` (a zip bomb), `extract.corrupt`.
    """
    if data.startswith(_OLE):
        if _LOCKED in data:
            raise StageError(failure("extract.encrypted"))
        message = "The file is in the format of Word before 2007."
        hint = "Convert it: `soffice --headless --convert-to docx FILE`."
        raise StageError(failure("extract.unsupported", message, hint=hint))
    archive = zipfile.ZipFile(io.BytesIO(data))
    names = {entry.filename.lstrip("/").lower(): entry for entry in archive.infolist()}
    _refuse_bomb(names)
    package = Package(archive, names, "")
    main = _target(package.part("_rels/.rels"), "officeDocument")
    return Package(archive, names, _joined("", main or "word/document.xml"))


def parse(data: bytes) -> etree._Element:
    """Parse XML without expanding entities, loading anything, or going deeper than 256."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(data, parser)


def local(element: etree._Element) -> str:
    """Give an element's name without its namespace; "" for an entity."""
    tag: object = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def value(element: etree._Element | None, name: str = "val") -> str | None:
    """Give an attribute by its name without namespace: Word knows two sets of namespaces."""
    if element is not None:
        for key, text in element.attrib.items():
            if str(key).rpartition("}")[2] == name:
                return str(text)
    return None


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """Give the first descendant along a path of names without namespace."""
    for name in path:
        if element is None:
            return None
        element = next((below for below in element if local(below) == name), None)
    return element


def switched_on(element: etree._Element | None) -> bool:
    """Tell whether a toggle such as `w:vanish` is there and not switched off."""
    return element is not None and value(element) not in {"0", "false", "off"}


def _refuse_bomb(names: dict[str, zipfile.ZipInfo]) -> None:
    parts = [entry for name, entry in names.items() if name.endswith((".xml", ".rels"))]
    if any(entry.flag_bits & 1 for entry in parts):
        raise StageError(failure("extract.encrypted"))
    unpacked = sum(entry.file_size for entry in parts)
    packed = sum(entry.compress_size for entry in parts)
    swollen = unpacked > _ALWAYS_FINE and unpacked > packed * _MAX_RATIO
    if swollen or unpacked > _MAX_UNPACKED or len(names) > _MAX_ENTRIES:
        raise StageError(failure("extract.too_large", unpacked=unpacked, packed=packed))


def _target(relationships: etree._Element | None, kind: str) -> str | None:
    for relationship in relationships if relationships is not None else ():
        if str(relationship.get("Type", "")).endswith("/" + kind):
            return str(relationship.get("Target", ""))
    return None


def _joined(folder: str, target: str) -> str:
    if target.startswith("/"):
        return target.lstrip("/")
    return posixpath.normpath(posixpath.join(folder, target))
