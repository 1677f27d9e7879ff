"""The first passages of a search in the order that somebody else gives them, a reranker say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from kb.search.fuse import Scored, scale_by_range
from kb.store import Snapshot

#: So many of the first passages are scored anew.
POOL: Final = 50


class Rescore(Protocol):
    """Scores some texts anew."""

    @property
    def share(self) -> float:
        """How much of a score the new one is, 0 to 1; the rest is what the words gave."""

    def __call__(self, passages: Sequence[str], /) -> Sequence[float | None] | None:
        """Give a score for each text, None for one that got none; None where none was scored."""


def rescored(snapshot: Snapshot, scored: Sequence[Scored], rescore: Rescore) -> Sequence[Scored]:
    """Put the first `POOL` passages in the order that `rescore` gives them; the others follow."""
    passages = snapshot.passages([each.chunk_id for each in scored[:POOL]])
    pool = [each for each in scored[:POOL] if each.chunk_id in passages]
    if not pool:
        return scored
    values = rescore([passages[each.chunk_id].chunk.with_context for each in pool])
    if values is None:
        return scored
    if rescore.share < 1:
        return below(joined(pool, values, share=rescore.share), scored[POOL:])
    given = reordered(pool, values)
    return below(given, scored[POOL:])


def reordered(scored: Sequence[Scored], values: Sequence[float | None]) -> list[Scored]:
    """Order by the new scores, ties as before; what got none follows, in the order it had.

    A score is then the new one, and one of those that follow lies below the lowest of these.

    >>> one, two = (Scored(chunk_id=n, score=1 / n, dense=None, lexical=None) for n in (1, 2))
    >>> [(each.chunk_id, each.score) for each in reordered([one, two], [None, 0.7])]
    [(2, 0.7), (1, 0.7)]
    """
    given = [
        replace(each, score=value, rerank=value)
        for each, value in zip(scored, values, strict=True)
        if value is not None
    ]
    left = [each for each, value in zip(scored, values, strict=True) if value is None]
    return below(sorted(given, key=lambda each: -each.score), left)


def joined(
    scored: Sequence[Scored], values: Sequence[float | None], *, share: float
) -> list[Scored]:
    """Order by the words' scores and the new ones together, as `fuse` joins words and meaning.

    What got no new score has the words' alone.

    >>> one, two = (Scored(chunk_id=n, score=0, dense=None, lexical=1 / n) for n in (1, 2))
    >>> [(each.chunk_id, each.score) for each in joined([one, two], [0.1, 0.7], share=0.5)]
    [(2, 0.75), (1, 0.5)]
    """
    scaled = scale_by_range({at: value for at, value in enumerate(values) if value is not None})
    found = [
        replace(each, score=(1 - share) * (each.lexical or 0.0) + share * scaled.get(at, 0.0))
        for at, each in enumerate(scored)
    ]
    told = [replace(each, rerank=values[at]) for at, each in enumerate(found)]
    return sorted(told, key=lambda each: -each.score)


def below(first: Sequence[Scored], others: Sequence[Scored]) -> list[Scored]:
    """Append others, with their scores moved below those that come first."""
    if not first:
        return list(others)
    room = first[-1].score - max((each.score for each in others), default=0.0)
    return [*first, *(replace(each, score=each.score + min(0.0, room)) for each in others)]
