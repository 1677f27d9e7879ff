"""Do two passages say the same? In one copy of a text as in another, however it is set.

Passages say the same when they differ in line ends, hyphens, capitals, punctuation, in words that
only join others, in the clause's own number or in headings above it, and in nothing else. One
amount, date, name or "not" more or less is another answer, and so is any other word: what two
wordings have in common never shows which of their words matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Final

from kb.search.sentences import sentences
from kb.store import Passage
from kb.store.local.words import fold

#: Of the longer passage, the shorter one must be so much.
_LEAST: Final = 0.8
#: In a text of fewer bytes the heading is half of what it says: "Not applicable."
_SHORT: Final = 80
#: So many places are looked at, and all but one must be the same, before two are compared.
_PROBES: Final = 3
_PROBE: Final = 12

_JOINING: Final = frozenset(
    # Not those that tell who from whom, or an "A" that is a name.
    "the of that this these those such said its their is are was were be been being has have had "  # noqa: SIM905 - read as text
    "will shall 的 之 了 其 该 該 所".split()
)
_SIGNS: Final = "%‰°$€£¥₩₹<>≤≥=±×÷+☐☑☒✓✗√"
_DROPPED: Final = {n: None for n in range(128) if not (chr(n).isalnum() or chr(n) in _SIGNS)}
#: A minus belongs to its number; a comma that groups thousands does not.
_WORD: Final = (
    rf"(?:(?<![^\W_])[-−])?\d+(?:[.,:/\-]\d+)*|[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+|[{_SIGNS}]"
)
_GROUPS: Final = r",(?=\d{3}(?!\d))"
_LEAD: Final = (
    r"(?i:(?:section|article|clause)\s+)?(?:第\S{1,8}条|\d+(?:\.\d+)+\.?|[(（]?\w{1,5}[)）.])"
)
_HYPHEN: Final = r"(?<=\w)-\s*\n\s*(?=\w)"
_MARKUP: Final = "#*_> \t\r\n"


@cache
def _words() -> re.Pattern[str]:
    return re.compile(_WORD)


@cache
def _others() -> re.Pattern[str]:
    return re.compile(rf"[^\w{_SIGNS}]+|_")


class Wording:
    """What a passage says, in forms that are made when they are needed."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage

    @cached_property
    def letters(self) -> str:
        """Its letters, digits and signs, with nothing between them."""
        folded = fold(self.passage.chunk.text)
        if folded.isascii():
            return folded.translate(_DROPPED)
        return _others().sub("", folded)

    @cached_property
    def _said(self) -> tuple[str, frozenset[int]]:
        """All words that say something, and where in them a sentence begins or ends."""
        text = self.passage.chunk.text
        start = len(text) - len(without_number(text, self.passage.chunk.section))
        parts = [core(text[max(a, start) : b]) for a, b in sentences(text) if b > start]
        places, place = {0}, 0
        for part in parts:
            place += len(part)
            places.add(place)
        return "".join(parts), frozenset(places)

    @cached_property
    def _heading(self) -> str:
        return core(" ".join(self.passage.chunk.section[-1:]))

    def is_in(self, host: Wording) -> bool:
        """Tell whether the host says all that this passage says, and this one all but a little."""
        if not self._may_be(host):
            return False
        mine, places = self._said
        theirs, their_places = host._said
        if not (mine and theirs):
            return self.passage.chunk.text.split() == host.passage.chunk.text.split()
        same_heading = self._heading == host._heading
        if len(min(mine, theirs, key=len).encode()) < _SHORT and not same_heading:
            return False
        if mine == theirs:
            return True
        if len(mine) < len(theirs):
            return len(mine) >= _LEAST * len(theirs) and _stands_in(mine, theirs, their_places)
        # What the host lacks may only be headings.
        before = mine[: -len(theirs)]
        above = core(" ".join((self.passage.title, *self.passage.chunk.section)))
        return mine.endswith(theirs) and len(before) in places and before in above

    def _may_be(self, host: Wording) -> bool:
        """Look at a few places only."""
        one, other = sorted((self.letters, host.letters), key=len)
        if one == other:
            return True
        if len(one) < _LEAST * _LEAST * len(other):
            return False
        step = max(1, (len(one) - _PROBE) // (_PROBES - 1))
        missed = 0
        for at in range(0, step * _PROBES, step):
            missed += one[at : at + _PROBE] not in other
            if missed > 1:
                return False
        return True


def core(text: str) -> str:
    r"""Give the words of a text that say something, written together; numbers stay apart.

    >>> core("Pay the 1,000 EUR  with-\nin 1.5 days."), core("退款的期限")
    ('pay|1000|eurwithin|1.5|days', '退款期限')
    """
    return "".join(_core(text))


def _core(text: str) -> Iterator[str]:
    for word in _words().findall(re.sub(_HYPHEN, "", fold(text))):
        if word[-1].isdigit():
            yield f"|{re.sub(_GROUPS, '', word)}|"
        elif word not in _JOINING:
            yield word


def without_number(text: str, section: tuple[str, ...]) -> str:
    """Give a passage without the number that its own heading begins with, if it begins so too.

    >>> without_number("5.2 Payment. 1.5 EUR", ("5.2 Payment",)), without_number("1.5 EUR", ())
    (' Payment. 1.5 EUR', '1.5 EUR')
    """
    lead = re.match(_LEAD, section[-1]) if section else None
    if lead is None:
        return text
    start = len(text) - len(text.lstrip(_MARKUP))
    return text[start + lead.end() :] if text.startswith(lead[0], start) else text


def _stands_in(part: str, whole: str, places: frozenset[int]) -> bool:
    at = whole.find(part)
    return at >= 0 and at in places and at + len(part) in places
