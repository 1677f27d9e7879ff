"""What makes vectors comparable, and texts on their way to become some."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from kb.errors import Failure

if TYPE_CHECKING:
    from kb.model.arrays import Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything that makes two vectors comparable; one knowledge base generation has one."""

    #: "builtin" or "endpoint".
    provider: str
    model: str
    dimensions: int
    #: Each holds `{text}` once.
    query_template: str
    passage_template: str
    #: What the model's files hash to, where that can be known.
    revision: str = ""
    normalised: bool = True
    #: The share of the dense score in a hybrid search, 0 to 1. Not part of the identity.
    dense_weight: float = 0.5

    def query(self, text: str) -> str:
        """Give the exact text to embed for a question. The only place that does so."""
        return self.query_template.replace("{text}", text)

    def passage(self, text: str) -> str:
        """Give the exact text to embed for a passage. The only place that does so."""
        return self.passage_template.replace("{text}", text)

    @property
    def identity(self) -> dict[str, Any]:
        """The fields in which two profiles must agree for their vectors to be comparable."""
        fields = asdict(self)
        del fields["dense_weight"]
        return fields

    def differences(self, other: Profile) -> dict[str, tuple[Any, Any]]:
        """Give the identity fields in which `other` differs, each with both values."""
        theirs = other.identity
        mine = self.identity
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Profile:
        """Read what `as_json` wrote; keys this version does not know are left out."""
        return cls(**{each.name: written[each.name] for each in fields(cls)})

    @property
    def digest(self) -> str:
        """SHA-256 of the identity, hexadecimal."""
        text = json.dumps(self.identity, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Give the profile as the JSON contract shows it."""
        return asdict(self) | {"digest": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedItem:
    """A text on its way to the embedder, exactly as it will be sent."""

    key: bytes
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embedded:
    """What became of one text: a vector, a failure, or neither where the model abstains.

    The built-in model abstains from languages it does not know; such a passage is found by its
    words alone.
    """

    key: bytes
    vector: Vector | None = None
    failure: Failure | None = None


def text_key(text: str) -> bytes:
    """Give the SHA-256 (32 bytes) under which the vector of exactly this text is kept."""
    return hashlib.sha256(text.encode()).digest()
