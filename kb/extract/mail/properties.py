"""Compound files as Outlook fills them: storages, and the properties of each (MS-OXMSG)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, Final

from olefile import STGTY_STREAM, OleFileIO

from kb.errors import StageError, failure
from kb.extract.mail.words import loose_text

_UNICODE, _BYTES, _BINARY = 0x001F, 0x001E, 0x0102
#: Bytes of numbers and truths, by their types.
_LENGTHS: Final = {0x0002: 2, 0x0003: 4, 0x000B: 2}
_TIME: Final = 0x0040
#: Where the numbers of code pages stand, the mail's own first.
_CODE_PAGES: Final = (0x3FFD, 0x3FDE)
_MARK: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD_TOP, _HEAD_EMBEDDED, _ROW = 32, 24, 16
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
#: The year 1971, in the 100 ns since then.
_FIRST_MAIL: Final = 370 * 365 * 86_400 * 10**7
#: Code pages that Python knows under other names.
_NAMES: Final = {
    65001: "utf-8", 1200: "utf-16-le", 20127: "ascii", 936: "gb18030", 54936: "gb18030",
    950: "big5hkscs", 51949: "euc-kr", 51932: "euc-jp", 20866: "koi8-r", 21866: "koi8-u",
    **{28590 + number: f"iso8859-{number}" for number in range(1, 16)},
}  # fmt: skip


#: The language of the program that wrote the mail, and the code pages of Windows by language.
_LANGUAGE: Final = 0x3FF1
_TRADITIONAL: Final = (0x0404, 0x0C04, 0x1404)
_PAGES: Final = {
    **dict.fromkeys((0x02, 0x19, 0x22, 0x23, 0x2F), "cp1251"),
    **dict.fromkeys((0x05, 0x0E, 0x15, 0x18, 0x1A, 0x1B, 0x1C, 0x24), "cp1250"),
    **dict.fromkeys((0x25, 0x26, 0x27), "cp1257"),
    0x08: "cp1253", 0x1F: "cp1254", 0x0D: "cp1255", 0x01: "cp1256", 0x2A: "cp1258",
    0x04: "gb18030", 0x11: "cp932", 0x12: "cp949", 0x1E: "cp874",
}  # fmt: skip


def _page_of(language: int) -> str:
    """Give the code page that Windows uses for a language by its number."""
    if language in _TRADITIONAL:
        return "big5hkscs"
    return _PAGES.get(language & 0x3FF, "cp1252")


@dataclass(frozen=True, slots=True)
class Storage:
    """A folder of a compound file."""

    file: OleFileIO
    path: tuple[str, ...] = ()

    def folders(self, beginning: str) -> Iterator[Storage]:
        """Give the folders in this one whose names begin so, in order."""
        depth = len(self.path)
        found = {
            tuple(entry[: depth + 1])
            for entry in self.file.listdir(streams=False, storages=True)
            if tuple(entry[:depth]) == self.path
            and len(entry) > depth
            and entry[depth].lower().startswith(beginning)
        }
        for path in sorted(found):
            yield Storage(self.file, path)

    def folder(self, name: str) -> Storage | None:
        """Give the folder of that name in this one."""
        return next(self.folders(name.lower()), None)

    def stream(self, name: str) -> bytes | None:
        """Give the bytes of a stream in this folder; None where there is none."""
        path = [*self.path, name]
        if self.file.get_type(path) != STGTY_STREAM:
            return None
        data: bytes = self.file.openstream(path).read()
        return data


def open_storage(file: IO[bytes]) -> Storage:
    """Open a compound file that is a mail. Raises StageError (`extract.corrupt`)."""
    mark = file.read(len(_MARK))
    file.seek(0)
    if mark != _MARK:
        raise StageError(failure("extract.corrupt", "The file is not a mail of Outlook."))
    storage = Storage(OleFileIO(file))
    if storage.stream("__properties_version1.0") is None:
        raise StageError(failure("extract.corrupt", "The file is not a mail of Outlook."))
    return storage


@dataclass(slots=True)
class Properties:
    """What is told of a mail, a receiver or an attachment; what is not told is empty."""

    storage: Storage
    top: bool
    #: Bytes that stand before the table, where it is neither of the two kinds of mails.
    head: int = 0
    _fixed: dict[int, tuple[int, bytes]] = field(init=False)
    _encodings: list[str] = field(init=False)

    def __post_init__(self) -> None:
        data = self.storage.stream("__properties_version1.0") or b""
        head = self.head or (_HEAD_TOP if self.top else _HEAD_EMBEDDED)
        self._fixed = {}
        for at in range(head, len(data) - _ROW + 1, _ROW):
            kind, number, _flags, value = struct.unpack_from("<HHI8s", data, at)
            self._fixed[number] = (kind, value)
        pages = (self.number(each) for each in _CODE_PAGES)
        self._encodings = [_NAMES.get(page) or f"cp{page}" for page in pages if page]
        if language := self.number(_LANGUAGE):
            self._encodings.append(_page_of(language))

    def text(self, number: int) -> str:
        """Give a property that is text."""
        wide = self._stream(number, _UNICODE)
        if wide is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream(number, _BYTES)
        return "" if narrow is None else self._decoded(narrow.rstrip(b"\0"))

    def loose(self, number: int) -> str:
        """Give a property that is text or the bytes of one."""
        data = self.data(number)
        return self.text(number) if data is None else self._decoded(data)

    def data(self, number: int) -> bytes | None:
        """Give a property that is bytes."""
        return self._stream(number, _BINARY)

    def number(self, number: int) -> int:
        """Give a property that is a number, or a truth as 1 and 0."""
        kind, value = self._fixed.get(number, (0, b""))
        return int.from_bytes(value[: _LENGTHS.get(kind, 0)], "little")

    def time(self, number: int) -> datetime | None:
        """Give a property that is a moment, in UTC; one before there was mail is none."""
        kind, value = self._fixed.get(number, (0, b""))
        if kind != _TIME or int.from_bytes(value, "little") < _FIRST_MAIL:
            return None
        try:
            return _EPOCH + timedelta(microseconds=int.from_bytes(value, "little") // 10)
        except OverflowError:
            return None

    def _stream(self, number: int, kind: int) -> bytes | None:
        return self.storage.stream(f"__substg1.0_{number:04X}{kind:04X}")

    def _decoded(self, data: bytes) -> str:
        for encoding in self._encodings:
            try:
                return data.decode(encoding)
            except (LookupError, ValueError):
                continue
        return loose_text(data, None)
