"""The words of mail headers: unfolded, decoded, and never an error."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime

from kb.errors import StageError
from kb.extract.plain.encoding import decode_as

#: Longer headers are cut: a list of all receivers helps nobody find a mail.
_LONGEST, _LONGEST_SHOWN = 100_000, 4_000
_FOLD = re.compile(r"[\r\n]+[ \t]*|[\x00-\x1f\x7f]+")
_SURROGATE = re.compile("[\udc80-\udcff]")
#: Two encoded words with nothing but a blank between them are one.
_BETWEEN = re.compile(r"(?<=\?=)\s+(?==\?)")


def header_text(raw: str) -> str:
    r"""Give what a header says, in one line; bytes that are not ASCII are surrogates in `raw`.

    >>> header_text("=?gb2312?B?us/NrA==?=\r\n signed")
    '合同 signed'
    """
    raw = _FOLD.sub(" ", raw[:_LONGEST])
    if _SURROGATE.search(raw):
        raw = loose_text(raw.encode("utf-8", "surrogateescape"), None)
    if "=?" not in raw:
        return _short(raw)
    try:
        found = decode_header(_BETWEEN.sub("", raw))
    except (HeaderParseError, ValueError):
        return _short(raw)
    said = [each if isinstance(each, str) else _word(each, charset) for each, charset in found]
    return _short("".join(said))


def loose_text(data: bytes, charset: str | None) -> str:
    """Give the text of a few bytes, at worst with U+FFFD for what cannot be told."""
    try:
        return decode_as(data, charset)[0]
    except (StageError, LookupError):
        return data.decode("utf-8", "replace")


def date_text(raw: str) -> str:
    """Give a date as ISO 8601 has it, or as it was written if it is none.

    >>> date_text("Fri, 01 Mar 2024 10:00:00 +0800 (CST)")
    '2024-03-01T10:00:00+08:00'
    """
    said = header_text(raw)
    try:
        return parsedate_to_datetime(said).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return said


def _word(data: bytes, charset: str | None) -> str:
    # Where no charset is named, these are the ASCII letters between two encoded words.
    return loose_text(data, charset) if charset else data.decode("latin-1")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else line[:_LONGEST_SHOWN] + " …"


def unflowed(text: str, *, delete_space: bool) -> str:
    r"""Join the lines that were only broken to fit (RFC 3676), each with its quotation marks.

    >>> unflowed("> one \n> two\nthree\n", delete_space=False)
    '> one two\nthree\n'
    """
    lines: list[str] = []
    joins = ""
    for line in text.splitlines():
        marks = line[: len(line) - len(line.lstrip(">"))]
        words = line[len(marks) :].removeprefix(" ")
        if lines and joins == f"{marks}|":
            lines[-1] += words
        else:
            lines.append(f"{marks} {words}" if marks else words)
        soft = words.endswith(" ") and words != "-- "
        if soft and delete_space:
            lines[-1] = lines[-1][:-1]
        joins = f"{marks}|" if soft else ""
    return "".join(f"{line}\n" for line in lines)
