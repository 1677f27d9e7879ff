"""What holds for every format: any bytes give a whole document or a StageError, nothing else."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import CATALOGUE, StageError
from kb.extract import FORMATS, extract, supported
from kb.extract.canonical import sensible_title
from kb.extract.registry import Format
from kb.model import Source
from tests.extract.make import PICTURE, assert_whole, pdf, protected, shown, word, written

TAGS = [
    *("<p>", "</p>", "<table>", "<tr>", "<td>", "</td>", "</table>", "<h1>", "</h1>", "<ul>"),
    *(
        "<ol>",
        "<li>",
        "</ul>",
        "<pre>",
        "<br>",
        "<main>",
        "</main>",
        "<article>",
        "<nav>",
        "</nav>",
    ),
    *("<body>", "text", "&nbsp;", "<title>", "</title>", "<a>"),
]
SUFFIXES = (".pdf", ".docx", ".html", ".md", ".txt")


def outcome(source: Source) -> str:
    """Give "text", or the code of the failure."""
    failure = None
    try:
        document = extract(source)
    except StageError as error:
        failure = error.failure
    if failure is not None:
        assert failure.code in CATALOGUE
        assert failure.code.startswith("extract.")
        assert failure.source == source.path
        assert failure.message.endswith(".")
        return failure.code
    assert_whole(document)
    assert document.text.strip()
    assert document.format == FORMATS["." + source.path.rpartition(".")[2]].name
    return "text"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@given(data=st.binary(max_size=400), suffix=st.sampled_from(SUFFIXES))
def test_any_bytes_are_read_or_refused(folder: Path, data: bytes, suffix: str) -> None:
    outcome(written(folder / f"any{suffix}", data))


@given(text=st.text(max_size=200), suffix=st.sampled_from((".html", ".md", ".txt")))
def test_any_text_is_read_or_refused(folder: Path, text: str, suffix: str) -> None:
    outcome(written(folder / f"any{suffix}", text.encode("utf-8", "surrogatepass")))


@given(
    html=st.lists(
        st.sampled_from(TAGS),
        max_size=40,
    )
)
def test_any_tags_make_a_whole_document(folder: Path, html: list[str]) -> None:
    outcome(written(folder / "tags.html", "".join(html).encode()))


def _word() -> bytes:
    def build(document: object) -> None:
        from docx.document import Document as WordDocument

        assert isinstance(document, WordDocument)
        document.add_heading("Heading", 1)
        document.add_paragraph("text", style="List Number")
        document.add_table(2, 2).cell(0, 0).text = "cell"

    return word(build)


@pytest.mark.parametrize(
    ("suffix", "make"),
    [
        (".pdf", lambda: pdf([shown("one"), PICTURE], title="t")),
        (".pdf", lambda: protected(pdf([shown("x")]), user="", owner="o", algorithm="AES-256")),
        (".docx", _word),
    ],
)
def test_damage_at_any_place_is_survived(
    folder: Path, suffix: str, make: Callable[[], bytes]
) -> None:
    whole = make()
    dice = random.Random(7)
    found = set[str]()
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 3, 30))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        found.add(outcome(written(folder / f"damaged{suffix}", bytes(damaged))))
    assert len(found) > 1


def test_foreign_errors_become_corrupt_and_hunger_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = [RecursionError("deep"), KeyError("x"), MemoryError()]

    def raising(_: bytes, source: Source) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(Format, "reader", lambda _: raising)
    source = written(tmp_path / "a.txt", b"x")
    codes = [outcome(source) for _ in range(3)]
    assert codes == ["extract.corrupt", "extract.corrupt", "extract.too_large"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("a.doc", "soffice --headless --convert-to docx"),
        ("a.XLS", "soffice"),
        ("a.ppt", "soffice"),
        ("a.gif", "OCR"),
        ("a.rar", "pack them as ZIP"),
        ("winmail.dat", "tnef"),
        ("Makefile", "Give its name the ending"),
    ],
)
def test_other_kinds_of_files_are_refused_with_a_way_out(
    tmp_path: Path, name: str, hint: str
) -> None:
    source = written(tmp_path / name, b"x")
    assert not supported(source)
    with pytest.raises(StageError) as error:
        extract(source)
    assert error.value.failure.code == "extract.unsupported"
    assert hint in error.value.failure.hint


def test_the_ending_counts_in_any_case(tmp_path: Path) -> None:
    source = written(tmp_path / "CONTRACT.PDF", pdf([shown("x")]))
    assert supported(source)
    assert extract(source).title == "CONTRACT"


@pytest.mark.parametrize("name", ["caf\udce9.txt", "-x.txt", "a\nb.txt"])
def test_odd_names_can_be_read(tmp_path: Path, name: str) -> None:
    try:
        source = written(tmp_path / name, b"text")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    printable = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    named = Source(
        path=printable, location=source.location, size=4, mtime_ns=source.mtime_ns, inode=1
    )
    document = extract(named)
    assert_whole(document)
    document.title.encode()


@pytest.mark.parametrize(
    "title",
    ["", " ", None, 7, "12-34", "Microsoft Word - a.doc", "Document1", "untitled", "a.docx",
     "\x01a", "新建 Microsoft Word 文档", "x" * 400, "PowerPoint Presentation", "broken \ufffd"],
)  # fmt: skip
def test_titles_that_no_person_meant(title: object) -> None:
    assert sensible_title(title) is None


@pytest.mark.parametrize("title", ["Untangling contracts", "合同", "A title. With a stop", "Q3"])
def test_titles_that_someone_meant(title: str) -> None:
    assert sensible_title(f"  {title}\n") == title


def test_readers_do_not_speak_to_the_terminal_or_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    broken = pdf([shown("x")]).replace(b"startxref\n", b"startxref\n1")
    assert outcome(written(tmp_path / "a.pdf", broken)) == "text"
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_doctests() -> None:
    import doctest

    from kb.extract import canonical
    from kb.extract.archive import inside, names
    from kb.extract.mail import words
    from kb.extract.office import docx_numbers
    from kb.extract.pdf import text as pdf_text
    from kb.extract.plain import markdown
    from kb.source import paths

    for module in (canonical, docx_numbers, inside, markdown, names, pdf_text, paths, words):
        failed, tried = doctest.testmod(module)
        assert tried
        assert not failed


def test_make_writes_what_pypdf_reads() -> None:
    from pypdf import PdfReader

    assert len(PdfReader(io.BytesIO(pdf([b"", b""])), strict=True).pages) == 2
