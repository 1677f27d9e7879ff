"""A clause that stands in hundreds of contracts takes one rank, and the page is full still."""

from __future__ import annotations

import pytest

from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.pipeline.search import Asking, search
from kb.search import rank

CLAUSE = "The parties agree that governing law is that of the State of New York, and no other."
OTHERS = [
    "Governing law of leases is that of the place where the building stands.",
    "Where workers are posted, governing law is that of the country of their employer.",
    "For consumers, governing law is that of the country they live in.",
]
COPIES = 250


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    docs = folder / "docs"
    docs.mkdir()
    for number in range(COPIES):
        (docs / f"contract-{number}.txt").write_text(CLAUSE)
    for number, text in enumerate(OTHERS):
        # Long enough that the copies come first.
        (docs / f"memo-{number}.txt").write_text(f"{text} The courts have said so for long. " * 3)
    base = locate(environ={}, cwd=folder)
    assert ingest(base, [docs]).status == "ok"
    return base


@pytest.mark.parametrize("mode", ["lexical", "hybrid", "dense"])
def test_copies_leave_no_page_short(base, mode):
    hits = search(base, "governing law State New York", asking=Asking(top_k=4, mode=mode)).hits
    assert [hit.path.partition("-")[0].rpartition("/")[2] for hit in hits] == [
        "contract", "memo", "memo", "memo",
    ]  # fmt: skip
    assert len(hits[0].duplicates) == COPIES - 1


def test_no_more_is_looked_at_than_there_is(base, monkeypatch):
    asked = []
    score = rank._score
    monkeypatch.setattr(rank, "_score", lambda *given: asked.append(given[2]) or score(*given))
    assert len(search(base, "governing law", asking=Asking(top_k=50)).hits) == 4
    assert asked == [200, 800]


def test_why_a_hit_behind_the_copies_is_there_is_told(base):
    found = search(base, "governing law State New York", asking=Asking(top_k=4, explain=True)).hits
    assert all(hit.explain["lexical"]["rank"] for hit in found)
