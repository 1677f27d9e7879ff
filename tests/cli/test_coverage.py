"""What cannot be searched is told: by `kb list`, `kb status` and a search, and only where it is."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from kb.model import Page, PageState
from kb.store import open_store
from tests.store.builders import draft

SCANS = "各方租赁合同扫描件.pdf"


def pages(*states: PageState, text: str, confidence: float | None = None) -> tuple[Page, ...]:
    """Pages of which the first holds the text."""
    return tuple(
        Page(
            number=number,
            start=0 if number == 1 else len(text),
            end=len(text),
            state=state,
            code="extract.no_text" if state is PageState.IMAGE_ONLY else None,
            left_out=10 if number == 1 else 0,
            confidence=confidence if state is PageState.OCR else None,
        )
        for number, state in enumerate(states, 1)
    )


@pytest.fixture
def shelf(here) -> Path:
    """A whole document, one with scans, and one that was read by OCR."""
    whole, scan = PageState.INDEXED, PageState.IMAGE_ONLY
    with closing(open_store(here / ".kb", create=True)) as store, store.writer("test") as writer:
        text = "The boiler is descaled."
        for path, states in {
            "whole.pdf": (whole, PageState.BLANK),
            f"scans/{SCANS}": (whole, scan, whole, scan),
            "ocr/read.pdf": (PageState.OCR, PageState.OCR),
        }.items():
            made = pages(*states, text=text, confidence=0.41)
            writer.put(draft(path, [text], keys=[None], pages=made))
    return here


def test_list_has_the_counts_of_each_document(kb, shelf):
    found = {row["path"]: row for row in kb("list", "--json").json["documents"]}
    scans = found[f"scans/{SCANS}"]
    assert scans["coverage"] == {
        "indexed": 2,
        "blank": 0,
        "image_only": 2,
        "ocr": 0,
        "duplicate": 0,
        "failed": 0,
    }
    assert (scans["left_out"], scans["doubtful"], scans["pages"]) == (10, 0, 4)
    assert found["ocr/read.pdf"]["doubtful"] == 2
    assert (found["ocr/read.pdf"]["confidence"], scans["confidence"]) == (0.41, None)
    for row in found.values():
        assert sum(row["coverage"].values()) == row["pages"]
    shown = kb("list").out
    assert "2 of 4 pages" in shown
    assert "2 unsure" in shown
    assert "2 pages are not searchable: kb status shows which and why." in shown
    assert all(cell_len(line) <= 80 for line in shown.splitlines())


def test_list_says_how_sure_the_least_sure_page_was(kb, here):
    with closing(open_store(here / ".kb", create=True)) as store, store.writer("test") as writer:
        text = "The boiler is descaled."
        made = [
            replace(page, confidence=sure)
            for page, sure in zip(
                pages(PageState.OCR, PageState.OCR, text=text), (0.93, 0.84), strict=True
            )
        ]
        writer.put(draft("scan.pdf", [text], keys=[None], pages=tuple(made)))
    assert "indexed, OCR 84%" in kb("list").out


def test_status_sums_them_and_names_the_pages(kb, shelf):
    told = kb("status", "--json").json
    assert told["pages"]["image_only"] == 2
    assert sum(told["pages"].values()) == 8
    assert (told["left_out"], told["doubtful"]) == (30, 2)
    (entry,) = told["not_searchable"]
    assert (entry["pages"], entry["of"], entry["code"]) == ([2, 4], 4, "extract.no_text")
    shown = kb("status").out
    assert "8: 3 searchable, 2 by OCR, 1 blank, 2 scans, 2 of OCR unsure" in shown
    assert "Pages 2, 4 (2 of 4) are not found." in shown
    assert all(cell_len(line) <= 80 for line in shown.splitlines())


def test_a_search_warns_of_what_it_could_not_look_at(kb, shelf):
    (warning,) = kb("search", "boiler", "--json").json["warnings"]
    assert warning.startswith(f"2 of 4 pages of scans/{SCANS} are scans and not searchable: ")
    assert kb("search", "boiler", "--path", "ocr/*", "--json").json["warnings"] == []
    with closing(open_store(shelf / ".kb")) as store, store.writer("test") as writer:
        made = pages(PageState.INDEXED, PageState.FAILED, text="x")
        writer.put(draft("torn.pdf", ["x"], keys=[None], pages=made))
    (warning,) = kb("search", "boiler", "--json").json["warnings"]
    assert warning == (
        "3 of 10 pages are not searchable, in 2 documents; kb status shows which and why."
    )
    (warning,) = kb("search", "boiler", "--path", "torn*", "--json").json["warnings"]
    assert warning.startswith("1 of 2 pages of torn.pdf is not searchable")
    shown = kb("search", "boiler")
    assert shown.err.count("Warning") == 1
    assert all(cell_len(line) <= 80 for line in shown.err.splitlines())


def test_very_many_failures_are_grouped(kb, here):
    (here / "docs").mkdir()
    for number in range(60):
        (here / f"docs/{number}.md").touch()
    result = kb("ingest", "docs")
    assert len(result.out.splitlines()) < 30
    assert len(kb("status").out.splitlines()) < 40
    shown = kb("failures").out
    assert len(shown.splitlines()) < 20
    assert "and 55 more: kb failures --code extract.empty" in shown
    assert shown.count("docs/") == 5
    assert kb("failures", "--code", "extract.empty").out.count("docs/") == 60
    assert len(kb("failures", "--json").json["failures"]) == 60
