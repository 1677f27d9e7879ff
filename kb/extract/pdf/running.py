"""Running heads and feet, and the numbers of pages: what a page says only because it is one.

A line at the edge of a page is one of them when it comes back at the same height on other pages,
but for a number that counts the pages. A running head stays where it comes first, so that its
words are found; a foot of all pages where it comes last, since a sentence may go on below it.
Numbers of pages never stay.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from kb.extract.pdf.sheet import Line, Sheet

#: So many lines from the top and from the bottom of a page are looked at.
_DEEP: Final = 4
#: Running heads stand at one height, in points.
_SLACK: Final = 8.0
_PAGES: Final = 3
#: Heads of left and right pages take turns.
_SHARE: Final = 0.4
#: A foot of so large a part of the pages stands on all of them.
_NEARLY_ALL: Final = 0.8
#: Heads and feet together are no longer than this, or no larger part of their page.
_LONG: Final = 300
_PART: Final = 0.2
_NUMBER: Final = re.compile(r"\d+")
_PAGE_WORD: Final = r"(?:page|pg\.?|p\.|seite|página|pagina|стр\.?)"
_PAGE_NUMBER: Final = re.compile(
    rf"[\W_]*(?:(?P<word>{_PAGE_WORD})\s*)?(?:[a-z]{{1,3}}[-–.])?(?P<number>\d{{1,5}}|[ivxlc]{{1,7}})"
    r"(?:\s*(?:of|/|von|de|sur|из|\|)\s*\d{1,5})?(?:\s*\|?\s*page)?[\W_]*"
    r"|[\W_]*第\s*(?P<han>\d{1,5})\s*[页頁][\W_]*(?:共\s*\d{1,5}\s*[页頁])?[\W_]*",
    re.IGNORECASE,
)
#: A line that begins so is a clause, whatever it repeats.
_CLAUSE: Final = re.compile(
    r"\s*(?:\d{1,3}[.)]\s|\d{1,3}(?:\.\d{1,3})+|\([a-z\d]{1,4}\)|第.{1,6}[条章节]|[(（]?[一二三四五六七八九十]"
    r"|(?:article|section|clause|§)\s*[\divx])",
    re.IGNORECASE,
)
_ROMAN: Final = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


class _Edge(NamedTuple):
    """A line at the edge of a page."""

    page: int
    #: Its place among the lines of the page.
    at: int
    text: str
    zone: str
    #: How far it is from the edge, in points.
    far: float


def without_running(sheets: Sequence[Sheet]) -> list[Sheet]:
    """Give the pages without the lines that come back on each of them."""
    if len(sheets) < 2:
        return list(sheets)
    edges = [edge for page, sheet in enumerate(sheets) for edge in _edges(page, sheet)]
    drop = set(_page_numbers(edges, len(sheets)))
    dropped = defaultdict[int, set[int]](set)
    for page, at in drop:
        dropped[page].add(at)
    heads = defaultdict[int, set[int]](set)
    stay = defaultdict[int, set[int]](set)
    if len(sheets) >= _PAGES:
        for edge, stays in _heads([edge for edge in edges if (edge.page, edge.at) not in drop]):
            (stay if stays else heads)[edge.page].add(edge.at)
    for page, found in heads.items():
        if not _is_body(sheets[page], found):
            dropped[page] |= found
    kept = [
        _without(sheet, dropped[page], stay[page]) if page in dropped or page in stay else sheet
        for page, sheet in enumerate(sheets)
    ]
    # Where pages hold their numbers and no picture either, the numbers are all that they say.
    said = any(sheet.lines or sheet.drawing for sheet in kept)
    return kept if said else list(sheets)


def _is_body(sheet: Sheet, found: set[int]) -> bool:
    """Tell whether so much of a page comes back that it is a copy of the page, not its heads."""
    long = sum(len(sheet.lines[at].text) for at in found)
    return long > _LONG and long > _PART * sum(len(line.text) for line in sheet.lines)


def _without(sheet: Sheet, drop: set[int], stay: set[int]) -> Sheet:
    kept: list[Line] = []
    out = 0
    apart = False
    for at, line in enumerate(sheet.lines):
        if at in drop:
            out += len(line.text.strip())
            apart |= line.apart
        else:
            apart = line.apart or (apart and bool(kept))
            same = apart == line.apart and at not in stay
            kept.append(line if same else line._replace(apart=apart, running=at in stay))
            apart = False
    return replace(sheet, lines=tuple(kept), left_out=sheet.left_out + out)


def _edges(page: int, sheet: Sheet) -> Iterator[_Edge]:
    upright = [(at, line) for at, line in enumerate(sheet.lines) if not line.turned]
    for at, line in enumerate(sheet.lines):
        if line.turned:
            yield _Edge(page, at, _plain(line.text), "side", line.top)
    upper = sorted(upright, key=lambda pair: pair[1].top)[:_DEEP]
    lower = sorted(upright, key=lambda pair: -pair[1].bottom)[:_DEEP]
    for at, line in upper:
        yield _Edge(page, at, _plain(line.text), "head", line.top - sheet.top)
    for at, line in lower:
        yield _Edge(page, at, _plain(line.text), "foot", sheet.bottom - line.bottom)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _page_numbers(edges: Sequence[_Edge], pages: int) -> Iterator[tuple[int, int]]:
    """Give the lines that are nothing but the number of their page."""
    found: dict[tuple[str, bool, int], list[_Edge]] = defaultdict(list)
    for edge in edges:
        match = _PAGE_NUMBER.fullmatch(edge.text) if len(edge.text) < 40 else None
        if match is None:
            continue
        if match["han"] or (match["word"] and " " in edge.text):
            yield edge.page, edge.at
            continue
        said = match["number"]
        number = int(said) if said.isdecimal() else _roman(said)
        found[edge.zone, said.isdecimal(), number - edge.page].append(edge)
    for group in found.values():
        # They count on from page to page; so does a list, but not at the edges of all pages.
        alike = {edge.page for edge in group}
        if len(alike) >= min(_PAGES, max(2, pages)) and _close(alike):
            yield from ((edge.page, edge.at) for edge in group)


def _close(pages: set[int]) -> bool:
    return len(pages) >= _SHARE * (max(pages) - min(pages) + 1)


def _roman(said: str) -> int:
    values = [_ROMAN[sign] for sign in said]
    return sum(-value if value < max(values[at:]) else value for at, value in enumerate(values))


def _heads(edges: Sequence[_Edge]) -> Iterator[tuple[_Edge, bool]]:
    """Give the lines that come back as heads or feet; True with those that stay."""
    same: dict[tuple[str, str], list[_Edge]] = defaultdict(list)
    for edge in edges:
        if edge.text:
            same[edge.zone, _NUMBER.sub("#", edge.text)].append(edge)
    for group in same.values():
        if len(group) < _PAGES:
            continue
        for cluster in _clusters(_at_one_height(group)):
            stays = _where_it_stays(cluster)
            yield from ((edge, edge.page == stays) for edge in cluster)


def _where_it_stays(cluster: Sequence[_Edge]) -> int:
    pages = {edge.page for edge in cluster}
    first, last = min(pages), max(pages)
    of_all = len(pages) >= _NEARLY_ALL * (last - first + 1)
    return last if cluster[0].zone == "foot" and of_all else first


def _at_one_height(group: Sequence[_Edge]) -> list[_Edge]:
    heights = Counter(round(edge.far / _SLACK) for edge in group)
    usual = heights.most_common(1)[0][0]
    return [edge for edge in group if abs(edge.far / _SLACK - usual) <= 1.5]


def _clusters(group: Sequence[_Edge]) -> Iterator[list[_Edge]]:
    """Give the edges that say one thing: word for word, or but for the number of the page."""
    words: dict[str, list[_Edge]] = defaultdict(list)
    for edge in group:
        words[edge.text].append(edge)
    if len(words) == 1 or all(len(alike) >= _PAGES for alike in words.values()):
        yield from (alike for alike in words.values() if _comes_back(alike))
        return
    if not any(map(_CLAUSE.match, words)) and _comes_back(group) and _counts(group):
        yield list(group)
        return
    yield from (alike for alike in words.values() if _comes_back(alike))


def _comes_back(group: Sequence[_Edge]) -> bool:
    pages = {edge.page for edge in group}
    return len(pages) >= _PAGES and _close(pages)


def _counts(group: Sequence[_Edge]) -> bool:
    """Tell whether one of the numbers in the lines goes up with the page, and no other differs."""
    rows = [[int(number[:12]) for number in _NUMBER.findall(edge.text)] for edge in group]
    counting = 0
    for column in zip(*rows, strict=True):
        if len(set(column)) == 1:
            continue
        steps = Counter(number - edge.page for number, edge in zip(column, group, strict=True))
        if steps.most_common(1)[0][1] < 0.8 * len(group):
            return False
        counting += 1
    return counting > 0
