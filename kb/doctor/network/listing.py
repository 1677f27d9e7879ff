"""What a server says of itself: the models it lists and the paths it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from kb.doctor.exchange import Exchange
from kb.embed.session import Served

#: So many models are named in a sentence.
_NAMED: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The answer to GET /models."""

    served: tuple[Served, ...]
    #: Who serves them, as the server says: "vllm", "llamacpp", "library", ...
    owners: frozenset[str]

    @property
    def names(self) -> list[str]:
        """The models' names."""
        return [served.name for served in self.served]

    @property
    def may_be_vllm(self) -> bool:
        """True where vLLM, or nobody, is named as the owner."""
        return not self.owners or "vllm" in self.owners


def listing(exchange: Exchange) -> Listing | None:
    """Read an answer to GET /models; None where it is not a list of models."""
    answer = exchange.json() if exchange.status == 200 else None
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        return None
    entries = [e for e in data if isinstance(e, dict) and isinstance(e.get("id"), str)]
    if data and not entries:
        return None
    owners = {entry.get("owned_by") for entry in entries}
    return Listing(
        served=tuple(
            Served(name=entry["id"], max_model_len=_positive(entry.get("max_model_len")))
            for entry in entries
        ),
        owners=frozenset(owner for owner in owners if isinstance(owner, str)),
    )


def routes(exchange: Exchange) -> frozenset[str]:
    """Give the paths that an /openapi.json lists; empty where there is none."""
    answer = exchange.json() if exchange.status == 200 else None
    paths = answer.get("paths") if isinstance(answer, dict) else None
    return frozenset(paths) if isinstance(paths, dict) else frozenset()


def has(paths: frozenset[str], ending: str) -> bool:
    """Tell whether a path with this ending is among them."""
    return any(path.rstrip("/").endswith(ending) for path in paths)


def origin(url: str) -> str:
    """Give scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def joined(names: Sequence[str]) -> str:
    """Give the names for a sentence; of many, the first few and how many more."""
    shown = ", ".join(name[:80] for name in names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _positive(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None
