"""A search from end to end: exact places, copies named, reasons told, help where nothing is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import UsageError
from kb.model import Filter
from kb.pipeline.base import locate
from kb.pipeline.ingest import ingest
from kb.pipeline.search import Asking, search
from kb.pipeline.setup import init
from kb.pipeline.show import show

TEMPLATE = """# Supply agreement

## 1. Delivery

The supplier delivers the pumps within twenty days after the order was accepted.

## 2. Penalty

The supplier pays a penalty of {} percent of the price for each week of delay in delivery.
"""
LONG = "\n\n".join(
    f"Maintenance step {n}. The mechanic greases bearing number {n} of the conveyor and writes "
    f"down the temperature of the gearbox, which must stay below {40 + n} degrees."
    for n in range(12)
)
CHINESE = """# 售后服务条款

## 第一条 退货

消费者自签收之日起14日内可以退货。运费由卖家承担。
"""
GERMAN = """# Bedingungen

## Rückgabe

Der Verbraucher kann die Ware innerhalb von 14 Tagen nach Erhalt zurückgeben.
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    docs = folder / "docs"
    docs.mkdir()
    for n in range(12):
        (docs / f"contract-{n:02}.md").write_text(TEMPLATE.format("two"), encoding="utf-8")
    (docs / "special.md").write_text(TEMPLATE.format("nine"), encoding="utf-8")
    (docs / "manual.md").write_text(f"# Manual\n\n## Care\n\n{LONG}\n", encoding="utf-8")
    (docs / "条款.md").write_text(CHINESE, encoding="utf-8")
    (docs / "bedingungen.md").write_text(GERMAN, encoding="utf-8")
    (folder / ".kb").mkdir()
    small = "[chunking]\ntarget_tokens = 60\n"
    (folder / ".kb" / "kb.toml").write_text(small, encoding="utf-8")
    base = locate(environ={}, cwd=folder)
    assert ingest(base, [docs]).status == "ok"
    return base


def told(base, query, **how):
    return search(base, query, asking=Asking(**how))


def text_of(base, path):
    with base.snapshot() as snapshot:
        return snapshot.document(path).document.text


WORDS = st.lists(
    st.sampled_from(
        ["penalty", "delivery", "bearing", "gearbox", "temperature", "supplier", "week", "退货",
         "运费", "pumps", "step 3", "degrees", "xyzzy"]
    ),
    min_size=1, max_size=5,
).map(" ".join)  # fmt: skip


@given(WORDS, st.integers(1, 20), st.sampled_from(["hybrid", "dense", "lexical"]), st.booleans())
def test_every_place_is_exact(base, query, top_k, mode, collapse):
    answer = told(base, query, top_k=top_k, mode=mode, collapse=collapse)
    assert [hit.rank for hit in answer.hits] == list(range(1, len(answer.hits) + 1))
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    for hit in answer.hits:
        text = text_of(base, hit.path)
        assert show(base, hit.ref).text == hit.text
        assert text[hit.char_start : hit.char_end] == hit.text
        assert hit.line_start == text[: hit.char_start].count("\n") + 1
        assert hit.line_end == text[: hit.char_end].count("\n") + 1
        if hit.best is not None:
            assert text[hit.best.char_start : hit.best.char_end] == hit.best.text
            assert hit.char_start <= hit.best.char_start < hit.best.char_end <= hit.char_end
            assert hit.best.line_start == text[: hit.best.char_start].count("\n") + 1


@given(WORDS, st.integers(1, 12))
def test_collapsing_hides_no_hit_that_is_not_named(base, query, top_k):
    plain = {hit.ref for hit in told(base, query, top_k=top_k, collapse=False).hits}
    hits = told(base, query, top_k=top_k).hits
    named = {ref for hit in hits for ref in (*hit.passages, *(c.ref for c in hit.duplicates))}
    assert plain <= named


def test_copies_of_a_clause_take_one_rank_and_another_amount_has_its_own(base):
    first, second, *_ = told(base, "penalty for each week of delay").hits
    by_amount = {("nine" in hit.text): hit for hit in (first, second)}
    assert set(by_amount) == {True, False}
    copies = by_amount[False].duplicates
    assert len(copies) == 11
    assert len({copy.path for copy in copies} | {by_amount[False].path}) == 12
    assert {copy.line_start for copy in copies} == {by_amount[False].line_start}
    assert {copy.section for copy in copies} == {by_amount[False].section}
    assert by_amount[True].duplicates == ()
    everything = told(base, "penalty for each week of delay", collapse=False).hits
    assert sum("penalty of two" in hit.text for hit in everything) >= 9


def test_a_filter_applies_before(base):
    within = Filter(path="docs/contract-0*.md")
    hit, *_ = told(base, "penalty for each week of delay", within=within).hits
    assert len(hit.duplicates) == 9
    assert all(copy.path.startswith("docs/contract-0") for copy in hit.duplicates)


def test_neighbours_of_a_section_become_one_hit_that_says_so(base):
    hits = told(base, "bearing gearbox temperature conveyor", top_k=20).hits
    joined = [hit for hit in hits if len(hit.passages) > 1]
    assert joined
    for hit in joined:
        assert hit.path == "docs/manual.md"
        assert len(hit.passages) == 2
        assert set(hit.ref.split("-")) == set(hit.passages)
        assert len(hit.text) <= 2.2 * 4 * 60
    alone = told(base, "bearing gearbox temperature conveyor", top_k=20, collapse=False).hits
    assert all(hit.passages == (hit.ref,) for hit in alone)


def test_what_stands_around_two_passages_is_what_stands_before_and_after_both(base):
    answer = told(base, "bearing gearbox temperature conveyor", top_k=20, around=1)
    inner = [hit for hit in answer.hits if len(hit.passages) > 1 and all(answer.context[hit.ref])]
    assert inner
    for hit in inner:
        (before,), (after,) = answer.context[hit.ref]
        assert before.chunk.end <= hit.char_start
        assert after.chunk.start >= hit.char_end


def test_two_passages_are_shown_as_one_between_what_stands_around_them(base):
    answer = told(base, "bearing gearbox temperature conveyor", top_k=20, around=1)
    for hit in answer.hits:
        seen = show(base, hit.ref, around=1)
        assert (seen.ref, seen.text) == (hit.ref, hit.text)
        assert (seen.passage.chunk.start, seen.passage.chunk.end) == (hit.char_start, hit.char_end)
        assert (seen.passage.chunk.line_start, seen.passage.chunk.line_end) == (
            hit.line_start, hit.line_end
        )  # fmt: skip
        assert (seen.before, seen.after) == answer.context[hit.ref]


def test_names_that_do_not_go_together_name_nothing(base):
    hits = {hit.path: hit.passages[0] for hit in told(base, "penalty 退货", top_k=20).hits}
    one, other, *_ = hits.values()
    with pytest.raises(UsageError):
        show(base, f"{one}-{other}")
    with pytest.raises(UsageError):
        show(base, f"{one}-c999999")


def test_the_best_sentence_is_the_one_that_answers(base):
    hit = told(base, "谁承担运费").hits[0]
    assert hit.best.text == "运费由卖家承担。"


def test_an_explanation_agrees_with_both_sides(base):
    query = "penalty of the supplier xyzzy"
    answer = told(base, query, explain=True)
    with base.snapshot() as snapshot:
        words = dict(snapshot.match(query, top_k=200))
        size = snapshot.size
    assert size == sum(1 for _ in _passages(base))
    terms = {term["term"]: term for term in answer.explain["terms"]}
    assert set(terms) == {"penalty", "supplier", "xyzzy"}
    assert (terms["xyzzy"]["passages"], terms["xyzzy"]["idf"]) == (0, None)
    assert terms["penalty"]["passages"] == 13
    expected = math.log((size - 13 + 0.5) / (13 + 0.5))
    assert terms["penalty"]["idf"] == pytest.approx(max(0, expected), abs=1e-3)
    for hit in answer.hits:
        why = hit.explain
        score = words.get(int(hit.passages[0][1:]))
        wanted = None if score is None else pytest.approx(score, abs=1e-3)
        assert why["lexical"]["score"] == wanted
        assert why["dense"]["cosine"] == pytest.approx(hit.scores["dense"])
        assert {each["term"] for each in why["matched"]} | set(why["missing"]) == set(terms)
        assert "xyzzy" in why["missing"]
    first = answer.hits[0].explain
    penalty = next(each for each in first["matched"] if each["term"] == "penalty")
    assert {"text", "heading"} <= set(penalty["fields"])
    assert first["lexical"]["rank"] == 1


def _passages(base):
    with base.snapshot() as snapshot:
        found = snapshot.passages(range(1, 1000))
    return found.values()


@pytest.mark.parametrize(
    ("mode", "query", "silent", "weight"),
    [
        ("hybrid", "penalty", None, None),
        ("lexical", "penalty", "The search was asked to go by words alone.", 0.0),
        ("dense", "penalty", None, 1.0),
        ("hybrid", "Rückgabe der Ware", "does not know the language", 0.0),
        ("hybrid", "退货", None, None),
    ],
)
def test_why_the_dense_side_was_silent(base, mode, query, silent, weight):
    explain = told(base, query, mode=mode, explain=True).explain
    assert (explain["dense"]["silent"] is None) == (silent is None)
    assert silent is None or silent in explain["dense"]["silent"]
    assert weight is None or explain["weights"] == {"dense": weight, "lexical": 1 - weight}
    assert told(base, query, mode=mode).explain is None


def test_a_passage_without_a_vector_says_so(base):
    answer = told(base, "the penalty for delay after 14 days", explain=True)
    assert answer.explain["dense"]["silent"] is None
    german = next(hit for hit in answer.hits if hit.path == "docs/bedingungen.md")
    assert german.explain["dense"] == {"cosine": None, "rank": None}
    assert {hit.path for hit in answer.hits if hit.explain["abstained"]} == {german.path}


def test_a_word_that_stands_nowhere_is_told_with_what_is_spelt_like_it(base):
    answer = told(base, "penallty xyzzyq", mode="lexical")
    assert not answer.hits
    assert answer.hints[:2] == (
        "“penallty” and “xyzzyq” stand nowhere in the knowledge base.",
        "Did you mean penalty for “penallty”?",
    )
    assert "--mode" in answer.hints[2]


def test_a_word_that_stands_elsewhere_is_told(base):
    answer = told(base, "bearing", mode="lexical", within=Filter(path="docs/special.md"))
    assert not answer.hits
    assert answer.hints[0] == "“bearing” stands in other documents; search without --path."


def test_a_question_without_words_is_told(base):
    answer = told(base, "???", mode="lexical")
    assert answer.hints[0] == "The question holds no word that could be looked for."


def test_a_language_that_the_model_does_not_know_is_told(base):
    hints = told(base, "항공권 요금").hints
    assert hints[0].endswith("nowhere in the knowledge base.")
    assert "language" in hints[1]


def test_an_empty_knowledge_base_is_told(tmp_path):
    empty = locate(tmp_path / ".kb", environ={}, cwd=tmp_path)
    init(empty)
    answer = told(empty, "penalty")
    assert answer.hints == ("The knowledge base is empty: bring documents in with kb ingest PATH.",)


def test_hits_found_without_any_word_of_the_question_come_with_a_warning(base):
    (warning,) = told(base, "penallty").warnings
    assert warning == (
        "No hit holds a word of the question; all were found by likeness. "
        "“penallty” stands nowhere in the knowledge base."
    )
    assert told(base, "penalty").warnings == ()
    assert told(base, "penallty", mode="dense").warnings == ()


def test_quoted_words_that_stand_apart_are_looked_for_one_by_one(base):
    apart = search(base, '"penalty supplier"')
    (warning,) = apart.warnings
    assert warning.startswith("“penalty supplier” stands nowhere in the knowledge base; the words")
    assert "penalty" in apart.hits[0].text
    assert search(base, '"pays a penalty"').warnings == ()


def test_quoted_words_that_stand_nowhere_are_told(base):
    answer = search(base, '"zzz yyy" penalty')
    assert answer.warnings == ("“zzz yyy” stands nowhere in the knowledge base.",)
    assert answer.hits
    assert search(base, '"zzz yyy"', asking=Asking(mode="lexical")).warnings == ()
