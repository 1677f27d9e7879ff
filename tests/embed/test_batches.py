from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.embed.batches import LOOK_AHEAD, Job, Planner, Rules, estimate, sendable, surely
from kb.embed.flow import MAX_ITEMS, Load
from kb.embed.limits import Counted, Limits
from kb.model import EmbedItem


def _items(texts: list[str]) -> Iterator[EmbedItem]:
    return (EmbedItem(key=str(n).encode(), text=text) for n, text in enumerate(texts))


def _jobs(planner: Planner) -> list[Job]:
    jobs = []
    while not planner.exhausted or planner.pending:
        job = planner.next()
        if job is not None:
            jobs.append(job)
    return jobs


_texts = st.lists(
    st.text(alphabet="ab 合同。\n", max_size=40) | st.integers(0, 3000).map(lambda n: "word " * n),
    max_size=300,
)


@given(texts=_texts, tokens=st.integers(1, 5000), limit=st.none() | st.integers(1, 2000))
def test_every_text_is_sent_once_or_refused_once_and_no_batch_is_too_large(
    texts: list[str], tokens: int, limit: int | None
) -> None:
    load = Load(batch_tokens=tokens, timeout_s=None)
    limits = Limits(limit, count=lambda _: None)
    planner = Planner(_items(texts), load, rules=Rules(too_long=limits.too_long))
    jobs = _jobs(planner)
    sent = [piece.item.key for job in jobs for piece in job.pieces]
    refused = [outcome.key for outcome in planner.refused()]
    assert sorted(sent + refused) == sorted(str(n).encode() for n in range(len(texts)))
    for job in jobs:
        assert len(job.pieces) <= MAX_ITEMS
        assert len(job.pieces) == 1 or job.tokens <= tokens


def test_reading_ahead_is_bounded() -> None:
    read = 0

    def endless() -> Iterator[EmbedItem]:
        nonlocal read
        while True:
            read += 1
            yield EmbedItem(key=b"k", text=f"text {read}")

    planner = Planner(endless(), Load(batch_tokens=None, timeout_s=None))
    sent = 0
    for _ in range(100):
        job = planner.next()
        assert job is not None
        sent += len(job.pieces)
        assert read - sent <= LOOK_AHEAD


def test_the_first_batch_waits_for_few_texts() -> None:
    read: list[EmbedItem] = []

    def source() -> Iterator[EmbedItem]:
        for item in _items([f"text {n}" for n in range(1000)]):
            read.append(item)
            yield item

    Planner(source(), Load(batch_tokens=None, timeout_s=None)).next()
    assert len(read) <= MAX_ITEMS + MAX_ITEMS // 2


def test_texts_of_like_length_travel_together() -> None:
    texts = ["word " * (400 if n % 2 else 4) for n in range(2000)]
    planner = Planner(_items(texts), Load(batch_tokens=8000, timeout_s=None))
    mixed = [job for job in _jobs(planner) if len({piece.tokens for piece in job.pieces}) > 1]
    assert len(mixed) <= 20


@pytest.mark.parametrize(("odd", "others"), [("short", "word " * 300), ("long " * 300, "word")])
def test_a_text_of_another_length_does_not_wait_for_ever(odd: str, others: str) -> None:
    # Batches of 40 leave some over each time, which is what could wait for ever.
    load = Load(batch_tokens=13_000 if odd == "short" else 80, timeout_s=None)
    jobs = _jobs(Planner(_items([odd, *[others] * 4000]), load))
    place = next(n for n, job in enumerate(jobs) if any(p.text == odd for p in job.pieces))
    assert place <= 12


def test_blank_texts_are_never_sent() -> None:
    texts = ["", "  \n\t", "\u3000", "passage: ", "passage:  \n", "passage: word"]
    load = Load(batch_tokens=None, timeout_s=None)
    planner = Planner(_items(texts), load, rules=Rules(blank=("", "passage: ")))
    (job,) = _jobs(planner)
    assert job.texts == ("passage: word",)
    codes = [outcome.failure.code for outcome in planner.refused() if outcome.failure]
    assert codes == ["embed.empty_input"] * 5


def test_what_the_endpoint_would_not_read_to_its_end_is_not_sent() -> None:
    texts = ["word " * 101, "word " * 99, "合" * 101, "合" * 99]
    limits = Limits(100, count=lambda text: Counted(tokens=surely(text.replace("合", "合 "))))
    planner = Planner(
        _items(texts),
        Load(batch_tokens=None, timeout_s=None),
        rules=Rules(too_long=limits.too_long),
    )
    sent = [piece.item.key for job in _jobs(planner) for piece in job.pieces]
    assert sorted(sent) == [b"1", b"3"]
    refused = {outcome.key: outcome.failure for outcome in planner.refused()}
    assert set(refused) == {b"0", b"2"}
    for found in refused.values():
        assert found is not None
        assert found.code == "embed.input_too_long"
        assert (found.detail["tokens"], found.detail["limit"]) == (101, 100)
        assert "101 tokens" in found.message


def test_texts_already_read_are_looked_at_again_when_more_is_known() -> None:
    limits = Limits(None, count=lambda _: None)
    rules = Rules(too_long=limits.too_long, lessons=lambda: limits.lessons)
    texts = ["word " * (300 if n % 2 else 3) for n in range(40)]
    planner = Planner(_items(texts), Load(batch_tokens=40, timeout_s=None), rules=rules)
    first = planner.next()
    assert first is not None
    limits.refused(["word " * 300], "This model's maximum context length is 201 tokens.")
    later = _jobs(planner)
    assert all(len(text) < 201 * 5 for job in later for text in job.texts)
    keys = [piece.item.key for job in [first, *later] for piece in job.pieces]
    keys += [outcome.key for outcome in planner.refused()]
    assert sorted(keys) == sorted(str(n).encode() for n in range(40))


def test_the_first_texts_are_shown_once_before_the_first_batch_is_cut() -> None:
    shown: list[int] = []
    load = Load(batch_tokens=8000, timeout_s=None)

    def begin(pieces: object) -> None:
        assert not shown
        shown.append(1)
        load.factor = 4.0

    planner = Planner(_items(["word " * 300] * 500), load, rules=Rules(begin=begin))
    jobs = _jobs(planner)
    assert {4 * job.tokens <= 8000 for job in jobs} == {True}


def test_lone_surrogates_are_replaced_and_pairs_are_joined() -> None:
    assert sendable("a\ud800b") == "a\ufffdb"
    assert sendable("\udc00") == "\ufffd"
    assert sendable("\ud83d\ude00") == "😀"
    assert sendable("nul \0 and 合同") == "nul \0 and 合同"


@given(text=st.text(st.characters(), max_size=50))
def test_what_is_sent_is_always_utf8(text: str) -> None:
    sendable(text).encode()
    assert sendable(text) == text or any(0xD800 <= ord(c) <= 0xDFFF for c in text)


@given(text=st.text(max_size=200))
def test_the_sure_count_never_exceeds_one_token_for_each_character(text: str) -> None:
    assert surely(text) <= len(text)
    assert estimate(sendable(text)) >= 1


def test_estimates_are_near_what_tokenizers_count() -> None:
    english = "The supplier shall deliver the goods within thirty days of the order. " * 10
    assert 100 <= estimate(english) <= 220
    chinese = "本合同自双方签字盖章之日起生效。" * 10
    assert 80 <= estimate(chinese) <= 170


def test_halves_keep_every_text() -> None:
    load = Load(batch_tokens=None, timeout_s=None)
    job = Planner(_items([f"text {n}" for n in range(7)]), load).next()
    assert job is not None
    left, right = job.halves(suspect=True)
    assert (*left.pieces, *right.pieces) == job.pieces
    assert left.suspect
    assert right.suspect
