"""Writing many at once does what writing one after another does."""

from __future__ import annotations

import string
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kb.errors import StoreError
from kb.store import open_store, verify_store
from kb.store.local import seals, words
from kb.store.local.words import fold, index_words, tokens
from tests.store.builders import PROFILE, draft, embed, texts_of, vector_of

ASCII = st.text(st.sampled_from(string.printable + "\x1c\x1f"), max_size=60)
#: What a text of two languages is made of: scripts, marks, breaks, joints, signs of all widths.
PIECES = st.sampled_from(
    [*"退款流程条サンプル한국어々〇", "\U00020000", "\U0001d400", *"aZß0é９，。：“”’'.-_/&@,（）",
     "e\u0301", "\u0301", "\u200b", "\u3000", "\u2028", *" \t\r\n", "refund", "abc-1234", "3.2",
     "1,000", "it’s", "naïve", "ünder", "12.00", "100，200", "ﬁ", "Ⅳ"]
)  # fmt: skip
MIXED = st.lists(PIECES, max_size=40).map("".join)


@given(text=st.one_of(ASCII, MIXED, st.text(max_size=40)))
@example(text="1,000 and 10\n000; 3.2.1 abc-1234 it's O'Neil's 12.00 a--b .x. _y_")
@example(text="x" * 100 + " 1,000,000 " + "a.b" * 40)
@example(text="第一\n条 refund 条款")
@example(text="naïve “quotes” café’s 12–14")
@example(text="か\nな")
@example(text="退款！流程？ refund，条（款）：\r\n第，3；条\n款한\n국")
@example(text="退款 " + "the whole of a long English part " * 3 + "流程")
@example(text="退款\U0001f600流程 \U000104a01,000")
def test_words_that_are_looked_up_are_those_of_the_rules(text):
    by_the_rules = " ".join(token.word for token in tokens(fold(text)))
    assert index_words(text) == by_the_rules
    assert index_words(text) == by_the_rules, "also the second time"


def test_words_are_not_remembered_without_end(monkeypatch):
    monkeypatch.setattr(words, "_REMEMBERED", 8)
    for number in range(40):
        assert index_words(f"w{number}x été{number}").startswith(f"w{number}x")
        assert len(words._PIECES) <= 8


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


@pytest.mark.parametrize("kept", [["kept one", "kept two"], ["other"]])
def test_of_one_document_put_twice_together_the_last_stays(home, kept):
    """The words of the first are noted, and must never reach the index."""
    store = open_store(home, create=True)
    with store.writer("test") as writer:
        embed(writer, ["kept one", "kept two", "other"])
        former = draft("a.txt", ["kept one", "other"])
        assert writer.put_all([former, draft("a.txt", kept)]) == [(2, 0), (len(kept), 2)]
    with store.snapshot() as snapshot:
        found = texts_of(snapshot, snapshot.match("kept other", top_k=9))
        assert sorted(found) == sorted(kept)
    store.close()
    found = {each.id: each.ok for each in verify_store(home) if each.id.startswith("words")}
    assert found
    assert all(found.values())


def test_a_document_of_very_many_chunks_names_its_vectors(store):
    texts = [f"text {n}" for n in range(1201)]
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        embed(writer, texts)
        assert writer.put(draft("a.txt", texts)) == (1201, 0)
    with store.snapshot() as snapshot:
        (best, *_) = snapshot.nearest(vector_of("text 777"), top_k=3)
        assert texts_of(snapshot, [best]) == ["text 777"]


def test_ctrl_c_within_a_statement_is_no_fault_of_the_database(home, monkeypatch):
    with closing(open_store(home, create=True)) as store, store.writer("test") as writer:
        embed(writer, ["one", "two"])
        writer.put(draft("a.md", ["one"]))
    calls = iter(range(100))
    seal = seals._seal

    def interrupted(*values):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return seal(*values)

    monkeypatch.setattr(seals, "_seal", interrupted)
    with closing(open_store(home)) as store, store.writer("test") as writer:
        two = draft("b.md", ["two"])
        with pytest.raises(KeyboardInterrupt):
            writer.put(two)
    monkeypatch.undo()
    with closing(open_store(home)) as store, store.snapshot() as snapshot:
        assert [row.path for row in snapshot.documents()] == ["a.md"]
    assert all(each.ok for each in verify_store(home))
