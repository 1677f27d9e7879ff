"""What holds for every outcome, however the file was damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise

from kb.chunk import Chunking, chunk_document, estimate_tokens
from kb.errors import CATALOGUE, Failure
from kb.extract import FORMATS
from kb.model import Chunk, Document, Page, PageState, Source

_REASONED = {PageState.IMAGE_ONLY, PageState.FAILED}
_SHOWN = {PageState.INDEXED, PageState.OCR}
_HASH = re.compile(r"([0-9a-f]{64})?")
_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")


def faults(source: Source, outcome: Document | Failure) -> list[str]:
    """Say in what ways an outcome breaks the rules; nothing where it keeps them."""
    if isinstance(outcome, Failure):
        return list(_of_failure(outcome, source))
    return [
        *_of_document(outcome, source),
        *_of_members(outcome),
        *_of_pages(outcome),
        *_of_headings(outcome),
    ]


def _of_failure(found: Failure, source: Source) -> Iterator[str]:
    if found.code not in CATALOGUE or not found.code.startswith("extract."):
        yield f"the code {found.code} is none of extract.*"
    if found.source != source.path:
        yield f"the failure is of {found.source!r}"
    if not found.message.strip() or not found.hint.strip():
        yield "the failure has no message or no hint"
    told = json.dumps(found.as_json(), ensure_ascii=False)
    if _UNKEEPABLE.search(told) or len(told) > 20_000:
        yield "the failure cannot be kept"


def _of_document(document: Document, source: Source) -> Iterator[str]:
    ending = "." + source.path.rpartition(".")[2].lower()
    if document.format != FORMATS[ending].name:
        yield f"the format is {document.format}"
    if not document.text.strip():
        yield "there is no text"
    for said in (document.text, document.title, *(each.title for each in document.headings)):
        if _UNKEEPABLE.search(said):
            yield f"NULs or surrogates: {said[:50]!r}"
    if not document.title.strip() or len(document.title.splitlines()) != 1:
        yield f"the title is {document.title!r}"
    for problem in document.problems:
        yield from _of_failure(problem.at(source.path), source)


def _of_members(document: Document) -> Iterator[str]:
    names = [member.name for member in document.members]
    if any(_UNKEEPABLE.search(name) for name in names):
        yield "a member's name cannot be kept"
    if len(names) != len(set(names)) or not all(names):
        yield "members have the same name or none"
    if not all(_HASH.fullmatch(each.sha256) and each.size >= 0 for each in document.members):
        yield "a member has no size or hash"


def _of_pages(document: Document) -> Iterator[str]:
    pages = document.pages
    if not pages or pages[0].start != 0 or pages[-1].end != len(document.text):
        yield "the pages do not cover the text"
    if any(one.end != other.start for one, other in pairwise(pages)):
        yield "the pages do not meet"
    if [page.number for page in pages] != list(range(1, len(pages) + 1)):
        yield "the pages are not counted from 1"
    if not document.paged and len(pages) != 1:
        yield "a document without pages has several"
    for page in pages:
        yield from (f"page {page.number} {fault}" for fault in _of_page(page, document.text))


def _of_page(page: Page, text: str) -> Iterator[str]:
    said = text[page.start : page.end].strip()
    if page.start > page.end or page.left_out < 0:
        yield "has less than nothing"
    if (page.state in _REASONED) != (page.code is not None):
        yield f"is {page.state} with the code {page.code}"
    if page.code is not None and not (page.code in CATALOGUE and page.code.startswith("extract.")):
        yield f"has the code {page.code}"
    if bool(said) != (page.state in _SHOWN):
        yield f"is {page.state} and says {said[:30]!r}"
    if page.confidence is not None and not (
        page.state is PageState.OCR and 0 <= page.confidence <= 1
    ):
        yield f"is read with the confidence {page.confidence}"


def _of_headings(document: Document) -> Iterator[str]:
    for each in document.headings:
        if not (0 <= each.start < each.end <= len(document.text)):
            yield f"the heading {each.title!r} is outside"
        if not each.title.strip() or not 1 <= each.level <= 9:
            yield f"the heading {each.title!r} has the level {each.level}"
        if not document.text[each.start : each.end].strip():
            yield f"the heading {each.title!r} is blank"
    starts = [each.start for each in document.headings]
    if starts != sorted(set(starts)):
        yield "the headings are not in order"


def chunk_faults(document: Document) -> list[str]:
    """Cut a document into passages, as `kb ingest` does, and say what is wrong with them."""
    chunks = chunk_document(document)
    found = []
    at = 0
    for ordinal, chunk in enumerate(chunks):
        if document.text[at : chunk.start].strip() or chunk.start < at:
            found.append(f"passages leave out or repeat what stands at {at}")
        at = chunk.end
        found += [f"passage {ordinal} {fault}" for fault in _of_chunk(chunk, ordinal, document)]
    if document.text[at:].strip():
        found.append(f"passages leave out what stands at {at}")
    return found


def _of_chunk(chunk: Chunk, ordinal: int, document: Document) -> Iterator[str]:
    if chunk.ordinal != ordinal or not chunk.text.strip():
        yield "is blank or wrongly counted"
    if chunk.text != document.text[chunk.start : chunk.end]:
        yield "is not what stands there"
    if estimate_tokens(chunk.text) > Chunking().limit and len(chunk.text) > 1:
        yield f"has {len(chunk.text)} characters"
    if document.paged and not (
        1 <= (chunk.page_start or 0) <= (chunk.page_end or 0) <= len(document.pages)
    ):
        yield f"is on the pages {chunk.page_start} to {chunk.page_end}"
    if not 1 <= chunk.line_start <= chunk.line_end:
        yield f"is on the lines {chunk.line_start} to {chunk.line_end}"
    if _UNKEEPABLE.search(chunk.with_context + "".join(chunk.section)):
        yield "has NULs or surrogates"
