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
#: Words of full-width Latin letters are parted as those of others are.
_WIDE = "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
_CJK_SPACE = re.compile(f"(?<=[{_CJK}]) (?=[{_CJK}])(?<![{_WIDE}] (?=[{_WIDE}]))")
_BLANKS = re.compile("[ \t\u00a0\u2000-\u200a\u202f\u205f]{2,}|[\t\u00a0\u2000-\u200a\u202f\u205f]")
#: Ligatures, Arabic and Hebrew letters in their forms within words, and second codes of Chinese
#: characters. Not ² or ½, and not the punctuation of Chinese.
_COMPATIBLE = re.compile(
    "[\ufb00-\ufb4f\ufb50-\ufdff\ufe70-\ufefc\u2f00-\u2fdf\u2e80-\u2eff\uf900-\ufaff\U0002f800-\U0002fa1f]+"
)
#: Radicals that Unicode does not take for the characters that they are in Chinese fonts.
_RADICALS = str.maketrans(
    "⺎⺏⺐⺒⺓⺠⺩⺮⺻⺼⻁⻄⻅⻆⻉⻊⻋⻑⻓⻔⻘⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻭⻮⻯⻰⻲⻳⺟",
    "兀尢尢巳幺民王竹聿肉虎西见角贝足车長长门青页风飞食马骨鬼鱼鸟卤麦黄黾齐歯齿竜龙亀龟母",
)
_TWO_BLANKS = re.compile("  +")
_OTHER_END = re.compile(r" ?(?:\r\n|[\r\x0b\x0c\x85\u2028\u2029]) ?")
_SPECIAL = re.compile(f"[\u00ad\ufeff\uf000-\uf0ff\ufb00-\ufefc{_CJK}]")
_EMPTY_LINES = re.compile(r"\n{3,}")
#: Signs that a font gave no Unicode for its glyphs: controls, private use, replacement, numbers.
_NUMBERS = re.compile("[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ue000-\uf8ff\ufffd]")
_SLASHED = re.compile(r"/(?:g|gid|cid|uni)?\d{1,5}(?=/)")
_UNMAPPED = (_SLASHED, re.compile(r"\(cid:\d+\)"), _NUMBERS)
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
    plain = _is_plain(text)
    if not plain:
        text = _CONTROL.sub("", keepable(text))
    if not text.isascii() and _SPECIAL.search(text):
        text = text.replace("\u00ad\n", "").replace("\u00ad", "").replace("\ufeff", "")
        text = _COMPATIBLE.sub(_usual, _BULLET.sub("•", text))
        text = _CJK_SPACE.sub("", text)
        plain = _is_plain(text)
    if plain:
        text = _TWO_BLANKS.sub(" ", text.replace("\u00a0", " "))
    else:
        text = _OTHER_END.sub("\n", _BLANKS.sub(" ", text))
    text = text.replace(" \n", "\n").replace("\n ", "\n")
    return (_EMPTY_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip()


def _is_plain(text: str) -> bool:
    """Tell whether there are but signs to be printed, blanks and line ends; most pages are so."""
    return text.replace("\n", "").replace("\u00a0", "").isprintable()


def has_letters(text: str) -> bool:
    """Tell whether there is a letter or a digit in the text."""
    return _LETTER.search(text) is not None


def letters(text: str) -> int:
    """Count the letters and digits of a text that are not a font's private numbers."""
    for way in _UNMAPPED:
        text = way.sub("", text)
    return sum(map(str.isalnum, text))


def unmapped(text: str) -> float:
    """Give which share of a page's signs are a font's private numbers, not letters; 0 to 1."""
    # U+FFFD counts as a sign to be printed; dates have slashes, too.
    marks = "\ufffd" in text or "(cid:" in text or _SLASHED.search(text)
    if not marks and (_is_plain(text) or not _NUMBERS.search(text)):
        return 0.0
    shown = _BULLET.sub("", text)
    names, *others = (len(way.findall(shown)) for way in _UNMAPPED)
    for way in _UNMAPPED:
        text = way.sub("", text)
    letters = len(_LETTER.findall(text))
    # As many names of glyphs as letters are none of them dates.
    numbers = sum(others) + (names if names + sum(others) >= letters else 0)
    return numbers / (numbers + letters) if numbers else 0.0


def skeleton(text: str) -> str:
    """Give a short page without its numbers, to tell a stamp that stands on every scan."""
    return re.sub(r"[\W\d_]+", "", text.casefold())


def _usual(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0].translate(_RADICALS))
