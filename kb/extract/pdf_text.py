"""The text of one PDF page, as people would have typed it."""

from __future__ import annotations

import re
import unicodedata

from kb.extract.canonical import keepable

#: Han, kana, Bopomofo, and the full-width punctuation between them; Korean parts words by spaces.
_CJK = (
    "\u2e80-\u2fdf\u3001-\u30ff\u3100-\u312f\u31f0-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff"
)
#: One space, not a wider gap, which parts the columns of a table.
_CJK_SPACE = re.compile(f"(?<=[{_CJK}]) (?=[{_CJK}])")
_BLANKS = re.compile("[ \t\u00a0\u2000-\u200a\u202f\u205f]+")
_LIGATURE = re.compile("[\ufb00-\ufb06\u2f00-\u2fdf\u2e80-\u2eff]")
_LINE_END = re.compile(r" *(?:\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]) *")
_EMPTY_LINES = re.compile(r"\n{3,}")
#: Signs that a font gave no Unicode for its glyphs: controls, private use, replacement, numbers.
_UNMAPPED = re.compile(
    "[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ue000-\uf8ff\ufffd]"
    r"|/(?:g|gid|cid|uni)?\d{1,5}(?=/)|\(cid:\d+\)"
)
_CONTROL = re.compile("[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
#: The bullets of the fonts Symbol and Wingdings.
_BULLET = re.compile("[\uf0b7\uf0a7\uf0d8\uf0fc\uf076\uf06e\uf071\uf0a8]")
_LETTER = re.compile(r"[^\W_]")


def tidy(text: str) -> str:
    r"""Give a page's text without what only its typesetting put there.

    Ligatures become letters, every kind of blank one space, spaces between Chinese or Japanese
    characters go, soft hyphens at the end of a line and more than one empty line in a row too.

    >>> tidy("of\ufb01ce\u00a0 hours\n本 合 同")
    'office hours\n本合同'
    """
    text = keepable(text).replace("\u00ad\n", "").replace("\u00ad", "").replace("\ufeff", "")
    text = _BULLET.sub("•", _CONTROL.sub("", text))
    text = _LIGATURE.sub(_compatible, text)
    text = _CJK_SPACE.sub("", text)
    text = _LINE_END.sub("\n", _BLANKS.sub(" ", text))
    return _EMPTY_LINES.sub("\n\n", text).strip()


def has_letters(text: str) -> bool:
    """Tell whether there is a letter or a digit in the text."""
    return _LETTER.search(text) is not None


def unmapped(text: str) -> bool:
    """Tell whether a page's text, as pypdf gave it, is a font's private numbers, not letters."""
    numbers = len(_UNMAPPED.findall(_BULLET.sub("", text)))
    return numbers > 0 and numbers >= len(_LETTER.findall(_UNMAPPED.sub("", text)))


def skeleton(text: str) -> str:
    """Give a short page without its numbers, to tell a stamp that stands on every scan."""
    return re.sub(r"[\W\d_]+", "", text.casefold())


def _compatible(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])
