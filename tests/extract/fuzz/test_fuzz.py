"""The fuzz run, short: the same damaged files each time, and a run that would find faults."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from kb.errors import failure
from kb.extract import FORMATS, extract
from kb.model import Document, Page, PageState, Source
from tests.extract.fuzz.faults import chunk_faults, faults
from tests.extract.fuzz.mutate import mutated
from tests.extract.fuzz.run import cases, fuzz
from tests.extract.fuzz.seeds import gathered, made
from tests.extract.make import written

_ROUNDS = 6


def test_every_damaged_file_is_read_or_refused_and_the_workers_live(tmp_path: Path) -> None:
    seeds = gathered()
    names = list(islice(cases(5, list(seeds)), _ROUNDS * len(seeds)))
    folder = tmp_path / "made"
    folder.mkdir()
    tally = fuzz(iter(names), seeds, folder=folder, keep=tmp_path / "kept")
    assert tally.found == []
    assert all(tally.outcomes[ending].total() >= _ROUNDS for ending in seeds)
    assert {"text", "extract.corrupt"} <= {
        code for each in tally.outcomes.values() for code in each
    }


def test_there_is_a_whole_file_of_every_format(tmp_path: Path) -> None:
    read = set()
    for ending, files in made().items():
        for number, data in enumerate(files):
            source = written(tmp_path / f"{number}{ending}", data)
            read.add(FORMATS[ending].name)
            if FORMATS[ending].name == "image":
                continue  # without an OCR engine it says nothing
            document = extract(source)
            assert faults(source, document) == []
            assert chunk_faults(document) == []
    assert read == {kind.name for kind in FORMATS.values()}


def test_a_case_is_made_again_from_its_name_alone() -> None:
    seeds = made()
    for name in islice(cases(1, list(seeds)), 3 * len(seeds)):
        ending = "." + name.rpartition(".")[2]
        first, second = (mutated(random.Random(name), ending, seeds[ending]) for _ in range(2))
        assert first == second


def _document(text: str, *pages: Page) -> Document:
    whole = pages or (Page(number=1, start=0, end=len(text)),)
    return Document(title="T", format="text", text=text, pages=whole, paged=len(whole) > 1)


_TWO = (Page(number=1, start=0, end=3), Page(number=2, start=3, end=6))


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (_document("one\0"), "NULs"),
        (_document("one\ud800"), "NULs"),
        (_document(" \n"), "no text"),
        (_document("abcdef", _TWO[0], replace(_TWO[1], start=4)), "do not meet"),
        (_document("abcdefg", *_TWO), "do not cover"),
        (
            _document("abcdef", _TWO[0], replace(_TWO[1], state=PageState.BLANK)),
            "is blank and says",
        ),
        (_document("abcdef", _TWO[0], replace(_TWO[1], code="extract.corrupt")), "with the code"),
        (replace(_document("abc"), title="a\nb"), "title"),
        (replace(_document("abc"), format="pdf"), "format"),
        (failure("embed.timeout", source="a.txt"), "none of extract"),
        (failure("extract.corrupt", source="b.txt"), "is of 'b.txt'"),
    ],
)
def test_broken_rules_are_seen(outcome: Document, fault: str) -> None:
    source = Source(path="a.txt", location=Path("a.txt"), size=1, mtime_ns=0, inode=0)
    assert any(fault in each for each in faults(source, outcome))
