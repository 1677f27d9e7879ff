"""Mails: as programs write them, as they arrive broken, and as people attack with them."""

from __future__ import annotations

import base64
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import StageError
from kb.extract import extract
from kb.model import Document, Source
from tests.extract.make import assert_whole, outcome, written
from tests.extract.make_archives import named, zipped

PICTURE = b"\x89PNG\r\n\x1a\n"


def letter(text: str = "Dear all,\n\nthe pump leaks.\n") -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = "Pump 3: 合同 und Vertrag"
    mail["From"] = "Zhang San 张三 <zhang@example.org>"
    mail["To"] = "Anna <anna@example.org>, Bo <bo@example.org>"
    mail["Cc"] = "Carla <carla@example.org>"
    mail["Date"] = "Fri, 01 Mar 2024 10:00:00 +0800"
    mail.set_content(text)
    return mail


def read(folder: Path, data: bytes | EmailMessage) -> Document:
    data = data if isinstance(data, bytes) else data.as_bytes()
    document = extract(written(folder / "mail.eml", data))
    assert_whole(document)
    return document


def refused(folder: Path, data: bytes | EmailMessage) -> str:
    with pytest.raises(StageError) as error:
        read(folder, data)
    return error.value.failure.code


def attached(source: Source, name: str, size: int) -> Source:
    return replace(source, path=f"{source.path}/{name}", inside=(*source.inside, name), size=size)


def test_a_mail_is_its_headers_and_its_body_under_its_subject(tmp_path: Path) -> None:
    document = read(tmp_path, letter())
    assert document.title == "Pump 3: 合同 und Vertrag"
    assert document.format == "eml"
    assert document.text == (
        "Subject: Pump 3: 合同 und Vertrag\n"
        "From: Zhang San 张三 <zhang@example.org>\n"
        "To: Anna <anna@example.org>, Bo <bo@example.org>\n"
        "Cc: Carla <carla@example.org>\n"
        "Date: 2024-03-01T10:00:00+08:00\n"
        "\n"
        "Dear all,\n\nthe pump leaks.\n"
    )


def test_plain_text_is_preferred_and_html_read_where_there_is_no_other(tmp_path: Path) -> None:
    mail = letter()
    html = "<html><body><h1>Pump</h1><p>It <b>leaks</b> 水.</p><blockquote>old</blockquote></body>"
    mail.add_alternative(html, subtype="html")
    assert "It leaks" not in read(tmp_path, mail).text
    only = letter()
    only.set_content(f"<meta charset=gb2312>{html}", subtype="html")
    document = read(tmp_path, only)
    assert "It leaks 水." in document.text
    assert "old" in document.text
    (heading,) = document.headings
    assert document.text[heading.start : heading.end] == "Pump"


def test_attachments_are_members_and_read_as_documents(tmp_path: Path) -> None:
    mail = letter()
    mail.add_attachment(b"# Terms\n", maintype="text", subtype="markdown", filename="../条款.md")
    mail.add_attachment("one", filename="note.txt")
    mail.add_attachment("two", filename="note.txt")
    mail.add_attachment(
        zipped({"in/a.txt": b"deep"}), maintype="application", subtype="zip", filename="a.zip"
    )
    document = read(tmp_path, mail)
    assert list(named(document)) == ["条款.md", "note.txt", "note (2).txt", "a.zip"]
    assert document.text.endswith("\nAttachments: 条款.md, note.txt, note (2).txt, a.zip\n")
    source = written(tmp_path / "mail.eml", mail.as_bytes())
    found = {
        each.name: extract(attached(source, each.name, each.size)).text for each in document.members
    }
    assert found["条款.md"] == "# Terms\n"
    assert found["note (2).txt"] == "two\n"
    archive = attached(source, "a.zip", named(document)["a.zip"].size)
    assert extract(attached(archive, "in/a.txt", 4)).text == "deep"


def test_a_mail_in_a_mail_is_a_member_under_its_subject(tmp_path: Path) -> None:
    mail, inner = letter(), letter("The inner letter.\n")
    inner.replace_header("Subject", "Re: offer/price")
    inner.add_attachment("inside", filename="a.txt")
    mail.add_attachment(inner)
    document = read(tmp_path, mail)
    (member,) = document.members
    assert member.name == "Re: offer_price.eml"
    source = written(tmp_path / "mail.eml", mail.as_bytes())
    below = attached(source, member.name, member.size)
    assert "The inner letter." in extract(below).text
    assert extract(attached(below, "a.txt", 7)).text == "inside\n"


def test_pictures_in_the_text_are_left_out_and_attached_ones_are_not(tmp_path: Path) -> None:
    mail = letter()
    mail.add_alternative("<p>see <img src='cid:x'></p>", subtype="html")
    html = mail.get_payload()[1]
    html.add_related(PICTURE, maintype="image", subtype="png", cid="<x>")
    mail.add_attachment(PICTURE, maintype="image", subtype="png", filename="photo.png")
    assert list(named(read(tmp_path, mail))) == ["photo.png"]


def test_files_in_the_wording_that_is_not_read_are_kept(tmp_path: Path) -> None:
    mail = letter()
    mail.add_alternative("<p>see</p>", subtype="html")
    html = mail.get_payload()[1]
    html.make_mixed()
    html.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    assert list(named(read(tmp_path, mail))) == ["a.pdf"]


def test_a_part_without_a_name_gets_one_by_its_type(tmp_path: Path) -> None:
    mail = letter()
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf")
    mail.add_attachment(b"x", maintype="application", subtype="x-odd")
    assert list(named(read(tmp_path, mail))) == ["part 1.pdf", "part 2.bin"]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("gb2312", "gbk"), ("iso-2022-jp", "iso-2022-jp"), ("windows-1252", "cp1252"),
     ("nonsense-7", "gbk"), ("us-ascii", "utf-8"), ("utf-8", "gbk")],
)  # fmt: skip
def test_charsets_are_believed_where_they_can_be_true(
    tmp_path: Path, charset: str, encoding: str
) -> None:
    said = {"iso-2022-jp": "契約書の内容について", "cp1252": "Größe – “façade”"}.get(
        encoding, "本合同自双方签字盖章之日起生效，有效期为一年。"
    )
    head = f"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset={charset}\n\n"
    document = read(tmp_path, head.encode() + said.encode(encoding))
    assert said in document.text
    assert document.problems == ()


def test_what_no_charset_fits_is_kept_with_a_problem(tmp_path: Path) -> None:
    noise = bytes(range(0x81, 0xFF, 3)) * 3
    document = read(tmp_path, b"Subject: noise\nContent-Type: text/plain\n\n" + noise)
    assert [problem.locator for problem in document.problems] == ["body"]
    assert document.text.startswith("Subject: noise\n")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"=?gb2312?B?" + base64.b64encode("朱镕基".encode("gbk")) + b"?=", "朱镕基"),
        ("合同".encode("gbk") * 3, "合同" * 3),
        ("合同".encode(), "合同"),
        (b"=?utf-8?q?a_?=\r\n =?utf-8?q?b?=", "a b"),
        (b"=?utf-8?b?broken===?=", None),
        (b"=?nonsense?q?abc?=", "abc"),
        (b"x" * 3_000_000, None),
        (b"a\r\n\tfolded", "a folded"),
    ],
)
def test_subjects_are_decoded_whatever_was_done_to_them(
    tmp_path: Path, raw: bytes, shown: str | None
) -> None:
    document = read(tmp_path, b"Subject: " + raw + b"\r\nFrom: a@b\r\n\r\nbody\r\n")
    line = document.text.split("\n")[0]
    assert line == f"Subject: {shown}" if shown else line.startswith("Subject: ")
    assert len(line) < 5_000
    assert document.text.endswith("body\n")


def test_a_boundary_that_is_not_there_loses_no_words(tmp_path: Path) -> None:
    head = b"Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=nowhere\n\n"
    assert "the words" in read(tmp_path, head + b"the words\n").text
    head = b"Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed\n\n"
    assert "the words" in read(tmp_path, head + b"the words\n").text


def test_a_mail_cut_off_in_its_attachment_gives_what_is_there(tmp_path: Path) -> None:
    mail = letter()
    mail.add_attachment(b"z" * 9000, maintype="application", subtype="pdf", filename="a.pdf")
    whole = mail.as_bytes()
    document = read(tmp_path, whole[: len(whole) // 2])
    assert "the pump leaks" in document.text
    assert list(named(document)) == ["a.pdf"]


def test_lines_broken_only_to_fit_are_joined(tmp_path: Path) -> None:
    head = b"Subject: x\nContent-Type: text/plain; format=flowed\n\n"
    text = read(tmp_path, head + b"one \ntwo\n\n> said \n> so\nend\n").text
    assert text == "Subject: x\n\none two\n\n> said so\nend\n"


def test_what_is_locked_is_told(tmp_path: Path) -> None:
    head = b"Subject: x\nMIME-Version: 1.0\nContent-Type: "
    sealed = head + b'application/pkcs7-mime; smime-type=%s; name="smime.p7m"\n\nMIAG\n'
    assert refused(tmp_path, sealed % b"enveloped-data") == "extract.encrypted"
    assert refused(tmp_path, sealed % b"signed-data") == "extract.unsupported"
    assert refused(tmp_path, head + b"multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--\n") == (
        "extract.encrypted"
    )
    pgp = head + b"text/plain\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n"
    assert refused(tmp_path, pgp) == "extract.encrypted"


def test_signatures_are_no_attachments(tmp_path: Path) -> None:
    head = b"Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n"
    parts = (
        b"--b\nContent-Type: text/plain\n\nsigned words\n"
        b'--b\nContent-Type: application/pkcs7-signature; name="smime.p7s"\n\nMIAG\n--b--\n'
    )
    document = read(tmp_path, head + parts)
    assert "signed words" in document.text
    assert document.members == ()


def test_what_outlook_packs_for_itself_is_a_member_with_a_hint(tmp_path: Path) -> None:
    mail = letter()
    mail.add_attachment(b"x", maintype="application", subtype="ms-tnef", filename="winmail.dat")
    source = written(tmp_path / "mail.eml", mail.as_bytes())
    with pytest.raises(StageError) as error:
        extract(attached(source, "winmail.dat", 1))
    assert error.value.failure.code == "extract.unsupported"
    assert "tnef" in error.value.failure.hint


def test_a_report_of_a_lost_mail_says_why(tmp_path: Path) -> None:
    head = (
        b"Subject: Undelivered\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n\n"
    )
    parts = (
        b"--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; x@y\nStatus: 5.1.1\n\n--b--\n"
    )
    assert "Status: 5.1.1" in read(tmp_path, head + parts).text


def test_what_is_no_mail_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, b"# Just a text\n\nwith words: in it\n") == "extract.corrupt"


@pytest.mark.parametrize("levels", [60, 3000])
def test_parts_in_parts_without_end_are_refused(tmp_path: Path, levels: int) -> None:
    head = b"Subject: x\nMIME-Version: 1.0\n"
    body = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level)
        for level in range(levels)
    )
    assert refused(tmp_path, head + body + b"\nwords\n") in {
        "extract.too_large",
        "extract.corrupt",
    }


PIECES = st.sampled_from(
    [
        *(b"Subject: =?utf-8?b?", b"?=\n", b"Content-Type: multipart/mixed; boundary=b\n"),
        *(
            b"Content-Type: text/html; charset=",
            b"gb2312",
            b"\n\n",
            b"--b\n",
            b"--b--\n",
            b"\xff\xfe",
        ),
        *(b"Content-Disposition: attachment; filename*=utf-8''%ff%", b'filename="a.zip"', b"\n"),
        *(b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: uuencode\n"),
        *(b"Content-Type: message/rfc822\n", b"Date: Fri, 99 Foo 20240\n", b"From: a@b\n", b"<p>x"),
        base64.b64encode(zipped({"a.txt": b"a"})),
        b"Content-Type: multipart/alternative; boundary=b\n",
    ]
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=25))
def test_any_mail_is_read_or_refused_and_so_are_its_members(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    source = written(folder / "any.eml", b"Subject: x\n" + b"".join(pieces))
    document = outcome(source)
    for each in document.members if document else ():
        outcome(attached(source, each.name, each.size))


def test_a_charset_with_a_nul_in_its_name_spoils_nothing(tmp_path: Path) -> None:
    head = b"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=ut\0f\n"
    mail = head + b"Content-Transfer-Encoding: 8bit\n\nGr\xc3\xb6\xc3\x9fe\n"
    assert "Größe" in read(tmp_path, mail).text


def test_a_wording_that_only_points_to_the_other_is_not_read(tmp_path: Path) -> None:
    mail = letter("This message needs a program that shows HTML.\n")
    html = "<style>p { color: red }</style>" + "<p>The rent falls due on the first day.</p>" * 9
    mail.add_alternative(html, subtype="html")
    assert "The rent falls due" in read(tmp_path, mail).text
    longer = letter("The rent falls due on the first day of each month.\n" * 3)
    longer.add_alternative(f"<style>{'p ' * 900}</style>{html}", subtype="html")
    assert "of each month" in read(tmp_path, longer).text


def test_an_invitation_does_not_take_the_place_of_the_letter(tmp_path: Path) -> None:
    mail = letter()
    mail.set_content("<p>We meet at noon.</p>", subtype="html")
    mail.add_alternative("BEGIN:VCALENDAR\n", subtype="calendar")
    assert "We meet at noon." in read(tmp_path, mail).text


def test_all_of_a_letter_in_html_is_the_letter(tmp_path: Path) -> None:
    links = "".join(f"<li><a href=x>Offer {at}</a></li>" for at in range(20))
    mail = letter()
    mail.set_content(
        f"<header><p>Acme</p></header><nav><ul>{links}</ul></nav><div class=sidebar>Aside</div>"
        "<p>Read more: <a href=x>here</a></p><o:p>Office</o:p><footer>Unsubscribe</footer>",
        subtype="html",
    )
    text = read(tmp_path, mail).text
    for word in ("Acme", "Offer 0", "Offer 19", "Aside", "here", "Office", "Unsubscribe"):
        assert word in text


@pytest.mark.parametrize(("tag", "depth"), [("div", 200), ("div", 400), ("math", 200)])
def test_letters_nested_too_deep_to_be_changed_are_read_all_the_same(
    tmp_path: Path, tag: str, depth: int
) -> None:
    mail = letter()
    html = f"<{tag}>" * depth + "<mtext>deep down</mtext>" + f"</{tag}>" * depth
    mail.set_content(html, subtype="html")
    assert "deep down" in read(tmp_path, mail).text


def test_other_kinds_of_text_are_words_and_their_marks_are_not(tmp_path: Path) -> None:
    mail = letter("First.\n")
    mail.make_mixed()
    for kind, text in (("x-diff", "+ second"), ("enriched", "<bold>third</bold> a < b")):
        part = EmailMessage()
        part.set_content(text, subtype=kind)
        mail.attach(part)
    document = read(tmp_path, mail)
    assert document.text.endswith("First.\n\n+ second\n\nthird a < b\n")
    assert document.members == ()


def test_reports_and_forwarded_news_are_told_from_files(tmp_path: Path) -> None:
    head = b'From: a@example.org\nContent-Type: multipart/report; boundary="x"\n\n'
    parts = (
        b"--x\n\nIt was read.\n",
        b"--x\nContent-Type: message/disposition-notification\n\nDisposition: manual; displayed\n",
        b"--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n",
        b"--x\nContent-Type: message/news\n\nSubject: Old news\n\nFrom a group.\n",
    )
    document = read(tmp_path, head + b"\n".join(parts) + b"--x--\n")
    assert "Disposition: manual; displayed\n\nFeedback-Type: abuse\n" in document.text
    assert [member.name for member in document.members] == ["Old news.eml"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be-mark"])
def test_a_mail_that_an_editor_saved_is_a_mail(tmp_path: Path, encoding: str) -> None:
    text = "\n\nSubject: Pumpe läuft\nFrom: a@example.org\n\nEs läuft.\n"
    if encoding == "utf-16-be-mark":
        data = ("\ufeff" + text).encode("utf-16-be")
    else:
        data = text.encode(encoding)
    document = read(tmp_path, data)
    assert document.title == "Pumpe läuft"
    assert document.text.endswith("Es läuft.\n")
