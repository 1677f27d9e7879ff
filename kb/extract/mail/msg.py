"""Mails as Outlook saves them: `.msg` files, a compound file with one stream for each property."""

from __future__ import annotations

import io
from typing import IO, Final

from kb.errors import StageError, failure
from kb.extract.mail import eml
from kb.extract.mail.eml import LOOKED_AT, is_letter
from kb.extract.mail.message import LOCKED, Attachment, Mail, MailHolder, composed
from kb.extract.mail.properties import Properties, Storage, open_storage
from kb.extract.mail.rfc822 import as_eml
from kb.extract.mail.rtf_packed import unpacked
from kb.extract.mail.words import date_text, header_text
from kb.model import Document, Source

# The properties, by their numbers in MS-OXPROPS.
_CLASS, _SUBJECT, _HEADERS = 0x001A, 0x0037, 0x007D
_SENT, _DELIVERED = 0x0039, 0x0E06
_SENDER, _SENDER_MAIL, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_FROM, _FROM_MAIL, _FROM_SMTP = 0x0042, 0x0065, 0x5D02
_TO, _CC = 0x0E04, 0x0E03
_BODY, _HTML, _RTF = 0x1000, 0x1013, 0x1009
_NAME, _MAIL, _SMTP, _KIND = 0x3001, 0x3003, 0x39FE, 0x0C15
_DATA, _METHOD, _LONG_NAME, _SHORT_NAME = 0x3701, 0x3705, 0x3707, 0x3704
_CONTENT_ID, _FLAGS, _HIDDEN = 0x3712, 0x3714, 0x7FFE
_MIME: Final = 0x370E
#: Attached as a mail, and shown within the text.
_EMBEDDED, _IN_TEXT = 5, 0x4
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".svg", ".webp")
_LOCKED: Final = ("ipm.note.smime", "ipm.note.secure")
_DEEPEST: Final = 10


def read(data: bytes, source: Source) -> Document:
    """Give the mail's headers and body, with its attachments as members.

    A mail as it travels, which other programs save under the same ending, is read as that one is.
    Raises StageError: `extract.corrupt`, `extract.encrypted`.
    """
    if is_letter(data):
        return eml.read(data, source)
    return composed(_parsed(open_storage(io.BytesIO(data)), source, 0), kind="msg", source=source)


def hold(file: IO[bytes]) -> MailHolder:
    """Open a mail for its attachments. Raises StageError."""
    if is_letter(file.read(LOOKED_AT)):
        file.seek(0)
        return eml.hold(file)
    file.seek(0)
    return MailHolder(_parsed(open_storage(file), None, 0).attachments)


def _parsed(storage: Storage, source: Source | None, depth: int) -> Mail:
    """Take a mail apart; without a source only its attachments are wanted."""
    told = Properties(storage, top=depth == 0)
    kind = told.text(_CLASS).lower()
    if kind.startswith(_LOCKED) and "multipartsigned" not in kind:
        raise StageError(failure("extract.encrypted", hint=LOCKED))
    mail = Mail(subject=header_text(told.text(_SUBJECT)))
    to, cc = _receivers(storage, told)
    mail.headers = [
        ("Subject", mail.subject),
        ("From", _sender(told)),
        ("To", to),
        ("Cc", cc),
        ("Date", _date(told)),
    ]
    if source is not None:
        _say(mail, told, source)
    for number, each in enumerate(storage.folders("__attach_version1.0_"), 1):
        if (found := _attachment(each, number, depth)) is not None:
            mail.attachments.append(found)
    return mail


def _say(mail: Mail, told: Properties, source: Source) -> None:
    """Add the body in that of its wordings which is best to read."""
    body = told.text(_BODY)
    if body.strip():
        mail.add(body)
    elif html := told.loose(_HTML):
        mail.add_html(html, source)
    elif rtf := told.data(_RTF):
        from kb.extract.plain.rtf import read as read_rtf

        try:
            page = read_rtf(unpacked(rtf), source)
        except StageError as error:
            if error.failure.code != "extract.empty":
                mail.problems.append(error.failure.at(locator="body"))
            return
        mail.add(page.text, page.headings)


def _attachment(storage: Storage, number: int, depth: int) -> Attachment | None:
    """Give an attachment; None for a picture that the text shows, and for a mere link."""
    told = Properties(storage, top=False, head=8)
    name = told.text(_LONG_NAME) or told.text(_SHORT_NAME) or told.text(_NAME)
    if told.number(_METHOD) == _EMBEDDED:
        inner = storage.folder(f"__substg1.0_{_DATA:04X}000D")
        if inner is None or depth >= _DEEPEST:
            return None
        return _embedded(inner, name, depth)
    data = told.data(_DATA)
    shown = told.number(_FLAGS) & _IN_TEXT or told.number(_HIDDEN) or told.text(_CONTENT_ID)
    is_picture = told.text(_MIME).lower().startswith("image/") or name.lower().endswith(_PICTURES)
    if data is None or (shown and is_picture):
        return None
    return Attachment(name=name or f"part {number}.bin", data=data)


def _embedded(storage: Storage, name: str, depth: int) -> Attachment:
    """Give a mail within the mail as a file of its own, in the form in which mails travel."""
    from pathlib import Path

    nobody = Source(path="", location=Path(), size=0, mtime_ns=0, inode=0)
    mail = _parsed(storage, nobody, depth + 1)
    name = (mail.subject or name or "mail")[:100].replace("/", "_")
    return Attachment(name=f"{name.removesuffix('.msg')}.eml", data=as_eml(mail))


def _receivers(storage: Storage, told: Properties) -> tuple[str, str]:
    """Give who it was sent to, and who got a copy, each with the address where one is told."""
    found: dict[int, list[str]] = {1: [], 2: []}
    for each in storage.folders("__recip_version1.0_"):
        person = Properties(each, top=False, head=8)
        mail = person.text(_SMTP) or person.text(_MAIL)
        kept = found.get(person.number(_KIND))
        if kept is not None:
            kept.append(_person(person.text(_NAME), mail))
    to, cc = ", ".join(filter(None, found[1])), ", ".join(filter(None, found[2]))
    return header_text(to or told.text(_TO)), header_text(cc or told.text(_CC))


def _sender(told: Properties) -> str:
    name = told.text(_FROM) or told.text(_SENDER)
    mails = (_FROM_SMTP, _SENDER_SMTP, _FROM_MAIL, _SENDER_MAIL)
    mail = next((found for each in mails if "@" in (found := told.text(each))), "")
    return header_text(_person(name, mail)) or _travelled(told, "from")


def _person(name: str, mail: str) -> str:
    """Give a person as headers name one; an address of Exchange's own helps nobody."""
    mail = mail if "@" in mail else ""
    return f"{name} <{mail}>" if name and mail not in name else name or mail


def _date(told: Properties) -> str:
    moment = told.time(_SENT) or told.time(_DELIVERED)
    return moment.isoformat(timespec="seconds") if moment else date_text(_travelled(told, "date"))


def _travelled(told: Properties, name: str) -> str:
    """Give a header of the mail as it came over the net."""
    from email.parser import HeaderParser

    return header_text(str(HeaderParser().parsestr(told.text(_HEADERS)[:100_000]).get(name, "")))
