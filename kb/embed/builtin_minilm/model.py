"""The model at work: token ids, ONNX Runtime, unit vectors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kb.embed.builtin.language import EnglishGate
from kb.embed.builtin.wordpiece import WordPiece, split_words
from kb.embed.builtin_minilm.cached import model_file
from kb.embed.builtin_minilm.recipe import INPUT, VOCABULARY
from kb.embed.builtin_minilm.weights import not_installed

if TYPE_CHECKING:
    from kb.model import Vector

_ERRORS_ONLY: Final = 3


@dataclass(frozen=True, slots=True)
class MiniLm:
    """Turns English texts into unit vectors; safe to share between threads."""

    session: Any
    wordpiece: WordPiece
    gate: EnglishGate
    first: int
    last: int
    unknown: int

    def knows(self, text: str) -> bool:
        """Say whether the text is in a language that the model knows."""
        return self.gate.admits(text)

    def ids(self, text: str) -> list[int]:
        """Give all tokens of the text, the marks of its ends included, however many they are."""
        rows = self.wordpiece.rows
        found = [self.first]
        for word in split_words(text):
            found += rows((word,)) or (self.unknown,)
        return [*found, self.last]

    def vector(self, ids: list[int]) -> Vector:
        """Give the unit vector, (384,), of a text's tokens, of which there are `LONGEST` at most.

        The mean over all tokens. It does not depend on other texts.
        """
        (mean,) = self.session.run(None, {INPUT: np.array(ids, np.int64)})
        vector: Vector = mean / np.sqrt(np.dot(mean, mean))
        return vector


@cache
def load() -> MiniLm:
    """Give the model, read once per process. Raises `UsageError` where it is not installed."""
    data = model_file()
    session = _session(data)
    pieces = session.get_modelmeta().custom_metadata_map[VOCABULARY].split("\n")
    rows = {piece: row for row, piece in enumerate(pieces) if piece}
    first, last, unknown = (rows[mark] for mark in ("[CLS]", "[SEP]", "[UNK]"))
    return MiniLm(session, WordPiece(rows), _gate(), first, last, unknown)


def _session(data: bytes) -> Any:  # noqa: ANN401 - ONNX Runtime has no types
    # It tells its maker of its use from its import on, unless it finds this.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise not_installed("ONNX Runtime") from error
    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    how = onnxruntime.SessionOptions()
    # Texts run side by side in threads of our own: one text is too little to be shared.
    how.intra_op_num_threads = how.inter_op_num_threads = 1
    # It remembers a plan of memory for each length of text that it has met.
    how.enable_mem_pattern = False
    return onnxruntime.InferenceSession(data, how, providers=["CPUExecutionProvider"])


def _gate() -> EnglishGate:
    from kb.embed.builtin import load_static_model

    return load_static_model().gate
