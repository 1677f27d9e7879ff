"""Which encoding are these bytes in?

The marks that leave no doubt come first (byte order mark, valid UTF-8, the pattern of NULs in
UTF-16). What is left are the old national encodings, which can only be told by whether what
comes out reads like a language: `languages` and `letters` beside this hold what is known of each.
A guess that does not clearly win is refused with `extract.encoding`, because mojibake in a search
index is worse than a file that is reported.
"""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from operator import itemgetter

from kb.errors import StageError, failure
from kb.extract.plain import letters
from kb.extract.plain.languages import CHINESE_JAPANESE_KOREAN, Language

#: Longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (b"\x84\x31\x95\x33", "gb18030"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: So much of a text is looked at to tell its language; all of it must decode.
_SAMPLE = 100_000
#: Characters that stand in no text file: C0 controls but tab, line ends, form feed and escape.
_CONTROL = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f\ufffd]")
#: Code points that no one uses: unassigned or private ones, and the C1 controls.
_UNUSED = re.compile("[\x80-\x84\x86-\x9f\ud800-\uf8ff\ufff0-\uffff]")
_CJK = re.compile("[\u3000-\u303f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\uff01-\uff60]")
_HIGH = re.compile(rb"[\xa1-\xff]")
_HIGH_RUN = re.compile(rb"[\xa1-\xff]{3,}")
#: Shares of characters, found on 400 real files; see tests/extract/test_encoding.py.
_FEW, _MOST, _CLEAR = 0.02, 0.7, 0.35
#: How much less likely a text may be than is usual for a language, per letter and in all; by how
#: much it must be likelier than any other reading (20 to 1); and what speaks for the Western code
#: page, more where hardly any letter is outside ASCII. Natural logarithms.
_LOOSE, _STRAY, _MARGIN, _COMMON, _SPARSE = 1.0, 6.0, 3.0, 2.0, 7.0


def decode(data: bytes) -> tuple[str, str]:
    """Give the text of a file and the name of its encoding; no line end is changed.

    A byte order mark is taken off. Raises StageError: `extract.encoding` when no encoding is
    clearly the right one, `extract.corrupt` when the bytes are no text at all.
    """
    for decoder in (_marked, _escaped, _wide, _utf8, _national):
        if (found := decoder(data)) is not None:
            _refuse_binary(found[0])
            return found
    if _is_binary(data):
        raise StageError(failure("extract.corrupt", _BINARY))
    raise StageError(failure("extract.encoding"))


def decode_as(data: bytes, encoding: str | None) -> tuple[str, str]:
    """Give the text under the encoding that the file declares, if the bytes agree with it.

    Otherwise as `decode`. A declared `gb2312` or `iso-8859-1` stands for the larger set that
    programs in fact write, as the web does it.
    """
    name = _LARGER.get((encoding or "").strip().lower().replace("_", "-"), encoding)
    if name and not any(data.startswith(mark) for mark, _ in _MARKS):
        try:
            return data.decode(name), name
        except (LookupError, ValueError):
            pass
    return decode(data)


_BINARY = "The file holds binary data, not text."
_LARGER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift-jis": "cp932",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks-c-5601-1987": "cp949",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "utf-8",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
}


def _marked(data: bytes) -> tuple[str, str] | None:
    """Decode what begins with a byte order mark."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), encoding
    return None


def _wide(data: bytes) -> tuple[str, str] | None:
    """Decode UTF-16 or UTF-32 without a mark: its NULs stand at every second or fourth byte."""
    sample = data[:_SAMPLE]
    if len(data) % 4 == 0 and sample.count(0) >= len(sample) // 2:
        for encoding in ("utf-32-le", "utf-32-be"):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError:
                continue
    narrow = data.count(0) < len(data) * 0.3 and not _is_binary(sample.replace(b"\0", b""))
    if len(data) % 2 or (narrow and _decodes(data, "utf-8")):
        return None  # a few NULs in a text do not make it wide
    best = max(("utf-16-le", "utf-16-be"), key=lambda name: _wide_score(sample, name))
    if _wide_score(sample, best) < _MOST:
        return None
    return data.decode(best, "replace"), best


def _wide_score(sample: bytes, encoding: str) -> float:
    """Give the share of characters that are ordinary if these are pairs of bytes, 0 to 1."""
    text = sample.decode(encoding, "replace")
    strange = len(_CONTROL.findall(text)) + len(_UNUSED.findall(text))
    # Real UTF-16 has line ends, digits or spaces; pairs of ASCII letters read as one do not.
    rows = Counter(ord(char) >> 8 for char in text)
    if strange > len(text) * _FEW:
        return 0.0
    if not rows[0]:
        return float(max(x.score(text) for x in CHINESE_JAPANESE_KOREAN) >= 2 * _CLEAR)
    alphabet = max((count for row, count in rows.items() if row), default=0)
    return (rows[0] + max(len(_CJK.findall(text)), alphabet)) / len(text)


def _utf8(data: bytes) -> tuple[str, str] | None:
    """Decode UTF-8; a bad byte among many good ones becomes U+FFFD."""
    if _decodes(data, "utf-8"):
        return data.decode("utf-8"), "utf-8"
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(char > "\x7f" for char in text) - bad
    # In no other encoding do pairs of bytes look like UTF-8 twenty times for each miss.
    return (text, "utf-8") if good > 20 * bad else None


def _escaped(data: bytes) -> tuple[str, str] | None:
    """Decode the seven-bit encodings of mail, which switch alphabets with escape sequences."""
    for encoding, mark in (
        ("iso2022_jp_2", b"\x1b$B"),
        ("iso2022_jp_2", b"\x1b$@"),
        ("iso2022_kr", b"\x1b$)C"),
    ):
        if mark in data and _decodes(data, encoding):
            return data.decode(encoding), encoding
    return None


def _national(data: bytes) -> tuple[str, str] | None:
    """Decode a national encoding of East Asia, then of Europe, then whatever else is likely."""
    if _is_binary(data):
        return None
    for tolerance in (0.0, _FEW / 20):
        score, text, encoding = _best(data, CHINESE_JAPANESE_KOREAN, tolerance)
        if score >= _CLEAR:
            return text, encoding
    return _single_byte(data)


def _single_byte(data: bytes) -> tuple[str, str] | None:
    """Decode Latin letters with accents, or a whole other alphabet."""
    other = _all_foreign(data)
    texts: dict[str, str | None] = {}
    found: list[tuple[float, str, str]] = []
    for alphabet in letters.OTHERS if other else letters.LATIN:
        name = alphabet.encoding
        if name not in texts:
            texts[name] = _decoded(data, name, 0.0)
        text = texts[name]
        if text is None:
            continue
        counts = letters.foreign(text[:_SAMPLE])
        if alphabet.fits(counts, _LOOSE, _STRAY):
            score = alphabet.score(counts) + _prior(alphabet, text, counts.total())
            found.append((score, text, name))
    return _winner(found)


def _prior(alphabet: letters.Alphabet, text: str, foreign: int) -> float:
    """Give what speaks for a code page before any letter is seen: the Western one is common.

    Icelandic is not, and its letters stand where those of the Baltic languages do.
    """
    if alphabet.encoding != "cp1252" or "ð" in alphabet.likely:
        return 0.0
    return _SPARSE if foreign < _FEW / 2 * len(text[:_SAMPLE]) else _COMMON


def _winner(found: list[tuple[float, str, str]]) -> tuple[str, str] | None:
    """Give the likeliest text and its encoding, if no other text comes near it."""
    if not found:
        return None
    score, text, encoding = max(found, key=itemgetter(0))
    rival = max((each[0] for each in found if each[1] != text), default=-math.inf)
    return (text, encoding) if score - rival >= _MARGIN else None


def _best(data: bytes, languages: tuple[Language, ...], tolerance: float) -> tuple[float, str, str]:
    """Give score, text and encoding of the language that fits best; of equals, the first.

    Bad bytes become U+FFFD as long as they are no more than `tolerance` of what is not ASCII.
    """
    encodings = {language.encoding for language in languages}
    texts = {encoding: _decoded(data, encoding, tolerance) for encoding in encodings}
    scores = [
        (language.score(text[:_SAMPLE]), text, language.encoding)
        for language in languages
        if (text := texts[language.encoding]) is not None
    ]
    return max(scores, key=itemgetter(0), default=(0.0, "", ""))


def _all_foreign(data: bytes) -> bool:
    """Tell whether whole words are outside ASCII, as no language in Latin letters writes them."""
    sample = data[:_SAMPLE]
    high = len(_HIGH.findall(sample))
    return sum(map(len, _HIGH_RUN.findall(sample))) > high * 0.4


def _decoded(data: bytes, encoding: str, tolerance: float) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        if not tolerance:
            return None
    text = data.decode(encoding, "replace")
    foreign = sum(char > "\x7f" for char in text)
    return text if text.count("\ufffd") <= foreign * tolerance else None


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_binary(data: bytes) -> bool:
    sample = data[:_SAMPLE]
    controls = sum(
        sample.count(byte) for byte in (*range(7), *range(0x0E, 0x1A), *range(0x1C, 0x20))
    )
    return controls > len(sample) * _FEW


def _refuse_binary(text: str) -> None:
    sample = text[:_SAMPLE]
    if len(_CONTROL.findall(sample)) > max(8, len(sample) * 0.05):
        raise StageError(failure("extract.corrupt", _BINARY))
