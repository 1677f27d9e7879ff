"""The model that comes with kb as an embedder: no server, no network, a few languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from kb.embed import Embedder
from kb.embed.now import numbered
from kb.errors import UsageError, failure
from kb.model import Embedded, EmbedItem, Profile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.model import Matrix

#: Texts encoded at once.
BLOCK: Final = 256


class StaticModel(Protocol):
    """What kb needs of a built-in model."""

    @property
    def name(self) -> str:
        """For instance "builtin:static"."""

    @property
    def dimensions(self) -> int:
        """The length of its vectors."""

    @property
    def revision(self) -> str:
        """What its files hash to."""

    def encode(self, texts: Sequence[str], /) -> tuple[Matrix, NDArray[np.bool_]]:
        """Give vectors, shape (n, dimensions), and which of them mean something, shape (n,)."""


class BuiltinEmbedder(Embedder):
    """Embeds with a static model in this process.

    `dense_weight`: how far its scores are to be trusted in a hybrid search, 0 to 1.
    """

    def __init__(self, model: StaticModel, *, dense_weight: float) -> None:
        self._model = model
        self._profile = Profile(
            provider="builtin",
            model=model.name,
            dimensions=model.dimensions,
            query_template="{text}",
            passage_template="{text}",
            revision=model.revision,
            dense_weight=dense_weight,
        )

    @property
    def profile(self) -> Profile:
        """What makes this embedder's vectors comparable with others."""
        return self._profile

    def prepare(self, *, longest: int) -> None:
        """Do nothing: a text of any length is read to its end."""

    def embed(self, items: Iterable[EmbedItem]) -> Iterator[Embedded]:
        """Give each text's vector, or none where the model does not know the language."""
        stream = iter(items)
        while block := tuple(islice(stream, BLOCK)):
            rows, known = self._model.encode([item.text for item in block])
            for row, item in enumerate(block):
                if not item.text.strip():
                    yield Embedded(key=item.key, failure=failure("embed.empty_input"))
                else:
                    yield Embedded(key=item.key, vector=rows[row].copy() if known[row] else None)

    def embed_now(self, texts: Sequence[str]) -> list[Embedded]:
        """Give a few texts' outcomes in their order."""
        return list(self.embed(numbered(texts)))

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def load(name: str) -> Embedder:
    """Give the built-in model of that name as an embedder; raises `UsageError`."""
    if name == "builtin:minilm":
        from kb.embed.builtin_minilm.embedder import MiniLmEmbedder

        return MiniLmEmbedder()
    if name == "builtin:static":
        from kb.embed.builtin import DENSE_WEIGHT, load_static_model

        return BuiltinEmbedder(load_static_model(), dense_weight=DENSE_WEIGHT)
    raise UsageError(
        failure(
            "embed.model_not_found",
            f"There is no built-in model named {name!r}.",
            hint="The built-in models are builtin:static and builtin:minilm.",
        )
    )
