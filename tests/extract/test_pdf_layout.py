"""PDF as a person reads it: columns, tables, hyphens, running heads, turned pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.extract import extract
from kb.extract.pdf.running import without_running
from kb.extract.pdf.sheet import Line, Sheet
from kb.extract.pdf.text import tidy
from kb.extract.pdf.words import known_words, whole_words
from kb.model import Document, PageState
from tests.extract.make import (
    PICTURE,
    assert_whole,
    page_texts,
    pdf,
    placed,
    vertical,
    written,
)

SIX = ("one", "two", "three", "four", "five", "six")
LEFT = [f"left line {word} of a column of prose" for word in SIX]
RIGHT = [f"right line {word} of a column of text" for word in SIX]
BOTH = [*LEFT, *RIGHT]


def read(folder: Path, *pages: bytes) -> Document:
    document = extract(written(folder / "layout.pdf", pdf(pages)))
    assert_whole(document)
    return document


def lines(folder: Path, *pages: bytes) -> list[str]:
    return [line for line in read(folder, *pages).text.split("\n") if line]


def column(texts: list[str], left: float, top: float = 600) -> list[tuple[float, float, str]]:
    return [(left, top - 12 * number, text) for number, text in enumerate(texts)]


@pytest.mark.parametrize("across", [False, True])
def test_columns_are_read_one_after_the_other(tmp_path: Path, *, across: bool) -> None:
    texts = column(LEFT, 72) + column(RIGHT, 320)
    if across:
        texts.sort(key=lambda text: -text[1])
    title = (150.0, 640.0, "A title that stands above both of the columns of the page")
    assert lines(tmp_path, placed(title, *texts)) == [title[2], *BOTH]


def test_what_spans_the_columns_parts_them(tmp_path: Path) -> None:
    between = (72.0, 500.0, "A heading in the middle of the page that reaches across both columns")
    texts = column(LEFT, 72) + column(RIGHT, 320) + [between]
    below = column(LEFT, 72, 470) + column(RIGHT, 320, 470)
    assert lines(tmp_path, placed(*texts, *below)) == [*BOTH, between[2], *BOTH]


def test_notes_at_the_foot_of_a_column_wait_for_the_end_of_the_page(tmp_path: Path) -> None:
    body = placed(*column(LEFT, 72), *column(RIGHT, 320))
    note = placed((72, 500, "1 A note at the foot of the left column."), size=7)
    assert lines(tmp_path, body + b" " + note) == [
        *BOTH,
        "1 A note at the foot of the left column.",
    ]


ROWS = [("Item", "Quantity", "Price"), ("Bolts", "200", "4.10"), ("Nuts and washers", "50", "2.00")]


@pytest.mark.parametrize("by_column", [False, True])
def test_a_row_of_a_table_is_one_line(tmp_path: Path, *, by_column: bool) -> None:
    cells = [
        (72.0 + 150 * place, 700.0 - 14 * number, cell)
        for number, row in enumerate(ROWS)
        for place, cell in enumerate(row)
    ]
    if by_column:
        cells.sort()
    said = lines(tmp_path, placed((72, 740, "Prices of the year"), *cells))
    assert said == ["Prices of the year", *map(" | ".join, ROWS)]


def test_an_empty_cell_keeps_its_column(tmp_path: Path) -> None:
    rows = [*ROWS, ("Screws", "", "1.00")]
    cells = [
        (72.0 + 150 * place, 700.0 - 14 * number, cell)
        for number, row in enumerate(rows)
        for place, cell in enumerate(row)
        if cell
    ]
    assert lines(tmp_path, placed(*cells))[-1] == "Screws | | 1.00"


def test_the_second_line_of_a_cell_belongs_to_its_row(tmp_path: Path) -> None:
    cells = []
    for number, (name, value, rest) in enumerate(
        [
            ("Fee", "one tenth of the", "gross price"),
            ("Term", "five years from", "the first day"),
            ("Place", "the office of the", "seller"),
            ("Law", "the law of the", "State of Ohio"),
        ]
    ):
        up = 700.0 - 30 * number
        cells += [(72.0, up, name), (200.0, up, value), (400.0, up, "yes"), (200.0, up - 11, rest)]
    assert lines(tmp_path, placed(*cells))[:2] == [
        "Fee | one tenth of the gross price | yes",
        "Term | five years from the first day | yes",
    ]


def test_lines_that_were_stretched_are_no_table(tmp_path: Path) -> None:
    words = [
        [(72, "The Supplier shall"), (190, "deliver the goods"), (300, "within ten days")],
        [(72, "of the order and"), (165, "shall give notice"), (270, "of each delay"), (350, "to")],
        [(72, "the Buyer, who may"), (200, "then withdraw from"), (330, "the order")],
        [(72, "without being"), (150, "liable for any"), (230, "costs of the"), (310, "Supplier.")],
    ]
    texts = [
        (float(left), 700.0 - 12 * number, text)
        for number, row in enumerate(words)
        for left, text in row
    ]
    said = lines(tmp_path, placed(*texts))
    assert said == [" ".join(text for _, text in row) for row in words]


def test_numbers_before_clauses_are_no_column(tmp_path: Path) -> None:
    texts: list[tuple[float, float, str]] = []
    for number in range(1, 7):
        texts += [(72, 700 - 30 * number, f"1.{number}"), (130, 700 - 30 * number, "The clause of")]
        texts += [(130, 688 - 30 * number, "two lines.")]
    said = lines(tmp_path, placed(*texts))
    assert said[:4] == ["1.1 The clause of", "two lines.", "1.2 The clause of", "two lines."]


def test_contents_are_no_table(tmp_path: Path) -> None:
    titles = ["Scope", "Definitions", "Payment", "Termination"]
    texts: list[tuple[float, float, str]] = []
    for number, title in enumerate(titles, 1):
        texts += [(72, 700 - 14 * number, title), (500, 700 - 14 * number, str(number * 3))]
    said = lines(tmp_path, placed(*texts))
    assert said == [f"{title} {number * 3}" for number, title in enumerate(titles, 1)]


@pytest.mark.parametrize("matrix", ["0 1 -1 0", "-1 0 0 -1", "0 -1 1 0"])
def test_turned_pages_are_read_as_their_lines_run(tmp_path: Path, matrix: str) -> None:
    along, down = {
        "0 1 -1 0": ((300.0, 100.0), (14.0, 0.0)),
        "-1 0 0 -1": ((500.0, 300.0), (0.0, 14.0)),
        "0 -1 1 0": ((300.0, 700.0), (-14.0, 0.0)),
    }[matrix]
    texts = [
        (along[0] + number * down[0], along[1] + number * down[1], text)
        for number, text in enumerate(LEFT)
    ]
    assert lines(tmp_path, placed(*texts, matrix=matrix)) == LEFT


def test_what_lies_beside_the_page_or_twice_on_it_is_not_said(tmp_path: Path) -> None:
    texts = [(72.0, 700.0, "seen"), (900.0, 700.0, "hidden")]
    assert lines(tmp_path, placed(*texts)) == ["seen"]
    bold = [(72.0, 700.0, "Bold title"), (72.3, 700.0, "Bold title"), (72.0, 680.0, "text")]
    assert lines(tmp_path, placed(*bold)) == ["Bold title", "text"]


def test_letters_set_apart_are_words(tmp_path: Path) -> None:
    signs = [
        (72.0 + 14 * at + (14 if at > 6 else 0), 700.0, sign)
        for at, sign in enumerate("THERAPYPLAN")
    ]
    assert lines(tmp_path, placed(*signs, (72.0, 680.0, "text"))) == ["THERAPY PLAN", "text"]


def test_a_paragraph_stands_apart_from_the_next(tmp_path: Path) -> None:
    texts = column(LEFT[:3], 72, 700) + column(RIGHT[:3], 72, 650)
    assert read(tmp_path, placed(*texts)).text == "\n".join([*LEFT[:3], "", *RIGHT[:3]])


def test_numbers_that_count_lines_are_left_out(tmp_path: Path) -> None:
    numbers = [(72.0, 700.0 - 20 * at, str(at + 1)) for at in range(20)]
    texts = [(120.0, 700.0 - 20 * at, text) for at, text in enumerate(BOTH)]
    document = read(tmp_path, placed(*numbers, *texts))
    assert [line for line in document.text.split("\n") if line] == BOTH
    assert document.pages[0].left_out == 9 + 11 * 2


def book(folder: Path, count: int, head: str = "Lease of {n}", foot: str = "- {n} -") -> Document:
    return read(
        folder,
        *(
            placed(
                (72, 760, head.format(n=number)),
                *((72, 700 - 12 * at, f"page {_word(number)} line {_word(at)}") for at in range(9)),
                (300, 30, foot.format(n=number)),
            )
            for number in range(1, count + 1)
        ),
    )


def _word(number: int) -> str:
    return "".join("abcdefghij"[int(sign)] for sign in str(number))


def test_a_running_head_stands_once_and_a_page_number_never(tmp_path: Path) -> None:
    document = book(tmp_path, 6, head="Lease of the Old Mill")
    assert document.text.count("Old Mill") == 1
    assert document.text.startswith("Lease of the Old Mill\n")
    assert "-" not in document.text
    assert all(f"page {_word(n)} line a" in document.text for n in range(1, 7))
    assert [page.left_out for page in document.pages] == [5] + 5 * [
        len("Lease of the Old Mill") + 5
    ]


def test_a_foot_of_all_pages_stands_behind_all_that_they_say(tmp_path: Path) -> None:
    document = book(tmp_path, 5, head="", foot="Mill GmbH / Tenant Ltd   Page {n} of 5")
    assert document.text.count("Mill GmbH") == 1
    assert document.text.split("\n")[-1].startswith("Mill GmbH / Tenant Ltd")


def test_heads_with_the_page_number_in_them_run_too(tmp_path: Path) -> None:
    document = book(tmp_path, 5, head="Old Mill Lease, page {n} of 5", foot="Page {n} of 5")
    assert document.text.count("Old Mill") == 1
    assert not re.search(r"^Page \d", document.text, re.MULTILINE)


def test_clauses_at_the_top_of_pages_are_no_heads(tmp_path: Path) -> None:
    document = book(tmp_path, 6, head="{n}. Duties of the tenant in general")
    assert document.text.count("Duties of the tenant") == 6
    for head in ("Section 3.{n} Payment", "({n}) to pay the rent", "12.{n} Notices"):
        assert book(tmp_path, 6, head=head).text.count(head[-5:]) == 6


def test_a_short_document_keeps_its_lines(tmp_path: Path) -> None:
    assert book(tmp_path, 2, head="Lease of the Old Mill").text.count("Old Mill") == 2
    assert "Page 1 of 205" in book(tmp_path, 1, foot="Page 1 of 205").text


def test_heads_of_left_and_right_pages_take_turns() -> None:
    heads = ["The Old Mill", "Lease of 2019"]
    sheets = [page_of(heads[number % 2], number) for number in range(8)]
    left = without_running(sheets)
    said = Counter(line.text for sheet in left for line in sheet.lines)
    assert [said[head] for head in heads] == [1, 1]
    assert sum(sheet.left_out for sheet in left) == 3 * len("".join(heads))


def page_of(head: str, number: int) -> Sheet:
    texts = [head, *(f"{_word(number)} {_word(at)}" for at in range(8))]
    placed_lines = tuple(
        Line(text, top=20.0 * at, bottom=20.0 * at + 10) for at, text in enumerate(texts)
    )
    return Sheet(lines=placed_lines, bottom=800.0)


def test_a_page_of_a_head_alone_is_blank_and_a_scan_under_a_head_is_a_picture(
    tmp_path: Path,
) -> None:
    head = placed((72, 760, "Lease of the Old Mill between the parties named below it"))
    bodies = [placed(*column(LEFT, 72)), placed(*column(RIGHT, 72)), b"", PICTURE]
    document = read(tmp_path, *(head + b" " + body for body in bodies))
    assert [page.state for page in document.pages][2:] == [PageState.BLANK, PageState.IMAGE_ONLY]
    assert page_texts(document)[2:] == ["\n", ""]


TEXTS = st.text(st.sampled_from("ab 1-.|第\u00ad"), max_size=12)


@given(st.lists(st.lists(TEXTS, max_size=6), max_size=8))
def test_nothing_but_repeated_lines_is_ever_left_out(pages: list[list[str]]) -> None:
    sheets = [
        Sheet(
            lines=tuple(
                Line(text, top=12.0 * at, bottom=12.0 * at + 10) for at, text in enumerate(page)
            ),
            bottom=12.0 * len(page),
        )
        for page in pages
    ]
    for before, after in zip(sheets, without_running(sheets), strict=True):
        kept = Counter(line.text for line in after.lines)
        assert kept <= Counter(line.text for line in before.lines)
        gone = Counter(line.text for line in before.lines) - kept
        assert after.left_out == sum(len(text.strip()) * n for text, n in gone.items())


@pytest.mark.parametrize(
    ("said", "cut", "whole"),
    [
        ("The agreement is made.", ("this agree-", "ment of"), ["this agreement", "of"]),
        ("non-compete and noncompliance", ("the non-", "compete of"), ["the non-compete", "of"]),
        ("a long term", ("the long-", "term of"), ["the long-term", "of"]),
        ("", ("a self-", "evident truth"), ["a self-evident", "truth"]),
        ("", ("confi-", "dential"), ["confidential"]),
        ("", ("Soekarno-", "Hatta in"), ["Soekarno-Hatta", "in"]),
        ("", ("2018-", "23 is"), ["2018-", "23 is"]),
        ("", ("dash -", "here"), ["dash -", "here"]),
        ("", ("soft\u00ad", "ware"), ["software"]),
    ],
)
def test_words_cut_at_the_end_of_a_line(said: str, cut: tuple[str, str], whole: list[str]) -> None:
    page = [Line(said), *map(Line, cut)]
    known = known_words([page])
    assert known is not None
    assert [line.text for line in whole_words(page, known)][1:] == whole


@given(st.lists(TEXTS, max_size=8))
def test_joining_words_moves_letters_and_drops_none(texts: list[str]) -> None:
    page = [Line(text) for text in texts]
    known = known_words([page])
    joined = whole_words(page, known) if known is not None else page
    assert _letters(joined) == _letters(page)


def _letters(page: list[Line]) -> str:
    return re.sub(r"[^\w.|]", "", "".join(line.text for line in page))


def test_second_codes_of_characters_become_the_usual_ones() -> None:
    given = "e\ufb03cient\n\u2f2f\u4f5c\n\u2ed3\u5ea6 \uf9b4\n\ufee3"
    assert tidy(given) == "efficient\n工作\n长度領\nم"
    assert tidy("10 m² ½ ①，（甲）") == "10 m² ½ ①，（甲）"


def report(folder: Path, headings: Sequence[str]) -> Document:
    pages = []
    for heading in headings:
        title = placed((72, 740, heading), size=14)
        pages.append(title + b" " + placed(*column([*LEFT, *RIGHT, *LEFT], 72, 700)))
    return read(folder, *pages)


def test_larger_lines_are_headings_where_no_numbers_say_so(tmp_path: Path) -> None:
    titles = ["What we did", "What came of it", "Costs and people", "Next year"]
    document = report(tmp_path, titles)
    assert [(heading.level, heading.title) for heading in document.headings] == [
        (1, title) for title in titles
    ]
    assert all(document.text[h.start : h.end] == h.title for h in document.headings)
    numbered = report(tmp_path, [f"{n}. {title}" for n, title in enumerate(titles, 1)])
    assert numbered.headings == ()


@given(st.permutations(range(4)))
def test_chinese_columns_are_read_from_the_right_however_they_are_drawn(
    tmp_path_factory: pytest.TempPathFactory, drawn: Sequence[int]
) -> None:
    columns = [
        (540, "第一条乙方应当在收到货物后"),
        (511, "三十日内支付全部价款。"),
        (482, "第二条任何一方违反本合同的，"),
        (453, "应当赔偿对方因此受到的损失。"),
    ]
    file = tmp_path_factory.mktemp("vertical") / "a.pdf"
    document = extract(written(file, vertical(*(columns[at] for at in drawn))))
    assert document.text.split("\n") == [text for _, text in columns]
