"""What is written around a question and a passage before a reranker reads them.

Qwen3-Reranker judges a conversation with a fixed beginning and end; without them its scores are
little better than chance. vLLM joins question and passage as they are sent, unless it was started
with a template of its own, so the client has to write them. All other models take both bare.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kb.embed.prompts import QWEN3_TASK

_FAMILY: Final = re.compile(r"qwen3[-_]?rerank", re.IGNORECASE)
#: The form that the model was trained with, to the letter.
_BEGINNING: Final = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and "
    'the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n'
    "<|im_start|>user\n"
)
_END: Final = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
#: A server that counts more tokens in two letters writes a template around them.
BARE_TOKENS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """How a question and a passage are sent, and how many tokens that adds to both, about."""

    name: str
    query: Callable[[str], str]
    passage: Callable[[str], str]
    tokens: int


def is_qwen3(model: str | None) -> bool:
    """Tell whether the name is that of a model that wants the template.

    >>> is_qwen3("Qwen/Qwen3-Reranker-0.6B"), is_qwen3("BAAI/bge-reranker-v2-m3"), is_qwen3(None)
    (True, False, False)
    """
    return model is not None and _FAMILY.search(model) is not None


def bare() -> Prompts:
    """Give both as they are."""
    return Prompts(name="none", query=str, passage=str, tokens=8)


def qwen3() -> Prompts:
    """Give the template of Qwen3-Reranker, with the task that Qwen's own examples name."""
    return Prompts(
        name="qwen3",
        query=lambda text: f"{_BEGINNING}<Instruct>: {QWEN3_TASK}\n<Query>: {_harmless(text)}\n",
        passage=lambda text: f"<Document>: {_harmless(text)}{_END}",
        tokens=96,
    )


def _harmless(text: str) -> str:
    """Keep a text from ending the conversation that it stands in and answering for the model."""
    return text.replace("<|", "< |")
