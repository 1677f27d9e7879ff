"""Which encoding are these bytes in?

The marks that leave no doubt come first (byte order mark, valid UTF-8, the pattern of NULs in
UTF-16). What is left are the old national encodings, which can only be told by whether what
comes out reads like a language: `languages` and `letters` beside this hold what is known of each.
A guess that does not clearly win is refused with `extract.encoding`, because mojibake in a search
index is worse than a file that is reported.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter

from kb.errors import StageError, failure
from kb.extract.plain.languages import CHINESE_JAPANESE_KOREAN
from kb.extract.plain.single_byte import single_byte

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
#: Alphabets in UTF-16 the first byte of which is a control character.
_CONTROL_ROWS = frozenset((*range(3, 7), *range(0x0E, 0x20))) - {0x1B}
_HIGH = re.compile(rb"[\x80-\xff]")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
#: How ISO 2022 announces an alphabet of two bytes to a character.
_DESIGNATION = re.compile(rb"\x1b\$[@AB()*+\-./]")
_SHIFTS = re.compile(r"[\x0e\x0f\x1b]")
_CJK = re.compile("[\u3000-\u303f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\uff01-\uff60]")
#: Shares of characters, found on 400 real files; see tests/extract/test_text.py.
_FEW, _MOST, _CLEAR = 0.02, 0.7, 0.35
#: From these on, a text of East Asia is not compared with readings in other alphabets.
_SURE, _ENOUGH = 0.7, 12
#: A reading in another alphabet counts beside one in theirs from this likelihood for each byte on.
_LIKELY = -4.0


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
        row, count = rows.most_common(1)[0] if rows else (0, 0)
        if row in _CONTROL_ROWS and count > len(text) * _MOST:
            return 1.0  # every second byte is one that no narrow text holds
        return float(max(x.score(text) for x in CHINESE_JAPANESE_KOREAN) >= 2 * _CLEAR)
    alphabet = max((count for row, count in rows.items() if row), default=0)
    return (rows[0] + max(len(_CJK.findall(text)), alphabet)) / len(text)


def _utf8(data: bytes) -> tuple[str, str] | None:
    """Decode UTF-8; a bad byte among many good ones becomes U+FFFD."""
    if _decodes(data, "utf-8"):
        return data.decode("utf-8"), "utf-8"
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = _count_foreign(text) - bad
    # In no other encoding do pairs of bytes look like UTF-8 twenty times for each miss.
    return (text, "utf-8") if good > 20 * bad else None


def _escaped(data: bytes) -> tuple[str, str] | None:
    """Decode the seven-bit encodings of mail, which switch alphabets with escape sequences.

    Raises StageError where such a sequence stands and none of them fits.
    """
    if b"~{" in data and b"~}" in data and data.isascii() and _decodes(data, "hz"):
        chinese = data.decode("hz")
        if any(each.score(_foreign(chinese)) >= _CLEAR for each in CHINESE_JAPANESE_KOREAN):
            return chinese, "hz"
    if _DESIGNATION.search(data) is None:
        return None
    for encoding in ("iso2022_kr", "iso2022_jp_2", "iso2022_jp_ext", "iso2022_jp_2004"):
        text = _decoded(data, encoding, 0.0)
        if text is not None and not _SHIFTS.search(text):
            return text, encoding
    raise StageError(failure("extract.encoding"))


def _national(data: bytes) -> tuple[str, str] | None:
    """Decode a national encoding of East Asia, else one of a byte to a character.

    None where a few characters could be either.
    """
    if _is_binary(data):
        return None
    for tolerance in (0.0, _FEW / 20):
        score, text, encoding = _best(data, tolerance)
        if score >= _CLEAR:
            sure = score >= _SURE and len(_foreign(text)) >= _ENOUGH
            alone = sure or single_byte(data, least=_LIKELY) is None
            return (text, encoding) if alone else None
    return single_byte(data)


def _best(data: bytes, tolerance: float) -> tuple[float, str, str]:
    """Give score, text and encoding of the language that fits best; of equals, the first.

    Bad bytes become U+FFFD as long as they are no more than `tolerance` of what is not ASCII.
    """
    best = (0.0, "", "")
    for encoding in dict.fromkeys(each.encoding for each in CHINESE_JAPANESE_KOREAN):
        text = _decoded(data, encoding, tolerance)
        if text is None:
            continue
        seen = _foreign(text)
        for language in CHINESE_JAPANESE_KOREAN:
            if language.encoding == encoding and (score := language.score(seen)) > best[0]:
                best = (score, text, encoding)
    return best


def _foreign(text: str) -> str:
    """Give what is not ASCII in a text, run by run, as much as is needed to judge it."""
    runs: list[str] = []
    size = 0
    for match in _FOREIGN.finditer(text):
        runs.append(match[0][:_SAMPLE])
        size += len(runs[-1])
        if size > _SAMPLE:
            break
    return " ".join(runs)


def _decoded(data: bytes, encoding: str, tolerance: float) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        if not tolerance:
            return None
    high = _HIGH.search(data)
    start = high.start() if high else 0
    part = data[start : start + _SAMPLE].decode(encoding, "replace")
    if part.count("\ufffd") > 1 + _FEW * _count_foreign(part):
        return None  # hopeless, and the file may be large
    text = data.decode(encoding, "replace")
    return text if text.count("\ufffd") <= _count_foreign(text) * tolerance else None


def _count_foreign(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


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
