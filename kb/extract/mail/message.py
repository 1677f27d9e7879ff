"""What every mail has, whichever program kept it: headers, a body, attachments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kb.errors import Failure, StageError, failure
from kb.extract.archive.names import is_left_out, stored_names
from kb.extract.canonical import keepable, one_page, sensible_title, stem
from kb.model import Document, Heading, Member, Source

#: What stands first in a mail that OpenPGP made unreadable.
_PGP = "-----BEGIN PGP MESSAGE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a mail; its name is as the mail has it."""

    name: str
    data: bytes


@dataclass(slots=True, kw_only=True)
class Mail:
    """A mail as read, its words decoded and its attachments unpacked."""

    subject: str = ""
    #: What to show above the body, in order: ("From", "Anna <anna@example.org>").
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""
    headings: tuple[Heading, ...] = ()
    attachments: list[Attachment] = field(default_factory=list)
    problems: list[Failure] = field(default_factory=list)

    def add(self, text: str, headings: Sequence[Heading] = ()) -> None:
        """Add a part of the body below the others."""
        text = text.replace("\r\n", "\n")
        if not text.strip():
            return
        start = len(self.body)
        if self.body:
            start += 1
            self.body += "\n"
        moved = [replace(each, start=each.start + start, end=each.end + start) for each in headings]
        self.headings += tuple(moved)
        self.body += text if text.endswith("\n") else text + "\n"

    def add_html(self, html: str, source: Source) -> None:
        """Add a part of the body that is HTML; all of it is the letter."""
        from kb.extract.web.whole import read_whole

        if not html.strip():
            return
        try:
            page = read_whole(html, source)
        except StageError as error:
            if error.failure.code != "extract.empty":
                self.problems.append(error.failure.at(locator="body"))
            return
        self.add(page.text, page.headings)


class MailHolder:
    """The attachments of a mail under names that are fit to follow."""

    def __init__(self, attachments: Sequence[Attachment]) -> None:
        wanted = [each for each in attachments if not is_left_out(each.name)]
        names = stored_names(each.name for each in wanted)
        self._data = {name: each.data for name, each in zip(names, wanted, strict=True)}

    def bytes_of(self, name: str) -> bytes:
        """Give the bytes of an attachment. Raises KeyError."""
        return self._data[name]

    @property
    def members(self) -> tuple[Member, ...]:
        """The attachments, with their hashes."""
        return tuple(
            Member(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in self._data.items()
        )


def composed(mail: Mail, *, kind: str, source: Source) -> Document:
    """Give the mail as a document: headers as lines, the body, and the attachments' names.

    Raises StageError (`extract.encrypted`) when the body is a locked letter and nothing else.
    """
    if mail.body.lstrip().startswith(_PGP):
        raise StageError(failure("extract.encrypted", hint=LOCKED))
    members = MailHolder(mail.attachments).members
    head = "".join(f"{label}: {value}\n" for label, value in mail.headers if value)
    names = ", ".join(member.name for member in members)
    parts = [head, mail.body, f"Attachments: {names}\n" if names else ""]
    text = keepable("\n".join(part for part in parts if part))
    shift = len(head) + 1 if head else 0
    headings = tuple(
        replace(each, start=each.start + shift, end=each.end + shift) for each in mail.headings
    )
    title = sensible_title(mail.subject) or stem(source)
    document = one_page(text, title=title, kind=kind, headings=headings)
    return replace(document, members=members, problems=tuple(mail.problems))


LOCKED = "Decrypt it in your mail program, save it as a file without encryption, and ingest that."
