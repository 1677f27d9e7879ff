"""The part of a web page that people came to read.

Marks that the page itself sets (`main`, `article`) come first; without them the block that holds
most running text wins, as in Mozilla's Readability. Whatever is chosen must hold a good part of
the page's running text; otherwise all of the page is kept, because a menu too many does less harm
than a chapter too few.
"""

from __future__ import annotations

import re
from collections import defaultdict

from lxml import etree

#: Never read: programs, styles, forms and what a browser does not show as text.
_INVISIBLE = (
    *("script", "style", "noscript", "template", "iframe", "object", "embed", "applet", "svg"),
    *("canvas", "audio", "video", "map", "head", "select", "option", "datalist", "button"),
    *("input", "textarea"),
)
_FRAME = ("nav", "footer", "aside", "form", "dialog", "menu")
_FRAME_ROLES = frozenset(
    ("navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alert", "menu")
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
#: Names that pages give to what stands around the text.
_AROUND = re.compile(
    r"(^|[\s_-])(ad|ads|advert\w*|banner|breadcrumbs?|combx|comments?|community|cookies?|disqus|"
    r"e?mail-?signup|extra|foot(er)?|legends|menu|navbar|navigation|newsletter|pager|pagination|"
    r"popup|promo\w*|recommend\w*|related\w*|remark|replies|rss|share\w*|shar(e|ing)-\w+|shoutbox|"
    r"sidebar\w*|skyscraper|social\w*|sponsor\w*|subscribe|supplemental|tags?|toolbar|tweet\w*|"
    r"widget\w*)($|[\s_-])",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"article|body|column|content|entry|main|shadow|post|story|text", re.IGNORECASE
)
_PARAGRAPHS = frozenset(("p", "pre", "blockquote", "td", "dd"))
#: A paragraph counts from this length on; a page's own mark, from this share of its text on.
_SHORT, _SHARE = 25, 0.3
#: A second block with so much of the best one's score belongs to the text too.
_HALF = 0.3


def main_content(body: etree._Element) -> etree._Element:
    """Give the element to read; what does not belong to the text is taken out of the tree."""
    _drop(body, _invisible(body))
    everything = _running(body)
    chosen = _marked(body, everything)
    if chosen is None:
        _drop(body, _around(body, everything * _SHARE))
        chosen = _densest(body)
        if chosen is None or _running(chosen) < everything * _SHARE:
            return body
    else:
        _drop(chosen, _around(chosen, _running(chosen) * _SHARE))
    return chosen


def text_length(element: etree._Element) -> int:
    """Count the characters of an element's text that are not white space."""
    return sum(len("".join(str(part).split())) for part in element.itertext())


def _running(element: etree._Element) -> int:
    """Count the characters outside links."""
    return text_length(element) - sum(text_length(link) for link in element.iter("a"))


def _marked(body: etree._Element, everything: int) -> etree._Element | None:
    """Give the one element that the page declares to be its content, if it holds enough."""
    for path in (".//main", ".//*[@role='main']", ".//article", ".//*[@itemprop='articleBody']"):
        found = [each for each in body.iterfind(path) if _running(each) >= everything * _SHARE]
        if len(found) == 1:
            return found[0]
    return None


def _invisible(body: etree._Element) -> list[etree._Element]:
    found = list(body.iter(*_INVISIBLE))
    for element in body.iter(etree.Element):
        style = element.get("style")
        if element.get("hidden") is not None or (style and _HIDDEN.search(style)):
            found.append(element)
    return found


def _around(top: etree._Element, most: float) -> list[etree._Element]:
    """Give the elements around the text; one that holds more than `most` is the text itself."""
    found = []
    for element in top.iter(etree.Element):
        if element is top or element.tag in {"body", "main", "article"}:
            continue
        role = element.get("role", "")
        names = f"{element.get('class', '')} {element.get('id', '')}"
        frame = element.tag in _FRAME or role in _FRAME_ROLES
        if (frame or _AROUND.search(names) or _is_page_header(element)) and _running(
            element
        ) < most:
            found.append(element)
    return found


def _is_page_header(element: etree._Element) -> bool:
    """Tell whether this is the head of the site, and not that of an article with its title."""
    if element.tag != "header" or element.find(".//h1") is not None:
        return False
    return next(element.iterancestors("article", "main"), None) is None


def _drop(top: etree._Element, elements: list[etree._Element]) -> None:
    for element in elements:
        parent = element.getparent()
        if parent is None or element is top:
            continue
        if element.tail:
            before = element.getprevious()
            if before is not None:
                before.tail = (before.tail or "") + " " + element.tail
            else:
                parent.text = (parent.text or "") + " " + element.tail
        parent.remove(element)


def _densest(body: etree._Element) -> etree._Element | None:
    """Give the block whose paragraphs hold most text, parents sharing in their children's."""
    scores: dict[etree._Element, float] = defaultdict(float)
    for element in body.iter(*_PARAGRAPHS):
        text = "".join(map(str, element.itertext())).strip()
        if len(text) < _SHORT:
            continue
        score = 1 + sum(map(text.count, ",，、。")) + min(len(text) / 100, 3)
        for share, ancestor in zip((1, 0.5, 0.33), element.iterancestors(), strict=False):
            scores[ancestor] += score * share
    dense = {element: score * _weight(element) for element, score in scores.items()}
    best = max(dense, key=dense.__getitem__, default=None)
    if best is None:
        return None
    # A text may be cut in two by a picture or an advertisement: take what holds both halves.
    beside = (each for each in dense if dense[each] >= _HALF * dense[best])
    return _with_paragraphs(_ancestor_of(best, [each for each in beside if each is not best]))


def _with_paragraphs(element: etree._Element) -> etree._Element:
    """Climb as long as paragraphs of text stand beside the element, as an opening does."""
    chosen = element
    for parent in element.iterancestors():
        beside = (each for each in parent.iterchildren("p", "div") if each is not element)
        if any(map(_is_text, beside)):
            chosen = parent
        elif text_length(parent) > 1.1 * text_length(chosen):
            break  # not a mere wrapper: what stands around here is something else
        element = parent
    return chosen


def _is_text(element: etree._Element) -> bool:
    """Tell whether this is a paragraph of some length, or a block that is little else."""
    paragraphs = [element] if element.tag == "p" else element.findall("p")
    running = sum(map(_running, paragraphs))
    return running >= 3 * _SHORT and running >= 0.8 * text_length(element)


def _weight(element: etree._Element) -> float:
    """Give the share of an element's text outside links, a little more if it is named so."""
    length = text_length(element)
    named = _CONTENT.search(f"{element.get('class', '')} {element.get('id', '')}")
    return (1.25 if named else 1) * _running(element) / length if length else 0


def _ancestor_of(best: etree._Element, others: list[etree._Element]) -> etree._Element:
    """Give the nearest element that holds `best` and those of `others` that stand beside it."""
    line = [best, *best.iterancestors()]
    for other in others:
        above = {id(each) for each in other.iterancestors()}
        if id(best) not in above and other not in line:
            line = line[next(place for place, each in enumerate(line) if id(each) in above) :]
    return line[0]
