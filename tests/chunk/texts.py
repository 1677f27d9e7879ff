"""Documents for the tests: built from text, with Markdown headings declared where asked."""

import re
from itertools import pairwise

from hypothesis import strategies as st

from kb.model import Document, Heading, Page


def plain(text: str, *, title: str = "") -> Document:
    return Document(
        title=title,
        format="text",
        text=text,
        pages=(Page(number=1, start=0, end=len(text)),),
        paged=False,
    )


def markdown(text: str) -> Document:
    headings = tuple(
        Heading(level=len(m[1]), title=m[2], start=m.start(), end=m.end())
        for m in re.finditer(r"^(#{1,6}) (\S.*)$", text, re.MULTILINE)
    )
    whole = (Page(number=1, start=0, end=len(text)),)
    return Document(
        title="", format="markdown", text=text, pages=whole, paged=False, headings=headings
    )


def paged(*texts: str) -> Document:
    pages, start = [], 0
    for number, text in enumerate(texts, start=1):
        pages.append(Page(number=number, start=start, end=start + len(text)))
        start += len(text)
    return Document(title="", format="pdf", text="".join(texts), pages=tuple(pages), paged=True)


_WORDS = (
    "the buyer shall pay", "within thirty days of", "Section 3.2", "and (a)", "the Seller may;",
    "U.S.", "No. 5", "价款", "甲方应当按照第三条的规定付款", "退款", "。", "；", "，",
    "👨‍👩‍👧", "🇩🇪🇫🇷",
    "é", "e\u0301", "\u0301", "कि", "…", ".", "!", "?", ")", "”", "12", "3.5%",
    "https://a.example/x?y=1", "|", "-",
)  # fmt: skip
_STARTS = (
    "ARTICLE IV", "Article 2", "Section 3.2", "3.2", "3.2.1", "4.", "(a)", "(i)", "1.", "2.", "- ",
    "第三章", "第十二条", "第3.2条", "一、", "（一）", "附件一", "Exhibit A", "# Title", "## Part",
    "GENERAL TERMS", "a | b | c", "目录", "1. Terms ..... 7", "**第３.３条**", "",
)  # fmt: skip
_ENDS = ("\n", "\n", "\n\n", "\r\n", "\r\n\r\n", "\r", " ", "\f", "\u3000", "\n \n")

_sentence = st.lists(st.sampled_from(_WORDS), max_size=25).map(" ".join)
_line = st.builds(
    lambda start, gap, words, end: start + gap + words + end,
    st.sampled_from(_STARTS),
    st.sampled_from((" ", "", "  ", ". ")),
    _sentence,
    st.sampled_from(_ENDS),
)
_noise = st.text(
    st.sampled_from(
        "aé 退。.\r\n\u0301\u200d\ufe0f👧🏽🇩🇪\u1161,;|-1(第条)" + "\ud83d" + "\U0001f600"
    ),
    max_size=60,
)
_long = st.builds(
    lambda unit, n: unit * n,
    st.sampled_from(("a", "ab ", "退款", "e\u0301", "🇩🇪", "x, ", "\r\n", "是。")),
    st.integers(50, 600),
)
texts = st.lists(st.one_of(_line, _line, _line, _noise, _long), max_size=14).map("".join)


@st.composite
def documents(draw):
    """Any document: with or without declared headings, with one page or several."""
    text = draw(texts)
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=4).map(sorted))
    edges = [0, *cuts, len(text)]
    pages = tuple(
        Page(number=n, start=start, end=end)
        for n, (start, end) in enumerate(pairwise(edges), start=1)
    )
    headings = markdown(text).headings if draw(st.booleans()) else ()
    return Document(
        title=draw(st.sampled_from(("", "Title"))),
        format="text",
        text=text,
        pages=pages,
        paged=draw(st.booleans()),
        headings=headings,
    )
