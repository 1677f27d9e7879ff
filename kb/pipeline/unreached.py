"""Names that led nowhere: kept in the ledger until they lead somewhere or nobody asks for them.

A file or folder that is missing or may not be opened has no bytes to be known by. What is kept of
it is a source without a hash, which every run looks at again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import Failure
from kb.pipeline.plan import DEFAULT_COLLECTION, UNKNOWN_TIME, Remembered

if TYPE_CHECKING:
    from kb.store import Writer


def news(failures: Iterable[Failure], standing: Collection[Failure]) -> list[Failure]:
    """Give those failures that the ledger does not hold yet.

    A name inside a file is none: what is in there is known by that file alone.
    """
    held = {(each.source, each.code) for each in standing}
    return [
        each
        for each in failures
        if each.source and (each.source, each.code) not in held and "inside" not in each.detail
    ]


def note(
    failures: Sequence[Failure], writer: Writer, remembered: Remembered, *, root: Path
) -> None:
    """Write failures down of which there is nothing but a name; each is worth another try.

    What is stored of such a file stays, and is stale.
    """
    from kb.model import Source

    for failure in failures:
        assert failure.source is not None
        known = remembered.known.get(failure.source)
        source = Source(
            path=failure.source,
            location=root / failure.source,
            size=known.size if known else 0,
            mtime_ns=UNKNOWN_TIME,
            inode=0,
        )
        writer.fail(
            source,
            known.sha256 if known else "",
            replace(failure, retriable=True),
            collection=known.collection if known else DEFAULT_COLLECTION,
        )
