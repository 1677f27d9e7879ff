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
#: What is hidden is left out up to this share of the page.
_MOST = 0.8
#: So much text must be left before a long sidebar or a long row of comments is taken out.
_ENOUGH = 800
#: And so much before a block that is called nothing but comments.
_LITTLE = 200
#: A second block with so much of the best one's score belongs to the text too.
_HALF = 0.3
#: A page with fewer letters in links than this, and nothing around its text, is a document.
_FEW_LINKS = 0.15
#: A block with more letters in links than this is a list of links.
_LINKS = 0.5


def main_content(body: etree._Element) -> etree._Element:
    """Give the element to read; what does not belong to the text is taken out of the tree."""
    _drop(body, list(body.iter(*furniture.UNREADABLE)))
    sizes = _Sizes(body)
    unseen = [each for each in body.iter(etree.Element) if furniture.is_unseen(each)]
    # A page that is hidden until a program shows it is read all the same.
    _drop(body, [each for each in unseen if sizes.text(each) <= _MOST * sizes.text(body)])
    if _is_document(body, sizes):
        return body
    sizes = _Sizes(body)
    chosen = _marked(body, sizes)
    if chosen is None:
        _drop(body, _around(body, sizes))
        sizes = _Sizes(body)
        chosen = _densest(body, sizes)
        if chosen is None or sizes.running(chosen) < sizes.running(body) * _SHARE:
            chosen = body
    else:
        _drop(chosen, _around(chosen, sizes))
        _drop(chosen, _after_article(chosen, _Sizes(chosen)))
    _drop(chosen, _elsewhere(chosen, _Sizes(chosen)))
    return chosen


class _Sizes:
    """How many characters each element of a tree holds, white space not counted."""

    def __init__(self, top: etree._Element) -> None:
        self._all: dict[etree._Element, int] = {}
        self._linked: dict[etree._Element, int] = {}
        for _, element in etree.iterwalk(top, events=("end",)):
            total, linked = _length(element.text), 0
            for child in element:
                total += self._all[child] + _length(child.tail)
                linked += self._linked[child]
            self._all[element] = total
            self._linked[element] = total if element.tag == "a" else linked

    def __contains__(self, element: etree._Element) -> bool:
        return element in self._all

    def text(self, element: etree._Element) -> int:
        """Count all characters."""
        return self._all[element]

    def running(self, element: etree._Element) -> int:
        """Count those outside links."""
        return self._all[element] - self._linked[element]

    def links(self, element: etree._Element) -> float:
        """Give the share of those in links, 0 to 1."""
        return self._linked[element] / self._all[element] if self._all[element] else 0.0


def _length(text: str | None) -> int:
    return len("".join(text.split())) if text else 0


def _is_document(body: etree._Element, sizes: _Sizes) -> bool:
    """Tell whether the page is a text saved as HTML, with no site around it."""
    if sizes.links(body) > _FEW_LINKS:
        return False
    return not any(
        furniture.is_frame(each) or furniture.is_named(each) for each in body.iter(etree.Element)
    )


def _marked(body: etree._Element, sizes: _Sizes) -> etree._Element | None:
    """Give the one element that the page declares to be its content, if it holds enough."""
    everything = sizes.running(body)
    for path in (".//main", ".//*[@role='main']", ".//article", ".//*[@itemprop='articleBody']"):
        found = [each for each in body.iterfind(path) if sizes.running(each) >= everything * _SHARE]
        if len(found) == 1:
            return found[0]
    return None


def _around(top: etree._Element, sizes: _Sizes) -> list[etree._Element]:
    """Give the elements around the text; one that holds a good part of it is the text itself."""
    everything = sizes.running(top)
    found: list[etree._Element] = []
    large: list[etree._Element] = []
    comments = _outermost(filter(furniture.is_comments, top.iter(etree.Element)))
    if everything - sum(map(sizes.running, comments)) >= _LITTLE:
        found += comments
        everything -= sum(map(sizes.running, comments))
    kept = {top, *(each for tag in ("body", "main", "article") for each in top.iter(tag))}
    for element in _outside_code(top):
        if element in kept or not (furniture.is_frame(element) or furniture.is_named(element)):
            continue
        if sizes.running(element) < everything * _SHARE:
            found.append(element)
        elif furniture.is_surely_around(element):
            large.append(element)
    rest = sizes.running(top) - sum(map(sizes.running, _outermost([*found, *large])))
    if rest >= _ENOUGH:
        return found + large
    left = sizes.running(top) - sum(map(sizes.running, _outermost(found)))
    if left < everything * _SHARE:
        # So little would be left that the names must mean something else here.
        return comments + [each for each in found if furniture.is_frame(each)]
    return found


def _outside_code(top: etree._Element) -> Iterable[etree._Element]:
    """Give all elements but those within preformatted text, where names colour the code."""
    walker = etree.iterwalk(top, events=("start",))
    for _, element in walker:
        if element.tag in {"pre", "code"}:
            walker.skip_subtree()
        yield element


def _outermost(elements: Iterable[etree._Element]) -> list[etree._Element]:
    chosen = set(elements)
    return [each for each in chosen if chosen.isdisjoint(each.iterancestors())]


def _elsewhere(top: etree._Element, sizes: _Sizes) -> list[etree._Element]:
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
    gone = sum(map(sizes.text, _outermost(found)))
    return found if gone <= _MOST * sizes.text(top) else []


def _after_article(top: etree._Element, sizes: _Sizes) -> list[etree._Element]:
    """Give the lists of links that stand below the one article of `main`."""
    most = sizes.running(top) * _HALF
    found = [each for each in top.iter("article") if sizes.running(each) > most and each != top]
    if len(_outermost(found)) != 1:
        return []
    after: list[etree._Element] = []
    for element in [found[0], *found[0].iterancestors()]:
        if element is top:
            break
        after += [each for each in element.itersiblings() if sizes.links(each) > _SHARE]
    return after


def _block_of(
    title: etree._Element, top: etree._Element, sizes: _Sizes, most: float
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


def _begins_elsewhere(parent: etree._Element, block: etree._Element, sizes: _Sizes) -> bool:
    """Tell whether text of the parent stands before the block."""
    if _length(parent.text):
        return True
    return any(
        sizes.text(each) or _length(each.tail) for each in block.itersiblings(preceding=True)
    )


def _drop(top: etree._Element, elements: Iterable[etree._Element]) -> None:
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


def _densest(body: etree._Element, sizes: _Sizes) -> etree._Element | None:
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


def _with_paragraphs(element: etree._Element, sizes: _Sizes) -> etree._Element:
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


def _is_text(element: etree._Element, sizes: _Sizes) -> bool:
    """Tell whether this is a paragraph of some length, or a block that is little else."""
    paragraphs = [element] if element.tag == "p" else element.findall("p")
    running = sum(map(sizes.running, paragraphs))
    return running >= 3 * _SHORT and running >= 0.8 * sizes.text(element)


def _weight(element: etree._Element, sizes: _Sizes) -> float:
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
