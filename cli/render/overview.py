"""Documents and settings, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from cli.render.styled import Text
from cli.render.tables import Column, count, pairs, table

if TYPE_CHECKING:
    from kb.config import SettingRow
    from kb.store import DocumentRow

#: Pages in these states hold nothing that a search could miss.
_WHOLE: Final = frozenset({"indexed", "blank", "duplicate", "ocr"})
#: What stands for a setting that nobody has set.
_UNSET: Final = {
    "embedding.base_url": "built-in model",
    "embedding.api_key": "none",
    "embedding.query_template": "from prompts",
    "embedding.passage_template": "from prompts",
    "embedding.instruction": "from prompts",
    "rerank.base_url": "none",
}


def document_lines(
    rows: Sequence[DocumentRow], *, width: int, filtered: bool = False
) -> Iterator[Text]:
    """Give a row for each document; the collection is shown where there are several."""
    if not rows:
        told = "No document fits." if filtered else "No documents yet; see: kb ingest --help"
        yield Text(told)
        return
    several = len({row.collection for row in rows}) > 1
    columns = [
        Column(head="document", least=20),
        *([Column(head="collection", least=10)] if several else []),
        Column(head="format", least=6),
        Column(head="pages", number=True),
        Column(head="chunks", number=True),
        Column(head="state"),
    ]
    yield from table(columns, [_document_row(row, several=several) for row in rows], width=width)
    chunks = sum(row.chunks for row in rows)
    yield Text()
    yield Text(f"{count(len(rows), 'document')}, {count(chunks, 'chunk')}.")
    missing = sum(map(_missing, rows))
    if missing:
        be = "is" if missing == 1 else "are"
        yield Text(f"{count(missing, 'page')} {be} not searchable: kb status shows which and why.")
    unsure = sum(row.doubtful for row in rows)
    if unsure:
        be = "is" if unsure == 1 else "are"
        yield Text(f"{count(unsure, 'page')} read by OCR {be} unsure: look at the page itself.")


def _document_row(row: DocumentRow, *, several: bool) -> list[object]:
    missing = _missing(row)
    state = row.state
    if missing and state == "indexed":
        state = f"{row.pages - missing} of {row.pages} pages" if row.pages else "partly"
    if row.doubtful:
        state += f", {row.doubtful} unsure"
    elif row.confidence is not None:
        state += f", OCR {row.confidence:.0%}"
    collection = [row.collection] if several else []
    return [row.path, *collection, row.format, row.pages, row.chunks, state]


def _missing(row: DocumentRow) -> int:
    """Count the pages of a document that no search can find."""
    return sum(pages for state, pages in row.coverage.items() if state not in _WHOLE)


def setting_lines(rows: Sequence[SettingRow], home: str, *, width: int) -> Iterator[Text]:
    """Give every setting, its value and where that came from."""
    yield from pairs([("Knowledge base", home)], width=width)
    yield Text()
    columns = (
        Column(head="setting"),
        Column(head="value", least=14, whole=True),
        Column(head="from"),
        Column(head="environment"),
    )
    # The last column says which variable it is.
    origins = [row.origin.partition(" (")[0] for row in rows]
    body = [(r.key, _value(r), came, r.env) for r, came in zip(rows, origins, strict=True)]
    yield from table(columns, body, width=width)


def _value(row: SettingRow) -> object:
    if row.value is None:
        return _UNSET.get(row.key, "automatic")
    # A space at the end of a template matters, so it must be seen.
    text = str(row.value)
    return text if text == text.strip() else repr(text)
