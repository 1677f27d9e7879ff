"""One part of a mail, asked in ways that never raise, whatever strangers wrote there."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from typing import Final

from kb.extract.mail.words import date_text, header_text

#: What a part without a name is called, by its type.
_ENDINGS: Final = {
    "application/pdf": ".pdf",
    "application/msword": ".doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.ms-excel": ".xls",
    "application/zip": ".zip",
    "application/rtf": ".rtf",
    "application/json": ".json",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/calendar": ".ics",
    "text/rtf": ".rtf",
    "text/xml": ".xml",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/tiff": ".tif",
    "message/rfc822": ".eml",
}
#: Parameters of a header that is longer are not looked for.
_LONGEST: Final = 10_000


@dataclass(slots=True)
class Part:
    """A part of a mail, or the whole of it."""

    message: Message
    #: Its type in small letters, "text/plain" where none is told.
    kind: str = field(init=False)
    #: The name of the file it is, "" where it has none.
    name: str = field(init=False)
    _disposition: str = field(init=False)
    _told: Message = field(init=False)

    def __post_init__(self) -> None:
        self._told = Message()
        for name in ("Content-Type", "Content-Disposition"):
            if value := self.raw(name):
                self._told[name] = value[0][:_LONGEST]
        try:
            self.kind = self._told.get_content_type()
            self._disposition = self._told.get_content_disposition() or ""
            self.name = header_text(self._told.get_filename() or "")
        except (ValueError, TypeError, IndexError, LookupError):
            self.kind, self._disposition, self.name = "application/octet-stream", "attachment", ""

    def parameter(self, name: str) -> str:
        """Give a parameter of its type, such as the charset; "" where it is not told."""
        try:
            found = self._told.get_param(name)
        except (ValueError, TypeError, IndexError):
            return ""
        return found if isinstance(found, str) else ""

    def raw(self, name: str) -> list[str]:
        """Give the headers of that name as they were written."""
        wanted = name.lower()
        return [str(value) for key, value in self.message.raw_items() if key.lower() == wanted]

    def header(self, name: str) -> str:
        """Give what a header says; several of one name are joined."""
        read = date_text if name == "Date" else header_text
        return ", ".join(read(value) for value in self.raw(name)[:10])

    @property
    def data(self) -> bytes:
        """The bytes of the part, unpacked."""
        try:
            found = self.message.get_payload(decode=True)
        except (ValueError, LookupError):  # a charset that cannot even be looked for
            del self.message["Content-Type"]
            found = self.message.get_payload(decode=True)
        return found if isinstance(found, bytes) else b""

    @property
    def parts(self) -> list[Part]:
        """The parts it is made of."""
        if not self.message.is_multipart():
            return []
        found = self.message.get_payload()
        return [Part(each) for each in found if isinstance(each, Message)]

    @property
    def is_file(self) -> bool:
        """Tell whether it is a file beside the letter and not a piece of it."""
        return self._disposition == "attachment" or bool(self.name)

    @property
    def is_picture_inside(self) -> bool:
        """Tell whether it is a picture that the letter shows in itself."""
        if not self.kind.startswith("image/") or self._disposition == "attachment":
            return False
        return self._disposition == "inline" or bool(self.raw("Content-ID"))

    def file_name(self, number: int) -> str:
        """Give the name it is to have as a file; `number` tells unnamed ones apart."""
        return self.name or f"part {number}{_ENDINGS.get(self.kind, '.bin')}"
