"""HTML: what a page hides, folds away or calls by the name of furniture, and is its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.extract import extract
from tests.extract.make import assert_whole, written

LONG = "The warranty covers material and workmanship, and it begins on the day of delivery. " * 4
OTHER = "Returns are free of charge for thirty days, if the goods are in the box they came in. " * 3
SITE = "<nav><a href=/>Start</a> <a href=/b>Shop</a></nav>"


def read(tmp_path: Path, html: str) -> str:
    document = extract(written(tmp_path / "page.html", html.encode()))
    assert_whole(document)
    return document.text


@pytest.mark.parametrize(
    "hidden",
    [
        "<div hidden id='S:4'><p>{}</p></div>",
        "<div role=tabpanel hidden><p>{}</p></div>",
        "<div class='answer' style='display:none'>{}</div>",
        "<section class='hidden'><p>{}</p></section>",
    ],
)
def test_a_panel_that_a_click_opens_is_text(tmp_path: Path, hidden: str) -> None:
    text = read(tmp_path, f"{SITE}<main><p>{LONG}</p>{hidden.format(OTHER)}</main>")
    assert OTHER.strip() in text


@pytest.mark.parametrize(
    "hidden",
    [
        "<div class='modal' hidden><p>{}</p></div>",
        "<div id='cookie-notice' style='display:none'>{}</div>",
        "<nav hidden>{}</nav>",
        "<p class='sr-only'>{}</p>",
        "<p style='visibility:hidden'>{}</p>",
    ],
)
def test_a_hidden_dialog_or_notice_is_not(tmp_path: Path, hidden: str) -> None:
    text = read(tmp_path, f"{SITE}<main><p>{LONG}</p>{hidden.format(OTHER)}</main>")
    assert "free of charge" not in text
    assert LONG.strip() in text


def test_what_is_shown_and_hidden_stands_once(tmp_path: Path) -> None:
    page = f"{SITE}<main><p>{LONG}</p><div hidden><p>{LONG}</p></div></main>"
    assert read(tmp_path, page).count("The warranty covers") == 4


def test_a_page_for_browsers_without_programs_is_read_where_there_is_no_other(
    tmp_path: Path,
) -> None:
    alone = (
        f"<div id=app></div><noscript>{SITE}<main><h1>Claims</h1><p>{LONG}</p></main></noscript>"
    )
    assert read(tmp_path, alone) == f"Claims\n\n{LONG.strip()}\n"
    beside = f"<main><p>{LONG}</p></main><noscript><p>Please turn on JavaScript.</p></noscript>"
    assert read(tmp_path, beside) == f"{LONG.strip()}\n"


def test_questions_on_buttons_are_text_and_commands_are_not(tmp_path: Path) -> None:
    page = (
        f"{SITE}<main><h1>Help</h1><p>{LONG}</p>"
        f"<h3><button>Sending it back</button></h3><p>{OTHER}</p>"
        f"<div><button>Who pays?</button></div><p>{OTHER}</p>"
        f"<div><button aria-expanded=false>Repairs at your home</button></div><p>{OTHER}</p>"
        "<h3>Addresses <button>Copy</button></h3><button>Add to basket</button></main>"
    )
    lines = read(tmp_path, page).split("\n")
    assert {"Sending it back", "Who pays?", "Repairs at your home", "Addresses"} <= {*lines}
    assert not any("Copy" in line or "basket" in line for line in lines)


def test_a_button_that_was_never_closed_hides_nothing(tmp_path: Path) -> None:
    page = (
        f"<div><button class=menu><span>Menu</span></div><h1>Care</h1><p>{LONG}</p><p>{OTHER}</p>"
    )
    text = read(tmp_path, page)
    assert LONG.strip() in text
    assert OTHER.strip() in text


@pytest.mark.parametrize(
    "name", ["product-widget", "faq_menu-item", "cta", "banner", "promo-box", "extra", "n-toolbar"]
)
def test_running_text_is_kept_whatever_its_block_is_called(tmp_path: Path, name: str) -> None:
    page = (
        f"{SITE}<main><h1>Help</h1><p>{LONG * 4}</p><div class={name}><p>{OTHER}</p></div></main>"
    )
    assert OTHER.strip() in read(tmp_path, page)


@pytest.mark.parametrize("name", ["related-posts", "cookie-bar", "newsletter", "site-footer"])
def test_some_names_say_enough(tmp_path: Path, name: str) -> None:
    page = (
        f"{SITE}<main><h1>Help</h1><p>{LONG * 4}</p><div class={name}><p>{OTHER}</p></div></main>"
    )
    assert "free of charge" not in read(tmp_path, page)


def test_the_text_is_kept_though_its_block_is_called_after_the_sidebar(tmp_path: Path) -> None:
    page = (
        f"{SITE}<div class=sidebar-container><h1>Care</h1><p>{LONG * 5}</p></div><p>{OTHER * 4}</p>"
    )
    assert LONG.strip() in read(tmp_path, page)


@pytest.mark.parametrize(
    "mark",
    [
        "<body class='forum topic'>",
        "<body><div itemscope itemtype='https://schema.org/DiscussionForumPosting'></div>",
        '<body><script type=application/ld+json>{"@type": "QAPage"}</script>',
    ],
)
def test_in_a_discussion_the_answers_are_the_text(tmp_path: Path, mark: str) -> None:
    answers = "".join(f"<li><p>{OTHER}</p></li>" for _ in range(4))
    thread = f"{SITE}<main><h1>Returns</h1><p>{LONG}</p><ul class=comments>{answers}</ul></main>"
    assert read(tmp_path, mark + thread).count("free of charge") == 12
    assert "free of charge" not in read(tmp_path, "<body>" + thread)


def test_answers_under_no_text_are_the_text(tmp_path: Path) -> None:
    page = f"{SITE}<main><h1>Returns</h1><div id=comments><p>{OTHER}</p><p>{LONG}</p></div></main>"
    text = read(tmp_path, page)
    assert OTHER.strip() in text
    assert LONG.strip() in text


def test_a_long_menu_does_not_make_the_marked_content_small(tmp_path: Path) -> None:
    entries = "".join(
        f"<li>Chapter {n} of the guide<a href=/{n}>{LONG[:80]}</a>" for n in range(40)
    )
    page = f"<div><nav><ul>{entries}</ul></nav></div><main><h1>Care</h1><p>{LONG}</p></main>"
    assert read(tmp_path, page) == f"Care\n\n{LONG.strip()}\n"
