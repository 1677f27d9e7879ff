"""From ranked passages to answers: nothing is hidden, and nothing is said twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kb.model import Chunk
from kb.search.answers import gather
from kb.search.fuse import Scored
from kb.store import Passage

#: Few enough that copies, neighbours and near copies come up all the time.
CLAUSE = (
    "The supplier pays {} EUR within ten days after the invoice of the buyer has come. "
    "What was paid too much is paid back without delay; no interest is due."
)
CHINESE = "甲方应当在收到发票之日起{}日内付款，逾期每日按未付金额的万分之五支付违约金。"
TEXTS = st.sampled_from(
    [
        *(CLAUSE.format(amount) for amount in (5, 6)),
        CLAUSE.format(5).upper().replace(" PAID", "\npaid").replace("delay", "de-\nlay"),
        *(CHINESE.format(days) for days in (10, 30)),
        "Not applicable.",
        "",
    ]
)
SECTIONS = st.sampled_from([(), ("1", "x"), ("2",)])
PLACES = st.tuples(st.sampled_from("ab"), st.integers(0, 12), SECTIONS)


@st.composite
def candidates(draw):
    """Ranked passages at different places of two documents."""
    places = draw(st.lists(PLACES, max_size=26, unique_by=lambda place: place[:2]))
    made = []
    for number, (path, ordinal, section) in enumerate(places):
        text = draw(TEXTS)
        start = ordinal * 1000
        chunk = Chunk(
            ordinal=ordinal, start=start, end=start + len(text), text=text, section=section,
            context="", page_start=None, page_end=None, line_start=1, line_end=1, page_line=None,
        )  # fmt: skip
        passage = Passage(chunk_id=number + 1, path=path, title=path, collection="c", chunk=chunk)
        scored = Scored(
            chunk_id=number + 1, score=1 - number / 100, dense=None, lexical=1 - number / 100
        )
        made.append((scored, passage))
    return made


TOP_K = st.integers(1, 12)


def shape(groups):
    return [
        (g.best.chunk_id, [p.chunk_id for p in g.passages], [p.chunk_id for p in g.copies])
        for g in groups
    ]


def named(groups):
    return {p.chunk_id for g in groups for p in (*g.passages, *g.copies)}


@given(candidates(), TOP_K)
def test_no_passage_of_the_plain_list_is_hidden(ranked, top_k):
    groups = gather(ranked, top_k=top_k)
    assert len(groups) <= top_k
    assert named(groups) >= {scored.chunk_id for scored, _ in ranked[:top_k]}
    if len(groups) < top_k:
        assert named(groups) == {scored.chunk_id for scored, _ in ranked}


@given(candidates(), TOP_K)
def test_each_passage_is_named_once_and_the_best_of_a_group_is_its_first(ranked, top_k):
    groups = gather(ranked, top_k=top_k)
    every = [p.chunk_id for g in groups for p in (*g.passages, *g.copies)]
    assert len(every) == len(set(every))
    bests = [g.best.chunk_id for g in groups]
    assert bests == sorted(bests)
    assert all(g.best.chunk_id == min(p.chunk_id for p in (*g.passages, *g.copies)) for g in groups)


@given(candidates(), TOP_K)
def test_more_answers_begin_with_the_same_ones(ranked, top_k):
    fewer, more = (gather(ranked, top_k=k) for k in (top_k, top_k + 1))
    assert [g.best for g in more[:top_k]] == [g.best for g in fewer]
    for one, other in zip(fewer, more, strict=False):
        assert {p.chunk_id for p in one.passages} <= {p.chunk_id for p in other.passages}


@given(candidates(), TOP_K)
def test_what_is_kept_is_kept_again(ranked, top_k):
    groups = gather(ranked, top_k=top_k)
    kept = {p.chunk_id for g in groups for p in g.passages}
    again = gather([each for each in ranked if each[0].chunk_id in kept], top_k=top_k)
    assert [each[:2] for each in shape(again)] == [each[:2] for each in shape(groups)]
    assert not any(g.copies for g in again)


@given(candidates(), TOP_K)
def test_an_answer_is_two_neighbours_of_one_section_at_most(ranked, top_k):
    for group in gather(ranked, top_k=top_k):
        ordinals = [p.chunk.ordinal for p in group.passages]
        assert ordinals in ([ordinals[0]], [ordinals[0], ordinals[0] + 1])
        assert len({(p.path, p.chunk.section) for p in group.passages}) == 1


@given(candidates(), TOP_K, st.integers(0, 40))
def test_it_reads_no_further_than_it_must(ranked, top_k, look):
    read = []

    def told():
        for each in ranked:
            read.append(each)
            yield each

    groups = gather(told(), top_k=top_k, look=look)
    if len(groups) == top_k and len(read) < len(ranked):
        assert len(read) >= look
    assert shape(groups) == shape(gather(ranked[: len(read)], top_k=top_k, look=look))


def test_a_page_of_copies_becomes_one_answer_and_leaves_room(passage):
    same = [passage(n, path=f"contracts/{n}.txt") for n in range(1, 90)]
    other = passage(90, "The term of this agreement is two years from its date.", path="z.txt")
    groups = gather([*map(scored, same), scored(other)], top_k=10)
    assert shape(groups) == [(1, [1], list(range(2, 90))), (90, [90], [])]


def test_neighbours_are_read_together_in_the_order_of_the_text(passage):
    later, earlier = passage(7, "It ends then.", ordinal=5), passage(9, "It begins.", ordinal=4)
    beyond = passage(11, "Something else.", ordinal=6)
    groups = gather([scored(later), scored(earlier), scored(beyond)], top_k=10)
    assert shape(groups) == [(7, [9, 7], []), (11, [11], [])]


def scored(passage):
    return Scored(chunk_id=passage.chunk_id, score=0.5, dense=None, lexical=0.5), passage


def test_a_full_page_takes_copies_and_no_neighbours(passage):
    first, copy = passage(1, ordinal=4), passage(3, path="b.txt")
    other, neighbour = passage(2, "Something else.", path="z.txt"), passage(5, "More.", ordinal=5)
    another = passage(4, "And more of it.", path="y.txt")
    ranked = [scored(each) for each in (first, other, another, copy, neighbour)]
    assert shape(gather(ranked, top_k=2)) == [(1, [1], [3]), (2, [2], [])]
    assert shape(gather(ranked, top_k=3)) == [(1, [1, 5], [3]), (2, [2], []), (4, [4], [])]


def test_a_copy_of_an_answer_far_down_is_found_too(passage):
    texts = [f"Clause {n} is about the matter {n} and its cost of {n} EUR." for n in range(80)]
    ranked = [
        *(passage(n + 1, text, path="a.txt", ordinal=3 * n) for n, text in enumerate(texts)),
        *(passage(n + 101, text, path="b.txt", ordinal=3 * n) for n, text in enumerate(texts)),
    ]
    groups = gather(map(scored, ranked), top_k=100)
    assert shape(groups) == [(n + 1, [n + 1], [n + 101]) for n in range(80)]
