"""What makes vectors comparable, and texts on their way to become some."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from kb.errors import Failure

if TYPE_CHECKING:
    from kb.model.arrays import Vector


#: The share of the dense score where nobody knows the model better.
USUAL_WEIGHT: Final = 0.5
#: What is found out about a model's vectors and does not make them others.
_MEASURED: Final = frozenset({"dense_weight", "weighed"})


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
    dense_weight: float = USUAL_WEIGHT
    #: How many questions made of the user's own passages set that share; 0: nobody measured it.
    weighed: int = 0

    def query(self, text: str) -> str:
        """Give the exact text to embed for a question. The only place that does so."""
        return self.query_template.replace("{text}", text)

    def passage(self, text: str) -> str:
        """Give the exact text to embed for a passage. The only place that does so."""
        return self.passage_template.replace("{text}", text)

    @property
    def identity(self) -> dict[str, Any]:
        """The fields in which two profiles must agree for their vectors to be comparable."""
        return {name: value for name, value in asdict(self).items() if name not in _MEASURED}

    def differences(self, other: Profile) -> dict[str, tuple[Any, Any]]:
        """Give the identity fields in which `other` differs, each with both values."""
        theirs = other.identity
        mine = self.identity
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Profile:
        """Read what `as_json` wrote; keys this version does not know are left out."""
        known = (each.name for each in fields(cls) if each.name in written)
        return cls(**{name: written[name] for name in known})

    @property
    def digest(self) -> str:
        """SHA-256 of the identity, hexadecimal."""
        import hashlib  # loads OpenSSL, which most commands have no use for

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
    import hashlib

    return hashlib.sha256(text.encode()).digest()
