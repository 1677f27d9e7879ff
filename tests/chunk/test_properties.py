"""What holds for the passages of any document at all."""

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.chunk import Chunking, chunk_document, estimate_tokens, split_chunk
from kb.model import Lines
from tests.chunk import texts

chunkings = st.builds(
    Chunking,
    target_tokens=st.sampled_from((1, 3, 8, 20, 50, 256)),
    overlap_tokens=st.sampled_from((0, 0, 0, 5, 30)),
    max_tokens=st.sampled_from((None, None, 4, 30, 400)),
)
often = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_one_character(text):
    """Whether a reader sees one character: nothing in it may be cut."""
    marks = ("Mn", "Me", "Mc")
    joined = ("\u200d", "\ufe0f")
    rest = text[1:]
    return all(
        unicodedata.category(c) in marks
        or c in joined
        or text[i] == "\u200d"
        or "\U0001f3fb" <= c <= "\U0001f3ff"
        or "\u1160" <= c <= "\u11ff"
        or "\udc00" <= c <= "\udfff"
        or "\U0001f1e6" <= c <= "\U0001f1ff"
        for i, c in enumerate(rest)
    )


@often
@given(texts.documents(), chunkings)
def test_every_passage_is_a_slice_of_the_text_and_none_is_blank(document, chunking):
    for n, chunk in enumerate(chunk_document(document, chunking=chunking)):
        assert chunk.ordinal == n
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text
        assert chunk.text == chunk.text.strip()


@often
@given(texts.documents(), chunkings)
def test_passages_hold_all_that_is_not_blank_in_order(document, chunking):
    reached = 0
    for chunk in chunk_document(document, chunking=chunking):
        assert not document.text[reached : max(reached, chunk.start)].strip()
        assert chunk.end > reached, "no passage lies within those before it"
        if not chunking.overlap_tokens:
            assert chunk.start >= reached
        reached = chunk.end
    assert not document.text[reached:].strip()


@often
@given(texts.documents(), chunkings)
def test_no_passage_is_over_the_limit_unless_it_is_one_character(document, chunking):
    for chunk in chunk_document(document, chunking=chunking):
        assert estimate_tokens(chunk.text) <= chunking.limit or is_one_character(chunk.text)


@often
@given(texts.documents(), chunkings)
def test_pages_and_lines_go_up_and_say_where_the_passage_stands(document, chunking):
    lines = Lines(document.text)
    starts = {page.number: page.start for page in document.pages}
    last = (0, 0, 0)
    for chunk in chunk_document(document, chunking=chunking):
        assert chunk.line_start == lines.at(chunk.start)
        assert chunk.line_end == lines.at(chunk.end - 1)
        if not document.paged:
            assert (chunk.page_start, chunk.page_end, chunk.page_line) == (None, None, None)
            continue
        first = document.pages[chunk.page_start - 1]
        final = document.pages[chunk.page_end - 1]
        assert first.start <= chunk.start < first.end
        assert final.start < chunk.end <= final.end
        assert chunk.page_line == chunk.line_start - lines.at(starts[chunk.page_start]) + 1
        if not chunking.overlap_tokens:
            here = (chunk.page_start, chunk.page_end, chunk.line_start)
            assert here >= last
            last = here


@often
@given(texts.documents(), chunkings)
def test_the_context_holds_just_the_headings_that_do_not_stand_in_the_passage(document, chunking):
    for chunk in chunk_document(document, chunking=chunking):
        named = chunk.context.split(" › ")
        own = squeezed(chunk.text)
        for name in chunk.section:
            assert name.strip()
            short = name if len(name) <= 120 else name[:119].rstrip() + "…"
            told = all(part in named for part in short.split(" › "))
            assert told or squeezed(name)[:40] in own


def squeezed(text):
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text))


@often
@given(texts.documents(), chunkings)
def test_the_same_document_gives_the_same_passages(document, chunking):
    first = chunk_document(document, chunking=chunking)
    assert first == chunk_document(document, chunking=chunking)


@often
@given(texts.documents(), chunkings)
def test_no_character_is_cut(document, chunking):
    for chunk in chunk_document(document, chunking=chunking):
        assert_whole(document.text, chunk.start)
        assert_whole(document.text, chunk.end)


def assert_whole(text, cut):
    before, after = text[cut - 1 : cut], text[cut : cut + 1]
    if not before or not after or before.isspace() or after.isspace():
        # White space is not part of a passage, so nothing of it is missed.
        return
    assert unicodedata.category(after) not in ("Mn", "Me", "Mc")
    assert "\u200d" not in (before, after)
    assert not ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")


@often
@given(texts.documents(), st.sampled_from((12, 30)), st.sampled_from((3, 6, 15)))
def test_an_overlap_repeats_the_end_of_the_passage_before_in_its_section(document, target, lap):
    chunking = Chunking(target_tokens=target, overlap_tokens=lap)
    chunks = chunk_document(document, chunking=chunking)
    for one, other in pairwise(chunks):
        if other.start < one.end:
            shared = document.text[other.start : one.end]
            assert estimate_tokens(shared) <= lap
            assert one.section[:1] == other.section[:1]
            assert one.start < other.start


@often
@given(texts.documents(), chunkings, st.integers(2, 5))
def test_a_split_passage_keeps_its_text_and_places(document, chunking, parts):
    lines = Lines(document.text)
    for chunk in chunk_document(document, chunking=chunking)[:4]:
        pieces = split_chunk(chunk, document, parts=parts)
        assert len(pieces) > 1 or is_one_character(chunk.text) or len(chunk.text.split()) <= 1
        assert pieces[0].start == chunk.start
        assert pieces[-1].end == chunk.end
        reached = chunk.start
        for piece in pieces:
            assert piece.text == document.text[piece.start : piece.end]
            assert piece.text == piece.text.strip() != ""
            assert not document.text[reached : piece.start].strip()
            assert piece.start >= reached
            reached = piece.end
            assert piece.line_start == lines.at(piece.start)
            assert piece.line_end == lines.at(piece.end - 1)
            assert_whole(document.text, piece.start)
            if document.paged:
                page = document.pages[piece.page_start - 1]
                assert page.start <= piece.start < page.end
                assert piece.page_line == piece.line_start - lines.at(page.start) + 1


@often
@given(texts.documents(), chunkings, st.integers(1, 30))
def test_a_passage_split_to_a_size_has_it(document, chunking, most):
    for chunk in chunk_document(document, chunking=chunking)[:4]:
        for piece in split_chunk(chunk, document, max_tokens=most):
            assert estimate_tokens(piece.text) <= most or is_one_character(piece.text)


@given(texts.texts, texts.texts)
def test_the_estimate_of_a_whole_is_no_more_than_that_of_its_parts(one, other):
    assert estimate_tokens(one + other) <= estimate_tokens(one) + estimate_tokens(other)


@pytest.mark.parametrize("text", ["", " ", "\n\n\t\r\n", "\u3000\f"])
def test_a_blank_document_has_no_passages(text):
    assert chunk_document(texts.plain(text)) == []
    assert chunk_document(texts.paged(text, text)) == []
