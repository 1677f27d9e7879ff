"""How near a few passages lie to a question, without an index made with the model."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kb.embed.builtin_minilm.cached import check_installed
from kb.embed.builtin_minilm.weights import LONGEST

if TYPE_CHECKING:
    from kb.embed.builtin_minilm.model import MiniLm
    from kb.model import Vector


def cosines(question: str, passages: Sequence[str]) -> list[float | None] | None:
    """Give each passage's cosine to the question, None for one in a language not known.

    None where the question is in such a language. A text longer than the model reads is judged by
    its beginning. Raises `UsageError` where the model is not installed.
    """
    from kb.embed.builtin_minilm.embedder import processors
    from kb.embed.builtin_minilm.model import load

    check_installed()
    model = load()
    asked = _vector(model, question)
    if asked is None:
        return None
    with ThreadPoolExecutor(processors()) as pool:
        found = pool.map(lambda text: _vector(model, text), passages)
        return [None if each is None else float(each @ asked) for each in found]


def _vector(model: MiniLm, text: str) -> Vector | None:
    if not model.knows(text):
        return None
    ids = model.ids(text)
    return model.vector(ids if len(ids) <= LONGEST else [*ids[: LONGEST - 1], ids[-1]])
