"""A question without the names of documents: what stays, whatever the words weigh."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.pipeline import meaning
from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.pipeline.observe import Silent
from kb.pipeline.search import Asking, search
from kb.search.naming import LEAST, share_of_meaning, without_names
from kb.store.local import evidence
from kb.store.local.terms import STOP_WORDS

NAMES = ("Acme", "Bolt", "Zyx-9", "O'Hara")
OTHERS = ("notice", "period", "tenant", "rent", "deposit", "keys", "the", "of", "who?", "§", "租金")
PIECES = st.lists(st.sampled_from(NAMES + OTHERS), max_size=14)
SHARE = st.one_of(st.none(), st.floats(0, 1))


def known(words):
    """Tell names from other words, by their first letters."""
    return [0.9 if word[:3] in {"acm", "bol", "zyx", "oha"} else 0.1 for word in words]


@given(st.text(), st.dictionaries(st.text(min_size=1, max_size=3), SHARE), SHARE)
def test_any_question_keeps_some_of_its_words_in_their_order(question, shares, other):
    left = without_names(question, lambda words: [shares.get(word, other) for word in words])
    kept = iter(question.split())
    assert left == question or all(piece in kept for piece in left.split())
    assert bool(left.strip()) == bool(question.strip())


@given(PIECES)
def test_what_names_nothing_stays_and_names_go_where_enough_is_left(pieces):
    question = " ".join(pieces)
    rest = [piece for piece in pieces if piece not in NAMES]
    telling = [piece for piece in rest if piece.strip("?§") and piece.strip("?") not in STOP_WORDS]
    left = without_names(question, known)
    if left != question:
        assert left.split() == rest
        assert len(telling) >= LEAST
    elif len(rest) < len(pieces):
        assert len(telling) < LEAST or len(set(pieces)) <= LEAST + 4


@given(PIECES, st.sampled_from(['"notice period"', "“Acme”"]))
def test_a_question_with_a_quotation_is_meant_as_it_stands(pieces, quotation):
    question = " ".join([*pieces, quotation])
    assert without_names(question, known) == question


@given(PIECES)
def test_nothing_is_left_out_where_nothing_is_known(pieces):
    question = " ".join(pieces)
    assert without_names(question, lambda words: [None] * len(words)) == question


@given(PIECES)
def test_meaning_counts_less_exactly_where_a_name_went(pieces):
    question = " ".join(pieces)
    without = without_names(question, known)
    assert (share_of_meaning(question, without) < 1) is (without != question)


@given(PIECES, st.sampled_from(['"notice period"', "“Acme”"]))
def test_meaning_counts_less_where_words_are_quoted(pieces, quotation):
    question = " ".join([*pieces, quotation])
    assert share_of_meaning(question, question) < 1


DOES = (
    "pays the monthly rent in advance",
    "gives notice in writing, and the notice period is long",
    "leaves a deposit with the landlord",
    "returns all keys to the landlord",
    "mends what is broken",
    "keeps no pets",
    "makes no noise at night",
    "waters the garden",
)
LEASE = "# Lease\n\nThis lease is between {} Holdings and the tenant.\n\n" + "\n\n".join(
    f"## {n + 1}. Duty\n\nThe tenant {DOES[n % len(DOES)]} as section {n + 1} of this lease says."
    for n in range(40)
)


@pytest.fixture(scope="module")
def leases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leases")
    for name in ("Bolt", *(f"Party{n}" for n in range(19))):
        (folder / f"{name}.md").write_text(LEASE.format(name), encoding="utf-8")
    base = locate(environ={}, cwd=folder)
    assert ingest(base, sorted(folder.glob("*.md"))).status == "ok"
    return base


def test_a_party_of_a_contract_is_a_name_and_what_all_contracts_say_is_not(leases):
    question = "Between Bolt and the tenant, how long is the notice period of the written lease?"
    with leases.snapshot() as snapshot:

        def naming(words):
            return evidence.naming(snapshot._database, words, table=snapshot._words)

        left = without_names(question, naming)
        assert naming(["bolt", "notice", "nowhere"])[2] is None
    assert left == question.replace("Bolt ", "")


@pytest.mark.parametrize(("mode", "asked"), [("hybrid", False), ("dense", True)])
def test_only_a_hybrid_search_embeds_a_question_without_names(leases, monkeypatch, mode, asked):
    seen = []
    real = meaning._vector
    monkeypatch.setattr(meaning, "_vector", lambda *given: seen.append(given[3]) or real(*given))
    question = "Between Bolt and the tenant, how long is the notice period of the written lease?"
    hits = search(leases, question, asking=Asking(mode=mode)).hits
    assert ("Bolt" in seen[0][0]) is asked
    assert mode == "dense" or hits[0].path.endswith("Bolt.md")


def test_meaning_counts_half_of_a_question_that_names_a_document(leases):
    question = "Between Bolt and the tenant, how long is the notice period of the written lease?"
    with leases.snapshot() as snapshot:
        shares = [
            meaning.meaning_of(leases, snapshot, asked, "hybrid", Silent()).share
            for asked in (question, question.replace("Bolt", "the landlord"))
        ]
    assert shares == [0.5, 1.0]
