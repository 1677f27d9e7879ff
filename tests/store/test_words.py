"""How a text is cut into words, and how a question asks for them."""

from __future__ import annotations

import re
import sqlite3
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.store.local.terms import Phrase, highlights, match_expression, phrases
from kb.store.local.words import fold, fold_with_offsets, index_words, tokens

CUT = {
    "退款流程": "退款 款流 流程 程",
    "退款refund流程": "退款 款 refund 流程 程",
    "退\n款": "退款 款",
    "退款。\n流程": "退款 款 流程 程",
    "退款\n\n流程": "退款 款 流程 程",
    "ｶﾞｽ料金": "ガス ス料 料金 金",
    "환불 정책": "환불 불 정책 책",
    "환불\n정책": "환불 불 정책 책",
    "𠮷野家": "𠮷野 野家 家",
    "第3.2条": "第 3.2 条",
    "第３．２条": "第 3.2 条",
    "ราคา ฿100": "รา าค คา า 100",
    "§ 4.1(b)": "4.1 b",
    "3.2.1": "3.2.1",
    "see 3.2.": "see 3.2",
    "USD 1,000": "usd 1000",
    "USD1,000.00": "usd1000.00 usd 1000.00",
    "1,000.00": "1000.00 1000",
    "１，０００元": "1000 元",
    "100，200和300": "100 200 和 300",
    "12,34": "12 34",
    "2024-05-01": "2024-05-01 2024 05 01",
    "2024/05/01": "2024/05/01 2024 05 01",
    "and/or": "and or",
    "ABC-1234": "abc-1234 abc 1234",
    "ABC\u20111234": "abc-1234 abc 1234",
    "legal@example.com": "legal@example.com legal example com",
    "the supplier's AT&T": "the supplier at&t at t",
    "don’t": "dont",
    "café MÜLLER Straße": "cafe muller strasse",
    "cafe\u0301": "cafe",
    "re\u00adfund": "refund",
    "договор": "договор",
    "": "",
    "—…!\0\ud800": "",
}


@pytest.mark.parametrize(("text", "words"), CUT.items())
def test_a_text_is_cut(text, words):
    assert index_words(text) == words


ASKED = {
    "June 24, 2020": '"june" OR "24" OR "2020" OR "june 24" OR "24 2020"',
    "30 days of § 4": '"30" OR "days" OR "4" OR "30 days"',
    '"Acme"\'s lease': '"acme" OR "lease"',
    "How are refunds paid?": '"refunds" OR "paid" OR heading : "how"',
    "how long is the warranty": '"warranty" OR heading : "how"',
    "how long": '"how" OR "long"',
    "what is": '"what" OR "is"',
    "如何退款": '"退款"',
    "退款的流程是什么": '"退款" OR "流程"',
    "请问標的物怎麼退": '"標的" OR "退"*',
    "目的": '"目的"',
    "如何": '"如何"',
    "款": '"款"*',
    "第3.2条": '"3.2" OR "第 3.2 条"*',
    "第 3.2 条": '"3.2" OR "第 3.2 条"*',
    "第5条退款": '"条退" OR "退款" OR "第 5 条"*',
    "30天": '"30" OR "30 天"*',
    "§ 4.1(b)": '"4.1" OR "4.1 b"',
    "ABC-1234": '"abc-1234" OR "abc 1234"',
    '"退款流程" now': '"退款 款流 流程" OR "now"',
    "“退款 流程”": '"退款 款 流程"',
    '"how to" refund': '"how to" OR "refund" OR heading : "how"',
    '"unclosed refund': '"unclosed" OR "refund"',
    "NEAR(a b) AND c* OR heading:x ^y -z": (
        '"near" OR "near a" OR "b" OR "c" OR "heading" OR "heading x" OR "y" OR "z"'
    ),
    '""': "",
    "?!": "",
}


@pytest.mark.parametrize(("query", "expression"), ASKED.items())
def test_a_question_asks(query, expression):
    assert match_expression(query) == expression


TABLE = """CREATE VIRTUAL TABLE w USING fts5 (heading, body, content='',
    tokenize="porter ascii tokenchars '-._@/&'")"""

mixed = st.text(
    st.one_of(
        st.sampled_from("退款流程第条的3.2,，\" \n“”「」-_@/&'’aA*^:()ﬁ①é\u0301\0"), st.characters()
    )
)


@pytest.fixture(scope="module")
def table():
    connection = sqlite3.connect(":memory:")
    connection.execute(TABLE)
    yield connection
    connection.close()


@settings(max_examples=400)
@given(query=st.one_of(mixed, st.text()))
def test_no_question_is_ever_fts5_syntax(table, query):
    expression = match_expression(query)
    if expression:
        table.execute("SELECT rowid FROM w WHERE w MATCH ?", (expression,)).fetchall()


def test_a_question_as_long_as_a_book_is_answered(table):
    for query in (
        " ".join(f"word{n}" for n in range(5000)),
        '"' + "退款流程" * 5000 + '"',
        "a" * 10**6,
    ):
        table.execute("SELECT rowid FROM w WHERE w MATCH ?", (match_expression(query),)).fetchall()


@settings(max_examples=300)
@given(text=mixed, other=mixed)
def test_every_text_finds_itself_and_quoted_wherever_it_stands(text, other):
    text = "".join(c for c in text if fold(c) not in tuple('"“”「」『』'))
    if not phrases(text):
        return
    connection = sqlite3.connect(":memory:")
    connection.execute(TABLE)
    connection.execute(
        "INSERT INTO w (rowid, heading, body) VALUES (1, '', ?)",
        (index_words(f"{other} | {text} | {other}"),),
    )
    for query in (text, f'"{text}"'):
        asked = (match_expression(query),)
        found = connection.execute("SELECT rowid FROM w WHERE w MATCH ?", asked)
        assert found.fetchall() == [(1,)]
    connection.close()


@settings(max_examples=300)
@given(text=mixed)
def test_offsets_of_folding_lead_back_to_the_text(text):
    folded, offsets = fold_with_offsets(text)
    assert len(folded) == len(offsets)
    assert all(0 <= start < end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets)
    for word, start, end in tokens(folded):
        assert 0 <= start < end <= len(folded)
        assert word


@given(text=mixed)
def test_folding_twice_is_folding_once_and_piecewise_is_whole(text):
    composed = unicodedata.normalize("NFC", text)
    assert [t.word for t in tokens(fold_with_offsets(composed)[0])] == [
        t.word for t in tokens(fold(composed))
    ]


MARKED = [
    (
        "refund",
        "Refunds were refunded; REFUND Ｒｅｆｕｎｄ re-fund",
        ["Refunds", "refunded", "REFUND", "Ｒｅｆｕｎｄ"],
    ),
    ("refunds", "a refund", ["refund"]),
    ("policy", "policies", ["policies"]),
    ("cancellation", "cancel, cancelled", ["cancel", "cancelled"]),
    ("退款流程", "请看退款的流程和退款流程图", ["退款", "流程", "退款流程"]),
    ("款", "退款条款", ["款", "款"]),
    ("第3.2条", "根据第 3.2 条规定，3.2", ["第 3.2 条", "3.2"]),
    ("1000", "USD 1,000 due", ["1,000"]),
    ("USD 1000", "USD1,000", ["USD1,000"]),
    ("fine", "the ﬁne print", ["ﬁne"]),
    ("退款", "退\n款", ["退\n款"]),
    ('"fine print"', "print fine, fine print", ["fine print"]),
    ("cafe", "un Cafe\u0301.", ["Cafe\u0301"]),
    ("example", "legal@example.com", ["example"]),
    ("nothing", "refund", []),
    ("", "refund", []),
]


@pytest.mark.parametrize(("query", "text", "marked"), MARKED)
def test_what_is_marked(query, text, marked):
    assert [text[start:end] for start, end in highlights(query, text)] == marked


@settings(max_examples=200)
@given(query=mixed, text=mixed)
def test_marks_are_sorted_apart_and_inside(query, text):
    spans = highlights(query, text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= len(text) for edge in edges)


def test_a_phrase_of_one_character_may_go_on():
    assert phrases("款") == [Phrase(("款",), prefix=True)]


@given(st.text(st.characters(codec="ascii"), max_size=80))
def test_ascii_is_cut_as_it_is_beside_other_letters(text: str) -> None:
    # A character that needs the large patterns and changes nothing in front of it.
    beside = list(tokens(fold(text) + " \u03b1"))
    assert list(tokens(fold(text))) == beside[:-1]


#: Marks of both widths, and what may join one of them when it is narrow.
MARKS = st.text(
    st.sampled_from("，：；！？（）。、＝０9aＡ款退鿿鿾\u0338\u0301\u3099ﾞ"), max_size=20
)


@given(text=MARKS)
def test_folding_is_the_compatibility_form_of_the_whole_text(text):
    listed = re.sub("(?<=[0-9])，(?=[0-9])", "、", text)
    assert fold(text) == unicodedata.normalize("NFKC", listed).casefold()


@given(text=MARKS)
def test_folding_with_offsets_folds_every_sign_with_what_belongs_to_it(text):
    folded, offsets = fold_with_offsets(text)
    listed = re.sub("(?<=[0-9])，(?=[0-9])", "、", text)
    spans = list(dict.fromkeys(offsets))
    assert folded == "".join(fold(listed[start:end]) for start, end in spans)
    assert [at for start, end in spans for at in range(start, end)] == list(range(len(text)))
