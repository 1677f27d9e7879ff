"""What pypdf says of one page: its text, and whether anything is drawn on it."""

from __future__ import annotations

import re
from typing import Any

from pypdf import PageObject
from pypdf.errors import PyPdfError
from pypdf.generic import ContentStream, NameObject, StreamObject

_DRAWN_NAME = re.compile(rb"/([^\s/<>\[\]()]+)\s+Do(?=\s|$)")
_INLINE_IMAGE = re.compile(rb"(?:^|\s)BI\s")
#: Curves, lines and shadings. A frame or a rule needs few of them, letters drawn as outlines many.
_STROKE = re.compile(rb"(?<=\s)(?:[clvy]|sh)(?=\s)")
_MANY_STROKES = 200
#: Groups that hold nothing. Some programs write a hundred thousand of them on one page, and
#: pypdf would need seconds for each such page.
_EMPTY_GROUPS = re.compile(rb"(?<=\s)(?:q\s+Q\s+)+")
_LONG_CONTENT = 100_000
_FORM_DEPTH = 5


def page_text(page: PageObject) -> str:
    """Give the page's text as pypdf reads it. Raises whatever pypdf raises."""
    _drop_empty_groups(page)
    return page.extract_text()


def has_drawing(page: PageObject) -> bool:
    """Tell whether the page shows a picture, or so many lines that they may be letters."""
    try:
        stream = _content(page)
        data = stream.get_data() if stream is not None else b""
        return _draws(data, page.get("/Resources"), _FORM_DEPTH)
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError):
        return True  # a page that cannot be looked at must not pass for a blank one


def _draws(data: bytes, resources: Any, depth: int) -> bool:  # noqa: ANN401 - whatever the file holds
    if _INLINE_IMAGE.search(data) or len(_STROKE.findall(data)) >= _MANY_STROKES:
        return True
    resources = resources.get_object() if resources is not None else {}
    objects = resources.get("/XObject", {}).get_object() if "/XObject" in resources else {}
    for name in set(_DRAWN_NAME.findall(data)):
        drawn = objects.get("/" + name.decode("latin-1"))
        drawn = drawn.get_object() if drawn is not None else None
        if not isinstance(drawn, StreamObject):
            continue
        if drawn.get("/Subtype") == "/Image":
            return True
        if depth and _draws(drawn.get_data(), drawn.get("/Resources", resources), depth - 1):
            return True
    return False


def _content(page: PageObject) -> ContentStream | None:
    content = page.get("/Contents")
    content = content.get_object() if content is not None else None
    if content is None or isinstance(content, ContentStream):
        return content
    return ContentStream(content, page.pdf, "bytes")


def _drop_empty_groups(page: PageObject) -> None:
    stream = _content(page)
    data = stream.get_data() if stream is not None else b""
    if stream is None or len(data) < _LONG_CONTENT:
        return
    shorter = _EMPTY_GROUPS.sub(b"", data)
    if len(shorter) < len(data) // 2:  # else `q Q` might stand in a text, and little is gained
        stream.set_data(shorter)
        page[NameObject("/Contents")] = stream
