"""WordPiece gives what `tokenizers` gave for these texts (recorded, unknown words left out)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.embed.builtin import load_static_model
from kb.embed.builtin.wordpiece import LONGEST_WORD, split_words

RECORDED = [
    ("How do I get a refund for order #4711?", "how do i get a ref ##und for order # 47 ##11 ?"),
    (
        "The tenant's non-refundable deposit (USD 1,250.00) is due by 31/12/2025.",
        (
            "the tenant ' s non - ref ##unda ##ble deposit ( usd 1 , 250 . 00 ) is due by "
            "31 / 12 / 202 ##5 ."
        ),
    ),
    (
        "Antidisestablishmentarianism isn't pseudopseudohypoparathyroidism.",
        (
            "anti ##dis ##est ##ab ##lish ##ment ##arian ##ism isn ' t pseudo ##pse ##ud "
            "##oh ##yp ##opa ##rath ##yr ##oid ##ism ."
        ),
    ),
    (
        "Die Rückerstattung erfolgt binnen 14 Tagen; Übergröße kostet 5 €.",
        (
            "die ru ##cker ##sta ##tt ##ung er ##fo ##l ##gt bin ##nen 14 tag ##en ; uber "
            "##gr ##o ##ße ko ##ste ##t 5 € ."
        ),
    ),
    ("产品保修期为两年，退款需七天。", "保 年 ， 天 。"),
    ("café naïve Ångström señor İstanbul", "cafe naive ang ##strom sen ##or istanbul"),
    ("shipping 📦 is free 🎉🎉 today", "shipping is free today"),
    (
        "e-mail: help@example.com, https://example.com/a_b?c=1",
        "e - mail : help @ example . com , https : / / example . com / a _ b ? c = 1",
    ),
    (
        "zero\u200bwidth no\xa0break tab\x09new\x0aline \x00nul \ufffd bad",
        "zero ##wi ##dt ##h no break tab new line nu ##l bad",
    ),
    ("x² + y³ ≠ ½ … “quoted” — dash", "x ##² + y ##³ = ½ … “ quoted ” — dash"),
    (
        "Привет мир, こんにちは 世界 안녕",
        "п ##р ##и ##в ##е ##т м ##и ##р , こ ##ん ##に ##ち ##は 世 ᄋ ##ᅡ ##ᆫ ##ᄂ ##ᅧ ##ᆼ",
    ),
]


def _pieces(text: str) -> list[str]:
    wordpiece = load_static_model().wordpiece
    names = {row: piece for piece, row in wordpiece.vocabulary.items()}
    return [names[row] for row in wordpiece.rows(split_words(text))]


@pytest.mark.parametrize(("text", "pieces"), RECORDED, ids=lambda value: ascii(value[:20]))
def test_pieces_as_recorded(text: str, pieces: str) -> None:
    assert _pieces(text) == pieces.split(" ")


def test_words_that_are_too_long_give_nothing() -> None:
    assert _pieces("a" * (LONGEST_WORD + 1)) == []
    assert _pieces("b" * LONGEST_WORD) == ["bb"] + ["##bb"] * (LONGEST_WORD // 2 - 1)


def test_special_tokens_are_plain_text() -> None:
    assert _pieces("[SEP]")[0] == "["


@given(st.text(max_size=80))
def test_ascii_and_unicode_paths_agree(text: str) -> None:
    plain = "".join(char for char in text if char.isascii())
    assert split_words(plain) == split_words(plain + "\u200b")
