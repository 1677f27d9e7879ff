"""A mail within a mail of Outlook, written in the form in which mails travel."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote

from kb.extract.mail.message import Mail


def as_eml(mail: Mail) -> bytes:
    """Give the bytes of a mail; the same mail always gives the same bytes.

    Headers stand in plain UTF-8, as `eml.py` reads them.
    """
    head = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in mail.headers)
    body = mail.body.encode("utf-8", "replace")
    parts = [b"Content-Type: text/plain; charset=utf-8" + _packed(body)]
    for each in mail.attachments:
        name = quote(each.name.encode("utf-8", "replace"), safe="")
        told = (
            "Content-Type: application/octet-stream\r\n"
            f"Content-Disposition: attachment; filename*=utf-8''{name}"
        )
        parts.append(told.encode() + _packed(each.data))
    mark = hashlib.sha256(b"".join(parts)).hexdigest()[:32]
    head += f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{mark}"\r\n\r\n'
    border = f"--{mark}\r\n".encode()
    whole = b"".join(border + part for part in parts)
    return head.encode("utf-8", "replace") + whole + f"--{mark}--\r\n".encode()


def _packed(data: bytes) -> bytes:
    lines = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines
