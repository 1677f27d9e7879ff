"""Writing many at once does what writing one after another does."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kb.errors import StoreError
from kb.store.local import fts
from kb.store.local.words import index_words
from tests.store.builders import PROFILE, draft, embed, texts_of, vector_of

ASCII = st.text(st.sampled_from(string.printable + "\x1c\x1f"), max_size=60)


@given(text=st.one_of(ASCII, st.text(max_size=40)))
@example(text="1,000 and 10\n000; 3.2.1 abc-1234 it's O'Neil's 12.00 a--b .x. _y_")
@example(text="x" * 100 + " 1,000,000 " + "a.b" * 40)
@example(text="第一\n条 refund 条款")
def test_words_by_pieces_are_the_words_of_the_whole(text):
    assert fts.word_row(1, text, ("",), text).body == index_words(text)


def test_documents_put_together_are_those_put_alone(store):
    texts = [["alpha one", "shared"], ["beta two", "shared"], ["gamma"]]
    with store.writer("test") as writer:
        embed(writer, [text for some in texts for text in some])
        drafts = [draft(f"{at}.txt", some) for at, some in enumerate(texts)]
        assert writer.put_all(drafts) == [(2, 0), (2, 0), (1, 0)]
        assert writer.put_all(drafts[:2]) == [(2, 2), (2, 2)]
        assert writer.put_all([]) == []
    with store.snapshot() as snapshot:
        assert [row.chunks for row in snapshot.documents()] == [2, 2, 1]
        hits = snapshot.nearest(vector_of("shared"), top_k=2)
        assert texts_of(snapshot, hits) == ["shared", "shared"]
        assert len(snapshot.match("shared", top_k=9)) == 2


def test_documents_put_together_are_put_all_or_none(store):
    with store.writer("test") as writer:
        embed(writer, ["kept"])
        assert writer.put(draft("a.txt", ["kept"])) == (1, 0)
        with pytest.raises(StoreError):
            writer.put_all([draft("b.txt", ["kept"]), draft("a.txt", ["never embedded"])])
    with store.snapshot() as snapshot:
        assert [row.path for row in snapshot.documents()] == ["a.txt"]
        assert texts_of(snapshot, snapshot.match("kept", top_k=9)) == ["kept"]


def test_a_document_of_very_many_chunks_names_its_vectors(store):
    texts = [f"text {n}" for n in range(1201)]
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        embed(writer, texts)
        assert writer.put(draft("a.txt", texts)) == (1201, 0)
    with store.snapshot() as snapshot:
        (best, *_) = snapshot.nearest(vector_of("text 777"), top_k=3)
        assert texts_of(snapshot, [best]) == ["text 777"]
