"""Does every odd file end as it should: read, refused for the right reason, and whole?

    python -m benchmarks.odd FOLDER

FOLDER holds `manifest.jsonl`. Each line has a `file`, what to `expect` of it (text, no_text,
password, error, or any clear outcome), and where they apply: the `password` that opens it, the
`truth` (its text, decoded), and `consensus_words`, a file of words that two readers agree on.
Printed is what differs from that: a file that ends otherwise, a decoded text that is not the very
one, and a share of the words lower than bare pypdf's and bare pypdfium2's. Files with a password
are read twice, without it and with it.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.extract import source
from kb.errors import Failure
from kb.extract import open_extractor
from kb.model import Document, PageState

_CODES = {"no_text": "extract.no_text", "password": "extract.encrypted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A file, and what is known of it."""

    folder: Path
    entry: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / str(self.entry["file"])

    def complaints(self, outcome: Document | Failure) -> Iterator[str]:
        """Give what is not as it should be, where nothing opens the file but itself."""
        got = _ending(outcome)
        expected = self.entry["expect"]
        good = {"any": True, "error": got != "text"}
        if not good.get(expected, got == _CODES.get(expected, expected)):
            yield f"{expected} was expected, and it ended with {got}"
        if isinstance(outcome, Document):
            yield from self.losses(outcome)

    def losses(self, document: Document) -> Iterator[str]:
        """Give what of the known text is not in the document."""
        if truth := self.entry.get("truth"):
            with (self.folder / truth).open(encoding="utf-8", newline="") as file:
                if _cells(file.read(), document) - _cells(document.text, document):
                    yield "the decoded text is not the very one"
        if words := self.words():
            mine = share(words, document.text)
            naive = max(share(words, text) for text in self.read_bare())
            if mine < naive:
                yield f"{mine:.4f} of the words are there, {naive:.4f} with a bare reader"

    def words(self) -> list[str]:
        """Give the words that must be there."""
        named = self.entry.get("consensus_words")
        return (self.folder / named).read_text(encoding="utf-8").split() if named else []

    def read_bare(self) -> list[str]:
        """Give the text of the first pages as the bare libraries read it."""
        password = self.entry.get("password")
        found = []
        for read in (_pypdf, _pdfium):
            with suppress(Exception):
                found.append(read(self.path, password))
        return found or [""]


def _ending(outcome: Document | Failure) -> str:
    """Give what became of a file; letters recognised in a scan are not its own text."""
    if isinstance(outcome, Failure):
        return outcome.code
    recognised = all(page.state != PageState.INDEXED for page in outcome.pages)
    return _CODES["no_text"] if recognised else "text"


def _cells(text: str, document: Document) -> set[str]:
    """Give what must be the same: all of a text, or each cell of a table."""
    return set(re.split(r"[,|\s]+", text)) - {""} if document.format == "table" else {text}


def share(words: Sequence[str], text: str) -> float:
    """Give the share of the words that stand in a text, in whatever case."""
    low = text.casefold()
    return sum(word.casefold() in low for word in words) / len(words)


def _pypdf(path: Path, password: str | None) -> str:
    import pypdf

    pages = pypdf.PdfReader(path, password=password).pages[:40]
    return "\n".join(page.extract_text() for page in pages)


def _pdfium(path: Path, password: str | None) -> str:
    import pypdfium2

    document = pypdfium2.PdfDocument(path, password=password)
    pages = [document[number] for number in range(min(40, len(document)))]
    return "\n".join(page.get_textpage().get_text_range() for page in pages)


def outcomes(
    files: Sequence[Odd], passwords: Sequence[str] = ()
) -> Iterator[tuple[Odd, Document | Failure]]:
    """Read the files as an ingest does."""
    by_path = {odd.path: odd for odd in files}
    with open_extractor(passwords=passwords) as extractor:
        for read, outcome in extractor.map(map(source, by_path)):
            yield by_path[read.location], outcome


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    logging.disable()  # pypdf tells at length what it finds wrong
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    files = [Odd(folder=folder, entry=json.loads(line)) for line in lines]
    locked = [odd for odd in files if "password" in odd.entry]
    complaints = _told(files, (), Odd.complaints)
    complaints += _told(locked, [odd.entry["password"] for odd in locked], _opened)
    print(f"{len(files)} files, {len(locked)} of them with a password: {complaints} complaints")


def _opened(odd: Odd, outcome: Document | Failure) -> Iterator[str]:
    if isinstance(outcome, Document):
        yield from odd.losses(outcome)
    else:
        yield f"its password does not open it: {outcome.code}"


def _told(
    files: Sequence[Odd],
    passwords: Sequence[str],
    judge: Callable[[Odd, Document | Failure], Iterator[str]],
) -> int:
    number = 0
    for odd, outcome in outcomes(files, passwords):
        for complaint in judge(odd, outcome):
            number += 1
            print(f"{odd.path.name}: {complaint}")
    return number


if __name__ == "__main__":
    main()
