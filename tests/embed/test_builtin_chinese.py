"""The Chinese half of the static model: one space with English, and read only when it is needed."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.embed.builtin import load_static_model
from kb.embed.builtin.chinese import ChineseTable

#: Four characters and five words, by row.
TOKENS = ("退", "款", "期", "限", "退款", "期限", "款期", "退款期", "退款期限")
WORDS = st.text(alphabet="退款期限發发a。 ", max_size=30)
LEGAL = st.text(
    alphabet="退款期限合同卖方买方应当支付货物责任保修運輸費用", min_size=1, max_size=60
)
SCRIPT = """
import sys
from kb.embed.builtin import load_static_model
load_static_model().encode(["the refund policy", "Wie bekomme ich mein Geld?"])
print("kb.embed.builtin.chinese" in sys.modules)
"""


def _small() -> ChineseTable:
    table = np.zeros((len(TOKENS), 256), np.int8)
    table[:, : len(TOKENS)] = np.eye(len(TOKENS), dtype=np.int8)
    scales = np.arange(1, len(TOKENS) + 1).astype(np.float32)
    rows = {token: row for row, token in enumerate(TOKENS)}
    longest = {"退款": 4, "期限": 2, "款期": 2}
    return ChineseTable(table, scales, rows, longest, {ord("發"): "发"})


@given(WORDS)
def test_every_character_and_word_counts_wherever_it_stands(text: str) -> None:
    total = _small().total(text)
    often = {token: len(re.findall(f"(?={token})", text.replace("發", "发"))) for token in TOKENS}
    expected = [often[token] * (row + 1) for row, token in enumerate(TOKENS)]
    assert total[: len(TOKENS)].tolist() == expected
    assert not total[len(TOKENS) :].any()


@settings(deadline=None)
@given(LEGAL)
def test_the_words_found_are_all_there_are(text: str) -> None:
    table = load_static_model().chinese()
    plain = text.translate(table.simplified)
    places = [plain[at : at + size] for at in range(len(plain)) for size in (1, 2, 3, 4)]
    whole = [place for at, place in enumerate(places) if len(place) == at % 4 + 1]
    rows = [table.rows[place] for place in whole if place in table.rows]
    total = table.scales[rows] @ table.table[rows].astype(np.float32)
    np.testing.assert_allclose(table.total(text), total, atol=1e-3)


@settings(deadline=None)
@given(LEGAL)
def test_rows_are_unit_whatever_the_text(text: str) -> None:
    vectors, known = load_static_model().encode([text])
    assert known[0]
    assert np.isclose(np.linalg.norm(vectors[0]), 1, atol=1e-5)


def test_a_long_text_is_the_sum_of_its_parts() -> None:
    table = load_static_model().chinese()
    once = table.total("退款期限。")
    np.testing.assert_allclose(table.total("退款期限。" * 3000), 3000 * once, rtol=1e-3, atol=1)


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        (
            "How do I get my money back?",
            "消费者可以在收到商品后三十天内要求全额退款。",
            "细胞通过血液获得氧气。",
        ),
        (
            "怎样把钱要回来",
            "A customer may ask for a refund.",
            "Blood carries oxygen to the cells.",
        ),
        ("怎么退钱", "商品可以退款，费用由卖家承担。", "细胞通过血液获得氧气。"),
        ("房东要求提前搬走", "出租人解除租赁合同应当通知承租人。", "飞机的机翼在风洞中接受测试。"),
    ],
)
def test_related_texts_are_closer_in_both_languages(query: str, near: str, far: str) -> None:
    vectors, known = load_static_model().encode([query, near, far])
    assert known.all()
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_latin_words_in_a_chinese_text_count_too() -> None:
    vectors, known = load_static_model().encode(
        ["查看 nginx cluster 的运行状态", "查看的运行状态", "nginx cluster"]
    )
    assert known.all()
    assert vectors[0] @ vectors[2] > vectors[1] @ vectors[2] + 0.2
    assert vectors[0] @ vectors[1] > 0.5


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [("退款期限為七天", "退款期限为七天"), ("產品保固與運輸費用", "产品保固与运输费用")],
)
def test_traditional_characters_are_read_as_simplified(traditional: str, simplified: str) -> None:
    vectors, known = load_static_model().encode([traditional, simplified])
    assert known.all()
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_the_map_gives_characters_that_are_known() -> None:
    table = load_static_model().chinese()
    known = set("".join(table.rows))
    assert known.issuperset(table.simplified.values())
    assert known.isdisjoint(map(chr, table.simplified))


def test_other_languages_do_not_read_the_chinese_table() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
