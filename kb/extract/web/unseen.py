"""What a web page does not show: for browsers without programs, or until someone clicks.

The panels of tabs and the answers under questions are hidden as well, and are text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lxml import etree

from kb.extract.web import furniture
from kb.extract.web.sizes import Sizes, outermost

_BLOCKS_WITHIN: Final = ("p", "li", "td", "div", "h1", "h2", "h3", "pre", "article", "section")
#: Hidden text of this length is a panel that a click opens, if it is not elsewhere on the page, as
#: its first characters tell, and if few of its letters are in links.
_PANEL, _REPEATED, _LINKED = 120, 150, 0.3
#: What is hidden is left out up to this share of the page.
_MOST = 0.8


def without_programs(body: etree._Element, sizes: Sizes) -> list[etree._Element]:
    """Give what stands for browsers without programs, unless the text is nowhere else."""
    found = list(body.iter("noscript"))
    marked = [each for each in found if next(each.iter(*_BLOCKS_WITHIN), None) is not None]
    rest = sizes.text(body) - sum(map(sizes.text, outermost(found)))
    if sum(map(sizes.text, outermost(marked))) <= rest:
        return found
    return [each for each in found if each not in marked]


def unseen(body: etree._Element, sizes: Sizes) -> list[etree._Element]:
    """Give what the page hides and no click on its text shows.

    The panels of tabs and the answers under questions are hidden as well, and are text. A page
    that is hidden until a program shows it is read all the same.
    """
    hidden = outermost(filter(furniture.is_unseen, body.iter(etree.Element)))
    alike = Counter((each.tag, each.get("class")) for each in hidden)
    kept = {
        each
        for each in hidden
        if sizes.running(each) >= _PANEL
        and ("visibility" not in each.get("style", "") or alike[each.tag, each.get("class")] > 1)
        and sizes.links(each) <= _LINKED
        and not any(map(furniture.is_opened_aside, (each, *each.iterancestors())))
    }
    found = [each for each in hidden if each not in kept]
    seen = " ".join(_words_outside(body, {*hidden})) if kept else ""
    found += [each for each in kept if " ".join(_words(each))[:_REPEATED] in seen]
    return [each for each in found if sizes.text(each) <= _MOST * sizes.text(body)]


def _words(element: etree._Element) -> list[str]:
    return "".join(map(str, element.itertext())).split()


def _words_outside(top: etree._Element, elements: set[etree._Element]) -> Iterator[str]:
    """Give the words of a tree but for those within some elements."""
    walker = etree.iterwalk(top, events=("start", "end"))
    for event, each in walker:
        if event == "end":
            yield from (each.tail or "").split()
        elif each in elements:
            walker.skip_subtree()
        else:
            yield from (each.text or "").split()
