"""A few texts whose vectors are wanted in their order, at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kb.model import Embedded, EmbedItem


def numbered(texts: Sequence[str]) -> list[EmbedItem]:
    """Give texts as items whose keys are their places."""
    return [EmbedItem(key=str(place).encode(), text=text) for place, text in enumerate(texts)]


def in_order(outcomes: Iterable[Embedded]) -> list[Embedded]:
    """Give the outcomes of `numbered` texts in the order of the texts."""
    return sorted(outcomes, key=lambda outcome: int(outcome.key))
