"""What stands around the text of a web page: menus, footers, shares, related pages, comments.

Elements are known by their tag, by the part they play (`role`), by names that sites give them, or
by the words that such a block begins with ("Related articles"). None of these is certain, so
whoever takes them out looks first at how much text would go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

#: Never read: programs, styles, forms and what a browser does not show as text.
UNREADABLE: Final = (
    *("script", "style", "template", "iframe", "object", "embed", "applet", "svg", "canvas"),
    *("audio", "video", "map", "head", "select", "option", "datalist", "input", "textarea"),
    *("rt", "rp"),
)
_FRAME: Final = frozenset(("nav", "footer", "aside", "form", "dialog", "menu"))
_ROLES: Final = frozenset(
    ("navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alert", "menu")
)
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HIDDEN_NAMES: Final = {
    *("hidden", "sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "d-none"),
    *("mw-editsection", "headerlink", "noprint", "no-print", "print-only", "skip-link"),
}
_ALWAYS_HIDDEN: Final = _HIDDEN_NAMES - {"hidden", "d-none"}
#: What opens at a click: of these, hidden text is no part of the page.
_OPENED: Final = re.compile(
    r"(?:^|[_-])(modal|pop-?up|overlay|dialog|drawer|lightbox|cookies?|consent|gdpr|tool-?tip|menu|"
    r"drop-?down|log-?in|sign-?(?:in|up)|newsletter|subscribe|cart|banner|search|share|template|"
    r"toast|notice|alert|skeleton|loading|loader|nav|nojs|noscript|onetrust)(?:$|[_-])",
    re.IGNORECASE,
)
#: A class that shows on wide screens what `d-none` hides on small ones.
_SHOWN: Final = re.compile(r"d-(?:sm|md|lg|xl|xxl)-(?!none)")

#: Names that pages give to what stands around the text; each is a whole word of a class or id.
_AROUND: Final = re.compile(
    r"(?:^|[_-])(ads?|advert\w*|banner|breadcrumbs?|catlinks|combx|comments?|community|consent|"
    r"cookies?|cta|disqus|e?mail-?signup|extra|foot(?:er)?|gdpr|jump-?links?|legends|menu|"
    r"more-?(?:from|news|on|stories)|most-?(?:popular|read|viewed)|navbar|navbox|navigation|"
    r"newsletter|onetrust|outbrain|pager|pagination|paywall|popup|popular|print-?header|"
    r"printfooter|promo\w*|rail|read-?(?:more|next)|reading-?list|recirc\w*|recommend\w*|"
    r"related\w*|remark|replies|rss|share\w*|sharing|shoutbox|sidebar\w*|similar|skyscraper|"
    r"social\w*|sponsor\w*|story-?more|subscribe\w*|supplemental|taboola|tags?|toolbar|trending|"
    r"tweet\w*|up-?next|widgets?(?:-area)?)(?:$|[_-])",
    re.IGNORECASE,
)
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
#: Words that say what a page is about or how it is laid out, not what an element is.
_ABOUT: Final = re.compile(
    r"(?:tag|category|elementor|wp-block|js|is|has|with|without|no|type)-|.*embed", re.IGNORECASE
)
#: Only elements that hold blocks are taken out by name: a heading or a word of code is not.
_NAMED: Final = frozenset(
    ("div", "section", "ul", "ol", "dl", "p", "li", "header", "table", "center", "span", "details")
)
#: The part of a page that is surely not its text, however long it is.
_SURE: Final = re.compile(
    r"(?:^|[_-])(recirc\w*|recommend\w*|related\w*|sidebar\w*|"
    r"widget-area|rail|taboola|outbrain)(?:$|[_-])",
    re.IGNORECASE,
)
#: Names that say what an element is, whatever it holds; others may be those of a part of the text.
_PLAIN: Final = re.compile(
    r"(?:^|[_-])(ads?|advert\w*|consent|cookies?|foot(?:er)?|gdpr|newsletter|onetrust|paywall|popup|"
    r"sponsor\w*|subscribe\w*|e?mail-?signup)(?:$|[_-])",
    re.IGNORECASE,
)
#: What forums call their pages, in the class of the page and in the words of schema.org.
_FORUM: Final = re.compile(
    r"(?:^|[_-])(forums?|bbpress|discussion|thread)(?:$|[_-])", re.IGNORECASE
)
_DISCUSSION: Final = re.compile(r"\b(?:DiscussionForumPosting|QAPage)\b")
_ANSWERS: Final = re.compile(r"(?:^|[_-])(comments?|disqus|replies)(?:$|[_-])", re.IGNORECASE)
#: Where readers answer: never the text where anything else is.
_COMMENTS: Final = {
    *("comments", "comment-list", "commentlist", "comments-area", "comment-section", "respond"),
    *("comments-section", "comments-list", "disqus_thread", "disqus-thread", "comments-wrapper"),
}
_LEADS: Final = re.compile(
    r"(?:related|recommended|similar|suggested|more|other|latest|popular|top|trending|further|"
    r"featured|our latest|most (?:read|popular|viewed|shared|commented))"
    r"(?: (?:from|in|on|by) .{1,40}| (?:(?:top|news|our|popular|latest)\W? ?)?(?:articles?|"
    r"stories|story|posts?|news|content|coverage|videos?|reading|topics?|pages?|links?|episodes)"
    r"(?: (?:from|in|on|by) .{1,40})?)"
    r"|most (?:read|popular|viewed|shared)(?: .{1,30})?|you (?:may|might|ll|'ll|’ll) (?:also )?"
    r"(?:like|enjoy|love|be interested).{0,20}|read (?:next|more)|up next|what to read next"
    r"|don['’]?t miss|trending(?: now)?|explore further|share this(?: .{1,20})?|follow us.{0,30}"
    r"|(?:leave a |post a |add a )?(?:comments?|reply)(?: \(?\d+\)?)?|join the conversation.{0,9}"
    r"|(?:\d+ )?(?:comments|responses|replies)|sign up.{0,40}|subscribe.{0,40}|newsletter.{0,30}"
    r"|相关(?:阅读|文章|新闻|推荐|链接|内容)|推荐(?:阅读|文章|内容)?|延伸阅读|猜你喜欢|热门(?:文章|推荐|新闻|评论)?"
    r"|最新(?:文章|评论)|精彩推荐|网友评论|发表评论|分享到|上一篇.*|下一篇.*|相關(?:文章|新聞|報導)|熱門(?:文章|新聞)"
    r"|関連(?:記事|リンク|ニュース)|おすすめ(?:記事)?|人気記事|この記事をシェア.*"
    r"|관련 ?기사|추천 ?기사|댓글"
    r"|mehr zum thema|auch interessant|weitere (?:artikel|meldungen)|lesen sie auch"
    r"|(?:à )?lire aussi|sur le même sujet|articles? (?:liés|similaires)|en relación"
    r"|te puede interesar|noticias relacionadas|leggi anche|articoli correlati"
    r"|читайте также|похожие (?:статьи|записи)",
    re.IGNORECASE,
)
#: A line of links that begins so leads away from the text.
_LINE: Final = re.compile(
    r"(?:related|read (?:more|also|next)|see (?:more|also)|also (?:read|on)|more:|watch|click here|"
    r"follow|share|subscribe|sign up|next (?:article|post)|previous (?:article|post))\b",
    re.IGNORECASE,
)
_TITLE: Final = 60
#: A button with fewer letters is a command, with more of them no button.
_SHORT_LABEL, _LONG_LABEL = 15, 300
#: More items than this in a header without a title are a menu.
_MENU: Final = 8


def is_unseen(element: etree._Element) -> bool:
    """Tell whether the page hides the element from its readers."""
    if element.get("hidden") is not None:
        return True
    style = element.get("style")
    if style and _HIDDEN.search(style):
        return True
    names = (element.get("class") or "").split()
    return not _HIDDEN_NAMES.isdisjoint(names) and not any(map(_SHOWN.match, names))


def is_opened_aside(element: etree._Element) -> bool:
    """Tell whether hidden text is that of a dialog, a menu or a notice, and not of the page."""
    if element.tag in _FRAME or element.get("role", "").lower() in _ROLES:
        return True
    names = f"{element.get('class') or ''} {element.get('id') or ''}".split()
    if not _ALWAYS_HIDDEN.isdisjoint(names):
        return True
    return any(_OPENED.search(_CAMEL.sub("-", name)) for name in names)


def is_label(button: etree._Element) -> bool:
    """Tell whether a button is text: the title of a panel that it opens, such as a question.

    One in which whole blocks stand was never closed.
    """
    text = " ".join("".join(map(str, button.itertext())).split())
    if text.endswith(("?", "？")) or len(text) > _LONG_LABEL:
        return True
    title = next(button.iterancestors("h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary"), None)
    if title is not None:
        return text == " ".join("".join(map(str, title.itertext())).split())
    opens = button.get("aria-expanded") is not None and button.get("aria-haspopup") is None
    menu = next(button.iterancestors("nav", "li", "header", "footer", "aside"), None)
    return opens and menu is None and len(text) > _SHORT_LABEL


def is_frame(element: etree._Element) -> bool:
    """Tell whether tag or role say that the element is not part of the text."""
    return (
        element.tag in _FRAME
        or element.get("role", "").lower() in _ROLES
        or _is_page_header(element)
    )


def is_named(element: etree._Element) -> bool:
    """Tell whether the element's names say so."""
    return any(map(_AROUND.search, _names(element)))


def is_surely_around(element: etree._Element) -> bool:
    """Tell whether it is not the text even where it holds a good part of the page's words."""
    if element.tag in {"aside", "nav", "footer"} or element.get("role") == "complementary":
        return True
    return is_answers(element) or any(map(_SURE.search, _names(element)))


def may_be_text(element: etree._Element) -> bool:
    """Tell whether a frame or a name may also be that of a part of the text: a form, a widget."""
    if element.tag in _FRAME or element.get("role", "").lower() in _ROLES:
        return element.tag == "form" and element.get("role", "").lower() not in _ROLES
    return not (
        _is_page_header(element)
        or is_surely_around(element)
        or any(map(_PLAIN.search, _names(element)))
    )


def is_discussion(body: etree._Element) -> bool:
    """Tell whether the page calls itself one of a forum, or of questions and answers."""
    names = f"{body.get('class') or ''} {body.get('id') or ''}".split()
    if any(_FORUM.search(_CAMEL.sub("-", name)) for name in names):
        return True
    kinds = (each.get("itemtype", "") for each in body.getroottree().iter(etree.Element))
    data = (each.text or "" for each in body.getroottree().iter("script") if _is_data(each))
    return any(map(_DISCUSSION.search, (*kinds, *data)))


def _is_data(script: etree._Element) -> bool:
    return script.get("type", "").lower() == "application/ld+json"


def is_answers(element: etree._Element) -> bool:
    """Tell whether its names are those of a place where readers answer."""
    return any(map(_ANSWERS.search, _names(element)))


def is_comments(element: etree._Element) -> bool:
    """Tell whether readers' comments stand here."""
    names = {*(element.get("class") or "").split(), element.get("id") or ""}
    return element.tag in _NAMED and not _COMMENTS.isdisjoint(name.lower() for name in names)


def _names(element: etree._Element) -> Iterator[str]:
    if element.tag not in _NAMED:
        return
    for name in (element.get("class") or "").split():
        if not _ABOUT.match(name):
            yield _CAMEL.sub("-", name)
    identifier = element.get("id")
    name = _CAMEL.sub("-", identifier or "")
    if _AROUND.search(name) and not _is_named_after_its_heading(element, name):
        yield name


def _is_named_after_its_heading(element: etree._Element, identifier: str) -> bool:
    """Tell whether this is a chapter of the text: `<section id=cookies><h2>Cookies`."""
    first = next(element.iter("h1", "h2", "h3", "h4", "h5", "h6"), None)
    if first is None:
        return False
    title = "".join(map(str, first.itertext()))
    return _LEADS.fullmatch(" ".join(title.split())) is None and _plain(title).startswith(
        _plain(identifier)
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _is_page_header(element: etree._Element) -> bool:
    """Tell whether this is the head of the site, and not that of an article with its title."""
    if element.tag != "header" or element.find(".//h1") is not None:
        return False
    if len(element.findall(".//li")) > _MENU:
        return True
    return next(element.iterancestors("article", "main"), None) is None


def leads_away(title: str) -> bool:
    """Tell whether a block under this title is about other pages.

    >>> leads_away("Related articles"), leads_away("More about your warranty")
    (True, False)
    """
    line = " ".join(title.split()).strip(" :：.…»>-")
    return 0 < len(line) <= _TITLE and _LEADS.fullmatch(line) is not None


def is_line_of_links(line: str) -> bool:
    """Tell whether a line of links only is an invitation to read something else."""
    return _LINE.match(" ".join(line.split())) is not None
