"""Cuts a stream of texts into requests: bounded, alike in length, never reading far ahead."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter
from typing import Final

from kb.embed.flow import MAX_ITEMS, Load
from kb.errors import Failure, failure
from kb.model import Embedded, EmbedItem

#: How many texts are read ahead at most, so that texts of like length travel together.
LOOK_AHEAD: Final = 4 * MAX_ITEMS
#: Han, kana and hangul, which stand without spaces: several may form one token. Compiled where it
#: is used, as all patterns of this room that a short question has no need of.
_WIDE: Final = "[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One text on its way, with its estimated length in tokens."""

    item: EmbedItem
    #: What is sent: the item's text, with lone surrogates replaced.
    text: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The texts of one request, and what has become of it so far."""

    pieces: tuple[Piece, ...]
    #: How often it was sent and failed.
    attempts: int = 0
    #: Cut from a request that failed, so it is not given a second try before it is cut further.
    suspect: bool = False
    #: Not to be sent before this moment.
    due: float = 0.0

    @property
    def tokens(self) -> int:
        """The estimated length of all its texts."""
        return sum(piece.tokens for piece in self.pieces)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is sent."""
        return tuple(piece.text for piece in self.pieces)

    def halves(self, *, suspect: bool, due: float = 0.0) -> tuple[Job, Job]:
        """Cut it in two."""
        middle = len(self.pieces) // 2
        job = replace(self, attempts=0, suspect=suspect, due=due)
        return (
            replace(job, pieces=self.pieces[:middle]),
            replace(job, pieces=self.pieces[middle:]),
        )


def sendable(text: str) -> str:
    """Give the text as UTF-8 can hold it: a lone surrogate becomes U+FFFD.

    One such text makes every server refuse its whole batch.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def estimate(text: str) -> int:
    """Give about how many tokens the text has: 4 letters each, or 0.8 for a wide character."""
    characters = len(text)
    wide = (len(text.encode()) - characters) // 2
    return 1 + (characters - wide) // 4 + wide * 4 // 5


def surely(text: str) -> int:
    """Give a number of tokens that the text has at least.

    No token reaches across a space, and none holds more than about four wide characters.
    """
    wide = sum(-(-len(run) // 4) for run in re.findall(_WIDE, text))
    return wide + len(re.sub(_WIDE, " ", text).split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the planner asks about the texts it has read."""

    #: What a text without content looks like, bare and inside the templates.
    blank: Collection[str] = ("",)
    #: Why a text cannot be sent, None where it can.
    too_long: Callable[[str], Failure | None] = lambda _: None
    #: A number that changes whenever `too_long` may answer otherwise than before.
    lessons: Callable[[], int] = lambda: 0
    #: Called once, with the first texts, before the first batch is cut.
    begin: Callable[[Sequence[Piece]], None] = lambda _: None


_NO_RULES: Final = Rules()


class Planner:
    """Cuts batches from `items`; what needs no request is put aside as refused."""

    def __init__(self, items: Iterable[EmbedItem], load: Load, *, rules: Rules = _NO_RULES) -> None:
        self._items: Iterator[EmbedItem] = iter(items)
        self._load = load
        self._rules = rules
        self._blank = frozenset(form.strip() for form in rules.blank)
        self._lessons = rules.lessons()
        self._begun = False
        self._ahead = MAX_ITEMS // 2
        self._pieces: list[Piece] = []
        self._refused: list[Embedded] = []
        self._downward = False
        self.exhausted = False

    @property
    def pending(self) -> int:
        """How many texts were read and not yet given out."""
        return len(self._pieces)

    def refused(self) -> Iterator[Embedded]:
        """Give the outcomes of texts that are not sent: blank, or too long."""
        while self._refused:
            yield self._refused.pop()

    def next(self) -> Job | None:
        """Give the next batch; None when there is none now (`exhausted`: nor ever again)."""
        self._look_again()
        batch, full = self._cut()
        if not full and not self.exhausted:
            self._read()
            batch, full = self._cut()
        if not batch:
            return None
        del self._pieces[: len(batch)]
        return Job(pieces=tuple(batch))

    def _cut(self) -> tuple[list[Piece], bool]:
        """Give the batch at the front, and whether it could not hold one more."""
        tokens = 0.0
        batch: list[Piece] = []
        for piece in self._pieces:
            cost = piece.tokens * self._load.factor
            if batch and (tokens + cost > self._load.tokens or len(batch) >= self._load.items):
                return batch, True
            batch.append(piece)
            tokens += cost
        return batch, len(batch) >= self._load.items

    def _read(self) -> None:
        """Read on and sort. The direction turns, so what was left over now comes first."""
        wanted = self._ahead - len(self._pieces)
        self._ahead = min(LOOK_AHEAD, self._ahead * 2)
        got = 0
        for item in islice(self._items, max(wanted, 1)):
            got += 1
            piece = self._prepared(item)
            if piece is not None:
                self._pieces.append(piece)
        self.exhausted = got < max(wanted, 1)
        self._downward = not self._downward
        self._pieces.sort(key=attrgetter("tokens"), reverse=self._downward)
        if not self._begun:
            self._begun = True
            self._rules.begin(self._pieces)

    def _look_again(self) -> None:
        """Take out what is known by now to be too long."""
        lessons = self._rules.lessons()
        if lessons != self._lessons:
            self._lessons = lessons
            self._pieces = [piece for piece in self._pieces if self._may_leave(piece)]

    def _prepared(self, item: EmbedItem) -> Piece | None:
        if item.text.strip() in self._blank:
            self._put_aside(item, failure("embed.empty_input"))
            return None
        text = sendable(item.text)
        piece = Piece(item=item, text=text, tokens=estimate(text))
        return piece if self._may_leave(piece) else None

    def _may_leave(self, piece: Piece) -> bool:
        found = self._rules.too_long(piece.text)
        if found is not None:
            self._put_aside(piece.item, found)
        return found is None

    def _put_aside(self, item: EmbedItem, found: Failure) -> None:
        detail = found.detail | {"characters": len(item.text)}
        self._refused.append(Embedded(key=item.key, failure=replace(found, detail=detail)))
