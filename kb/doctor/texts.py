"""Questions and the passages that answer them, in English and in Chinese.

Each pair says the same in both languages. The subjects lie close together, so that a model has to
understand a question, and not only its subject, to tell its passage from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A question and the passage that answers it, in one language."""

    question: str
    passage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same question and passage in two languages."""

    english: Wording
    chinese: Wording


PAIRS: Final = (
    Pair(
        english=Wording(
            question="How long can a customer send something back?",
            passage="Goods may be returned within fourteen days of delivery, unused and in the "
            "original packaging.",
        ),
        chinese=Wording(
            question="顾客多久之内可以退货？",
            passage="商品自收到之日起十四日内，未经使用且包装完好的，买方可以退回。",
        ),
    ),
    Pair(
        english=Wording(
            question="What happens if the buyer pays too late?",
            passage="Where an invoice is not settled when due, interest of eight per cent a year "
            "is charged on the outstanding amount.",
        ),
        chinese=Wording(
            question="买方逾期付款会怎样？",
            passage="发票到期未结清的，对未付金额按年利率百分之八计收利息。",
        ),
    ),
    Pair(
        english=Wording(
            question="Who bears the loss when a parcel is damaged on the way?",
            passage="Risk passes to the recipient only on handover; until then the carrier's "
            "accidents are the seller's concern.",
        ),
        chinese=Wording(
            question="包裹在运输途中损坏，由谁承担损失？",
            passage="风险自交付收件人时起转移；在此之前，承运过程中的意外由卖方负责。",
        ),
    ),
    Pair(
        english=Wording(
            question="How do I end the contract?",
            passage="Either party may terminate the agreement by written notice three months "
            "before the end of a calendar year.",
        ),
        chinese=Wording(
            question="怎样解除合同？",
            passage="任何一方均可在每个日历年度结束前三个月以书面通知终止本协议。",
        ),
    ),
    Pair(
        english=Wording(
            question="The machine gives no hot water. What should I do?",
            passage="If the boiler stays cold, check the fuse and the heating element, and "
            "descale the tank.",
        ),
        chinese=Wording(
            question="机器不出热水，该怎么办？",
            passage="锅炉不加热时，请检查保险丝和加热管，并清除水箱中的水垢。",
        ),
    ),
    Pair(
        english=Wording(
            question="How often must the filter be changed?",
            passage="Replace the cartridge every two months, or as soon as the flow becomes weak.",
        ),
        chinese=Wording(
            question="滤芯多长时间更换一次？",
            passage="请每两个月更换一次过滤芯，水流变弱时应立即更换。",
        ),
    ),
    Pair(
        english=Wording(
            question="How many days off do employees get?",
            passage="Staff are entitled to thirty working days of paid holiday in each year of "
            "service.",
        ),
        chinese=Wording(
            question="员工每年有多少天假期？",
            passage="职工每工作满一年，享受三十个工作日的带薪年休假。",
        ),
    ),
    Pair(
        english=Wording(
            question="May I tell others about the company's secrets?",
            passage="Confidential information must not be disclosed to third parties, during "
            "employment or after it.",
        ),
        chinese=Wording(
            question="可以把公司的秘密告诉别人吗？",
            passage="在职期间及离职之后，均不得向第三方披露保密信息。",
        ),
    ),
)

#: Texts of a kind that servers have stumbled over, and what to call each.
ODD: Final = {
    "emoji": "A cup of coffee ☕ and a family 👨\u200d👩\u200d👧 at home 🏡.",
    "line breaks and tabs": "First line\nsecond line\r\n\tthird line",
    "a NUL character": "before\x00after",
    "control characters": "bell\x07 escape\x1b[0m delete\x7f",
    "a byte order mark and invisible spaces": "\ufeffone\u200btwo\u00a0three\u2028four",
    "Arabic and Hebrew": "مرحبا بالعالم שלום עולם",
    "rare Chinese characters": "𠀀𠮷㐂",
    "a model's own marks": "<|endoftext|> [CLS] </s> <unk>",
    "quotes and backslashes": '{"input": "C:\\\\new\\\\table"} \'; -- %s',
    "a long word": "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 3,
}

#: Texts for which some models gave vectors that are not finite in float16.
FRAGILE: Final = (
    "import os\nimport sys\nimport json\nfrom pathlib import Path",
    "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
    "0",
)

#: Words that have one token each in nearly every vocabulary.
_WORDS: Final = "the house is by the river and we go there again in the morning"


def words(count: int) -> str:
    """Give so many common words."""
    each = _WORDS.split()
    return " ".join((each * (count // len(each) + 1))[:count])


def words_expression(count: int) -> str:
    """Give Python code for `words(count)`, for a `curl` line."""
    times = count // len(_WORDS.split()) + 1
    return f"' '.join(('{_WORDS} ' * {times}).split()[:{count}])"
