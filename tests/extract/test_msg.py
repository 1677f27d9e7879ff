"""Mails of Outlook, made by hand as MS-OXMSG has them."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import StageError
from kb.extract import extract
from kb.extract.mail.rtf_packed import unpacked
from kb.model import Document, Source
from tests.extract.make import assert_whole, outcome, written
from tests.extract.make_archives import named, properties
from tests.extract.make_compound import Tree, compound

LONG, TIME, TRUTH = 0x0003, 0x0040, 0x000B
#: 2024-03-01 02:00 UTC in the 100 ns since 1601.
MOMENT = 133_537_320_000_000_000
TEXTS = {
    0x001A: "IPM.Note",
    0x0037: "合同 Vertrag",
    0x0C1A: "Zhang San",
    0x5D01: "zhang@example.org",
}


def person(name: str, mail: str, kind: int) -> Tree:
    return properties({0x3001: name, 0x39FE: mail}, {0x0C15: (LONG, kind)}, head=8)


def file(name: str, data: bytes, **more: object) -> Tree:
    texts: dict[int, str | bytes] = {0x3707: name, 0x3701: data}
    if "cid" in more:
        texts[0x3712] = str(more["cid"])
    return properties(texts, {0x3705: (LONG, 1)}, head=8)


def mail(body: dict[int, str | bytes], **folders: Tree) -> bytes:
    named_folders = {
        f"__{'recip' if key[0] == 'r' else 'attach'}_version1.0_#{int(key[1:]):08X}": tree
        for key, tree in folders.items()
    }
    return compound({**properties({**TEXTS, **body}, {0x0039: (TIME, MOMENT)}), **named_folders})


def read(folder: Path, data: bytes) -> Document:
    document = extract(written(folder / "mail.msg", data))
    assert_whole(document)
    return document


def refused(folder: Path, data: bytes) -> str:
    with pytest.raises(StageError) as error:
        read(folder, data)
    return error.value.failure.code


def attached(source: Source, name: str, size: int) -> Source:
    return replace(source, path=f"{source.path}/{name}", inside=(*source.inside, name), size=size)


def test_a_mail_is_read_in_the_same_shape_as_any_other(tmp_path: Path) -> None:
    data = mail(
        {0x1000: "The pump leaks.\r\n" * 400},
        r0=person("Anna", "anna@example.org", 1),
        r1=person("Carla", "carla@example.org", 2),
        r2=person("Hidden", "hidden@example.org", 3),
        a0=file("条款.md", b"# Terms\n"),
        a1=file("logo.png", b"png", cid="logo"),
        a2=file("big.txt", b"x" * 50_000),
    )
    document = read(tmp_path, data)
    assert document.title == "合同 Vertrag"
    assert document.text.startswith(
        "Subject: 合同 Vertrag\n"
        "From: Zhang San <zhang@example.org>\n"
        "To: Anna <anna@example.org>\n"
        "Cc: Carla <carla@example.org>\n"
        "Date: 2024-03-01T02:00:00+00:00\n"
        "\n"
        "The pump leaks.\nThe pump leaks.\n"
    )
    assert list(named(document)) == ["条款.md", "big.txt"]
    source = written(tmp_path / "mail.msg", data)
    assert extract(attached(source, "条款.md", 8)).text == "# Terms\n"
    assert len(extract(attached(source, "big.txt", 50_000)).text) == 50_000


def test_html_is_read_where_there_is_no_plain_text(tmp_path: Path) -> None:
    html = "<html><body><h1>Titel</h1><p>Größe</p></body></html>"
    for said in (html.encode("cp1252"), html):
        data = compound(properties({**TEXTS, 0x1013: said}, {0x3FDE: (LONG, 1252)}))
        document = read(tmp_path, data)
        assert "Größe" in document.text
        assert [heading.title for heading in document.headings] == ["Titel"]


def test_texts_in_an_old_code_page_are_decoded(tmp_path: Path) -> None:
    streams = properties({0x001A: "IPM.Note"}, {0x3FFD: (LONG, 936)})
    streams["__substg1.0_0037001E"] = "合同".encode("gbk")
    streams["__substg1.0_1000001E"] = "自签字之日起生效".encode("gbk") + b"\0"
    assert read(tmp_path, compound(streams)).text == "Subject: 合同\n\n自签字之日起生效\n"


def test_a_mail_within_is_a_member_with_members_of_its_own(tmp_path: Path) -> None:
    inner = {
        **properties({**TEXTS, 0x0037: "Inner / offer", 0x1000: "The inner words."}, head=24),
        "__attach_version1.0_#00000000": file("a.txt", b"inside"),
    }
    holder = {**properties({}, {0x3705: (LONG, 5)}, head=8), "__substg1.0_3701000D": inner}
    data = mail({0x1000: "outer"}, a0=holder)
    (member,) = read(tmp_path, data).members
    assert member.name == "Inner _ offer.eml"
    below = attached(written(tmp_path / "mail.msg", data), member.name, member.size)
    document = extract(below)
    assert document.title == "Inner / offer"
    assert "The inner words." in document.text
    assert extract(attached(below, "a.txt", 6)).text == "inside"


def test_what_is_locked_or_no_mail_is_told(tmp_path: Path) -> None:
    locked = properties({**TEXTS, 0x001A: "IPM.Note.SMIME", 0x1000: "x"})
    assert refused(tmp_path, compound(locked)) == "extract.encrypted"
    assert refused(tmp_path, compound({"WordDocument": b"x"})) == "extract.corrupt"
    assert refused(tmp_path, b"No mail of any kind.\n") == "extract.corrupt"


def test_packed_rtf_is_unpacked() -> None:
    said = b"{\\rtf1 plain}"
    assert unpacked(struct.pack("<II4sI", len(said) + 12, len(said), b"MELA", 0) + said) == said
    # Eight letters, then "the 4 bytes from place 0 of the ring", then the end.
    words = b"\x00abcdefgh" + b"\x03" + struct.pack(">HH", 0 << 4 | 2, (207 + 12) << 4)
    head = struct.pack("<II4sI", len(words) + 12, 12, b"LZFu", 0)
    assert unpacked(head + words) == b"abcdefgh{\\rt"
    with pytest.raises(StageError):
        unpacked(b"short")


@given(st.binary(max_size=200))
def test_any_packed_rtf_is_unpacked_or_refused(data: bytes) -> None:
    head = struct.pack("<II4sI", len(data) + 12, 2**31, b"LZFu", 0)
    assert len(unpacked(head + data)) <= 17 * 8 * len(data)


def test_damage_at_any_place_is_survived(tmp_path: Path) -> None:
    whole = mail(
        {0x1000: "The pump leaks.\r\n" * 40},
        r0=person("Anna", "anna@example.org", 1),
        a0=file("a.txt", b"text"),
    )
    dice = random.Random(7)
    found = set[bool]()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 3, 30))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        source = written(tmp_path / "any.msg", bytes(damaged))
        document = outcome(source)
        found.add(document is not None)
        for each in document.members if document else ():
            outcome(attached(source, each.name, each.size))
    assert found == {True, False}


@given(st.binary(max_size=1200))
def test_any_bytes_are_a_mail_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    mark = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    outcome(written(tmp_path_factory.getbasetemp() / "any.msg", mark + data))


@pytest.mark.parametrize(
    ("pages", "written"),
    [
        ({0x3FDE: 65001, 0x3FF1: 1031}, "cp1252"),
        ({0x3FDE: 65001, 0x3FF1: 1031}, "utf-8"),
        ({0x3FDE: 65001, 0x3FF1: 0x0404}, "big5"),
        ({0x3FF1: 0x0804}, "gbk"),
        ({0x3FDE: 20127, 0x3FF1: 1049}, "cp1251"),
    ],
)
def test_a_code_page_that_is_not_true_is_not_believed(
    tmp_path: Path, pages: dict[int, int], written: str
) -> None:
    said = {"big5": "會議", "gbk": "会议", "cp1251": "договор"}.get(written, "Gebühr")
    numbers = {number: (LONG, page) for number, page in pages.items()}
    streams = properties({}, numbers)
    for number in ("0037", "1000"):
        streams[f"__substg1.0_{number}001E"] = said.encode(written)
    assert read(tmp_path, compound(streams)).text == f"Subject: {said}\n\n{said}\n"


def test_a_mail_as_it_travels_may_have_the_same_ending(tmp_path: Path) -> None:
    letter = EmailMessage()
    letter["Subject"] = "Pump 3"
    letter.set_content("The pump leaks.\n")
    letter.add_attachment(b"# Terms\n", maintype="text", subtype="markdown", filename="terms.md")
    data = letter.as_bytes()
    document = read(tmp_path, data)
    assert document.title == "Pump 3"
    (member,) = document.members
    below = attached(written(tmp_path / "mail.msg", data), member.name, member.size)
    assert extract(below).title == "Terms"
