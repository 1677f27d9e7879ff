"""Which model has vectors of which length, and what it means where they differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A model by its name and the length of its vectors."""

    pattern: re.Pattern[str]
    name: str
    dimensions: int
    #: It was trained so that the beginning of a vector is a vector.
    shortens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A name and a length that do not go together: what is seen, and what to do."""

    message: str
    hint: str


def _known(pattern: str, name: str, dimensions: int, *, shortens: bool = False) -> Known:
    compiled = re.compile(pattern, re.IGNORECASE)
    return Known(pattern=compiled, name=name, dimensions=dimensions, shortens=shortens)


#: The first that fits counts. All that lie at one length are named together.
KNOWN: Final = (
    _known(r"qwen3.*embed.*0[._]6b", "Qwen3-Embedding-0.6B", 1024, shortens=True),
    _known(r"qwen3.*embed.*4b", "Qwen3-Embedding-4B", 2560, shortens=True),
    _known(r"qwen3.*embed.*8b", "Qwen3-Embedding-8B", 4096, shortens=True),
    _known(r"minilm", "MiniLM", 384),
    _known(r"bge-m3", "bge-m3", 1024),
    _known(r"bge-small-zh", "bge-small-zh", 512),
    _known(r"bge-small", "bge-small", 384),
    _known(r"bge-base", "bge-base", 768),
    _known(r"bge-large", "bge-large", 1024),
    _known(r"(^|[/_-])e5-small", "e5-small", 384),
    _known(r"(^|[/_-])e5-base", "e5-base", 768),
    _known(r"(^|[/_-])e5-large", "e5-large", 1024),
    _known(r"nomic-embed-text", "nomic-embed-text", 768, shortens=True),
    _known(r"text-embedding-3-large", "text-embedding-3-large", 3072, shortens=True),
    _known(r"text-embedding-3-small", "text-embedding-3-small", 1536, shortens=True),
    _known(r"text-embedding-ada-002", "text-embedding-ada-002", 1536),
)


def suggestion(dimensions: int) -> str:
    """Give the names of known models with vectors of this length, "" where none is known."""
    names = [known.name for known in KNOWN if known.dimensions == dimensions]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def contradiction(model: str, dimensions: int) -> Contradiction | None:
    """Give what is wrong where a model of this name has vectors of another length."""
    found = next((known for known in KNOWN if known.pattern.search(model)), None)
    if found is None or found.dimensions == dimensions:
        return None
    others = suggestion(dimensions)
    # A sibling is the likeliest: Qwen3-Embedding-0.6B in place of 4B.
    family = found.name.partition("-")[0]
    sibling = next(
        (each.name for each in KNOWN if each.dimensions == dimensions and family in each.name),
        others,
    )
    runs = f"the server runs {sibling} under that name" if sibling else "it is another model"
    shorter = found.shortens and dimensions < found.dimensions
    shortens = ", or shortens the vectors" if shorter else ""
    return Contradiction(
        message=f"Vectors have {dimensions:,} numbers and {found.name} has {found.dimensions:,}: "
        f"{runs}{shortens}.",
        hint=f"Start the server with the model you mean (vLLM: `vllm serve` followed by its full "
        f"name; see `root` in /models), or set KB_MODEL to what it is. If {dimensions:,} is what "
        f"you want, set KB_DIMENSIONS={dimensions}.",
    )
