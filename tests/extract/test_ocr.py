"""Scans: pages without text are read by recognising their letters, or told as unread."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.chunk import chunk_document
from kb.errors import Failure, StageError
from kb.extract import extract
from kb.extract.ocr import choice, clock, image, program
from kb.extract.ocr.lines import lines
from kb.extract.ocr.program import run
from kb.extract.ocr.reading import Engine, EngineError, Missing
from kb.extract.ocr.recogniser import Recogniser, dots_per_point
from kb.extract.ocr.with_tesseract import Tesseract, find, parsed
from kb.extract.ocr.words import Found, Word, confidence, level, upright, without_specks
from kb.model import Document, PageState
from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.pipeline.retry import retry
from kb.pipeline.search import search
from tests.extract import make_scans as scans
from tests.extract.make import assert_whole, page_texts, written

ENGLISH = """SERVICE AGREEMENT

Section 3.2 The Supplier shall deliver the goods within
thirty (30) days after the date of the purchase order.
Section 3.3 Interest is due on late payments."""
CHINESE = """租赁合同

第十二条 承租人应当在每月五日前支付租金。
第十三条 出租人应当按照约定交付房屋。
第十四条 合同期限为三年。"""
TEXT = "This page has a text layer of its own, which is long enough for it to be read as it is."


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KB_OCR", raising=False)
    choice._engine.cache_clear()


@pytest.fixture(params=["tesseract", "rapidocr"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Give each engine that is installed here, in English and Chinese."""
    monkeypatch.setenv("KB_OCR", request.param)
    if request.param == "tesseract":
        monkeypatch.setenv("KB_OCR_LANGUAGES", "eng+chi_sim")
    found = choice.engine()
    if isinstance(found, Missing):
        pytest.skip(f"{request.param}: {found.message}")
    return found


def read(folder: Path, data: bytes, name: str = "scan.pdf") -> Document:
    document = extract(written(folder / name, data))
    assert_whole(document)
    return document


def refused(folder: Path, data: bytes, name: str = "scan.pdf") -> Failure:
    with pytest.raises(StageError) as error:
        extract(written(folder / name, data))
    return error.value.failure


def states(document: Document) -> list[PageState]:
    return [page.state for page in document.pages]


def english() -> scans.Image.Image:
    return scans.scanned(scans.write(scans.blank(), ENGLISH))


# ---- with a real engine


def test_each_page_is_read_as_it_can_be(tmp_path: Path, engine: Engine) -> None:
    chinese = scans.scanned(scans.write(scans.blank(), CHINESE, language="zh-cn"), tilt=-0.7)
    pages = [TEXT, english(), scans.photo(), "", chinese]
    document = read(tmp_path, scans.scan_pdf(pages))
    assert states(document) == [
        PageState.INDEXED,
        PageState.OCR,
        PageState.IMAGE_ONLY,
        PageState.BLANK,
        PageState.OCR,
    ]
    own, scan, photo, blank, other = page_texts(document)
    assert own == TEXT + "\n"
    assert scan.split() == ENGLISH.split()
    assert "第十三条出租人应当按照约定交付房屋" in other.replace(" ", "")
    assert (photo + blank).strip() == ""
    sure = [page.confidence for page in document.pages]
    assert sure[0] is sure[2] is sure[3] is None
    assert sure[1] is not None
    assert sure[4] is not None
    assert 0.8 < sure[1] <= 1
    assert 0.6 < sure[4] <= 1
    (problem,) = document.problems
    assert (problem.code, problem.locator) == ("extract.no_text", "page 3")
    assert document.pages[2].code == "extract.no_text"
    assert "No letters were found" in problem.message
    # A passage names the page on which it stands.
    (chunk,) = [each for each in chunk_document(document) if "Interest is due" in each.text]
    assert chunk.page_start == 2


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_may_lie_any_way_round(tmp_path: Path, engine: Engine, quarters: int) -> None:
    turned = english().rotate(90 * quarters, expand=True)
    size = (612, 792) if quarters == 2 else (792, 612)
    document = read(tmp_path, scans.scan_pdf([turned], size=size))
    assert document.text.split() == ENGLISH.split()


def test_columns_are_read_one_after_the_other(tmp_path: Path, engine: Engine) -> None:
    left = [f"The tenant pays rent number {word}" for word in ("one", "two", "three", "four")]
    right = [f"The owner mends house number {word}" for word in ("five", "six", "seven", "eight")]
    page = scans.write(scans.blank(), "\n".join(left), at=(100, 200), points=11)
    scans.write(page, "\n".join(right), at=(920, 200), points=11)
    document = read(tmp_path, scans.scan_pdf([scans.scanned(page, tilt=0.8)]))
    assert [line for line in document.text.split("\n") if line] == left + right


def test_a_table_is_read_row_by_row(tmp_path: Path, engine: Engine) -> None:
    columns = {
        150: "Article\nBolts\nNails\nHammers",
        700: "Quantity\n1,200\n3,400\n560",
        1200: "Warehouse\nNorth\nSouth\nEast",
    }
    page = scans.blank()
    for left, cells in columns.items():
        scans.write(page, cells, at=(left, 320), points=13)
    document = read(tmp_path, scans.scan_pdf([scans.scanned(page, tilt=0.7)]))
    rows = [line for line in document.text.split("\n") if line]
    assert rows == [
        "Article | Quantity | Warehouse",
        "Bolts | 1,200 | North",
        "Nails | 3,400 | South",
        "Hammers | 560 | East",
    ]


def test_a_scan_with_a_short_text_upon_it_is_read(tmp_path: Path, engine: Engine) -> None:
    marked = scans.Stamped(english(), "Exhibit 10.1")
    pictured = scans.Stamped(scans.photo(), "Annual report of the company")
    document = read(tmp_path, scans.scan_pdf([TEXT, marked, pictured]))
    assert states(document) == [PageState.INDEXED, PageState.OCR, PageState.INDEXED]
    _, scan, title = page_texts(document)
    assert "Interest is due on late payments." in scan
    assert title == "Annual report of the company"


def test_a_stamp_upon_a_picture_is_not_its_text(tmp_path: Path, engine: Engine) -> None:
    stamps = [scans.Stamped(scans.photo(), f"Envelope ID: 77-A{page}") for page in range(3)]
    document = read(tmp_path, scans.scan_pdf([TEXT, *stamps]))
    assert states(document) == [PageState.INDEXED, *3 * [PageState.IMAGE_ONLY]]
    read_too = [scans.Stamped(english(), f"Envelope ID: 77-A{page}") for page in range(3)]
    document = read(tmp_path, scans.scan_pdf([TEXT, *read_too]))
    assert states(document) == [PageState.INDEXED, *3 * [PageState.OCR]]


@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tif")])
def test_a_picture_is_a_document(tmp_path: Path, engine: Engine, kind: str, ending: str) -> None:
    more = {"save_all": True, "append_images": [scans.photo(), english()]}
    data = scans.encoded(english(), kind, **(more if kind == "TIFF" else {}))
    source = written(tmp_path / f"photo.{ending}", data)
    document = image.read(data, source)
    assert_whole(document)
    assert page_texts(document)[0].split() == ENGLISH.split()
    pages = [PageState.OCR, PageState.IMAGE_ONLY, PageState.OCR] if kind == "TIFF" else None
    assert states(document) == (pages or [PageState.OCR])
    assert [each.locator for each in document.problems] == (["page 2"] if pages else [])


def test_what_is_no_picture_is_refused(tmp_path: Path, engine: Engine) -> None:
    for data, code in (
        (b"GIF89a and more", "extract.corrupt"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "extract.corrupt"),
        (scans.encoded(scans.photo(), "PNG"), "extract.no_text"),
    ):
        with pytest.raises(StageError) as error:
            image.read(data, written(tmp_path / "photo.png", data))
        assert error.value.failure.code == code


def test_a_retry_reads_the_scans_once_there_is_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KB_OCR_LANGUAGES", "eng")
    if isinstance(found := choice.engine(), Missing):
        pytest.skip(found.message)
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    written(shelf / "all.pdf", scans.scan_pdf([english()]))
    written(shelf / "mixed.pdf", scans.scan_pdf([TEXT, english()]))
    base = locate(environ={}, cwd=tmp_path)
    monkeypatch.setenv("KB_OCR", "off")
    report = ingest(base, [shelf])
    assert [(each.source, each.locator) for each in report.failures] == [
        ("shelf/all.pdf", None),
        ("shelf/mixed.pdf", "page 2"),
    ]
    assert all("kb retry" in each.hint for each in report.failures)
    monkeypatch.setenv("KB_OCR", "auto")
    assert retry(base, stage="extract").status == "ok"
    hits = search(base, "interest due on late payments").hits
    copies = {(copy.path, copy.page_start) for hit in hits for copy in hit.duplicates}
    assert copies | {(hit.path, hit.page_end) for hit in hits[:2]} >= {
        ("shelf/all.pdf", 1),
        ("shelf/mixed.pdf", 2),
    }
    with base.snapshot() as snapshot:
        assert snapshot.summary().coverage == {"indexed": 1, "ocr": 2}


# ---- without one


def test_without_an_engine_the_page_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(choice, "_has_rapidocr", lambda: False)
    document = read(tmp_path, scans.scan_pdf([TEXT, scans.photo()]))
    (problem,) = document.problems
    assert (problem.code, problem.locator) == ("extract.no_text", "page 2")
    assert "No engine" in problem.message
    for cure in ("pip install 'clausekb[ocr]'", "apt install tesseract-ocr", "kb retry"):
        assert cure in problem.hint
    failure = refused(tmp_path, scans.scan_pdf([scans.photo()]))
    assert (failure.code, failure.hint) == ("extract.no_text", problem.hint)
    data = scans.encoded(scans.photo(), "PNG")
    with pytest.raises(StageError) as error:
        image.read(data, written(tmp_path / "a.png", data))
    assert error.value.failure.code == "extract.unsupported"
    assert "clausekb[ocr]" in error.value.failure.hint
    assert not choice.reads_pictures("a.pdf")


def test_it_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_OCR", "off")
    assert choice.engine() == choice.OFF
    assert not choice.reads_pictures("a.pdf")
    assert "KB_OCR" in refused(tmp_path, scans.scan_pdf([scans.photo()])).hint


def test_languages_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "print('eng\\nosd\\nchi_sim')")
    found = find()
    assert isinstance(found, Tesseract)
    assert (found.languages, found.turns) == (("eng", "chi_sim"), True)
    missing = find(["eng", "chi_tra"])
    assert isinstance(missing, Missing)
    assert "chi_tra" in missing.message
    assert "tesseract-ocr-chi-tra" in missing.hint
    monkeypatch.setenv("KB_OCR_LANGUAGES", "eng+--version")
    bad = choice.engine()
    assert isinstance(bad, Missing)
    assert "--version" in bad.message


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put a program named tesseract on the PATH that runs this Python."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    command = programs / "tesseract"
    command.write_text(f"#!{sys.executable}\nimport os, subprocess, sys, time\n{script}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return command


LISTS = "if '--list-langs' in sys.argv: print('eng'); sys.exit()\n"
HEAD = (
    r"level\tpage_num\tblock_num\tpar_num\tline_num\tword_num"
    r"\tleft\ttop\twidth\theight\tconf\ttext"
)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.stdin.buffer.read(); time.sleep(600)", "longer than 1.5 seconds"),
        ("subprocess.Popen(['sleep', '600'])", "longer than 1.5 seconds"),
        ("sys.exit('Error opening data file')", "code 1: Error opening data file"),
        ("os.kill(os.getpid(), 11)", "signal 11"),
        ("print('\\x00 garbage')", "something else than a table"),
        (f"print('{HEAD}'); print(chr(9).join('5aaaaaaaaaab'))", "damaged table"),
        ("while True: sys.stdout.write('x' * 2**20)", "far more than stands on a page"),
        ("while True: sys.stderr.write('x' * 2**20)", "far more than stands on a page"),
    ],
)
def test_a_broken_engine_spoils_its_page_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    fake(tmp_path, monkeypatch, LISTS + script)
    monkeypatch.setattr(clock, "PAGE", 1.5)
    document = read(tmp_path, scans.scan_pdf([TEXT, english()]))
    assert states(document) == [PageState.INDEXED, PageState.IMAGE_ONLY]
    (problem,) = document.problems
    assert reason in problem.message
    assert "kb retry" in problem.hint


def test_nothing_that_an_engine_started_outlives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = tmp_path / "number"
    script = "child = subprocess.Popen(['sleep', '600'])\n"
    script += f"open({str(number)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')"
    command = fake(tmp_path, monkeypatch, script)
    with pytest.raises(EngineError, match="took longer"):
        run([str(command)], seconds=3)
    for pid in number.read_text().split():
        wait_for_end(Path(f"/proc/{pid}/cmdline"))


def wait_for_end(command: Path) -> None:
    """Wait until a process is gone, or is dead and nobody has asked for it."""
    for _ in range(200):
        if not command.exists() or not command.read_bytes():
            return
        time.sleep(0.05)
    pytest.fail("a process is still running")


def test_an_engine_that_fails_on_end_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    fake(tmp_path, monkeypatch, LISTS + f"open({str(calls)!r}, 'a').write('.'); sys.exit(1)")
    document = read(tmp_path, scans.scan_pdf([TEXT, *5 * [scans.photo()]]))
    assert calls.read_text() == "..."
    assert [each.locator for each in document.problems] == [f"page {n}" for n in range(2, 7)]
    assert "failed on 3 pages before" in document.problems[-1].message


def test_a_page_that_is_not_sure_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(sure: int) -> str:
        cells = ["5", "1", "1", "1", "1", "1", "10", "10", "90", "20", str(sure), "letters"]
        page = ["1", "1", "0", "0", "0", "0", "0", "0", "900", "900", "-1", ""]
        return "\\n".join([HEAD, "\\t".join(page), "\\t".join(cells)])

    pages = scans.scan_pdf([TEXT, scans.photo()])
    fake(tmp_path, monkeypatch, LISTS + f"print('{rows(49)}')")
    (problem,) = read(tmp_path, pages).problems
    assert "could not be recognised (confidence 0.49)" in problem.message
    fake(tmp_path, monkeypatch, LISTS + f"print('{rows(51)}')")
    document = read(tmp_path, pages)
    assert document.pages[1].confidence == 0.51
    assert page_texts(document)[1] == "letters"


def test_pages_beyond_the_time_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, LISTS + "sys.exit('must not be asked')")
    monkeypatch.setenv("KB_OCR_SECONDS", "0")
    (problem,) = read(tmp_path, scans.scan_pdf([TEXT, scans.photo()])).problems
    assert "time for recognising letters" in problem.message
    assert "KB_OCR_SECONDS" in problem.hint


def test_programs_are_not_told_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_API_KEY", "sesame")
    command = fake(tmp_path, monkeypatch, "print(sorted(os.environ), os.environ.values())")
    said, _ = run([str(command)], seconds=20)
    assert b"sesame" not in said
    assert b"OMP_THREAD_LIMIT" in said


def test_a_program_may_read_much_while_it_says_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "for line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stderr.write('.')"
    command = fake(tmp_path, monkeypatch, script)
    given_lines = b"".join(b"%d\n" % number * 20 for number in range(50_000))
    said, told = run([str(command)], given_lines, seconds=60)
    assert said == given_lines
    assert len(told) == 1_000_000
    with pytest.raises(EngineError, match="cannot be started"):
        run([str(tmp_path / "nothing")], seconds=20)


def test_the_clock_of_a_file_stands_while_letters_are_recognised() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:  # its own alarm must end it
        with clock.limited(0.5):
            with clock.stopped(20):
                time.sleep(1)
            os.write(writer, b"recognised")
            time.sleep(20)
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    assert os.read(reader, 100) == b"recognised"
    assert os.WTERMSIG(status) == 14
    os.close(reader)


# ---- words


def line_of(number: int, texts: list[str], *, top: float) -> list[Word]:
    made, left = [], 50.0
    for text in texts:
        right = left + 12 * len(text)
        made.append(Word(text, left, top, right, top + 20, 0.9, number))
        left = right + 8
    return made


WORDS = st.text("abcdefghij", min_size=2, max_size=8)
PAGES = st.lists(st.lists(WORDS, min_size=2, max_size=8), min_size=1, max_size=12).map(
    lambda texts: [
        word for at, line in enumerate(texts) for word in line_of(at, line, top=40.0 + 36 * at)
    ]
)


def quarter(word: Word, height: float) -> Word:
    """Turn a word with its page by a quarter to the right; the page is so high."""
    return word._replace(
        left=height - word.bottom, right=height - word.top, top=word.left, bottom=word.right
    )


@given(PAGES, st.integers(0, 3))
def test_words_are_put_upright(words: list[Word], quarters: int) -> None:
    width, height, turned = 1000.0, 700.0, words
    for _ in range(quarters):
        turned = [quarter(word, height) for word in turned]
        width, height = height, width
    assert upright(Found(turned, height, width)) == Found(words, 700.0, 1000.0)


@given(PAGES, st.floats(-0.06, 0.06))
def test_lines_of_a_tilted_page_are_level(words: list[Word], slope: float) -> None:
    long = [
        word for at in range(4) for word in line_of(100 + at, 8 * ["letters"], top=900 + 36 * at)
    ]
    tilted = [
        word._replace(top=word.top + slope * word.across, bottom=word.bottom + slope * word.across)
        for word in words + long
    ]
    found = level(tilted)
    for number in {word.line for word in found}:
        heights = [word.top for word in found if word.line == number]
        assert max(heights) - min(heights) < 3  # pixels, of letters 20 high


@given(st.floats(-0.06, 0.06))
def test_rows_of_a_tilted_table_are_level(slope: float) -> None:
    cells = [
        Word("cell", left, top + slope * left, left + 90, top + slope * left + 20, 0.9, number)
        for number, (left, top) in enumerate(
            (x, y) for x in (50, 600, 1200) for y in range(0, 400, 50)
        )
    ]
    found = level(cells)
    for row in range(8):
        heights = [word.top for word in found[row::8]]
        assert max(heights) - min(heights) < 6  # pixels, of letters 20 high


@given(PAGES, st.floats(0.5, 8))
def test_lines_hold_every_word_in_order(words: list[Word], scale: float) -> None:
    said = [line.text for line in lines(words, scale)]
    assert " ".join(said).replace("|", " ").split() == [word.text for word in words]


def test_chinese_is_joined_without_blanks() -> None:
    texts = ["租", "赁", "合同", "of", "2024"]
    (line,) = lines(line_of(0, texts, top=10), 4.0)
    assert line.text == "租赁合同of 2024"


def test_rules_and_dirt_are_no_words() -> None:
    words = line_of(0, ["the", "rent", "|"], top=10)
    dirt = [Word("|", 5, 0, 8, 700, 0.95, 1), Word("~", 90, 90, 95, 110, 0.2, 2)]
    assert without_specks([*words, *dirt]) == words
    assert without_specks([]) == []
    assert confidence([]) == 0


@given(st.text())
def test_any_answer_is_a_table_or_an_error(said: str) -> None:
    head = HEAD.replace("\\t", "\t")
    for table in (said, f"{head}\n{said}"):
        try:
            found = parsed(table)
        except EngineError:
            continue
        assert all(0 <= word.confidence <= 1 for page in found for word in page.words)


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_no_page_is_drawn_larger_than_memory_allows(width: float, height: float) -> None:
    scale = dots_per_point(width, height)
    assert 0 < scale <= 300 / 72
    assert max(width, 1) * max(height, 1) * scale**2 <= 18_000_000 * 1.001
    assert max(width, height) * scale <= 20_001


def test_the_program_is_bounded_in_what_it_may_say() -> None:
    assert program.MOST_WORDS < 2**26


def test_a_recogniser_without_an_engine_draws_nothing() -> None:
    assert Recogniser(choice.NONE).refuses() is choice.NONE
    assert shutil.which("tesseract") is None or choice.reads_pictures("A.PDF")
