"""What answers on other ports and other hosts than the one that was asked for?"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from kb.doctor.exchange import Caller
from kb.doctor.network.listing import has, joined, listing, routes
from kb.doctor.network.strangers import stranger
from kb.doctor.network.wire import knock, look_up

What: TypeAlias = Literal["api", "chat", "locked", "other"]

#: vLLM and many others; web programs; Gradio; Ollama; Open WebUI; a second vLLM; SGLang.
USUAL_PORTS: Final = (8000, 8080, 7860, 11434, 3000, 8001, 5000, 30000)
#: How long each look may take, in seconds. They are made side by side.
_LOOK_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Something that answers at a host and port."""

    host: str
    port: int
    what: What
    #: As a sentence goes on after "port 8000: ".
    told: str

    @property
    def base(self) -> str:
        """Where its API would be."""
        return f"http://{bracketed(self.host)}:{self.port}/v1"


def bracketed(host: str) -> str:
    """Give the host as a URL holds it."""
    return f"[{host}]" if ":" in host else host


def look_around(places: Iterable[tuple[str, int]]) -> list[Neighbour]:
    """Give what answers at each (host, port), APIs first. No key is sent to any of them."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = [met for met in pool.map(_met, places) if met is not None]
    rank = {"api": 0, "locked": 1, "chat": 2, "other": 3}
    return sorted(found, key=lambda met: rank[met.what])


def _met(at: tuple[str, int]) -> Neighbour | None:
    host, port = at
    if not look_up(host, port, timeout=_LOOK_S).addresses:
        return None
    if knock(host, port, timeout=_LOOK_S).kind != "open":
        return None
    what, told = _known(f"http://{bracketed(host)}:{port}")
    return Neighbour(host=host, port=port, what=what, told=told)


def _known(root: str) -> tuple[What, str]:
    with closing(Caller(root, api_key=None)) as caller:
        models = caller.get(f"{root}/v1/models", timeout=_LOOK_S)
        if models.error is not None:
            return "other", "something that is no web server"
        listed = listing(models)
        if listed is not None:
            paths = routes(caller.get(f"{root}/openapi.json", timeout=_LOOK_S))
            chats = has(paths, "/models") and not has(paths, "/embeddings")
            kind = "an API for generated text" if chats else "an API"
            return "chat" if chats else "api", f"{kind} that lists {joined(listed.names)}"
        if models.status in {401, 403} and not models.is_page:
            return "locked", "an API that asks for a key"
        known = stranger(models.text) or stranger(caller.get(f"{root}/", timeout=_LOOK_S).text)
        return "other", known.name if known else "a web server without /v1/models"
