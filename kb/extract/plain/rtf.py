"""RTF: paragraphs, tables and footnotes in the order of the file, in whatever code pages.

Our own reading of the format, in one pass without recursion: striprtf, the library for this,
gives one string and knows nothing of headings, hidden or deleted text, footnotes and rows, and
oletools and RTFDE look for attacks and mails. Pictures, objects, headers and footers are passed
over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from kb.errors import StageError, failure
from kb.extract.canonical import sensible_title, stem
from kb.extract.plain.rtf_text import Paragraphs
from kb.model import Document, Source

_TOKEN: Final = re.compile(
    rb"\\(?:([a-zA-Z]{1,40})(-?\d{1,10})? ?|'([0-9a-fA-F]{2})|([^a-zA-Z]))"
    rb"|([{}])|[\r\n\0]+|([^\\{}\r\n\0]+)",
    re.DOTALL,
)
_MOST_GROUPS: Final = 100_000
#: Groups whose text is not part of the document, or not seen in it.
_PASSED: Final = frozenset(
    {
        *("colortbl", "pict", "objdata", "header", "footer", "headerl", "headerr", "headerf"),
        *("footerl", "footerr", "footerf", "nonshppict", "nonesttables", "bkmkstart", "bkmkend"),
        *("fldinst", "filetbl", "revtbl", "rsidtbl", "listtable", "listoverridetable", "xe", "tc"),
        *("themedata", "colorschememapping", "latentstyles", "datastore", "xmlnstbl", "generator"),
        *("sp", "shprslt", "atnid", "atnauthor", "atntime", "atndate", "atnref", "atrfstart"),
        *("atrfend", "objclass", "objname", "private", "fontemb", "fontfile", "panose", "falt"),
        *("pnseclvl", "template", "ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "mmathPr", "pn"),
    }
)
#: Ignorable groups that hold text all the same.
_READ: Final = frozenset(
    {
        *("shpinst", "shptxt", "ud", "annotation", "fldrslt", "footnote"),
        *(
            "moMath",
            "moMathPara",
            "mr",
            "mf",
            "mnum",
            "mden",
            "me",
            "msup",
            "msub",
            "msSup",
            "msSub",
        ),
        *("mrad", "mdeg", "mnary", "md", "mfunc", "mfName", "mlim", "macc", "mbar", "mm", "mmr"),
    }
)
_SIGNS: Final = {
    "tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "lquote": "‘",
    "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": "\u2003",
    "enspace": "\u2002", "qmspace": " ", "~": "\u00a0", "_": "-", "{": "{", "}": "}", "\\": "\\",
    "zwj": "\u200d", "zwnj": "\u200c", "ltrmark": "", "rtlmark": "", "-": "",
}  # fmt: skip
_CHARSETS: Final = {
    77: "mac_roman", 78: "cp932", 79: "cp949", 80: "gb18030", 81: "cp950", 128: "cp932",
    129: "cp949", 130: "johab", 134: "gb18030", 136: "cp950", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_SYMBOL: Final = 2
_PRIVATE_BULLET: Final = 0xF0B7
_PAGES: Final = {936: "gb18030", 10000: "mac_roman", 65001: "utf-8", 1361: "johab"}


def read(data: bytes, source: Source) -> Document:
    """Give the document's text; headings are paragraphs with an outline level or such a style.

    Rows of tables stand on one line each. Raises StageError: `extract.corrupt`,
    `extract.too_large`.
    """
    start = data[:64].lstrip(b"\xef\xbb\xbf \r\n\t")
    if not start.startswith(b"{\\rtf"):
        raise StageError(failure("extract.corrupt", "The file does not begin as RTF does."))
    reader = _Reader()
    reader.run(data)
    title = reader.text.title or sensible_title(reader.declared_title)
    return reader.text.out.document(title=title or stem(source), kind="rtf")


@dataclass(frozen=True, slots=True)
class _State:
    """What holds inside a group and is as before after its end."""

    #: What the group's text is: "" the document's, else "fonttbl", "stylesheet", "title", "info",
    #: "upr" (the same in ANSI as in the Unicode group below it), "pass".
    into: str = ""
    font: int = -1
    #: So many characters after `\\u` stand for it in programs that do not know it.
    fallback: int = 1
    hidden: bool = False
    deleted: bool = False


@dataclass(slots=True)
class _Reader:
    """Reads tokens one after the other."""

    text: Paragraphs = field(default_factory=Paragraphs)
    state: _State = field(default_factory=_State)
    above: list[tuple[_State, int]] = field(default_factory=list)
    page: str = "cp1252"
    default_font: int = -1
    charsets: dict[int, int] = field(default_factory=dict)
    #: Bytes that wait for those that complete their character.
    pending: bytearray = field(default_factory=bytearray)
    skip: int = 0
    starred: bool = False
    #: Whether the group has just begun, so that its first word says what it is.
    fresh: bool = False
    declared_title: str = ""
    entry: str = ""

    def run(self, data: bytes) -> None:  # noqa: C901 - a branch for each kind of token
        """Read a whole file; one that breaks off is read to its end."""
        place, end = 0, len(data)
        match_at = _TOKEN.match
        while place < end:
            match = match_at(data, place)
            if match is None:
                place += 1
                continue
            place = match.end()
            word, number, pair, sign, brace, plain = match.groups()
            if plain is not None:
                self._plain(plain)
            elif pair is not None:
                self._byte(int(pair, 16))
            elif word is not None:
                if word == b"bin":
                    place += max(0, int(number or 0))
                else:
                    self._word(word.decode("ascii"), None if number is None else int(number))
            elif brace is not None:
                self._brace(brace == b"{")
            elif sign is not None:
                self._sign(sign)
        self._flush()
        self.text.end()

    def _plain(self, plain: bytes) -> None:
        # Blanks before the word that says what a group is come from programs that indent.
        self.fresh = self.fresh and plain.isspace()
        if self.skip:
            skipped = min(self.skip, len(plain))
            self.skip -= skipped
            plain = plain[skipped:]
        if self.state.into != "pass" and plain:
            self.pending += plain

    def _byte(self, byte: int) -> None:
        if self.skip:
            self.skip -= 1
        elif self.state.into != "pass":
            self.pending.append(byte)

    def _brace(self, opens: bool) -> None:
        self._flush()
        self.skip = 0
        if opens:
            if len(self.above) >= _MOST_GROUPS:
                raise StageError(failure("extract.too_large", "The groups in the file never end."))
            self.above.append((self.state, self.text.depth))
            self.fresh = True
        elif self.above:
            if self.state.into in {"fonttbl", "stylesheet"}:
                self._end_entry()
            self.state, depth = self.above.pop()
            self.text.leave(depth)
            self.fresh = False
        self.starred = False

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self.starred = True
        elif sign in b"\r\n":
            self._word("par", None)
        elif self.skip:
            self.skip -= 1
        else:
            self._say(_SIGNS.get(sign.decode("latin-1"), ""))

    def _word(self, word: str, number: int | None) -> None:
        fresh, self.fresh = self.fresh, False
        starred, self.starred = self.starred, False
        if word == "u":
            self._unicode(number or 0)
            return
        self._flush()
        if self.state.into == "pass" or ((fresh or starred) and self._destination(word, starred)):
            return
        if word in _SIGNS:
            self._say("" if self.skip else _SIGNS[word])
            self.skip = max(0, self.skip - 1)
        elif (act := _ACTS.get(word)) is not None:
            act(self, number)
        elif self.state.into == "":
            self.text.word(word, number)
        elif self.state.into == "stylesheet":
            self.text.style_word(word, number)

    def _destination(self, word: str, starred: bool) -> bool:
        """Take the first word of a group for what the group is; False when it is another word."""
        into = self.state.into
        if starred and word in _STYLES:
            return False
        if word in _TABLES:
            self.state = replace(self.state, into=word)
        elif word in _PASSED or (starred and word not in _READ) or (into == "info" != word):
            self.state = replace(self.state, into="pass")
        elif word in {"upr", "ud"} and into in {"", "upr"}:
            self.state = replace(self.state, into="upr" if word == "upr" else "")
        elif word in _ASIDES and into == "":
            self.text.enter(word)
            self.state = replace(self.state, hidden=False)
        else:
            return False
        return True

    def _unicode(self, number: int) -> None:
        if self.state.into == "pass":
            return
        self._flush()
        self._say("•" if number % 65536 == _PRIVATE_BULLET else chr(number % 65536))
        self.skip = self.state.fallback

    def _say(self, text: str) -> None:
        self._flush()
        self._into(text)

    def _flush(self) -> None:
        """Decode the bytes that wait, in the code page of their font."""
        if self.pending:
            data, self.pending = bytes(self.pending), bytearray()
            self._into(self._decoded(data))

    def _decoded(self, data: bytes) -> str:
        if data.isascii():
            return data.decode("ascii")
        font = self.state.font if self.state.font >= 0 else self.default_font
        charset = self.charsets.get(font, 0)
        if charset == _SYMBOL:
            return "".join(
                "•" if byte == 0xB7 else chr(byte) if byte < 128 else "" for byte in data
            )
        for encoding in (_CHARSETS.get(charset, self.page), self.page):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
        return data.decode(_CHARSETS.get(charset, self.page), "replace")

    def _into(self, text: str) -> None:
        into = self.state.into
        if into == "":
            if not (self.state.hidden or self.state.deleted):
                self.text.say(text)
        elif into == "title":
            self.declared_title += text
        elif into == "stylesheet":
            self.entry += text
            if ";" in text:
                self._end_entry()

    def _end_entry(self) -> None:
        if self.entry.strip(" ;"):
            self.text.name_style(self.entry.partition(";")[0].strip())
        self.entry = ""

    def set_font(self, number: int | None) -> None:
        """Take a font for the text that follows, or, in the table of fonts, begin its entry."""
        self.state = replace(self.state, font=number if number is not None else 0)

    def set_charset(self, number: int | None) -> None:
        """Note the character set of the font whose entry this is."""
        if self.state.into == "fonttbl":
            self.charsets[self.state.font] = number or 0

    def set_page(self, number: int | None) -> None:
        """Take a code page for all that no font says otherwise of."""
        self.page = _codec(number or 1252)

    def set_font_page(self, number: int | None) -> None:
        """Take the code page that an entry of the table of fonts names by its number."""
        code = next((key for key, name in _CHARSETS.items() if name == _codec(number or 0)), None)
        if self.state.into == "fonttbl" and code is not None:
            self.charsets.setdefault(self.state.font, code)

    def set_default_font(self, number: int | None) -> None:
        """Take a font for text that names none."""
        self.default_font = number if number is not None else -1

    def set_fallback(self, number: int | None) -> None:
        """Note how many characters stand for each Unicode one in other programs."""
        self.state = replace(self.state, fallback=min(max(0, 1 if number is None else number), 100))

    def set_hidden(self, number: int | None) -> None:
        """Hide what follows, or show it again."""
        self.state = replace(self.state, hidden=number != 0)

    def set_deleted(self, number: int | None) -> None:
        """Leave out what was deleted under track changes."""
        self.state = replace(self.state, deleted=number != 0)

    def reset(self, _: int | None) -> None:
        """Take up plain characters again; the font is the document's."""
        font = self.default_font
        self.state = replace(self.state, hidden=False, deleted=False, font=font)


def _codec(number: int) -> str:
    name = _PAGES.get(number, f"cp{number}")
    try:
        b"".decode(name)
    except LookupError:
        return "cp1252"
    return name


#: Groups of which more than the text is noted.
_TABLES: Final = frozenset(("fonttbl", "stylesheet", "info", "title"))
_ASIDES: Final = frozenset(("footnote", "annotation", "shptxt"))
#: Styles of other things than paragraphs, marked as ignorable in the table of styles.
_STYLES: Final = frozenset(("cs", "ts", "ds"))
_ACTS: Final[dict[str, Callable[[_Reader, int | None], None]]] = {
    "f": _Reader.set_font,
    "fcharset": _Reader.set_charset,
    "cpg": _Reader.set_font_page,
    "ansicpg": _Reader.set_page,
    "mac": lambda reader, _: reader.set_page(10000),
    "pc": lambda reader, _: reader.set_page(437),
    "pca": lambda reader, _: reader.set_page(850),
    "deff": _Reader.set_default_font,
    "uc": _Reader.set_fallback,
    "v": _Reader.set_hidden,
    "deleted": _Reader.set_deleted,
    "plain": _Reader.reset,
}
