"""Where sentences end, and where a text may be cut."""

import pytest

from kb.chunk.sentences import best_cut, is_boundary, sentences


def split(text):
    return [text[start:end].strip() for start, end in sentences(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The buyer pays. The seller ships.", 2),
        ("The buyer pays.  The seller ships!  Who insures? Nobody.", 4),
        ("Brinvoss Inc. sells machines to Smith Ltd. in London.", 1),
        ("Mr. Smith and Dr. Jones of the U.S. Navy signed it.", 1),
        ("The fee, e.g. No. 5 or i.e. No. 6, is due.", 1),
        ("The price is 3.50 euros and 1.5% is added.", 1),
        ("It is governed by Section 3.2. The buyer pays.", 2),
        ("Section 3.2. Refunds are paid at once.", 1),
        ("4. Payment is due at once. It is final.", 2),
        ('He said: "It is over." Then he left.', 2),
        ("It ends (see below.) Then it goes on.", 2),
        ("See https://a.example/b.c?d=1 for it.", 1),
        ("Wait... and see. It ends.", 2),
        ("买方应当付款。卖方应当交货！谁承担运费？", 3),
        ("买方付款；卖方交货；双方签字。", 3),
        ("他说：“结束了。”然后离开了。", 2),
        ("价格为3.5万元。不含税。", 2),
        ("见第3.2条。买方付款。", 2),
        ("合同编号为No.5。价格另定。", 2),
        ("这是结束……然后继续。", 2),
    ],
)
def test_sentences(text, expected):
    found = split(text)
    assert len(found) == expected, found
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_sentence_ends_after_its_quotation_mark():
    assert split("他说：“结束了。”然后离开了。")[0] == "他说：“结束了。”"
    assert split('He said: "It is over." Then he left.')[0] == 'He said: "It is over."'


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("one line\nother line", 12, "one line\n"),
        ("alpha, beta gamma delta", 11, "alpha, "),
        ("alpha beta gamma", 12, "alpha beta "),
        ("一二三四，五六七八九", 7, "一二三四，"),
        ("abcdefgh", 5, "abcde"),
        ("price 1,000,000.00", 11, "price"),
    ],
)
def test_the_best_cut(text, limit, expected):
    assert text[: best_cut(text, 0, limit)].strip() == expected.strip()


@pytest.mark.parametrize(
    "character",
    [
        "\r\n",
        "e\u0301",
        "o\u0323\u0302",
        "👨‍👩‍👧",
        "👍🏽",
        "🇩🇪",
        "❤️",
        "कि",
        "각",
        "\ud83d\ude00",
        "a\u20dd",
    ],
)
def test_a_character_is_never_cut(character):
    text = character * 3
    whole = {0, len(character), 2 * len(character), len(text)}
    assert whole == {cut for cut in range(len(text) + 1) if is_boundary(text, cut)} | {0}
    for limit in range(1, len(text) + 1):
        assert best_cut(text, 0, limit) in whole


def test_a_character_longer_than_the_limit_is_kept_whole():
    assert best_cut("a" + "\u0301" * 50 + "b", 0, 10) == 51
