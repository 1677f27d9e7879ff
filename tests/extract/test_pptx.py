"""PPTX: what stands on each slide, from its top left to its bottom right, and its notes."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from kb.model import PageState
from tests.extract.make import page_texts, repacked
from tests.extract.make_office import LOCKED, OLE, read, refused, slides, texts, titles, unzipped


def picture() -> io.BytesIO:
    """Give a PNG of one grey pixel."""

    def block(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0\x7f")
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", body) + block(b"IEND", b"")
    )


def box(slide: Any, text: str, left: float, top: float, width: float = 2, height: float = 1) -> Any:
    shape = slide.shapes.add_textbox(*map(Inches, (left, top, width, height)))
    shape.text_frame.text = text
    return shape


def test_slides_are_pages_under_their_titles_with_notes_below(tmp_path: Path) -> None:
    def build(show: Any) -> None:
        one = show.slides.add_slide(show.slide_layouts[1])
        one.shapes.title.text = "Plan of the year"
        one.placeholders[1].text = "first\nsecond"
        one.notes_slide.notes_text_frame.text = "Say it slowly."
        two = show.slides.add_slide(show.slide_layouts[6])
        box(two, "alone", 1, 1)

    document = read(tmp_path, "a.pptx", slides(build))
    assert document.paged
    assert page_texts(document) == [
        "Plan of the year\n\n• first\n• second\n\nNotes: Say it slowly.\n\n",
        "Slide 2\n\nalone\n",
    ]
    assert titles(document) == [(1, "Plan of the year"), (1, "Slide 2")]
    assert document.title == "Plan of the year"


def test_columns_are_read_one_after_the_other_and_rows_from_the_left(tmp_path: Path) -> None:
    def build(show: Any) -> None:
        columns = show.slides.add_slide(show.slide_layouts[6])
        for text, left, top in (
            ("right low", 5, 2.1), ("left low", 1, 2.1), ("right top", 5, 1), ("left top", 1, 1),
            ("below", 1, 6),
        ):  # fmt: skip
            box(columns, text, left, top)
        rows = show.slides.add_slide(show.slide_layouts[6])
        for text, left, top in (("d", 3.1, 4), ("c", 1, 4), ("b", 3.1, 1), ("a", 1, 1)):
            box(rows, text, left, top)

    pages = page_texts(read(tmp_path, "a.pptx", slides(build)))
    assert pages[0].split("\n\n")[1:-1] == [
        "left top", "left low", "right top", "right low", "below",
    ]  # fmt: skip
    assert pages[1].split() == ["Slide", "2", "a", "b", "c", "d"]


def test_groups_stand_where_they_are_drawn(tmp_path: Path) -> None:
    def build(show: Any) -> None:
        slide = show.slides.add_slide(show.slide_layouts[6])
        group = slide.shapes.add_group_shape()
        for text, top in (("in group, low", 5), ("in group, high", 4)):
            shape = group.shapes.add_textbox(*map(Inches, (1, top, 2, 0.5)))
            shape.text_frame.text = text
        box(slide, "first", 1, 0.5)

    assert texts(read(tmp_path, "a.pptx", slides(build)))[1:] == [
        "first", "in group, high", "in group, low",
    ]  # fmt: skip


def test_tables_are_rows_and_charts_show_names_and_values(tmp_path: Path) -> None:
    def build(show: Any) -> None:
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text = "Figures"
        table = slide.shapes.add_table(3, 2, *map(Inches, (1, 1, 4, 1))).table
        for row, words in enumerate((("Part", "Price"), ("A1", "3"), ("A2", ""))):
            for column, word in enumerate(words):
                table.cell(row, column).text = word
        data = CategoryChartData()
        data.categories = ["2023", "2024"]
        data.add_series("Turnover", (1.5, 2.5))
        place = map(Inches, (1, 4, 4, 2))
        slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data)

    lines = texts(read(tmp_path, "a.pptx", slides(build)))
    assert lines == [
        "Figures", "Part | Price", "A1 | 3", "| A2 |",
        "|  | Turnover |", "2023 | 1.5", "2024 | 2.5",
    ]  # fmt: skip


def test_states_of_slides(tmp_path: Path) -> None:
    def build(show: Any) -> None:
        hidden = show.slides.add_slide(show.slide_layouts[6])
        box(hidden, "not shown", 1, 1)
        hidden._element.set("show", "0")
        show.slides.add_slide(show.slide_layouts[6])
        show.slides.add_slide(show.slide_layouts[6]).shapes.add_picture(picture(), 0, 0)
        named = show.slides.add_slide(show.slide_layouts[6]).shapes.add_picture(picture(), 0, 0)
        named._element.nvPicPr.cNvPr.set("descr", "The bridge in winter")

    document = read(tmp_path, "a.pptx", slides(build))
    assert [page.state for page in document.pages] == [
        PageState.INDEXED, PageState.BLANK, PageState.IMAGE_ONLY, PageState.INDEXED,
    ]  # fmt: skip
    assert [page.code for page in document.pages] == [None, None, "extract.no_text", None]
    assert "(This slide is hidden.)\n\nnot shown" in document.text
    assert "[The bridge in winter]" in document.text
    assert [(each.code, each.locator) for each in document.problems] == [
        ("extract.no_text", "slide 3")
    ]


def test_repeated_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    def build(show: Any) -> None:
        slide = show.slides.add_slide(show.slide_layouts[6])
        footer = box(slide, "Confidential", 1, 6)
        mark = footer._element.nvSpPr.nvPr
        mark.append(mark.makeelement(mark.tag.replace("nvPr", "ph"), {"type": "ftr"}))
        box(slide, "text", 1, 1)

    document = read(tmp_path, "a.pptx", slides(build))
    assert "Confidential" not in document.text
    assert document.pages[0].left_out == len("Confidential")


def test_a_damaged_slide_does_not_keep_the_others_back(tmp_path: Path) -> None:
    def build(show: Any) -> None:
        for text in ("one", "two"):
            box(show.slides.add_slide(show.slide_layouts[6]), text, 1, 1)

    data = slides(build)
    document = read(tmp_path, "a.pptx", repacked(data, {"ppt/slides/slide1.xml": b"<broken"}))
    assert [page.state for page in document.pages] == [PageState.FAILED, PageState.INDEXED]
    assert document.problems[0].locator == "slide 1"
    gone = dict.fromkeys(("ppt/slides/slide1.xml", "ppt/slides/slide2.xml"))
    assert refused(tmp_path, "b.pptx", repacked(data, gone)).code == "extract.corrupt"


def test_what_is_refused(tmp_path: Path) -> None:
    old = refused(tmp_path, "a.pptx", OLE + bytes(600))
    assert old.code == "extract.unsupported"
    assert "--convert-to pptx" in old.hint
    assert refused(tmp_path, "b.pptx", LOCKED).code == "extract.encrypted"
    blank = slides(lambda show: show.slides.add_slide(show.slide_layouts[6]))
    assert refused(tmp_path, "c.pptx", blank).code == "extract.empty"
    assert refused(tmp_path, "d.pptx", blank[:2000]).code == "extract.corrupt"
    assert refused(tmp_path, "e.pptx", slides(lambda show: None)).code == "extract.empty"
    scan = slides(
        lambda show: show.slides.add_slide(show.slide_layouts[6]).shapes.add_picture(
            picture(), 0, 0
        )
    )
    assert refused(tmp_path, "f.pptx", scan).code == "extract.no_text"
    word = {"_rels/.rels": unzipped(blank)["_rels/.rels"], "ppt/presentation.xml": b"<document/>"}
    assert refused(tmp_path, "g.pptx", repacked(blank, word)).code == "extract.corrupt"
