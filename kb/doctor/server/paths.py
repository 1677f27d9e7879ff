"""At which address is the API: as written, without /v1, somewhere else, or nowhere?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

from kb.doctor.check import Check, fail, failed, ok, warn
from kb.doctor.examination import GLANCE_S, Examination
from kb.doctor.exchange import Exchange, Outcome
from kb.doctor.network.listing import Listing, joined, listing, origin, routes
from kb.doctor.network.neighbours import USUAL_PORTS, bracketed, look_around
from kb.doctor.network.proxies import proxy_of
from kb.doctor.network.strangers import stranger
from kb.doctor.network.wire import place
from kb.embed.errors_map import of_reply, of_silence
from kb.embed.session import LIST_S

_WRONG: Final = "embed.wrong_path"
#: A path that can be asked for as it stands.
_EMBEDDINGS: Final = re.compile(r"(/[\w.~-]+)*/embeddings", re.ASCII)
#: How the addresses end that kb asks.
_ENDS: Final = ("/models", "/embeddings")
_GATEWAY: Final = frozenset({429, 502, 503, 504})
#: What does not speak of an embedding server at the address that was tried.
_NOBODY: Final = frozenset({_WRONG, "embed.invalid_response", "embed.unreachable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The API at `Examination.base`, and what was learnt on the way to it."""

    #: None: the server does not list its models.
    listing: Listing | None = None
    #: The answer to GET /models.
    exchange: Exchange | None = None
    #: What the server says of its paths.
    routes: frozenset[str] = frozenset()
    #: The one embedding request that was made, if any.
    outcome: Outcome | None = None


def looked(examination: Examination, base: str) -> Exchange:
    """Ask for the list of models at an address."""
    return examination.get(f"{base}/models", timeout=LIST_S)


def find(examination: Examination, found: list[Found]) -> Iterator[Check]:
    """Give the checks of the address; where the API is found, put it into `found` first."""
    configured = examination.base
    seen: list[Exchange] = []
    for base in (configured, *examination.others):
        exchange = looked(examination, base)
        seen.append(exchange)
        known = listing(exchange)
        if known is not None:
            yield from _settled(examination, base, found, listing=known, exchange=exchange)
            return
        trouble = _trouble(examination, exchange)
        if trouble is not None:
            yield trouble
            return
    yield from _unlisted(examination, seen, found)


def _trouble(examination: Examination, exchange: Exchange) -> Check | None:
    """Say what else keeps the question from being answered, if it is not the path."""
    curl = exchange.curl()
    if exchange.error is not None and exchange.error.kind == "timeout":
        message = f"The port is open, but GET /models got no answer within {LIST_S:g} s."
        hint = (
            "The server hangs or is overloaded: read its log (`kb doctor --log FILE` does), and "
            "restart it if nothing moves there."
        )
        return fail("server.path", message, hint, code="embed.timeout", curl=curl)
    if exchange.error is not None:
        return failed(
            "server.path", of_silence(examination.scene, exchange.error).failure, curl=curl
        )
    assert exchange.reply is not None
    if exchange.status in {401, 403, 407} and not exchange.is_page:
        return _locked(examination, exchange)
    if exchange.status in _GATEWAY:
        return failed("server.path", of_reply(examination.scene, exchange.reply).failure, curl=curl)
    if 300 <= exchange.status < 400:
        return redirected(examination, "server.path", exchange)
    return None


def _locked(examination: Examination, exchange: Exchange) -> Check:
    assert exchange.reply is not None
    curl = exchange.curl()
    found = of_reply(examination.scene, exchange.reply).failure
    if exchange.status == 407:
        return failed("server.key", found, curl=curl)
    if examination.settings.api_key:
        message = f"The server refuses the API key (HTTP {exchange.status})."
        hint = (
            "Set KB_API_KEY to the key that the server was started with (vLLM: --api-key or "
            "VLLM_API_KEY), without quotes or `Bearer`."
        )
    else:
        message = f"The server asks for an API key (HTTP {exchange.status}), and none is set."
        hint = "export KB_API_KEY=... with the key the server was started with (vLLM: --api-key)."
    return fail("server.key", message, hint, code=found.code, curl=curl, **found.detail)


def redirected(examination: Examination, name: str, exchange: Exchange) -> Check:
    """Give the failed check `name` for a request that the server sends on to another address."""
    assert exchange.reply is not None
    base = exchange.url.rpartition("/")[0]
    location = examination.scene.scrub(exchange.reply.headers.get("location", ""))[:300]
    try:
        target = urljoin(exchange.url, location)
        elsewhere = urlsplit(target)[:2] != urlsplit(base)[:2]
    except ValueError:
        target, elsewhere = location, True
    message = f"{base} sends requests on to {target or 'another address'}; kb does not follow."
    if target.endswith(_ENDS):
        hint = f"If you trust it, set KB_BASE_URL={target.rpartition('/')[0]}"
    elif elsewhere:
        hint = (
            "That is another server, often a login page: set KB_BASE_URL to the embedding server "
            "itself, past the gateway."
        )
    else:
        hint = "Set KB_BASE_URL to the address that ends in /v1, with nothing after it."
    return fail(name, message, hint, code=_WRONG, curl=exchange.curl(), location=target)


def _settled(
    examination: Examination,
    base: str,
    found: list[Found],
    *,
    listing: Listing | None = None,
    exchange: Exchange | None = None,
    outcome: Outcome | None = None,
) -> Iterator[Check]:
    configured = examination.base
    if base != configured:
        examination.move(base)
    paths = routes(examination.get(f"{examination.root}/openapi.json"))
    found.append(Found(listing=listing, exchange=exchange, routes=paths, outcome=outcome))
    if base == configured:
        yield ok("server.path", f"There is an API at {base}.", base=base)
        return
    message = f"There is no API at {configured}, but at {base}: kb goes on there by itself."
    yield warn("server.path", message, f"Set KB_BASE_URL={base}", base=base)


def _unlisted(
    examination: Examination, seen: list[Exchange], found: list[Found]
) -> Iterator[Check]:
    """Find the API where no address lists models: by its paths, then by asking for embeddings."""
    bases = (examination.base, *examination.others)
    paths = routes(examination.get(f"{examination.root}/openapi.json"))
    named = [
        f"{examination.root}{path.removesuffix('/embeddings')}"
        for path in sorted(paths)
        if _EMBEDDINGS.fullmatch(path)
    ]
    usable = [base for base in bases if base in named]
    if usable:
        yield from _settled(examination, usable[0], found)
        return
    configured = examination.base
    for base in bases:
        examination.move(base)
        outcome = examination.embed(["kb"], timeout=min(GLANCE_S, examination.patience))
        if outcome.failure is None or outcome.failure.code not in _NOBODY:
            examination.move(configured)
            yield from _settled(examination, base, found, outcome=outcome)
            return
    examination.move(configured)
    yield _nowhere(examination, seen, named)


def _nowhere(examination: Examination, seen: list[Exchange], named: list[str]) -> Check:
    """Say what is there instead, and where an API was seen."""
    base, last = examination.base, seen[0]
    page = next((known for each in seen if (known := stranger(each.text))), None)
    root = examination.get(f"{origin(base)}/") if page is None else None
    page = page or (stranger(root.text) if root else None)
    detail = {"tried": [each.url for each in seen], "statuses": [each.status for each in seen]}
    if page is not None:
        message = f"At {base} there is no embedding API, but {page.name}."
    else:
        told = f"GET /models: HTTP {last.status}" if last.status else "no answer"
        message = f"Neither {' nor '.join(dict.fromkeys((base, *examination.others)))} answers as "
        message += f"an embedding API ({told})."
    code = _WRONG if examination.model else _code(seen[0])
    hint = _where_else(examination, named, page.advice if page else "")
    return fail("server.path", message, hint, code=code, curl=last.curl(), **detail)


def _code(exchange: Exchange) -> str:
    return "embed.invalid_response" if exchange.status == 200 else _WRONG


def _where_else(examination: Examination, named: list[str], advice: str) -> str:
    """Name the address of an API on this host, if one shows itself; no key is sent to ports."""
    tried = {examination.base, *examination.others}
    beside = [*named, f"{origin(examination.base)}/v1"]
    for base in (each for each in beside if each not in tried):
        known = listing(looked(examination, base))
        if known is not None or base in named:
            told = f" (it lists {joined(known.names)})" if known and known.names else ""
            return f"The API is at another path: set KB_BASE_URL={base}{told}"
    host, port = place(examination.base)
    if proxy_of(examination.base) is None:
        around = look_around((host, other) for other in USUAL_PORTS if other != port)
        for each in around:
            if each.what in {"api", "locked"}:
                return f"Port {each.port} of {host} is {each.told}: try KB_BASE_URL={each.base}"
    if advice:
        return advice.replace("HOST", bracketed(host)).replace("PORT", str(port))
    return (
        f"The embedding server is at another port, or at another path of this one: its log names "
        f"them (vLLM uses 8000, llama.cpp 8080, Ollama 11434). Set KB_BASE_URL=http://"
        f"{bracketed(host)}:PORT/v1"
    )
