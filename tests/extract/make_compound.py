"""Compound files (MS-CFB, version 3) made by hand, as Outlook and the old Office write them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Union

Tree = Mapping[str, Union[bytes, "Tree"]]

_SECTOR, _SMALL, _CUTOFF = 512, 64, 4096
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(tree: Tree) -> bytes:
    """Give a compound file of these storages (mappings) and streams (bytes)."""
    made = _Compound()
    made.plant(0, tree)
    return made.written()


class _Chains:
    """Sectors of one size, and which follows which."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.sectors: list[bytes] = []
        self.links: list[int] = []

    def add(self, data: bytes) -> int:
        if not data:
            return _END
        first = len(self.sectors)
        for at in range(0, len(data), self.size):
            self.sectors.append(data[at : at + self.size].ljust(self.size, b"\0"))
            self.links.append(len(self.sectors))
        self.links[-1] = _END
        return first


class _Compound:
    def __init__(self) -> None:
        self.large, self.small = _Chains(_SECTOR), _Chains(_SMALL)
        #: Name, kind (1 storage, 2 stream, 5 root), first sector, size, children.
        self.names, self.kinds = ["Root Entry"], [5]
        self.places: list[tuple[int, int]] = [(0, 0)]
        self.children: list[list[int]] = [[]]

    def plant(self, parent: int, tree: Tree) -> None:
        for name, what in sorted(tree.items(), key=lambda item: (len(item[0]), item[0].upper())):
            number = len(self.names)
            self.children[parent].append(number)
            self.names.append(name)
            self.children.append([])
            if isinstance(what, bytes):
                chains = self.small if len(what) < _CUTOFF else self.large
                self.kinds.append(2)
                self.places.append((chains.add(what), len(what)))
            else:
                self.kinds.append(1)
                self.places.append((0, 0))
                self.plant(number, what)

    def written(self) -> bytes:
        small = b"".join(self.small.sectors)
        self.places[0] = (self.large.add(small), len(small))
        table = struct.pack(f"<{len(self.small.links)}I", *self.small.links)
        small_at = self.large.add(table + b"\xff" * (-len(table) % _SECTOR))
        rows_at = self.large.add(self._rows())
        tables = 1
        while tables * 128 < len(self.large.links) + tables:
            tables += 1
        at = len(self.large.links)
        links = [*self.large.links, *[_TABLE] * tables]
        fat = struct.pack(f"<{len(links)}I", *links).ljust(tables * _SECTOR, b"\xff")
        head = struct.pack(
            "<8s16sHHHHH6sIIIIIIIII",
            *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b""),
            *(0, tables, rows_at, 0, _CUTOFF, small_at, -(-len(table) // _SECTOR), _END, 0),
        )
        head += struct.pack("<109I", *range(at, at + tables), *[_FREE] * (109 - tables))
        return head + b"".join(self.large.sectors) + fat

    def _rows(self) -> bytes:
        following = {}
        for children in self.children:
            following |= dict(zip(children, [*children[1:], _FREE], strict=False))
        rows = b""
        for number, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True)):
            wide = name.encode("utf-16-le") + b"\0\0"
            children = self.children[number]
            rows += struct.pack(
                "<64sHBBIII16sIQQIQ",
                *(wide, len(wide), kind, 1, _FREE, following.get(number, _FREE)),
                *(children[0] if children else _FREE, b"", 0, 0, 0, *self.places[number]),
            )
        return rows
