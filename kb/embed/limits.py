"""Does the endpoint read all of a text? What it says, what it refuses, and what it counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from threading import Lock
from typing import Final

from kb.embed.count import at_most, weigh
from kb.errors import Failure, failure

#: How far the endpoint's counts may lie above the estimate: before it has counted anything, and
#: beyond the highest share seen so far. Counts are those of whole requests, and one text may have
#: more tokens for its letters than its neighbours.
_UNSEEN: Final = 1.5
_MARGIN: Final = 1.25
#: Shares of the estimate that are believed. With the margin, the least of them is 1: one language
#: that a model counts cheaply says nothing about the next one.
_LEAST_SHARE: Final = 0.8
_MOST_SHARE: Final = 4.0
#: The least of it where nobody objects to a text that is cut. Of what MiniLM's tokenizer makes of
#: other languages and of codes, this holds German (1.4), base64 (1.5), Polish (1.5), DNA (1.7).
_SILENT: Final = 1.75
#: No embedding model reads less: a refusal of a shorter text that names no limit teaches nothing.
_SHORT: Final = 128
#: How servers name the limit when they refuse a text.
_NAMED: Final = (
    r"(?i)(?:maximum context length (?:is|of)|context length is only|must have less than"
    r"|available context size \(|n_ctx['\"]?\s*[:=])\s*(\d+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the endpoint says of a text: its length, and the limit where it names one."""

    tokens: int
    max_model_len: int | None = None


class Limits:
    """How long a text may be, as far as that is known; safe to use from several threads.

    `most`: the limit in tokens, None where none is known. `count`: asks the endpoint for a text's
    exact length; it gives None where the endpoint does not count.
    """

    def __init__(self, most: int | None, *, count: Callable[[str], Counted | None]) -> None:
        self.most = most
        self._count = count
        self._share: float | None = None
        #: The estimate of the shortest text that was refused without a limit being named.
        self._heavy: int | None = None
        #: The endpoint cuts what is too long and says nothing.
        self._silent = False
        self._lock = Lock()
        #: How often a refusal taught something new.
        self.lessons = 0

    def lower(self, most: int, *, silent: bool = False) -> None:
        """Take over a limit, unless a lower one is known; `silent`: beyond it texts are cut."""
        with self._lock:
            self._silent = self._silent or silent
            self.most = max(1, most if self.most is None else min(self.most, most))

    def too_long(self, text: str) -> Failure | None:
        """Give the failure where the endpoint does not read all of the text; None where it does.

        Only a text whose estimate comes near the limit is counted by the endpoint.
        """
        most = self.most
        if most is not None and at_most(text) > most and self._likely(text) > most:
            counted = self.count(text)
            if counted is None:
                return _too_long(f"about {self._likely(text):,}", self._likely(text), most)
            if counted > most:
                return _too_long(f"{counted:,}", counted, most)
        heavy = self._heavy
        if heavy is not None and (weight := weigh(text)) >= heavy:
            return _too_long(f"about {weight:,}", weight, heavy - 1)
        return None

    def count(self, text: str) -> int | None:
        """Give the endpoint's own count of the text's tokens, None where it does not count."""
        counted = self._count(text)
        if counted is None:
            return None
        self.saw([text], counted.tokens)
        return counted.tokens

    def saw(self, texts: Sequence[str], tokens: int | None) -> None:
        """Learn from the number of tokens that the endpoint counted in these texts."""
        # infinity counts characters.
        if tokens is None or abs(tokens - sum(map(len, texts))) <= 1:
            return
        share = min(_MOST_SHARE, max(_LEAST_SHARE, tokens / sum(map(weigh, texts))))
        with self._lock:
            self._share = share if self._share is None else max(self._share, share)

    def refused(self, texts: Sequence[str], words: str) -> None:
        """Learn from a refusal of these texts as too long, and from what the endpoint said."""
        named = self._named(texts, words)
        weight = weigh(texts[0])
        with self._lock:
            if named is not None:
                # vLLM before 0.32 hangs on an input of exactly its limit.
                lower = max(1, named - 1)
                if self.most is None or lower < self.most:
                    self.most = lower
                    self.lessons += 1
            elif len(texts) == 1 and _SHORT < weight < (self._heavy or weight + 1):
                self._heavy = weight
                self.lessons += 1

    def _named(self, texts: Sequence[str], words: str) -> int | None:
        """Give the limit that the words name, unless they are a text's own, or cannot be true."""
        named = named_limit(words)
        if named is None or any(str(named) in text for text in texts):
            return None
        return named if named < max(map(at_most, texts)) else None

    def _likely(self, text: str) -> int:
        share = self._share
        least = _SILENT if self._silent else 0.0
        return ceil(weigh(text) * max(least, _UNSEEN if share is None else share * _MARGIN))


def named_limit(words: str) -> int | None:
    """Give the limit in tokens that a server names when it refuses a text, None where it does not.

    >>> named_limit("This model's maximum context length is 512 tokens.")
    512
    """
    found = re.search(_NAMED, words)
    return int(found[1]) if found else None


def _too_long(told: str, tokens: int, limit: int) -> Failure:
    return failure(
        "embed.input_too_long",
        f"The text has {told} tokens, and the endpoint reads {limit:,} at most.",
        tokens=tokens,
        limit=limit,
    )
