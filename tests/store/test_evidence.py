"""What documents and single characters add to BM25: what must hold whatever the texts are."""

from __future__ import annotations

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.store import open_store
from kb.store.local import evidence
from kb.store.local.evidence import MOST, Collection, Evidence, of_characters, rarity
from kb.store.local.terms import characters, expressions
from tests.store.builders import PROFILE, draft, texts_of

COUNTS = st.integers(1, 10_000)
WORDS = st.sampled_from("alpha beta gamma delta epsilon".split())  # noqa: SIM905 - read as text
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=6)
SHELVES = st.lists(TEXTS, min_size=1, max_size=5)


@given(COUNTS, COUNTS)
def test_a_word_weighs_something_and_a_rarer_one_more(one, other):
    count, total = sorted((one, other))
    assert rarity(count - 1, total) > rarity(count, total) > 0


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 5), st.floats(1e-6, 30)), min_size=1),
    st.integers(0, 10_000),
)
def test_no_word_gives_a_document_more_than_the_most_it_could_earn(places, more):
    places = list({chunk: (chunk, document, score) for chunk, document, score in places}.values())
    sizes = {document: len(places) for _, document, _ in places}
    total = sum(sizes.values()) + more
    found = Evidence()
    found.weigh(places, Collection(passages=total, average=3.0, sizes=sizes))
    most = rarity(len(places), total) * MOST
    assert all(0 <= gain <= most for gain in found.of_document.values())


def shelved(folder, shelf):
    """Give a store with one document for each list of passages."""
    store = open_store(folder, create=True)
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        for n, texts in enumerate(shelf):
            writer.put(draft(f"d{n}.txt", texts, title="-", keys=[None] * len(texts)))
    return store


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shelf=SHELVES, query=st.lists(WORDS, min_size=1, max_size=3).map(" ".join))
def test_passages_that_hold_a_word_are_found_with_scores_above_0(tmp_path_factory, shelf, query):
    store = shelved(tmp_path_factory.mktemp("kb"), shelf)
    with store.snapshot() as snapshot:
        found = snapshot.match(query, top_k=50)
        right = [
            text for texts in shelf for text in texts if set(text.split()) & set(query.split())
        ]
        assert sorted(texts_of(snapshot, found)) == sorted(right)
        assert all(score > 0 for _, score in found)
        assert found == sorted(found, key=lambda scored: (-scored[1], scored[0]))
        for top_k in (1, 2, 3):
            assert list(snapshot.match(query, top_k=top_k)) == list(found)[:top_k]
    store.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), min_size=4, max_size=12),
    word=WORDS,
)
def test_documents_of_one_passage_are_ranked_as_bm25_ranks_them(tmp_path_factory, texts, word):
    store = shelved(tmp_path_factory.mktemp("kb"), [[text] for text in texts])
    with store.snapshot() as snapshot:
        found = dict(snapshot.match(word, top_k=50))
        plain = snapshot._database.all(
            "SELECT rowid, -bm25(words, 0.75, 1.5, 0.75) FROM words WHERE words MATCH ?", word
        )
        assert found.keys() == {chunk_id for chunk_id, _ in plain}
        best = max((score for _, score in plain), default=1.0)
        top = max(found.values(), default=1.0)
        for chunk_id, score in plain:
            assert found[chunk_id] / top == pytest.approx(score / best, rel=1e-6)
    store.close()


def contracts():
    """Give documents that differ in their parties and say the same in each clause."""
    clauses = [
        "The fee is due within thirty days of the invoice.",
        "Each party may terminate this agreement for cause.",
        "This agreement is governed by the laws of the state.",
        "Notices are sent by registered mail to the other party.",
    ]
    names = "Arbona Belcore Cintra Dormex Elvano".split()  # noqa: SIM905 - read as text
    return {
        name: [f"Agreement between {name} and Quill.", *clauses, f"Signed for {name}: {name}."]
        for name in names
    }


def test_a_name_on_the_first_page_counts_for_the_clause_that_does_not_repeat_it(store):
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        for name, texts in contracts().items():
            writer.put(draft(f"{name}.txt", texts, title="-", keys=[None] * len(texts)))
    with store.snapshot() as snapshot:
        for name in contracts():
            found = snapshot.match(f"which laws govern the {name} agreement", top_k=3)
            passages = snapshot.passages([chunk_id for chunk_id, _ in found])
            first = passages[found[0][0]]
            assert first.path == f"{name}.txt"
            assert first.chunk.text.startswith("This agreement is governed")


def test_a_word_in_too_many_passages_is_left_to_bm25(store, monkeypatch):
    monkeypatch.setattr(evidence, "RARE", 2)
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        for n in range(4):
            writer.put(draft(f"{n}.txt", [f"common rare{n}", "common"], title="-", keys=[None] * 2))
    with store.snapshot() as snapshot:
        call = "bm25(words, 1, 1, 1)"
        asked = {"table": "words", "bm25": call}
        assert not evidence.gather(snapshot._database, ['"common"'], **asked).of_document
        assert evidence.gather(snapshot._database, expressions("rare1"), **asked).of_document
        assert len(snapshot.match("common", top_k=9)) == 8


def test_single_characters_find_what_the_pairs_of_a_word_miss(store):
    texts = [
        "本办法自公布之日起在全国施行。",
        "当事人应当提供有关的证明材料。",
        "承租人应当遵守下列各项的义务。",
        "承租人逾期支付租赁费用的规定。",
        "出卖人应当按照约定交付标的物。",
    ]
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        writer.put(draft("a.txt", texts, title="-", keys=[None] * len(texts)))
    with store.snapshot() as snapshot:
        found = texts_of(snapshot, snapshot.match("承租人拖欠租金", top_k=2))
    # By pairs both are alike, and the one with the lower id would be the first.
    assert found == [texts[3], texts[2]]


HAN = st.text("租金费赁合同的，。a ", max_size=20)


@given(st.lists(HAN, max_size=6), HAN)
def test_characters_add_to_texts_that_hold_them_alone(texts, query):
    asked = characters(query)
    assert len(asked) == len(set(asked))
    assert not set(asked) & set("的，。a " + string.ascii_letters)
    added = of_characters(asked, texts)
    assert len(added) == len(texts)
    for text, more in zip(texts, added, strict=True):
        assert (more > 0) == bool(set(text) & set(asked))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shelf=SHELVES, words=st.lists(WORDS, max_size=3, unique=True))
def test_how_much_of_a_word_names_its_documents_is_a_share(tmp_path_factory, shelf, words):
    store = shelved(tmp_path_factory.mktemp("kb"), shelf)
    with store.snapshot() as snapshot:
        shares = evidence.naming(snapshot._database, words, table="words")
    store.close()
    for word, share in zip(words, shares, strict=True):
        sizes = [len(texts) for texts in shelf if any(word in text.split() for text in texts)]
        assert (share is None) == (not sizes)
        assert share is None or 0 <= share <= 1
        # A document of a few passages is found as well by any other word.
        assert not sizes or max(sizes) > 4 or share == 0


@given(COUNTS, st.lists(st.integers(5, 500), min_size=1, max_size=9), st.integers(0, 9))
def test_a_word_names_its_documents_the_more_of_their_passages_hold_it(count, sizes, others):
    held = dict(enumerate(sizes))
    average = sum(sizes) / len(sizes)
    total = sum(sizes) + round(others * average)
    shelf = Collection(passages=total, average=total / (len(sizes) + others), sizes=held)
    count = max(1, min(count, sum(sizes) - 1))
    one, other = (evidence._naming(each, held, shelf) for each in (count, count + 1))
    assert 0 <= one <= other + 1e-9 <= 1 + 1e-9
    # What stands in every document names none of them.
    assert others or other == pytest.approx(0)
