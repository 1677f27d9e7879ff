"""Mails as they travel (RFC 5322 and MIME): `.eml` files.

They are taken apart by the standard library under its older policy: the newer one reads headers
by a grammar, and raises on those that break it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from typing import IO, Final

from kb.errors import StageError, failure
from kb.extract.mail.message import LOCKED, Attachment, Mail, MailHolder, composed
from kb.extract.mail.part import Part
from kb.extract.mail.words import unflowed
from kb.extract.plain.encoding import decode_as
from kb.model import Document, Source

_SHOWN: Final = ("From", "To", "Cc", "Date")
#: One of these is in every mail, and hardly in a text that is none.
_TELLING: Final = frozenset(
    {"from", "to", "subject", "date", "received", "message-id", "mime-version", "return-path"}
)
_SIGNATURES: Final = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
)
_SEALED: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
#: Editors put these before a mail that was saved as text.
_MARKS: Final = (
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xef\xbb\xbf", "utf-8"),
)
#: Reports of what became of a mail: names and values, as in headers.
_REPORTS: Final = ("delivery-status", "disposition-notification", "feedback-report")
#: It tells where on the net the part is to be had.
_ELSEWHERE: Final = "message/external-body"
#: Kinds of text that are for programs, or say again what another part says.
_NOT_WORDS: Final = frozenset(
    {"text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/css"}
    | {"text/javascript", "text/xml", "text/csv", "text/rtf", "text/x-amp-html"}
)
#: Marks in the two old kinds of text with marks.
_RICH: Final = re.compile(r"</?[A-Za-z-]{1,40}>")
#: The plain wording stands for the letter unless the other has so many times its letters.
_POORER: Final = 4
_FEW: Final = 400
_TAGS: Final = re.compile(rb"<[^<>]*>")
_UNSEEN: Final = re.compile(rb"<(?:style|script|head)\b", re.IGNORECASE)
_DEEPEST: Final = 50
#: The headers that tell a mail stand within so many bytes.
LOOKED_AT: Final = 4096


def read(data: bytes, source: Source) -> Document:
    """Give the mail's headers and body, with its attachments as members.

    Raises StageError: `extract.encrypted`, `extract.corrupt` (not a mail), `extract.unsupported`
    (wrapped in a signature that only a mail program opens).
    """
    return composed(_parsed(data, source), kind="eml", source=source)


def hold(file: IO[bytes]) -> MailHolder:
    """Open a mail for its attachments. Raises StageError."""
    return MailHolder(_parsed(file.read(), None).attachments)


def _parsed(data: bytes, source: Source | None) -> Mail:
    """Take a mail apart; without a source only its attachments are wanted."""
    whole = Part(message_from_bytes(_bare(data)))
    if not _TELLING & {str(name).lower() for name in whole.message}:
        hint = "Give the file the ending that says what it is."
        raise StageError(failure("extract.corrupt", "The file is not a mail.", hint=hint))
    mail = Mail(subject=whole.header("Subject"))
    mail.headers = [("Subject", mail.subject), *((name, whole.header(name)) for name in _SHOWN)]
    _Taking(mail, source).take(whole, 0, silent=source is None)
    return mail


def is_letter(data: bytes) -> bool:
    """Tell by its first bytes whether a file begins with the headers of a mail."""
    head = message_from_bytes(_bare(data[:LOOKED_AT]))
    return bool(_TELLING & {str(name).lower() for name in head})


def _bare(data: bytes) -> bytes:
    """Give a mail from its first header on, in bytes of which ASCII is a part."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            data = data[len(mark) :].decode(encoding, "replace").encode()
    return data.lstrip(b"\r\n")


@dataclass(slots=True)
class _Taking:
    """Takes a mail apart, part by part."""

    mail: Mail
    source: Source | None
    unnamed: int = 0

    def take(self, part: Part, depth: int, *, silent: bool) -> None:
        """Put a part where it belongs; a silent one adds files and no words."""
        self._refuse(part, depth)
        if part.kind == "multipart/alternative":
            self._choose(part.parts, depth, silent=silent)
        elif part.kind.startswith("multipart/") and part.parts:
            for each in part.parts:
                self.take(each, depth + 1, silent=silent)
        elif part.kind.endswith(_REPORTS):
            if not silent:
                self.mail.add("\n".join(_status(each) for each in part.parts))
        elif part.kind.startswith("message/") and part.kind != _ELSEWHERE and part.parts:
            self._enclose(part)
        elif part.kind not in _SIGNATURES and not part.is_picture_inside:
            self._leaf(part, silent=silent)

    def _choose(self, parts: list[Part], depth: int, *, silent: bool) -> None:
        """Read one of several wordings, and take the files of all of them."""
        best = _best(parts)
        for each in parts:
            if each is best:
                self.take(each, depth + 1, silent=silent)
            elif each.kind.startswith("multipart/") or each.is_file:
                self.take(each, depth + 1, silent=True)

    def _leaf(self, part: Part, *, silent: bool) -> None:
        is_words = part.kind.startswith("text/") and part.kind not in _NOT_WORDS
        if part.is_file or not (is_words or part.kind.startswith("multipart/")):
            self._attach(part, part.data)
        elif not silent:
            self._say(part)

    def _say(self, part: Part) -> None:
        data = part.data
        if part.kind.startswith("multipart/"):  # its parts are not parted: the boundary is missing
            data = str(part.message.get_payload()).encode("utf-8", "surrogateescape")
        try:
            text, _ = decode_as(data, part.parameter("charset") or None)
        except StageError as error:
            text = data.decode("utf-8", "replace")
            self.mail.problems.append(error.failure.at(locator="body"))
        if part.kind == "text/html" and self.source is not None:
            self.mail.add_html(text, self.source)
        else:
            if part.kind in {"text/enriched", "text/richtext"}:
                text = _RICH.sub("", text)
            flowed = part.parameter("format").lower() == "flowed"
            delete = part.parameter("delsp").lower() == "yes"
            self.mail.add(unflowed(text, delete_space=delete) if flowed else text)

    def _enclose(self, part: Part) -> None:
        """Make a mail in this one a file of its own, under its subject."""
        for inner in part.parts[:1]:
            name = part.name or (inner.header("Subject") or "mail")[:100].replace("/", "_")
            if not name.lower().endswith(".eml"):
                name += ".eml"
            try:
                data = inner.message.as_bytes()
            except (ValueError, LookupError) as error:
                reason = f"{type(error).__name__}: {error}"[:500]
                message = "A mail within the mail cannot be taken out of it."
                told = failure("extract.corrupt", message, locator=name, reason=reason)
                self.mail.problems.append(told)
                return
            self._attach(part, data, name=name)

    def _attach(self, part: Part, data: bytes, *, name: str = "") -> None:
        self.unnamed += not (name or part.name)
        name = name or part.file_name(self.unnamed)
        self.mail.attachments.append(Attachment(name=name, data=data))

    def _refuse(self, part: Part, depth: int) -> None:
        """Refuse a mail that is locked, wrapped, or made to break its readers."""
        if depth > _DEEPEST:
            message = f"The parts of the mail lie in one another more than {_DEEPEST} deep."
            raise StageError(failure("extract.too_large", message))
        if depth or part.kind not in {*_SEALED, "multipart/encrypted"}:
            return
        if "signed" in part.parameter("smime-type").lower():
            message = "The mail is wrapped in its signature (S/MIME), which kb does not open."
            hint = "Save it from your mail program as a file without the signature."
            raise StageError(failure("extract.unsupported", message, hint=hint))
        raise StageError(failure("extract.encrypted", hint=LOCKED))


def _best(parts: list[Part]) -> Part | None:
    """Give the wording to read: plain text, unless it only says that there is HTML."""
    plain = [each for each in parts if each.kind == "text/plain" and each.data.strip()]
    if not plain:
        for people in parts[::-1]:
            if people.kind == "text/html" or people.kind.startswith("multipart/"):
                return people
        return parts[-1] if parts else None
    short = len(plain[-1].data.split())
    for each in parts if short < _FEW else ():
        pages = [page for page in (each, *each.parts) if page.kind == "text/html"]
        if any(_words(page.data) > _POORER * short for page in pages):
            return each
    return plain[-1]


def _words(page: bytes) -> int:
    """Count the words of an HTML page, about."""
    first, *others = _UNSEEN.split(page)
    shown = [first, *(each.partition(b"</")[2] for each in others)]
    return sum(len(_TAGS.sub(b" ", each).split()) for each in shown)


def _status(part: Part) -> str:
    fields = "".join(f"{name}: {part.header(str(name))}\n" for name in part.message)
    more = part.message.get_payload()
    return f"{fields}\n{more}" if isinstance(more, str) and more.strip() else fields
