from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from kb.embed import open_builtin
from kb.embed.builtin_embedder import BLOCK, BuiltinEmbedder
from kb.errors import UsageError
from kb.model import EmbedItem


class Model:
    """Knows ASCII alone, and counts how much it was given at once."""

    name = "builtin:static"
    dimensions = 3
    revision = "ab" * 32

    def __init__(self) -> None:
        self.blocks: list[int] = []

    def encode(self, texts: Sequence[str], /) -> tuple[Any, Any]:
        self.blocks.append(len(texts))
        rows = np.eye(3, dtype=np.float32)[[len(text) % 3 for text in texts]]
        return rows, np.array([text.isascii() for text in texts])


def test_each_text_is_answered_and_unknown_languages_are_abstained_from() -> None:
    model = Model()
    texts = ["a", "合同", "bb", "", *["word"] * 600]
    items = [EmbedItem(key=str(n).encode(), text=text) for n, text in enumerate(texts)]
    outcomes = list(BuiltinEmbedder(model, dense_weight=0.2).embed(items))
    assert [outcome.key for outcome in outcomes] == [item.key for item in items]
    assert outcomes[0].vector is not None
    assert outcomes[0].vector.tolist() == [0, 1, 0]
    assert outcomes[1].vector is None
    assert outcomes[1].failure is None
    assert outcomes[3].failure is not None
    assert outcomes[3].failure.code == "embed.empty_input"
    assert max(model.blocks) == BLOCK


def test_no_more_than_a_block_is_read_ahead() -> None:
    read = 0

    def endless() -> Iterator[EmbedItem]:
        nonlocal read
        while True:
            read += 1
            yield EmbedItem(key=b"k", text="a")

    next(BuiltinEmbedder(Model(), dense_weight=0.2).embed(endless()))
    assert read == BLOCK


def test_a_question_in_an_unknown_language_has_no_vector() -> None:
    embedder = BuiltinEmbedder(Model(), dense_weight=0.2)
    unknown, known = embedder.embed_now(["退款", "refund"])
    assert unknown.vector is None
    assert unknown.failure is None
    assert known.vector is not None


def test_the_profile_says_which_model_and_how_far_to_trust_it() -> None:
    with open_builtin() as embedder:
        profile = embedder.profile
    assert (profile.provider, profile.model) == ("builtin", "builtin:static")
    assert (profile.dimensions, profile.dense_weight) == (256, 0.3)
    assert len(profile.revision) == 64
    assert profile.query("{a}") == profile.passage("{a}") == "{a}"


def test_its_vectors_are_of_unit_length() -> None:
    with open_builtin() as embedder:
        (outcome,) = embedder.embed_now([embedder.profile.query("When does the contract end?")])
    vector = outcome.vector
    assert vector is not None
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5


def test_another_name_is_a_setting_to_mend() -> None:
    with pytest.raises(UsageError) as caught:
        open_builtin("builtin:other")
    assert "builtin:static" in caught.value.failure.hint
