"""RTF as Outlook packs it (MS-OXRTFCP)."""

from __future__ import annotations

import struct
from typing import Final

from kb.errors import StageError, failure

_PACKED, _PLAIN = b"LZFu", b"MELA"
_RING: Final = 4096
#: What the ring holds at first, as the format has it: the words that RTF begins with.
_FIRST: Final = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def unpacked(data: bytes) -> bytes:
    """Give the RTF. Raises StageError (`extract.corrupt`)."""
    if len(data) < 16:
        raise StageError(failure("extract.corrupt", "The text of the mail is damaged."))
    _size, raw_size, kind, _check = struct.unpack_from("<II4sI", data)
    if kind == _PLAIN:
        return data[16 : 16 + raw_size]
    if kind != _PACKED:
        raise StageError(failure("extract.corrupt", "The text of the mail is damaged."))
    return _inflated(data[16:])[:raw_size]


def _inflated(packed: bytes) -> bytes:
    ring = bytearray(_FIRST.ljust(_RING, b" "))
    out = bytearray()
    write, at = len(_FIRST), 0
    while at < len(packed):
        control = packed[at]
        at += 1
        for bit in range(8):
            if at >= len(packed):
                break
            if control >> bit & 1:
                pair = int.from_bytes(packed[at : at + 2], "big")
                at += 2
                start = pair >> 4
                if start == write:
                    return bytes(out)
                run = bytearray()
                for step in range((pair & 15) + 2):
                    char = ring[(start + step) % _RING]
                    run.append(char)
                    ring[write] = char
                    write = (write + 1) % _RING
                out += run
            else:
                out.append(packed[at])
                ring[write] = packed[at]
                write = (write + 1) % _RING
                at += 1
    return bytes(out)
