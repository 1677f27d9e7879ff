"""Search by words, through the store, as somebody types it."""

from __future__ import annotations

import pytest

from kb.store import open_store
from kb.store.local import fts
from tests.store.builders import PROFILE, draft, texts_of

PASSAGES = [
    "退款将在七个工作日内完成。",
    "违约金按日计算，标的物交付前由卖方承担风险。",
    "根据第3.2条，买方应于2024年5月1日前付款。",
    "退款流程refund请发邮件至 legal@example.com。",
    "The supplier shall refund USD 1,000 within 30 days.",
    "Order ABC-1234 was cancelled on 2024-05-01 under § 4.1(b).",
    "Clause 3.2.1 governs; clause 3.2 does not.",
    "契約終止後，乙方應返還標的物。",
    "合同总价为人民币１，０００元整。",
    "How to apply for leave: the manager approves.",
]

QUESTIONS = {
    "退款": [0, 3],
    "违约": [1],
    "標的物": [7],
    "契約終止": [7],
    "第3.2条": [2, 6],
    "第 3.2 条": [2, 6],
    "3.2.1": [6],
    "USD 1000": [4, 8],
    "usd 1,000": [4, 8],
    "1000元": [8, 4],
    "ABC-1234": [5],
    "abc 1234": [5],
    "1234": [5],
    "2024-05-01": [5],
    "2024年5月1日": [2, 5],
    "§4.1(b)": [5],
    "legal@example.com": [3],
    "example.com": [3],
    "refunded": [3, 4],
    "REFUND流程": [3, 4],
    "金": [1],
    '"refund USD"': [4],
    '"USD refund"': [],
    '"refund USD" clause': [4, 6],
    '"USD refund" clause': [6],
    '"退款流程"': [3],
    '"款流"': [3],
    '"七日"': [],
    "如何退款？": [0, 3],
    "how to refund": [3, 4],
    "how": [9],
    "nowhere": [],
    "": [],
}


@pytest.fixture
def snapshot(store):
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        writer.put(draft("a.txt", PASSAGES, title="-", keys=[None] * len(PASSAGES)))
    with store.snapshot() as opened:
        yield opened


@pytest.mark.parametrize(("question", "answers"), QUESTIONS.items())
def test_a_question_finds(snapshot, question, answers):
    found = texts_of(snapshot, snapshot.match(question, top_k=10))
    assert sorted(PASSAGES.index(text) for text in found) == sorted(answers)


def test_scores_are_positive_and_fall(snapshot):
    scores = [score for _, score in snapshot.match("退款 refund 标的物 clause", top_k=10)]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
    assert len(snapshot.match("退款 refund", top_k=1)) == 1
    assert list(snapshot.match("退款", top_k=0)) == []


def test_a_word_in_a_heading_counts_more(store):
    with store.writer("test") as writer:
        for n in range(8):
            writer.put(draft(f"filler{n}.txt", ["nothing of note here"], title="-", keys=[None]))
        one, other = ("a b",), ("termination b",)
        writer.put(draft("body.txt", ["termination of it"], section=one, keys=[None]))
        writer.put(draft("head.txt", ["the end of it"], section=other, keys=[None]))
        section = ("售后服务条款", "款项", "第3.2条")
        writer.put(draft("sec.txt", ["内容"], section=section, keys=[None]))
    with store.snapshot() as snapshot:
        found = texts_of(snapshot, snapshot.match("termination", top_k=9))
        assert found == ["the end of it", "termination of it"]
        assert texts_of(snapshot, snapshot.match("售后服务", top_k=9)) == ["内容"]
        assert list(snapshot.match('"款款"', top_k=9)) == [], "headings are not one text"


def test_the_index_writes_much_at_a_time_also_when_it_was_made_otherwise(home, monkeypatch):
    wanted = {**dict(fts.SETTINGS), "version": 4}
    store = open_store(home, create=True)
    with store.writer("test") as writer:
        for table in fts.TABLES:
            assert dict(writer._database.all(f"SELECT k, v FROM {table}_config")) == wanted
            writer._database.run(f"INSERT INTO {table} ({table}, rank) VALUES ('automerge', 7)")
    monkeypatch.setattr(fts, "TOKENIZER_VERSION", -1)
    with store.writer("test") as writer:
        for table in fts.TABLES:
            assert dict(writer._database.all(f"SELECT k, v FROM {table}_config")) == wanted
