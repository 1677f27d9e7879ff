"""Damage: to the bytes of a file, to its markup and numbers, to the parts of a zipped one."""

from __future__ import annotations

import io
import random
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from tests.extract.fuzz import tokens

#: No file made here is larger.
MAX_MADE: Final = 2_000_000
_ZIPPED: Final = frozenset((".zip", ".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".epub"))
_MARKUP_PART: Final = re.compile(r".*\.(xml|rels|opf|x?html?|ncx|vml)", re.IGNORECASE)
_NUMBER: Final = re.compile(rb"-?\d+(\.\d+)?")
_QUOTED: Final = re.compile(rb'"[^"<>]*"')
_TAG: Final = re.compile(rb"<[^<>]*>")
_NAME: Final = re.compile(rb"/[A-Za-z]\w*")
_ENTITIES: Final = (
    b'<!DOCTYPE x [<!ENTITY a "lol">%s<!ENTITY s SYSTEM "file:///etc/passwd">]>'
    % b"".join(b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 40) for letter in b"bcdef")
)
_ENCODINGS: Final = ("utf-16", "utf-16-le", "utf-32", "gb18030", "big5", "cp932", "cp1251", "utf-7")


def mutated(dice: random.Random, ending: str, files: Sequence[bytes]) -> bytes:
    """Give one of the files with some damage: the same for the same dice."""
    data = dice.choice(files)
    for _ in range(dice.choice((1, 1, 2, 4))):
        if ending in _ZIPPED and dice.random() < 0.75:
            with suppress(Exception):  # of a zip that an earlier harm has spoilt
                data = _repacked(dice, data)
                continue
        data = _damaged(dice, data, files, (*tokens.ANY, *tokens.BY_ENDING.get(ending, ())))
    return data[:MAX_MADE]


def _damaged(
    dice: random.Random, data: bytes, files: Sequence[bytes], words: Sequence[bytes]
) -> bytes:
    harm = dice.choice(_HARMS)
    return harm(dice, data, words) if harm is not _crossed else _crossed(dice, data, files)


def _place(dice: random.Random, data: bytes) -> int:
    return dice.randrange(len(data) + 1)


def _piece(dice: random.Random, data: bytes) -> tuple[int, int]:
    start = _place(dice, data)
    return start, min(len(data), start + dice.choice((1, 4, 20, 200, 5000)))


def _flipped(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    made = bytearray(data)
    for _ in range(dice.choice((1, 3, 30, 300)) if made else 0):
        made[dice.randrange(len(made))] ^= 1 << dice.randrange(8)
    return bytes(made)


def _cut(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    return data[: _place(dice, data)]


def _without(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    start, end = _piece(dice, data)
    return data[:start] + data[end:]


def _repeated(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    start, end = _piece(dice, data)
    times = min(dice.choice((2, 5, 300, 20_000)), 1 + 200_000 // max(1, end - start))
    return data[:end] + data[start:end] * times + data[end:]


def _told(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    for _ in range(dice.choice((1, 1, 3, 10))):
        at = _place(dice, data)
        data = data[:at] + dice.choice(words) + data[at + dice.choice((0, 0, 1, 8)) :]
    return data


def _numbered(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    return _one(dice, _NUMBER, data, dice.choice(tokens.NUMBERS))


def _poked(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    """Write a number as machines keep it over what is there."""
    if len(data) < 8:
        return data
    number = dice.choice(
        (0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, dice.randrange(99))
    )
    kind = dice.choice(("<I", ">I", "<H", ">H"))
    packed = struct.pack(kind, number & (0xFFFF if kind[1] == "H" else 0xFFFFFFFF))
    at = dice.randrange(len(data) - 4)
    return data[:at] + packed + data[at + len(packed) :]


def _shuffled(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    end = dice.choice((b"\n", b">", b" ", b"obj", b"\\"))
    pieces = data.split(end)
    for _ in range(dice.choice((1, 5))):
        one, other = dice.randrange(len(pieces)), dice.randrange(len(pieces))
        pieces[one], pieces[other] = pieces[other], pieces[one]
    return end.join(pieces)


def _renamed(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    """Put one name or value of the file in the place of another."""
    kind = dice.choice((_NAME, _QUOTED, _TAG))
    found = kind.findall(data)
    return _one(dice, kind, data, dice.choice(found)) if found else data


def _recoded(dice: random.Random, data: bytes, words: Sequence[bytes]) -> bytes:
    return data.decode("utf-8", "replace").encode(dice.choice(_ENCODINGS), "replace")


def _crossed(dice: random.Random, data: bytes, files: Sequence[bytes]) -> bytes:
    """Go over into another file in the middle."""
    other = dice.choice(files)
    return data[: _place(dice, data)] + other[_place(dice, other) :]


_HARMS: Final[tuple[Callable[..., bytes], ...]] = (
    _flipped, _cut, _without, _repeated, _told, _told, _told, _numbered, _numbered, _poked,
    _shuffled, _renamed, _recoded, _crossed,
)  # fmt: skip


def _one(dice: random.Random, kind: re.Pattern[bytes], data: bytes, by: bytes) -> bytes:
    """Replace one of the places that an expression finds."""
    found = list(kind.finditer(data))
    if not found:
        return data
    match = dice.choice(found)
    return data[: match.start()] + by + data[match.end() :]


def _repacked(dice: random.Random, data: bytes) -> bytes:
    """Give a whole zip in which parts are damaged, missing, renamed, doubled or new."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(each.filename, archive.read(each)) for each in archive.infolist()]
    if not parts:
        return data
    markup = [place for place, (name, _) in enumerate(parts) if _MARKUP_PART.fullmatch(name)]
    at = dice.choice(markup or range(len(parts)))
    name, part = parts[at]
    deed = dice.random()
    if deed < 0.8:
        parts[at] = (
            name,
            _marked(dice, part) if markup else _damaged(dice, part, [part], tokens.ANY),
        )
    elif deed < 0.85:
        del parts[at]
    elif deed < 0.9:
        parts[at] = (
            dice.choice(("../../x", "/etc/x", "", "a\0b", "word\\x.xml", name.upper())),
            part,
        )
    elif deed < 0.95:
        parts.append((name, dice.choice(parts)[1]))
    else:
        parts[at] = name, dice.choice(parts)[1]
    return _zipped(dice, parts)


def _zipped(dice: random.Random, parts: Sequence[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    method = dice.choice((0, 8, 8, 8, 12, 14))
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, part in parts:
            entry = zipfile.ZipInfo("x", (2024, 3, 1, 10, 0, 0))
            entry.filename = name
            archive.writestr(entry, part, method)
    return out.getvalue()


def _marked(dice: random.Random, part: bytes) -> bytes:
    """Damage markup: its numbers, values, elements, depth, entities or words."""
    for _ in range(dice.choice((1, 2, 6))):
        deed = dice.choice(
            ("number", "value", "tag", "swap", "deep", "entity", "word", "word", "bytes")
        )
        at = [match.start() for match in _TAG.finditer(part)] or [0]
        place = dice.choice(at)
        if deed == "number":
            part = _numbered(dice, part, ())
        elif deed == "value":
            part = _one(dice, _QUOTED, part, b'"%s"' % dice.choice((*tokens.NUMBERS, b"", b"x")))
        elif deed in ("tag", "swap"):
            part = _renamed(dice, part, ()) if deed == "swap" else _one(dice, _TAG, part, b"")
        elif deed == "deep":
            part = _deepened(dice, part)
        elif deed == "entity":
            head = (
                _ENTITIES + part
                if not part.startswith(b"<?")
                else part.replace(b"?>", b"?>" + _ENTITIES, 1)
            )
            part = (
                head[: place + len(_ENTITIES)]
                + dice.choice((b"&f;", b"&s;"))
                + head[place + len(_ENTITIES) :]
            )
        elif deed == "word":
            part = part[:place] + dice.choice(tokens.IN_PARTS) + part[place:]
        else:
            part = _damaged(dice, part, [part], tokens.ANY)
        part = part[:MAX_MADE]
    return part


def _deepened(dice: random.Random, part: bytes) -> bytes:
    """Put an element into itself, many times over."""
    opening = [
        match for match in _TAG.finditer(part) if match[0][1:2].isalpha() and match[0][-2:] != b"/>"
    ]
    if not opening:
        return part
    match = dice.choice(opening)
    times = dice.choice((5, 100, 250, 5000))
    name = re.split(rb"[\s/>]", match[0][1:], maxsplit=1)[0]
    return (
        part[: match.start()]
        + match[0] * times
        + b"</"
        + name
        + b">" * 1
        + b"</%s>" % name * (times - 1)
        + part[match.start() :]
    )
