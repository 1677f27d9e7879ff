"""The part of a web page that people came to read.

A page without menus and with few links, such as a contract saved as HTML, is all text. Otherwise
marks that the page itself sets (`main`, `article`) come first; without them the block that holds
most running text wins, as in Mozilla's Readability. Whatever is chosen must hold a good part of
the page's running text; otherwise all of the page is kept, because a menu too many does less harm
than a chapter too few.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from lxml import etree

from kb.extract.web import furniture
from kb.extract.web.sizes import Sizes, drop, length, outermost
from kb.extract.web.unseen import unseen, without_programs

_CONTENT: Final = re.compile(
    r"article|body|column|content|entry|main|shadow|post|story|text", re.IGNORECASE
)
_PARAGRAPHS: Final = ("p", "pre", "blockquote", "td", "dd")
_MAY_BE_PARAGRAPHS: Final = ("div", "li", "section", "font", "center", "article")
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS: Final = {
    *(*_PARAGRAPHS, *_MAY_BE_PARAGRAPHS, *_HEADINGS, "ul", "ol", "dl", "dt", "table", "tr"),
    *("figure", "main", "header", "footer", "nav", "aside", "form"),
}
#: A paragraph counts from this length on; a page's own mark, from this share of its text on.
_SHORT, _SHARE = 25, 0.3
#: So much running text is no menu and no banner, whatever it is called.
_PROSE = 200
#: What is hidden is left out up to this share of the page.
_MOST = 0.8
#: So much text must be left before a long sidebar or a long row of comments is taken out.
_ENOUGH = 800
#: And so much before a block that is called nothing but comments.
_LITTLE = 200
#: The densest block holds this share of the running text that is left, or all of that is taken.
_GREATER = 0.6
#: A second block with so much of the best one's score belongs to the text too.
_HALF = 0.3
#: A page with fewer letters in links than this, and nothing around its text, is a document.
_FEW_LINKS = 0.15
#: A block with more letters in links than this is a list of links.
_LINKS = 0.5


def main_content(body: etree._Element) -> etree._Element:
    """Give the element to read; what does not belong to the text is taken out of the tree."""
    discussion = furniture.is_discussion(body)
    drop(body, list(body.iter(*furniture.UNREADABLE)))
    drop(body, [each for each in body.iter("button") if not furniture.is_label(each)])
    sizes = Sizes(body)
    drop(body, [*without_programs(body, sizes), *unseen(body, sizes)])
    sizes = Sizes(body)
    if _is_document(body, sizes):
        return body
    chosen = _marked(body, sizes)
    if chosen is None:
        drop(body, _around(body, sizes, discussion=discussion))
        sizes = Sizes(body)
        chosen = _densest(body, sizes)
        if chosen is None or sizes.running(chosen) < sizes.running(body) * _GREATER:
            chosen = body
    else:
        drop(chosen, _around(chosen, sizes, discussion=discussion))
        drop(chosen, _after_article(chosen, Sizes(chosen)))
    drop(chosen, _elsewhere(chosen, Sizes(chosen)))
    return chosen


def _is_document(body: etree._Element, sizes: Sizes) -> bool:
    """Tell whether the page is a text saved as HTML, with no site around it."""
    if sizes.links(body) > _FEW_LINKS:
        return False
    return not any(
        furniture.is_frame(each) or furniture.is_named(each) for each in body.iter(etree.Element)
    )


def _marked(body: etree._Element, sizes: Sizes) -> etree._Element | None:
    """Give the one element that the page declares to be its content, if it holds enough."""
    menus = outermost(each for each in body.iter("nav") if sizes.links(each) > _LINKS)
    everything = sizes.running(body) - sum(map(sizes.running, menus))
    for path in (".//main", ".//*[@role='main']", ".//article", ".//*[@itemprop='articleBody']"):
        found = [each for each in body.iterfind(path) if sizes.running(each) >= everything * _SHARE]
        if len(found) == 1:
            return found[0]
    return None


def _around(top: etree._Element, sizes: Sizes, *, discussion: bool) -> list[etree._Element]:
    """Give the elements around the text; one that holds a good part of it is the text itself."""
    found, talk = _comments(top, sizes, discussion=discussion)
    everything = sizes.running(top) - sum(map(sizes.running, found))
    comments = [*found]
    large: list[etree._Element] = []
    kept = {top, *(each for tag in ("body", "main", "article") for each in top.iter(tag))}
    for element in _outside_code(top):
        if element in kept or not (furniture.is_frame(element) or furniture.is_named(element)):
            continue
        if _is_prose(element, sizes) or (talk and furniture.is_answers(element)):
            continue
        menu = element.tag == "nav" and sizes.links(element) > _LINKS
        if menu or sizes.running(element) < everything * _SHARE:
            found.append(element)
        elif furniture.is_surely_around(element) and (
            furniture.is_answers(element) or 2 * sizes.running(element) <= everything
        ):
            large.append(element)
    rest = sizes.running(top) - sum(map(sizes.running, outermost([*found, *large])))
    if rest >= _ENOUGH:
        return found + large
    left = sizes.running(top) - sum(map(sizes.running, outermost(found)))
    if left <= everything * _SHARE:
        # So little would be left that the names must mean something else here.
        small = (each for each in found if sizes.running(each) < everything * _SHARE)
        return comments + [each for each in small if furniture.is_frame(each)]
    return found


def _is_prose(element: etree._Element, sizes: Sizes) -> bool:
    """Tell whether running text stands in what only its name takes for something else."""
    return (
        sizes.running(element) >= _PROSE
        and sizes.links(element) <= _FEW_LINKS
        and furniture.may_be_text(element)
    )


def _comments(
    top: etree._Element, sizes: Sizes, *, discussion: bool
) -> tuple[list[etree._Element], bool]:
    """Give what readers wrote below a text, and whether it is the text: none stands above it.

    In a discussion the answers are the text, unless they are remarks beside longer ones.
    """
    names = furniture.is_answers if discussion else furniture.is_comments
    found = outermost(filter(names, top.iter(etree.Element)))
    above = {*found, *(parent for each in found for parent in each.iterancestors())}
    frames = [
        each for each in top.iter(etree.Element) if furniture.is_frame(each) and each not in above
    ]
    size = sum(map(sizes.running, found))
    rest = sizes.running(top) - sum(map(sizes.running, outermost([*found, *frames])))
    if rest < (max(_LITTLE, size) if discussion else _LITTLE):
        return [], bool(found)
    return found, False


def _outside_code(top: etree._Element) -> Iterable[etree._Element]:
    """Give all elements but those within preformatted text, where names colour the code."""
    walker = etree.iterwalk(top, events=("start",))
    for _, element in walker:
        if element.tag in {"pre", "code"}:
            walker.skip_subtree()
        yield element


def _elsewhere(top: etree._Element, sizes: Sizes) -> list[etree._Element]:
    """Give the blocks within the text that lead to other pages: "Related articles" and such."""
    most = sizes.running(top) * _SHARE
    found: list[etree._Element] = []
    for element in top.iter(*_HEADINGS, "p", "div", "span", "strong", "li", "a", "legend"):
        size = sizes.text(element)
        if not 2 <= size <= 2 * _SHORT + 10 and element.tag not in {"p", "li"}:
            continue
        words = "".join(map(str, element.itertext()))
        if element.tag in {"p", "li"} and sizes.links(element) > _LINKS:
            if furniture.is_line_of_links(words) and size < 8 * _SHORT:
                found.append(element)
        elif furniture.leads_away(words) and element.tag != "a":
            found += _block_of(element, top, sizes, most)
    # Where little else is left, such lists are what the page is.
    gone = sum(map(sizes.text, outermost(found)))
    return found if gone <= _MOST * sizes.text(top) else []


def _after_article(top: etree._Element, sizes: Sizes) -> list[etree._Element]:
    """Give the lists of links that stand below the one article of `main`."""
    most = sizes.running(top) * _HALF
    found = [each for each in top.iter("article") if sizes.running(each) > most and each != top]
    if len(outermost(found)) != 1:
        return []
    after: list[etree._Element] = []
    for element in [found[0], *found[0].iterancestors()]:
        if element is top:
            break
        after += [each for each in element.itersiblings() if sizes.links(each) > _SHARE]
    return after


def _block_of(
    title: etree._Element, top: etree._Element, sizes: Sizes, most: float
) -> list[etree._Element]:
    """Give the title that leads away and what stands under it, as far as it is mostly links."""
    block = title
    for parent in title.iterancestors():
        inside = sizes.text(parent)
        if (
            parent is top
            or sizes.running(parent) >= most
            or _begins_elsewhere(parent, block, sizes)
        ):
            break
        if inside > sizes.text(block) and sizes.links(parent) < _LINKS and inside > 12 * _SHORT:
            break
        block = parent
    found = [block]
    for after in block.itersiblings():
        # The list of links often stands beside its title and not in one block with it.
        if after.tag in _HEADINGS or sizes.links(after) < _LINKS:
            break
        found.append(after)
    return found


def _begins_elsewhere(parent: etree._Element, block: etree._Element, sizes: Sizes) -> bool:
    """Tell whether text of the parent stands before the block."""
    if length(parent.text):
        return True
    return any(sizes.text(each) or length(each.tail) for each in block.itersiblings(preceding=True))


def _densest(body: etree._Element, sizes: Sizes) -> etree._Element | None:
    """Give the block whose paragraphs hold most text, parents sharing in their children's."""
    scores: dict[etree._Element, float] = defaultdict(float)
    for element in body.iter(*_PARAGRAPHS, *_MAY_BE_PARAGRAPHS):
        if element.tag in _MAY_BE_PARAGRAPHS and any(each.tag in _BLOCKS for each in element):
            continue
        size = sizes.running(element)
        if size < _SHORT or sizes.links(element) > _LINKS:
            continue
        text = "".join(map(str, element.itertext()))
        score = 1 + sum(map(text.count, ",，、。")) + min(size / 100, 3)
        for share, ancestor in zip((1, 0.5, 0.33), element.iterancestors(), strict=False):
            scores[ancestor] += score * share
    dense = {each: score * _weight(each, sizes) for each, score in scores.items() if each in sizes}
    best = max(dense, key=dense.__getitem__, default=None)
    if best is None:
        return None
    # A text may be cut in two by a picture or an advertisement: take what holds both halves.
    beside = (each for each in dense if dense[each] >= _HALF * dense[best])
    found = _ancestor_of(best, [each for each in beside if each is not best])
    return _with_paragraphs(found, sizes)


def _with_paragraphs(element: etree._Element, sizes: Sizes) -> etree._Element:
    """Climb as long as paragraphs of text stand beside the element, as an opening does."""
    chosen = element
    for parent in element.iterancestors():
        if parent not in sizes:
            break
        beside = (each for each in parent.iterchildren("p", "div") if each is not element)
        if any(_is_text(each, sizes) for each in beside):
            chosen = parent
        elif sizes.text(parent) > 1.1 * sizes.text(chosen):
            break  # not a mere wrapper: what stands around here is something else
        element = parent
    return chosen


def _is_text(element: etree._Element, sizes: Sizes) -> bool:
    """Tell whether this is a paragraph of some length, or a block that is little else."""
    paragraphs = [element] if element.tag == "p" else element.findall("p")
    running = sum(map(sizes.running, paragraphs))
    return running >= 3 * _SHORT and running >= 0.8 * sizes.text(element)


def _weight(element: etree._Element, sizes: Sizes) -> float:
    """Give the share of an element's text outside links, a little more if it is named so."""
    named = _CONTENT.search(f"{element.get('class', '')} {element.get('id', '')}")
    return (1.25 if named else 1) * (1 - sizes.links(element))


def _ancestor_of(best: etree._Element, others: list[etree._Element]) -> etree._Element:
    """Give the nearest element that holds `best` and those of `others` that stand beside it."""
    line = [best, *best.iterancestors()]
    for other in others:
        above = {id(each) for each in other.iterancestors()}
        if id(best) not in above and other not in line:
            line = line[next(place for place, each in enumerate(line) if id(each) in above) :]
    return line[0]
