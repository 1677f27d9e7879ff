"""Numbers, amounts, dates and names are found as they are typed, before all that looks alike."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.store import open_store
from tests.store.builders import PROFILE, draft, texts_of

SMALL = st.integers(1, 99)


def made(pattern, *parts):
    """Give a strategy for identifiers written in one way."""
    return st.tuples(*parts).map(lambda values: pattern.format(*values))


ENGLISH = {
    "clause": made("{}.{}.{}", SMALL, SMALL, SMALL),
    "paragraph": made("§ {}.{}({})", SMALL, SMALL, st.sampled_from("abcdef")),
    "amount": made("USD {},{:03}", SMALL, st.integers(0, 999)),
    "date": made("20{:02}-{:02}-{:02}", SMALL, st.integers(1, 12), st.integers(1, 28)),
    "code": made("{}-{:04}", st.sampled_from(["ER", "BV", "SKU", "INV"]), st.integers(1, 9999)),
    "version": made("v{}.{}.{}", SMALL, SMALL, SMALL),
    "mail": made("{}{}@example.com", st.sampled_from(["legal", "sales"]), SMALL),
}
CHINESE = {
    "clause": made("第{}.{}条", SMALL, SMALL),
    "article": made("第{}条", st.integers(1, 999)),
    "amount": made("人民币{},{:03}元", SMALL, st.integers(0, 999)),
    "date": made("20{:02}年{}月{}日", SMALL, st.integers(1, 12), st.integers(1, 28)),
    "number": made("合字第{}号", st.integers(100, 9999)),
}
FRAMES = {
    "english": ("The parties refer to {} as agreed between them in writing.", ENGLISH),
    "chinese": ("根据双方的约定，{}的内容应当以书面形式确认。", CHINESE),
    "mixed": ("根据约定，{}（see the agreement）应当以书面形式确认。", ENGLISH),
}


def first_found(folder, passages, query):
    store = open_store(folder, create=True)
    with store.writer("test") as writer:
        writer.pin(PROFILE)
        writer.put(draft("a.txt", passages, title="-", keys=[None] * len(passages)))
    with store.snapshot() as snapshot:
        found = texts_of(snapshot, snapshot.match(query, top_k=1))
    store.close()
    return found


@pytest.mark.parametrize(
    ("frame", "kind"), [(name, kind) for name, (_, kinds) in FRAMES.items() for kind in kinds]
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_identifier_finds_its_passage_before_its_like(tmp_path_factory, frame, kind, data):
    text, kinds = FRAMES[frame]
    names = data.draw(st.lists(kinds[kind], min_size=2, max_size=6, unique_by=str.casefold))
    passages = [text.format(name) for name in names]
    # The last of them: where two were alike, the first would win by its id.
    wanted, right = names[-1], passages[-1]
    query = data.draw(st.sampled_from([wanted, wanted.upper(), wanted.replace(" ", "")]))
    assert first_found(tmp_path_factory.mktemp("kb"), passages, query) == [right]


@pytest.mark.parametrize(
    ("query", "right", "others"),
    [
        ("第３．２条", "依照第3.2条办理。", ["依照第3.3条办理。", "依照第2.3条办理。"]),
        ("第 3.2 条", "依照第3.2条办理。", ["依照第3.21条办理。", "依照3.2办理第条。"]),
        ("USD 1000", "pay USD 1,000 now", ["pay EUR 1,000 now", "pay USD 1,001 now"]),
        ("1,000.00", "pay 1000.00 now", ["pay 1,001.00 now", "pay 100.00 now"]),
        ("er 4021", "error ER-4021 shown", ["error ER-4022 shown", "error EX-4021 shown"]),
        ("ER4021", "error ER4021 shown", ["error ER4022 shown", "error ER402 shown"]),
        ("2024/05/01", "due on 2024-05-01 then", ["due on 2024-05-02 then", "due 2024-01-06 then"]),
        ("§4.1(b)", "see § 4.1(b) there", ["see § 4.1(a) there", "see § 4.2(b) there"]),
        ("Müller", "said Mr Muller then", ["said Mr Mull then", "said Mr Milling then"]),
        ("发票INV-88", "发票INV-88已开具", ["发票INV-89已开具", "收据INV-88已开具"]),
        ('"net thirty days"', "paid net thirty days after", ["net days, paid thirty days after"]),
        ('"net thirty days" invoice', "net thirty days after", ["invoice after invoice"]),
        ('"第3.2条" 退款', "依照第3.2条办理退货", ["依照第2.3条退款", "按约定退款", "退款"]),
    ],
)
def test_what_is_typed_is_found_first(tmp_path, query, right, others):
    assert first_found(tmp_path, [*others, right], query) == [right]
