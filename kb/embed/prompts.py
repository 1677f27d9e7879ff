"""What is written around a question and around a passage before either is embedded.

A model was trained with one form; another form costs recall without any error. The templates
belong to the profile, so that what searches and what was stored can never differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kb.errors import UsageError, failure

#: The task that Qwen's own examples name.
QWEN3_TASK: Final = "Given a web search query, retrieve relevant passages that answer the query"
_SLOT: Final = "{text}"


def _qwen3(task: str) -> str:
    # Qwen's form has no space after `Query:`.
    return f"Instruct: {task}\nQuery:{_SLOT}"


#: Name of a convention to its (query template, passage template).
PROMPTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "e5": ("query: {text}", "passage: {text}"),
        "qwen3": (_qwen3(QWEN3_TASK), _SLOT),
        "none": (_SLOT, _SLOT),
    }
)

#: Which convention a model family was trained with, and what to call the family.
_FAMILIES: Final = (
    (re.compile(r"qwen3.*embed", re.IGNORECASE), "qwen3", "Qwen3-Embedding"),
    (re.compile(r"(^|[/_-])e5-(?!.*instruct)", re.IGNORECASE), "e5", "E5"),
    (re.compile(r"bge-m3|minilm|text-embedding-(3|ada)", re.IGNORECASE), "none", "this model"),
)
_FORMS: Final = {
    "qwen3": "an instruction before the question and nothing before a passage",
    "e5": "`query: ` before the question and `passage: ` before a passage",
    "none": "the bare text on both sides",
}


def templates(
    prompts: str,
    *,
    query_template: str | None = None,
    passage_template: str | None = None,
    instruction: str | None = None,
) -> tuple[str, str]:
    """Give the (query template, passage template) that the settings name.

    Raises `UsageError` where they contradict one another.
    """
    if prompts == "custom":
        if instruction is not None:
            raise _wrong("embedding.instruction belongs to embedding.prompts = qwen3.")
        return (
            _checked("query_template", query_template),
            _checked("passage_template", passage_template),
        )
    if query_template is not None or passage_template is not None:
        raise _wrong("Templates of your own are used only with embedding.prompts = custom.")
    if prompts not in PROMPTS:
        raise _wrong(f"There are no prompts named {prompts!r}: use {', '.join(PROMPTS)} or custom.")
    if instruction is None:
        return PROMPTS[prompts]
    return _instructed(prompts, instruction)


def prompt_warning(model: str, prompts: str) -> str | None:
    """Give a sentence where the model's family wants other prompts than those set."""
    for pattern, wanted, family in _FAMILIES:
        if pattern.search(model) and prompts in PROMPTS and prompts != wanted:
            who = "Qwen recommends" if wanted == "qwen3" else f"The makers of {family} recommend"
            return (
                f"{model} is used with the prompts `{prompts}`. {who} {_FORMS[wanted]}: "
                f"set embedding.prompts = {wanted}, or measure both with `kb doctor --prompts`."
            )
    return None


def _instructed(prompts: str, instruction: str) -> tuple[str, str]:
    if prompts != "qwen3":
        raise _wrong("embedding.instruction belongs to embedding.prompts = qwen3.")
    if _SLOT in instruction or not instruction.strip():
        raise _wrong("embedding.instruction is a sentence that says the task, without {text}.")
    return _qwen3(instruction.strip()), _SLOT


def _checked(name: str, template: str | None) -> str:
    if template is None or template.count(_SLOT) != 1:
        raise _wrong(f"With embedding.prompts = custom, embedding.{name} holds {{text}} once.")
    return template


def _wrong(message: str) -> UsageError:
    return UsageError(failure("usage.settings", message, hint="Correct [embedding] in kb.toml."))
