"""CSV and TSV: one row on one line, with the header where passages can carry it along.

The csv module of Python reads the rows; what it cannot do is tell the delimiter: its own Sniffer
raises an error on ordinary files and takes letters for delimiters, so the candidates are counted.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from kb.errors import StageError, failure
from kb.extract.canonical import MAX_CHARACTERS, Composer, keepable, stem
from kb.extract.plain.encoding import decode
from kb.extract.rows import Rows
from kb.model import Document, Source

_DELIMITERS: Final = (",", "\t", ";", "|")
_SAMPLE: Final = 65_536
_SAMPLE_ROWS: Final = 200
#: A cell with more lines than this begins with a quote that nobody closed.
_MOST_LINES: Final = 2000


def read(data: bytes, source: Source) -> Document:
    """Give the rows; a header that is short stands above them, a long one is said in each.

    Raises StageError: `extract.encoding`, `extract.corrupt` (binary data),
    `extract.too_large`.
    """
    text, _ = decode(data)
    if len(text) > MAX_CHARACTERS:
        raise StageError(failure("extract.too_large", characters=len(text)))
    text = keepable(text)
    delimiter = delimiter_of(text, tabs=source.path.lower().endswith(".tsv"))
    if text[:4].lower() == "sep=":  # Excel's own first line
        text = text.partition("\n")[2]
    out = Composer()
    rows = Rows(out)
    for cells in _rows(text, delimiter):
        rows.add(cells)
    rows.end()
    return out.document(title=stem(source), kind="table")


def delimiter_of(text: str, *, tabs: bool = False) -> str:
    r"""Give the character between cells: the one that makes most rows equally long.

    >>> delimiter_of("a;b\n1,5;2\n")
    ';'
    """
    if text[:4].lower() == "sep=" and text[4:5] in _DELIMITERS:
        return text[4]
    sample = text[:_SAMPLE]
    candidates = ("\t", ",", ";", "|") if tabs else _DELIMITERS
    return max(candidates, key=lambda each: _fit(sample, each))


def _fit(sample: str, delimiter: str) -> float:
    """Give how well a delimiter fits, 0 where it stands in no row."""
    widths: Counter[int] = Counter()
    lines = io.StringIO(sample, newline="")
    for cells in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
        if cells:
            widths[len(cells)] += 1
        if widths.total() >= _SAMPLE_ROWS:
            break
    wide = Counter({width: count for width, count in widths.items() if width > 1})
    if not wide:
        return 0.0
    width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
    return count / widths.total() + min(width, 100) / 1000


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_CHARACTERS)
    lines = io.StringIO(text, newline="").readlines()
    place = 0
    while place < len(lines):
        start = place
        # People who write by hand leave a blank before a quote: `1, "Smith, John"`.
        rest = islice(lines, start, None)
        reader = csv.reader(rest, delimiter=delimiter, skipinitialspace=True)
        for cells in reader:
            if reader.line_num - (place - start) > _MOST_LINES:
                break
            yield cells
            place = start + reader.line_num
        else:
            return
        # Someone's inch mark opened a quote: its line is read without quotes, and then on.
        yield lines[place].rstrip("\r\n").split(delimiter)
        place += 1
