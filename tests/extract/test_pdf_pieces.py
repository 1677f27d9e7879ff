"""Pieces of lines: asking for the ends of words alone gives what asking for all glyphs gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.extract.pdf import pieces
from tests.extract.make import pdf, placed

_PLACES = st.tuples(
    st.floats(20, 500), st.floats(20, 760), st.text("aegmpx AB9.-()", min_size=1, max_size=30)
)
_MATRICES = st.sampled_from(["1 0 0 1", "0 1 -1 0", "1 0 0.2 1", "0.8 0.6 -0.6 0.8"])


@contextmanager
def page_of(content: bytes) -> Iterator[Any]:
    document = pypdfium2.PdfDocument(pdf([content]))
    try:
        yield document[0].get_textpage()
    finally:
        document.close()


@given(st.lists(_PLACES, min_size=1, max_size=8), _MATRICES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_ends_of_words_tell_what_all_glyphs_tell(
    monkeypatch: pytest.MonkeyPatch, texts: list[tuple[float, float, str]], matrix: str
) -> None:
    box = (0.0, 0.0, 0.0, 0.0)
    with page_of(placed(*texts, matrix=matrix)) as page, monkeypatch.context() as patch:
        few = pieces.pieces(page, box)
        patch.setattr(pieces, "_inner", lambda codes: codes < 0)
        assert few == pieces.pieces(page, box)


@pytest.mark.parametrize(
    "shown", ["(a) 900 (xd) 1500 (ggm) 40 (g) 900", "(ll) -40 (a) 1500 (d) 40 (d) 40"]
)
def test_letters_that_stand_elsewhere_than_between_the_ends_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    box = (0.0, 0.0, 0.0, 0.0)
    content = f"BT /F1 12 Tf 1 0 0 1 100 700 Tm [{shown}] TJ ET".encode()
    with page_of(content) as page:
        found = pieces.pieces(page, box)
        monkeypatch.setattr(pieces, "_doubtful", lambda seen: False)
        assert pieces.pieces(page, box) != found
        monkeypatch.setattr(pieces, "_inner", lambda codes: codes < 0)
        assert pieces.pieces(page, box) == found
