"""Headings against references to them, in English and Chinese."""

import pytest

from kb.chunk import Chunking, chunk_document
from kb.chunk.sections import sections
from tests.chunk.texts import markdown, paged, plain


def paths(text):
    """Give the names of all sections and their parts, as they follow one another."""
    found = []
    for section in sections(plain(text)):
        found.append(tuple(name.text for name in section.path))
        found += [tuple(name.text for name in part.path) for part in section.parts]
    return found


def names(text):
    return [path[-1] if path else "" for path in paths(text)]


BODY = "The parties agree to everything that is written in this place and in no other."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARTICLE IV\nPAYMENT\n\nSection 4.1 The Buyer pays the price on the day of delivery.",
         ["Section 4.1"]),
        ("ARTICLE IV PAYMENT\nThe Buyer pays.", ["ARTICLE IV PAYMENT"]),
        ("Article 4\nThe Buyer pays the price on the day of delivery.", ["Article 4"]),
        ("Section 3.2 Refunds. The Seller refunds the price.", ["Section 3.2 Refunds"]),
        ("SECTION 3.2(a) The Seller refunds the price.", ["SECTION 3.2(a)"]),
        ("3.2 How to request a refund\nWrite to us.", ["3.2 How to request a refund"]),
        ("3.2 The buyer writes to the seller.", ["3.2"]),
        ("3.2.1 Title\nThe buyer writes.", ["3.2.1 Title"]),
        ("4. PAYMENT\nThe buyer pays within thirty days of the invoice.", ["4. PAYMENT"]),
        ("Exhibit A\nForm of Notice\nDear Sirs.", ["Exhibit A Form of Notice"]),
        ("Schedule 1 Prices\nOne machine costs ten.", ["Schedule 1 Prices"]),
        ("§ 12 Withdrawal\nThe customer may withdraw.", ["§ 12 Withdrawal"]),
        ("CONFIDENTIALITY\n\nEach party keeps the secrets of the other.", ["CONFIDENTIALITY"]),
        ("ARTICLE ONE\nThe Buyer pays the price.", ["ARTICLE ONE"]),
        ("**3.2** The buyer writes to the seller.", ["3.2"]),
        ("3.2 **Late payment.** The buyer pays interest.", ["3.2 Late payment"]),
        ("第三章 付款\n第十二条 买方应当付款。", ["第十二条"]),
        ("第十二条　买方应当付款。", ["第十二条"]),
        ("第 十二 条 买方应当付款。", ["第十二条"]),
        ("第１２条 买方应当付款。", ["第12条"]),
        ("**第3.2条** 买方可以在七日内申请退款。", ["第3.2条"]),
        ("第3.2条 退款申请\n买方可以在七日内申请退款。", ["第3.2条 退款申请"]),
        ("第十二条之一 买方应当付款。", ["第十二条之一"]),
        ("第十二条（违约责任）买方迟延付款的，应当支付违约金。", ["第十二条 违约责任"]),
        ("第十二条 有下列情形之一的，买方可以退货：\n（一）损坏的；\n（二）迟延的。",
         ["第十二条", "（一）", "（二）"]),
        ("附件一 设备清单\n咖啡机一台。", ["附件一 设备清单"]),
        ("第一编 总则\n第一章 基本规定\n第一条 为了保护消费者，制定本规定。", ["第一条"]),
    ],
)  # fmt: skip
def test_a_heading_is_read(text, expected):
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The Seller may refuse under\nSection 3.2 of this Agreement.",
        "This is subject to\nSection 3.2 Refunds and to nothing else.",
        "Payment is made as set forth in\nArticle IV. It is final.",
        "Section 3.2 of this Agreement shall survive its termination.",
        "Section 3.2, Section 4 and Exhibit A shall survive.",
        "Section 3.2 and what follows it shall survive.",
        "Exhibit A to this Agreement is a part of it.",
        "The price rose by\n4.2 million in one year.",
        "3.5 GHz is the frequency.",
        "买方应当按照\n第十二条的规定付款。",
        "第十二条的规定不适用于本合同。",
        "第五条、第六条不适用于本合同。",
        "第五条和第六条不适用于本合同。",
        "第五条第二款不适用于本合同。",
        "违反本法\n第十二条 规定的，处以罚款。",
        "附件一的内容与本合同具有同等效力。",
        "一、二审的费用由败诉的一方承担。",
        "(a), (b) and (c) above apply.",
        "（一）至（三）项的费用由买方承担。",
    ],
)
def test_a_reference_is_no_heading(text):
    text = f"{BODY}\n{text}"
    assert names(text) == [""]


def test_a_wrong_jump_does_not_hide_what_follows():
    text = (
        "3.1 The buyer may write to the seller at any time.\n"
        "3.2 The seller answers within ten days, as agreed in the sections named\n"
        "12.4 Confidential matters excepted, of the other contract.\n"
        "3.3 The buyer may then withdraw.\n"
        "3.4 The seller refunds the price.\n"
    )
    assert names(text) == ["3.1", "3.2", "3.3", "3.4"]


def test_what_asks_for_a_number_makes_it_a_reference_even_if_it_is_the_next_one():
    text = (
        "Section 3.1 The seller may refuse, subject to\nSection 3.2 Refunds and nothing else.\n"
        "Section 3.2 Refunds. The seller pays.\n"
    )
    found = sections(plain(text))
    assert [section.path[-1].text for section in found] == ["Section 3.1", "Section 3.2 Refunds"]
    assert found[1].start == text.rindex("Section 3.2")


def test_a_wrapped_sentence_is_no_title():
    assert names("3.2 The Buyer pays\nthe price to the Seller at once.\n") == ["3.2"]
    assert names("第三条 买方应当在收到货物之后三十日之内向卖方付\n清全部价款。\n") == ["第三条"]


def test_a_jump_on_a_line_of_its_own_is_believed_only_if_the_numbers_go_on():
    gone = "5.1 One is here.\n\n5.4 Four is here.\n\n5.5 Five is here.\n"
    assert names(gone) == ["5.1", "5.4", "5.5"]
    back = "5.1 One is here.\n\n9.4 Nine is elsewhere.\n\n5.2 Two is here.\n"
    assert names(back) == ["5.1", "5.2"]


def test_levels_follow_the_kind_of_number():
    text = (
        "SERVICE TERMS\n\nARTICLE I\nGENERAL\n\nSection 1.1 Scope\n\nThese terms apply.\n\n"
        "Section 1.2 Order. The customer orders:\n(a) in writing; or\n(b) by telephone, if\n"
        "(i) urgent; or\n(ii) agreed.\n(c) never by fax.\n\n"
        "ARTICLE II\nPRICE\n\nSection 2.1 The price is fixed.\n"
    )
    one, two = ("SERVICE TERMS", "ARTICLE I GENERAL"), ("SERVICE TERMS", "ARTICLE II PRICE")
    order = (*one, "Section 1.2 Order")
    assert paths(text) == [
        (*one, "Section 1.1 Scope"),
        order,
        (*order, "(a)"),
        (*order, "(b)"),
        (*order, "(b)", "(i)"),
        (*order, "(b)", "(ii)"),
        (*order, "(c)"),
        (*two, "Section 2.1"),
    ]


def test_the_letter_i_follows_h_and_a_roman_one_begins_a_list():
    letters = "".join(f"({c}) something;\n" for c in "abcdefghij")
    assert names(f"1.1 The following apply:\n{letters}") == [
        "1.1", *(f"({c})" for c in "abcdefghij")
    ]  # fmt: skip
    text = "1.1 The following apply:\n(i) one;\n(ii) two;\n1.2 The same goes for this.\n"
    assert names(text) == ["1.1", "(i)", "(ii)", "1.2"]


def test_chinese_levels():
    text = (
        "设备采购合同\n\n第一章 总则\n\n第一条 本合同适用于设备采购。\n\n第二章 付款\n\n"
        "第一节 价款\n\n第二条 价款如下：\n（一）设备款；\n1.首付款；\n2.尾款；\n（二）运费。\n\n"
        "第三条 买方应当付款。\n\n附件一 清单\n\n咖啡机一台。\n"
    )
    two = ("设备采购合同", "第二章 付款", "第一节 价款")
    assert paths(text) == [
        ("设备采购合同", "第一章 总则", "第一条"),
        (*two, "第二条"),
        (*two, "第二条", "（一）"),
        (*two, "第二条", "（一）", "1"),
        (*two, "第二条", "（一）", "2"),
        (*two, "第二条", "（二）"),
        (*two, "第三条"),
        ("设备采购合同", "附件一 清单"),
    ]


def test_an_outline_of_chinese_numerals_is_one_of_sections_and_holds_its_items():
    text = (
        "保修政策\n\n一、凭证\n\n请出示发票。\n\n二、年限\n\n（一）整机两年。\n（二）锅炉三年。\n"
    )
    assert paths(text) == [
        ("保修政策", "一、凭证"),
        ("保修政策", "二、年限"),
        ("保修政策", "二、年限", "（一）"),
        ("保修政策", "二、年限", "（二）"),
    ]


def test_recitals_in_capitals_do_not_hold_the_clauses_after_them():
    text = f"SUPPLY CONTRACT\n\nRECITALS\n\n{BODY}\n\n1. TERM\n\n{BODY}\n\n2. PRICE\n\n{BODY}\n"
    assert paths(text) == [
        ("SUPPLY CONTRACT", "RECITALS"),
        ("SUPPLY CONTRACT", "1. TERM"),
        ("SUPPLY CONTRACT", "2. PRICE"),
    ]
    assert paths(text.replace("1. TERM", "ARTICLE I"))[1] == ("SUPPLY CONTRACT", "ARTICLE I")


def test_a_sentence_in_capitals_is_no_heading():
    text = (
        f"{BODY}\n\nIN NO EVENT IS THE SELLER LIABLE FOR ANY LOSS OF PROFIT,\nOR OF DATA.\n\n{BODY}"
    )
    assert names(text) == [""]


def test_short_steps_are_a_list_and_titled_paragraphs_are_clauses():
    steps = "Cleaning\n\n1. Open the lid.\n2. Take out the filter.\n3. Rinse it.\n"
    assert [c.section for c in chunk_document(plain(steps))] == [("Cleaning",)]
    clauses = "".join(f"{n}. Title {n}. {BODY}\n" for n in (1, 2, 3))
    found = [c.section for c in chunk_document(plain(f"Terms of use\n\n{clauses}"))]
    assert found[-2:] == [("Terms of use", "2. Title 2"), ("Terms of use", "3. Title 3")]


def test_a_table_of_contents_has_no_sections():
    body = "".join(f"Chapter {n} Title {n}\n{BODY}\n" for n in (1, 2, 3, 4))
    bare = "".join(f"Chapter {n} Title {n}\n" for n in (1, 2, 3, 4))
    dotted = "".join(f"Chapter {n} Title {n} ........ {n}\n" for n in (1, 2, 3, 4))
    spaced = "".join(f"Chapter {n} Title {n}   {n}\n" for n in (1, 2, 3, 4))
    expected = [f"Chapter {n} Title {n}" for n in (1, 2, 3, 4)]
    for contents in (bare, dotted, spaced):
        text = f"Manual\n\nContents\n{contents}\n{body}"
        assert names(text) == ["Manual", *expected]
        assert sections(plain(text))[1].start == text.index(body)


def test_a_chinese_table_of_contents_has_no_sections():
    titles = ["总则", "付款", "交货", "附则"]
    heads = [f"第{n}章 {title}" for n, title in zip("一二三四", titles, strict=True)]
    body = "".join(
        f"{head}\n第{n}条 双方遵守本合同。\n" for n, head in zip("一二三四", heads, strict=True)
    )
    text = "采购合同\n\n目录\n" + "\n".join(heads) + "\n\n" + body
    assert names(text) == ["采购合同", "第一条", "第二条", "第三条", "第四条"]


def test_clauses_within_a_line_that_holds_a_page_are_found_by_their_order():
    text = (
        f"1. Delivery. {BODY} See Section 4. It is final. 2. Price. {BODY} {BODY} In Exhibit 7. "
        f"Nothing else. 3. Notices. {BODY} {BODY}"
    )
    assert names(text) == ["1. Delivery", "2. Price", "3. Notices"]


def test_declared_headings_stand_above_the_clauses_in_their_text():
    document = markdown(
        "# 售后服务条款\n\n## 第3章 退款与退货\n\n**第3.2条** 客户可以在十四日内申请退款。\n\n"
        "**第3.3条** 客户可以换货。\n\n## 第4章 保修\n\n### 说明\n\n第4.1条 保修两年。\n"
    )
    assert [chunk.section for chunk in chunk_document(document)] == [
        ("售后服务条款", "第3章 退款与退货", "第3.2条"),
        ("售后服务条款", "第3章 退款与退货", "第3.3条"),
        ("售后服务条款", "第4章 保修", "说明", "第4.1条"),
    ]


def test_a_title_is_kept_above_later_headings_of_its_level_only_if_nothing_stands_below_it():
    title = markdown("# Handbook\n\n# One\n\nFirst.\n\n# Two\n\nSecond.\n")
    assert [c.section for c in chunk_document(title)] == [("Handbook", "One"), ("Handbook", "Two")]
    chapters = markdown("# One\n\nFirst.\n\n# Two\n\nSecond.\n")
    assert [c.section for c in chunk_document(chapters)] == [("One",), ("Two",)]


def test_a_running_head_on_every_page_is_no_section():
    document = paged(
        "ARTICLE IV\nPAYMENT\n4.1 The buyer pays the price.\n",
        "ARTICLE IV\n4.2 The buyer pays the costs.\n",
    )
    assert [c.section[-1] for c in chunk_document(document)] == ["4.1", "4.2"]


def test_the_title_at_the_top_is_the_first_element():
    text = "Service agreement\n\n1. Scope\n\nWe serve.\n\n2. Price\n\nYou pay.\n"
    assert paths(text)[0][0] == "Service agreement"
    prose = "The machine is heated\nbefore coffee is made with it.\n"
    assert paths(prose) == [()]


def test_lists_in_lists_without_end_are_read():
    text = "1. a\n" * 3000
    assert chunk_document(plain(text), chunking=Chunking(target_tokens=50))


def test_a_title_below_a_running_head_is_found_by_the_documents_title():
    text = (
        "Contract No. 7\nSALES CONTRACT\nof 1 May\n\n1. Scope\n\nWe sell.\n\n2. Price\n\nYou pay.\n"
    )
    found = chunk_document(plain(text, title="Sales contract"))
    assert found[0].text.startswith("Contract No. 7")
    assert [chunk.section for chunk in found] == [
        ("SALES CONTRACT",), ("SALES CONTRACT", "1. Scope"), ("SALES CONTRACT", "2. Price")
    ]  # fmt: skip


def test_an_unnumbered_heading_above_numbered_ones_of_its_level_is_the_title():
    document = markdown("# Agreement\n\nWe agree.\n\n# 1 Scope\n\nAll.\n\n# 2 Price\n\nTen.\n")
    assert [c.section for c in chunk_document(document)] == [
        ("Agreement",), ("Agreement", "1 Scope"), ("Agreement", "2 Price")
    ]  # fmt: skip


def test_a_number_without_a_stop_is_a_heading_where_its_order_and_title_say_so():
    text = (
        "User manual\n\n1 Safety\n1.1 Current\nUnplug it first.\n2 Setting up\n2.1 Place\n"
        "Put it on a table.\n3 Disposal\nBring it back to us.\n"
    )
    assert paths(text) == [
        ("User manual", "1 Safety", "1.1 Current"),
        ("User manual", "2 Setting up", "2.1 Place"),
        ("User manual", "3 Disposal"),
    ]
    assert names(f"{BODY}\n14 High Street\n{BODY}\n3 Machines\n{BODY}\n") == [""]
    assert names("".join(f"{n} User manual\n{BODY}\n" for n in range(1, 5))) == [""]


def test_titled_clauses_after_lettered_recitals_are_not_part_of_them():
    text = (
        "Recitals\n(A) We sell.\n(B) You buy.\n1. Change of clause 4\nIt ends.\n"
        "2. Entry into force\nNow.\n"
    )
    assert names(text)[-2:] == ["1. Change of clause 4", "2. Entry into force"]
    assert paths(text)[-1] == ("Recitals", "2. Entry into force")


def test_the_first_clause_below_its_parent_is_found_where_the_one_before_had_none():
    text = f"19. A. 19.1 {BODY} 20. Waiver. {BODY} 21. Relation. 21.1 {BODY} 21.2 {BODY} {BODY * 3}"
    assert names(text.replace("19. A. ", "19. Approvals\n"))[-3:] == [
        "21. Relation",
        "21.1",
        "21.2",
    ]


def test_a_declared_heading_that_is_a_whole_clause_gives_its_number_alone():
    document = markdown(f"# Agreement\n\n## 3.2 {BODY}\n\n## 3.3 Notices. {BODY}\n")
    assert [chunk.section[-1] for chunk in chunk_document(document)] == ["3.2", "3.3 Notices"]


def test_a_clause_goes_on_with_its_own_list_and_not_with_one_within_it():
    text = (
        f"1. TERM\n{BODY}\n2. TERMS USED\nThese are used:\nA. Goods:\n1. machines\n"
        f"3. DELIVERY\n{BODY}\n4. PRICE\n{BODY}\n"
    )
    assert paths(text)[-2:] == [("3. DELIVERY",), ("4. PRICE",)]


def test_a_clause_does_not_stand_below_one_of_another_number():
    text = (
        f"1. TERM\n1.1 {BODY}\n1.2 {BODY}\n2. PRICE\n2.1 {BODY}\n2.2 {BODY}\n"
        f"Three has no number here.\n5.1 {BODY}\n5.2 {BODY}\n6. NOTICES\n6.1 {BODY}\n"
    )
    assert ("5.1",) in paths(text)
    assert ("5.2",) in paths(text)
    assert paths(text)[-1] == ("6. NOTICES", "6.1")
    articles = text.replace("1. TERM", "ARTICLE I\nTERM").replace("2. PRICE", "ARTICLE II\nPRICE")
    assert ("5.1",) in paths(articles)


def test_a_titled_clause_after_decimals_is_their_equal_though_the_one_before_was_not_seen():
    text = f"{BODY}\n1.1 {BODY}\n1.2 {BODY}\n2. Fees\n2.1 {BODY}\n2.2 {BODY}\n3. Term\n3.1 {BODY}\n"
    assert paths(text)[-3:] == [("2. Fees", "2.1"), ("2. Fees", "2.2"), ("3. Term", "3.1")]


def test_a_table_of_contents_whose_lines_were_joined_has_no_sections():
    titles = ["DEFINITIONS", "TRANSPORT", "RATES AND CHARGES", "TERM", "NOTICES", "LAW", "COSTS"]
    heads = [f"ARTICLE {n} {title}" for n, title in enumerate(titles, 1)]
    body = "".join(f"{head}\n{n}.1 {BODY}\n" for n, head in enumerate(heads, 1))
    joined = "   ".join(f"{head} {n * 3}" for n, head in enumerate(heads, 1))
    ragged = f"{heads[0]} 3\n{heads[1]} 6 {heads[2]} 9\n{heads[3]} 12\n"
    ragged += f"{heads[4]} 15\n{heads[5]} 18 {heads[6]} 21\n"
    for contents in (joined + "\n", ragged):
        text = f"TABLE OF CONTENTS\n{contents}\n{BODY}\n{body}"
        found = [path for path in paths(text) if path and path[-1].endswith(".1")]
        assert [path[-2:] for path in found] == [
            (head, f"{n}.1") for n, head in enumerate(heads, 1)
        ]


def test_a_line_in_capitals_on_every_page_is_no_heading():
    page = f"\nCONFIDENTIAL TREATMENT\n\n{BODY}\n"
    assert "CONFIDENTIAL TREATMENT" not in "".join(names(f"Terms\n\n{BODY}\n{page * 3}"))
    assert "CONFIDENTIAL TREATMENT" in "".join(names(f"Terms\n\n{BODY}\n{page}"))


def test_a_line_drawn_below_a_title_is_not_part_of_it():
    assert names(f"Exhibit A\nSupply Agreement ----------\n{BODY}")[0] == (
        "Exhibit A Supply Agreement"
    )
