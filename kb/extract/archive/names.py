"""The names inside archives and mails, made fit to be shown, stored and followed.

A name inside is what a stranger wrote. Nothing is ever written under it, but it becomes part of a
document's path: it must not climb out of its archive, hide what it is, or be that of another.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from kb.errors import StageError
from kb.extract.plain.encoding import decode

_RUSSIAN = re.compile("(?:[А-ЯЁЄЇЎ]?[а-яёєїў]+|[А-ЯЁЄЇЎ]+)")
_DRIVE = re.compile(r"^[A-Za-z]:(?=[\\/])")
#: No file system takes a longer piece of a name, and no terminal a longer name.
_LONGEST_PIECE, _LONGEST = 200, 1000
#: Folders and files that programs leave behind and nobody means.
_LEFT_BEHIND = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
#: What names without a word on their encoding are likely to be in, beside that of the format.
#: Among the encodings of Latin letters no one can choose by a few names.
_LIKELY = frozenset(
    {"gb18030", "big5hkscs", "shift_jis", "cp932", "euc_jp", "cp949", "euc_kr", "cp866"}
)


def is_left_out(name: str) -> bool:
    """Tell whether a file of this name is passed over, in an archive as in a folder.

    >>> is_left_out("__MACOSX/._a.pdf"), is_left_out("a/.git/x"), is_left_out("../a.pdf")
    (True, True, False)
    """
    pieces = [piece for piece in re.split(r"[\\/]", name) if piece not in ("", ".", "..")]
    return any(each.startswith(".") or each.lower() in _LEFT_BEHIND for each in pieces)


def stored_names(names: Iterable[str]) -> list[str]:
    r"""Give for each name the one it is stored under: relative, printable, and its own.

    The same names in the same order give the same result. One that another has already, or that
    another takes for a folder, gets a number: `a.pdf`, `a (2).pdf`.

    >>> stored_names(["a.pdf", "..\\a.pdf", "C:\\b\\c.txt"])
    ['a.pdf', 'a (2).pdf', 'b/c.txt']
    """
    shelf = _Shelf()
    return [shelf.place(_clean(name)) for name in names]


def decoded_names(raw: Sequence[bytes]) -> list[str]:
    """Give the names of a zip that does not say how they are encoded.

    They are UTF-8 if they can be; else one of the encodings of East Asia or Russia if all of them
    together read like it, as those of archives made on a Chinese Windows do; else cp437, as the
    format has it.
    """
    together = b"\n".join(raw)
    for encoding in ("utf-8", _likely(together)):
        if encoding:
            try:
                return [name.decode(encoding) for name in raw]
            except UnicodeDecodeError:
                continue
    return [name.decode("cp437") for name in raw]


def _likely(together: bytes) -> str | None:
    try:
        _, encoding = decode(together)
    except StageError:
        encoding = "ascii"
    if codecs.lookup(encoding).name in _LIKELY:
        return encoding
    return _common_chinese(together) or _common_russian(together)


def _common_chinese(together: bytes) -> str | None:
    """Take a few characters for GBK when all of them are in the first level of GB 2312.

    Those are the 3,755 common ones, rows 0xB0 to 0xD7; letters with accents, in any encoding, do
    not come in pairs of that kind.
    """
    high = re.findall(rb"[\x80-\xff]+", together)
    common = re.compile(rb"(?:[\xb0-\xd7][\xa1-\xfe]|\xa1[\xa1-\xfe]|\xa3[\xa1-\xfe])+")
    return "gbk" if high and all(common.fullmatch(run) for run in high) else None


def _common_russian(together: bytes) -> str | None:
    """Take a few characters for cp866 when they make words of Russian letters in one case.

    In the encodings of Western Europe these bytes are letters with accents, of which hardly two
    ever stand side by side.
    """
    high = re.findall(rb"[\x80-\xff]+", together)
    words = [run.decode("cp866") for run in high]
    long = sum(map(len, words)) >= 3 * len(words)
    return "cp866" if words and long and all(map(_RUSSIAN.fullmatch, words)) else None


def _clean(name: str) -> str:
    """Give a name without a way up, a drive, or characters that hide or turn what is read."""
    pieces = [_piece(each) for each in re.split(r"[\\/]", _DRIVE.sub("", name))]
    kept = [each for each in pieces if each not in ("", ".", "..")] or ["unnamed"]
    while len(kept) > 1 and sum(map(len, kept)) + len(kept) > _LONGEST:
        del kept[0]
    return "/".join(kept)


def _piece(piece: str) -> str:
    piece = "".join("_" if _is_hostile(char) else char for char in piece).strip()
    if len(piece) > _LONGEST_PIECE:
        ending = PurePosixPath(piece).suffix[:20]
        piece = piece[: _LONGEST_PIECE - len(ending)] + ending
    return piece


def _is_hostile(char: str) -> bool:
    """Tell whether a character does not print, or turns the direction of those around it.

    The joiners that Persian and Indic names need are kept.
    """
    if " " <= char <= "~" or char in "\u200c\u200d":
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


class _Shelf:
    """The names given so far: no file has the name of another, or of a folder."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        #: What each folder is called here, and all those names.
        self._called: dict[str, str] = {}
        self._folders: set[str] = set()
        #: Where to go on counting, so that a million files of one name are not a million tries.
        self._counts: dict[str, int] = {}

    def place(self, name: str) -> str:
        """Give the name, or the next free one like it."""
        folder = ""
        *above, last = name.split("/")
        for piece in above:
            folder = self._folder(folder + piece) + "/"
        found = self._free(folder + last)
        self._files.add(found)
        return found

    def _folder(self, wanted: str) -> str:
        if wanted not in self._called:
            found = self._free(wanted) if wanted in self._files else wanted
            self._called[wanted] = found
            self._folders.add(found)
        return self._called[wanted]

    def _free(self, wanted: str) -> str:
        if wanted not in self._files and wanted not in self._folders:
            return wanted
        path = PurePosixPath(wanted)
        while True:
            count = self._counts[wanted] = self._counts.get(wanted, 1) + 1
            found = str(path.with_name(f"{path.stem} ({count}){path.suffix}"))
            if found not in self._files and found not in self._folders:
                return found
