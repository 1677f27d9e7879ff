"""What the tests of the search room share."""

from __future__ import annotations

import pytest

from kb.model import Chunk
from kb.store import Passage

CLAUSE = (
    "The Supplier shall pay a penalty of 1.5 % of the price for each week of delay, but not more "
    "than 10 % of the price in all, unless the Buyer has caused the delay."
)


@pytest.fixture(scope="session")
def passage():
    """Give a passage of any text at any place."""

    def made(chunk_id=1, text=CLAUSE, *, path="a.txt", ordinal=0, section=(), title="a"):
        chunk = Chunk(
            ordinal=ordinal, start=0, end=len(text), text=text, section=section, context="",
            page_start=None, page_end=None, line_start=1, line_end=1, page_line=None,
        )  # fmt: skip
        return Passage(chunk_id=chunk_id, path=path, title=title, collection="c", chunk=chunk)

    return made
