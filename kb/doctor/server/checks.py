"""What answers: which path, which server, which version, which models?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from kb.doctor.check import Check, doubted, fail, ok, skip, warn
from kb.doctor.examination import GLANCE_S, Examination
from kb.doctor.exchange import Caller, Exchange
from kb.doctor.network.listing import Listing, listing
from kb.doctor.server import paths
from kb.doctor.server.models import Models
from kb.doctor.server.paths import Found
from kb.doctor.server.versions import flaws
from kb.embed.prompts import prompt_warning


def checks(examination: Examination) -> Iterator[Check]:
    """Find the API; say what serves it and whether it has the model; adds the fact "api"."""
    examination.model = examination.settings.model or ""
    found: list[Found] = []
    yield from paths.find(examination, found)
    if not found:
        return
    yield from _key(examination, found[0])
    yield _health(examination)
    yield _version(examination, found[0].listing)
    yield from Models(examination, found[0]).checks()
    yield from _prompts(examination)


def _key(examination: Examination, found: Found) -> Iterator[Check]:
    if found.exchange is None:
        return
    if not examination.settings.api_key:
        yield ok("server.key", "No key is set, and the list of models needs none.")
        return
    with closing(Caller(examination.base, api_key=None)) as stranger:
        bare = stranger.get(f"{examination.base}/models", timeout=GLANCE_S)
    if listing(bare) is not None:
        message = "A key is set; the server lists its models without one, too, which is fine."
        yield ok("server.key", message, needed=False)
    else:
        yield ok("server.key", "The server accepts the key.", needed=True)


def _health(examination: Examination) -> Check:
    exchange = examination.get(f"{examination.root}/health")
    url, curl = exchange.url, exchange.curl()
    if exchange.error is not None:
        message = f"{url} gave no answer ({exchange.error})."
        return warn("server.health", message, "Read the server's log.", curl=curl)
    if exchange.status == 503:
        return _ill(examination, exchange)
    if exchange.status == 200 and not exchange.is_page:
        return ok("server.health", "/health says that the server is well.")
    if exchange.status in {404, 405} or exchange.is_page:
        return skip("server.health", "The server has no /health, which is fine.")
    message = f"{url} answers HTTP {exchange.status}."
    return warn("server.health", message, "Read the server's log.", curl=curl)


def _ill(examination: Examination, exchange: Exchange) -> Check:
    said = examination.scene.scrub(exchange.text)[:200]
    if "loading" in said.lower():
        message = "The server is still loading its model (/health: HTTP 503)."
        hint = "Wait until it is ready, then run `kb doctor` again; its log shows how far it is."
        code = "embed.overloaded"
    else:
        message = "The engine is dead (/health: HTTP 503): it cannot embed any more."
        hint = (
            "Restart the server. Its log says why it died: `kb doctor --log FILE` reads it, or "
            "look for `EngineDeadError`, `CUDA error`, `out of memory`."
        )
        code = "embed.server_error"
    return fail("server.health", message, hint, code=code, body=said, curl=exchange.curl())


def _version(examination: Examination, listed: Listing | None) -> Check:
    answer = examination.get(f"{examination.root}/version").json()
    version = answer.get("version") if isinstance(answer, dict) else None
    if not isinstance(version, str) or not 0 < len(version) <= 60:
        return skip("server.version", "The server does not say its version, which is fine.")
    if listed is None or not listed.may_be_vllm:
        return ok("server.version", f"The server's version is {version}.", version=version)
    examination.version = version
    model = examination.model or (listed.names[0] if listed.names else "")
    known = flaws(version, model)
    if not known:
        return ok("server.version", f"The server is vLLM {version}.", version=version)
    needed = ".".join(map(str, max(flaw.since for flaw in known)))
    message = f"The server is vLLM {version}. {' '.join(flaw.fact for flaw in known)}"
    hint = f"Update the server: `pip install -U 'vllm>={needed}'`, or a newer Docker image."
    return warn("server.version", message, hint, version=version)


def _prompts(examination: Examination) -> Iterator[Check]:
    """Warn of prompts that do not fit a model that only the server named."""
    if examination.settings.model is not None or not examination.model:
        return
    prompts = examination.settings.prompts
    doubt = prompt_warning(examination.model, prompts)
    if doubt is not None:
        yield doubted("server.prompts", doubt, prompts=prompts)
