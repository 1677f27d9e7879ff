"""Whatever is done to an Office file, a book or a table: it is read or refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import StageError
from tests.extract.make import repacked, word
from tests.extract.make_office import (
    book,
    odf,
    outcome,
    read,
    slides,
    texts,
    unzipped,
    workbook,
    zipped,
)  # fmt: skip

SUFFIXES = (
    *(".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".fodt", ".epub", ".rtf", ".rst"),
    *(".csv", ".tsv", ".json", ".jsonl"),
)
_HEADS = (b"", b"{\\rtf1 ", b"PK\x03\x04", b"<office:document>", b"[{", b"\xd0\xcf\x11\xe0")
_ODT = (
    '<text:h text:outline-level="1">H</text:h><text:list><text:list-item><text:p>a</text:p>'
    "</text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>c</text:p>"
    "</table:table-cell><table:table-cell><text:p>d</text:p></table:table-cell></table:table-row>"
    "</table:table>"
)


def _slides() -> bytes:
    def build(show: Any) -> None:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = "Title", "text"
        slide.notes_slide.notes_text_frame.text = "note"

    return slides(build)


#: A small whole file of each kind, and its part that matters most.
WHOLE: dict[str, tuple[Callable[[], bytes], str]] = {
    ".docx": (lambda: word(lambda file: file.add_heading("Title", 1)), "word/document.xml"),
    ".pptx": (_slides, "ppt/slides/slide1.xml"),
    ".xlsx": (
        lambda: workbook(lambda made: [made.active.append(["a", n, 2.5]) for n in range(3)]),
        "xl/worksheets/sheet1.xml",
    ),
    ".odt": (lambda: odf("text", _ODT), "content.xml"),
    ".ods": (lambda: odf("spreadsheet", _ODT[_ODT.index("<table") :]), "content.xml"),
    ".epub": (lambda: book({"a.xhtml": "<h1>T</h1><p>text</p>"}), "OPS/book.opf"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@given(head=st.sampled_from(_HEADS), data=st.binary(max_size=300), suffix=st.sampled_from(SUFFIXES))
def test_any_bytes_are_read_or_refused(folder: Path, head: bytes, data: bytes, suffix: str) -> None:
    outcome(folder, f"any{suffix}", head + data)


_RTF = st.sampled_from(
    [b"{", b"}", b"\\par", b"\\*", b"\\u-1 ", b"\\u20215?", b"\\'e9", b"\\uc9", b"\\bin9",
     b"\\cell",
     b"\\row", b"\\intbl", b"\\trowd", b"\\footnote", b"\\fonttbl", b"\\f1", b"\\fcharset134",
     b"\\stylesheet", b"\\s1", b"\\outlinelevel0", b"\\v", b"\\pict", b"\\upr", b"\\ud", b" a;",
     b"\\",
     b"\\annotation", b"\\plain", b"\\info", b"\\title", b"\\chftn", b"\\ansicpg99999", b"\xc4\xe3"]
)  # fmt: skip


@given(words=st.lists(_RTF, max_size=60))
def test_any_words_of_rtf_are_read_or_refused(folder: Path, words: list[bytes]) -> None:
    outcome(folder, "any.rtf", b"{\\rtf1\\ansi " + b"".join(words))


@pytest.mark.parametrize("suffix", WHOLE)
def test_damage_at_any_place_is_survived(folder: Path, suffix: str) -> None:
    whole = WHOLE[suffix][0]()
    assert outcome(folder, f"whole{suffix}", whole) == "text"
    dice = random.Random(7)
    found = set[str]()
    for _ in range(60):
        damaged = bytearray(whole[: dice.choice((len(whole), dice.randrange(len(whole))))])
        for _ in range(dice.choice((1, 3, 30))):
            if damaged:
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        found.add(outcome(folder, f"damaged{suffix}", bytes(damaged)))
    assert len(found) > 1


@pytest.mark.parametrize("suffix", WHOLE)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_a_part_with_other_values_and_elements_is_survived(
    folder: Path, suffix: str, seed: int
) -> None:
    make, name = WHOLE[suffix]
    whole = make()
    part = unzipped(whole)[name]
    dice = random.Random(seed)
    pieces = part.replace(b">", b">\0").replace(b'"', b'"\0').split(b"\0")
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(pieces))
        pieces[at] = dice.choice(
            [b"", b'-1"', b'99999999999"', b'x"', pieces[at] * 2, dice.choice(pieces), b"&#xFFFD;"]
        )
    outcome(folder, f"mutated{suffix}", repacked(whole, {name: b"".join(pieces)}))


@pytest.mark.parametrize("entity", ["a", "f", "s"])
@pytest.mark.parametrize("suffix", WHOLE)
def test_entities_are_neither_expanded_nor_fetched(folder: Path, suffix: str, entity: str) -> None:
    """`a` is short, `f` four thousand million times as long, and `s` another file."""
    make, name = WHOLE[suffix]
    whole = make()
    secret = folder / "secret.txt"
    secret.write_text("SECRET")
    part = unzipped(whole)[name].decode()
    start = part.index("?>") + 2 if part.startswith("<?xml") else 0
    bomb = '<!ENTITY a "lollol">' + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 80}">' for old, new in zip("abcde", "bcdef", strict=True)
    )
    doctype = f'<!DOCTYPE x [{bomb}<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    evil = part[:start] + doctype + part[start:].replace("</", f"&{entity};</")
    text = ""
    with suppress(StageError):
        text = read(folder, f"evil{suffix}", repacked(whole, {name: evil.encode()})).text
    assert "SECRET" not in text
    assert "lollol" not in text


@pytest.mark.parametrize("suffix", WHOLE)
def test_names_that_climb_and_parts_twice_are_only_looked_up(folder: Path, suffix: str) -> None:
    parts = dict(unzipped(WHOLE[suffix][0]()))
    climbing = {"../../evil.xml": b"<x/>", "/etc/passwd": b"x", "C:\\x.xml": b"<x/>", **parts}
    assert outcome(folder, f"climbing{suffix}", zipped(climbing)) == "text"
    assert not (folder.parent / "evil.xml").exists()


def test_what_lies_outside_the_package_is_never_asked_for(folder: Path) -> None:
    data = WHOLE[".pptx"][0]()
    name = "ppt/_rels/presentation.xml.rels"
    relations = unzipped(data)[name].decode()
    target = 'Target="https://example.com/s.xml" TargetMode="External"'
    outside = relations.replace('Target="slides/slide1.xml"', target)
    assert outside != relations
    assert outcome(folder, "a.pptx", repacked(data, {name: outside.encode()})) == "extract.corrupt"


def test_macros_are_not_looked_at(folder: Path) -> None:
    data = repacked(WHOLE[".xlsx"][0](), {"xl/vbaProject.bin": b"Sub Evil()"})
    assert "Evil" not in "".join(texts(read(folder, "a.xlsm", data)))
