"""Archives and mails made on the spot: honest ones, and those that lie."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

from kb.model import Document, Member


def zipped(members: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, (2024, 3, 1, 10, 0, 0))  # the same bytes each time
            archive.writestr(entry, data, method)
    return out.getvalue()


def named(document: Document) -> dict[str, Member]:
    return {member.name: member for member in document.members}


def raw_zip(entries: list[dict[str, object]], *, shared: bytes = b"") -> bytes:
    """Give a zip written by hand: each entry says what its headers say, true or not.

    Keys: name (bytes), data (bytes, stored), flags, method, size (told), crc (told), attributes,
    at (offset told, in place of its own), extra, volume (the file of a split archive).
    """
    out = io.BytesIO(shared)
    out.seek(0, io.SEEK_END)
    directory = b""
    for each in entries:
        name, data = bytes(each["name"]), bytes(each.get("data", b""))  # type: ignore[call-overload]
        method, flags = each.get("method", 0), each.get("flags", 0)
        packed = each.get("packed", len(data))
        size, crc = each.get("size", len(data)), each.get("crc", zlib.crc32(data))
        extra = bytes(each.get("extra", b""))  # type: ignore[call-overload]
        at = each.get("at", out.tell())
        told = (flags, method, 0, 33, crc, packed, size, len(name))
        if "at" not in each:
            out.write(struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, *told, 0) + name + data)
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            *(b"PK\1\2", 3 << 8 | 20, 20, *told, len(extra), 0, each.get("volume", 0), 0),
            *(each.get("attributes", 0), at),
        )
        directory += name + extra
    start = out.tell()
    count = min(len(entries), 0xFFFF)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), start, 0)
    return out.getvalue() + directory + end


def properties(
    texts: Mapping[int, str | bytes],
    numbers: Mapping[int, tuple[int, int]] | None = None,
    *,
    head: int = 32,
) -> dict[str, bytes]:
    """Give the streams of a mail's properties; `numbers` are (type, value)."""
    rows = b"".join(
        struct.pack("<HHIQ", kind, number, 6, value)
        for number, (kind, value) in (numbers or {}).items()
    )
    streams = {"__properties_version1.0": bytes(head) + rows}
    for number, said in texts.items():
        kind, data = (
            (0x0102, said) if isinstance(said, bytes) else (0x001F, said.encode("utf-16-le"))
        )
        streams[f"__substg1.0_{number:04X}{kind:04X}"] = data
    return streams
