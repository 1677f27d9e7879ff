"""How far into a text does the endpoint read, where it does not say so?

Some servers cut a text that is too long and answer as if nothing were. One long text is embedded,
and again with other words from some place on: alike vectors mean that nothing from there on was
read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kb.model import Vector

#: Words that have one token each in nearly every vocabulary, and at least one in all: so many
#: words read are at least so many tokens read.
_WORDS: Final = ("the", "house", "is", "by", "the", "river", "and", "we", "go", "there", "again")
_OTHERS: Final = ("music", "market", "war", "school", "tax", "engine", "sugar", "paper", "doctor")
#: Vectors at this cosine are called the same. The same text again lies at 0.9998 or above
#: (llama.cpp, in another batch). Where only one word in sixteen differs, vectors may be called the
#: same too: then the endpoint reads a little more than is found, which does no harm.
_SAME: Final = 0.9995
#: It is searched until the place is known to so many words, or to a sixteenth of what is read.
_NEAR: Final = 4
_SHARE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many tokens of a text are read at least, and whether there are more that are not."""

    tokens: int
    cut: bool


def find_reach(embed: Callable[[str], Vector | None], longest: int) -> Reach | None:
    """Find out whether `longest` tokens are read, else how many.

    Two requests where all is read, else about one more for each time that `longest` can be halved
    (7 for 1,024 tokens of which 512 are read). `embed` gives None for a text that the endpoint
    refuses. Such an endpoint does not cut, and the answer is None; so it is where the vectors do
    not tell one text from another.
    """
    # The part that differs must be large enough to show in the mean of all words.
    size = longest * 4 // 3 + 1
    whole = embed(_text(size, size))
    if whole is None:
        return None

    def read_beyond(place: int) -> bool | None:
        other = embed(_text(place, size))
        return None if other is None else float(whole @ other) < _SAME

    beyond = read_beyond(longest)
    if beyond is not False:
        return Reach(tokens=longest, cut=False) if beyond else None
    low, high = 0, longest
    while high - low > max(_NEAR, low // _SHARE):
        middle = (low + high) // 2
        if read_beyond(middle):
            low = middle
        else:
            high = middle
    return Reach(tokens=low, cut=True) if low else None


def _text(place: int, size: int) -> str:
    """Give `size` words, other ones from `place` on."""
    words = [_WORDS[i % len(_WORDS)] for i in range(place)]
    return " ".join(words + [_OTHERS[i % len(_OTHERS)] for i in range(place, size)])
