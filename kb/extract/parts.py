"""Documents in numbered parts: slides and sheets, each in one state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kb.errors import Failure, StageError, failure
from kb.extract.canonical import Composer
from kb.model import Document, Heading, Page, PageState, Source

_CODES = {PageState.IMAGE_ONLY: "extract.no_text", PageState.FAILED: "extract.corrupt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A slide or a sheet as read: what it says, and what became of it."""

    text: str = ""
    headings: tuple[Heading, ...] = ()
    state: PageState = PageState.BLANK
    #: Characters of repeating lines that are kept out of the text.
    left_out: int = 0
    #: What was wrong with it, where it could not be read.
    reason: str = ""


def part(out: Composer, *, picture: bool = False, left_out: int = 0) -> Part:
    """Give what was composed as a part; one that says nothing is a picture or blank."""
    made = out.document(title="", kind="")
    if made.text.strip():
        state = PageState.INDEXED
        return Part(text=made.text, headings=made.headings, state=state, left_out=left_out)
    return Part(state=PageState.IMAGE_ONLY if picture else PageState.BLANK, left_out=left_out)


def broken(error: Exception) -> Part:
    """Give a part that could not be read, and why."""
    return Part(state=PageState.FAILED, reason=f"{type(error).__name__}: {error}"[:500])


def joined(parts: Sequence[Part], *, title: str, kind: str, name: str, source: Source) -> Document:
    """Give the parts as the pages of one document; `name` is what one is called ("slide").

    Raises StageError when none has text: `extract.no_text` (pictures alone), `extract.corrupt`,
    `extract.empty`.
    """
    if not any(each.state is PageState.INDEXED for each in parts):
        raise StageError(_nothing(parts, name))
    text: list[str] = []
    pages: list[Page] = []
    headings: list[Heading] = []
    start = 0
    for number, each in enumerate(parts, 1):
        said = each.text + "\n" if each.text and number < len(parts) else each.text
        headings += [
            replace(found, start=found.start + start, end=found.end + start)
            for found in each.headings
        ]
        page = Page(
            number=number, start=start, end=start + len(said), state=each.state,
            code=_CODES.get(each.state), left_out=each.left_out,
        )  # fmt: skip
        pages.append(page)
        text.append(said)
        start = page.end
    return Document(
        title=title, format=kind, text="".join(text), pages=tuple(pages), paged=True,
        headings=tuple(headings), problems=tuple(_problems(parts, name, source)),
    )  # fmt: skip


def _problems(parts: Sequence[Part], name: str, source: Source) -> list[Failure]:
    found = []
    for number, each in enumerate(parts, 1):
        place = f"{name} {number}"
        if each.state is PageState.IMAGE_ONLY:
            message = f"The {name} holds pictures and no text."
            hint = "Save it as PDF and run that through an OCR program (`ocrmypdf in.pdf out.pdf`)."
            found.append(
                failure("extract.no_text", message, source=source.path, locator=place, hint=hint)
            )
        elif each.state is PageState.FAILED:
            message = f"The {name} is damaged; the others were read."
            found.append(
                failure(
                    "extract.corrupt",
                    message,
                    source=source.path,
                    locator=place,
                    reason=each.reason,
                )
            )
    return found


def _nothing(parts: Sequence[Part], name: str) -> Failure:
    """Say why no part has text."""
    states = Counter(each.state for each in parts)
    if pictures := states[PageState.IMAGE_ONLY]:
        message = f"There is no text in the file; {pictures} of its {name}s hold pictures alone."
        hint = "Save it as PDF and run that through an OCR program (`ocrmypdf in.pdf out.pdf`)."
        return failure("extract.no_text", message, hint=hint, pages=len(parts), pictures=pictures)
    if states[PageState.FAILED]:
        reason = next(each.reason for each in parts if each.reason)
        return failure("extract.corrupt", pages=len(parts), reason=reason)
    return failure("extract.empty", f"No {name} of the file has text.", pages=len(parts))
