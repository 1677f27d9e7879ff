"""Which models are served, does the one that is wanted embed, and is it among them?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from kb.doctor.check import Check, fail, ok, skip, warn
from kb.doctor.examination import GLANCE_S, Examination
from kb.doctor.exchange import Exchange, Outcome
from kb.doctor.network.listing import Listing, has, joined
from kb.doctor.network.strangers import stranger
from kb.doctor.server.paths import Found, redirected
from kb.errors import CATALOGUE, Failure

_KIND = "embed.not_embedding_model"
_UNKNOWN = "embed.model_not_found"
_EXAMPLE = "Qwen/Qwen3-Embedding-4B"
#: Names of models that were made to embed.
_EMBEDS = re.compile(r"embed|bge|minilm|gte-|(^|[/_-])e5-", re.IGNORECASE)


class Models:
    """The models of one server, looked at with one embedding request at most."""

    def __init__(self, examination: Examination, found: Found) -> None:
        self._examination = examination
        self._found = found
        self._outcome = found.outcome
        self._configured = examination.settings.model

    def checks(self) -> Iterator[Check]:
        """Say what is served; add the fact "api" where requests for embeddings make sense."""
        examination, listed = self._examination, self._found.listing
        yield self._listed(listed)
        examination.served = listed.served if listed else None
        examination.model = self._configured or self._first(listed)
        kind = self._kind()
        yield kind
        if kind.status == "fail":
            yield skip("server.model", "Not looked at: nothing embeds here.")
            return
        model = self._model(listed)
        yield model
        if model.status == "fail":
            return
        for served in listed.served if listed else ():
            if served.name == examination.model:
                examination.max_model_len = served.max_model_len
        examination.facts.add("api")

    def _first(self, listed: Listing | None) -> str:
        return listed.names[0] if listed and listed.names else ""

    def _listed(self, listed: Listing | None) -> Check:
        if listed is None:
            return skip("server.models", "The server does not list its models (GET /models).")
        if not listed.names:
            message = f"{self._examination.base}/models lists no model."
            hint = (
                "Load a model into the server (Ollama: `ollama pull NAME`); its log says why not."
            )
            return warn("server.models", message, hint)
        limits = {served.name: served.max_model_len for served in listed.served}
        told = [f"{n} (up to {length} tokens)" if length else n for n, length in limits.items()]
        return ok("server.models", f"Served: {joined(told)}.", models=limits)

    # -- does it embed? ----------------------------------------------------------------

    def _kind(self) -> Check:
        paths = self._found.routes
        if has(paths, "/models") and not has(paths, "/embeddings"):
            return self._generative("the server has no /embeddings")
        if has(paths, "/embeddings") and not has(paths, "/chat/completions"):
            return ok("server.kind", "The server has /embeddings, and nothing that generates text.")
        if not self._examination.model and self._outcome is None:
            return skip("server.kind", "Not asked: no model is named that could be asked.")
        return self._told(self._asked())

    def _told(self, outcome: Outcome) -> Check:
        found, curl = outcome.failure, outcome.exchange.curl()
        if found is None:
            return ok("server.kind", f"{self._examination.model or 'The server'} embeds.")
        if found.code == _KIND:
            return self._generative("it answers with text", curl=curl)
        if found.code == "embed.wrong_path" and self._found.listing is not None:
            return self._lost(outcome.exchange)
        if found.code == "embed.unauthorized":
            return self._locked(found, outcome.exchange)
        if found.code == _UNKNOWN:
            return ok("server.kind", "The server has /embeddings.")
        told = found.message.rstrip(".")
        return skip("server.kind", f"Not told by a first request ({told}): the next checks look.")

    def _lost(self, exchange: Exchange) -> Check:
        if exchange.status < 400:
            return redirected(self._examination, "server.kind", exchange)
        why = "there is no /embeddings beside /models"
        return self._generative(why, curl=exchange.curl())

    def _locked(self, found: Failure, exchange: Exchange) -> Check:
        """Say that /embeddings refuses the request, though the list of models may be open."""
        status, hint = exchange.status, found.hint
        message = (
            f"The list of models is open, but /embeddings refuses the request (HTTP {status})."
        )
        if self._examination.settings.api_key:
            message = f"/embeddings refuses the API key (HTTP {status})."
        if exchange.is_page:
            page = stranger(exchange.text)
            message = (
                f"A gateway answers in place of /embeddings (HTTP {status}, "
                f"{page.name if page else 'a web page'})."
            )
            hint = (
                "Have the gateway pass /embeddings on, or set KB_BASE_URL to the server behind it; "
                "a gateway that asks for a key takes it from KB_API_KEY."
            )
        detail = {**found.detail, "curl": exchange.curl()}
        return fail("server.kind", message, hint, code=found.code, **detail)

    def _generative(self, why: str, **detail: object) -> Check:
        names = self._found.listing.names if self._found.listing else []
        what = joined(names) or self._examination.model or "the model"
        message = f"{what} generates text and does not embed it: {why}."
        embeds = next((name for name in names if _EMBEDS.search(name)), None)
        if embeds is not None:
            hint = f"Restart it as an embedding server: `vllm serve {embeds} --runner pooling`."
        else:
            wanted = self._configured if self._configured not in names else None
            hint = (
                "Serve an embedding model at a port of its own: `vllm serve "
                f"{wanted or _EXAMPLE} --runner pooling --port 8001`, and name it in KB_BASE_URL."
            )
        return fail("server.kind", message, hint, code=_KIND, served=names, **detail)

    # -- is it the one that is wanted? -------------------------------------------------

    def _model(self, listed: Listing | None) -> Check:
        names = listed.names if listed else []
        wanted = self._configured
        if wanted is None:
            return self._chosen(names)
        if wanted in names or f"{wanted}:latest" in names:
            return ok("server.model", f"The model {wanted} is served.", model=wanted)
        if listed is not None and "vllm" in listed.owners:
            return self._absent(wanted, names)
        found = self._asked().failure
        if found is None:
            return self._ignored(wanted, names)
        if found.code == _UNKNOWN:
            return self._absent(wanted, names)
        told = f"{wanted} is not listed (only {joined(names)})" if names else "No model is listed"
        message = f"{told}, and a first request told nothing: {found.message}"
        hint = f"Set KB_MODEL={names[0]}" if names else "The next checks look at that answer."
        return warn("server.model", message, hint)

    def _chosen(self, names: list[str]) -> Check:
        if len(names) == 1:
            message = f"No model is set: kb takes the only one served, {names[0]}."
            return ok("server.model", message, model=names[0])
        code = _UNKNOWN
        if not names:
            # The client needs the list for a name, and says what it got in its place.
            code = "embed.invalid_response" if self._found.listing else "embed.wrong_path"
            message = "No model is set, and the server names none."
            hint = "Set KB_MODEL to the name that the server was started with."
        else:
            message = f"No model is set, and the server has {len(names)}: {joined(names)}."
            hint = "Set KB_MODEL to the one that embeds."
        return fail("server.model", message, hint, code=code, served=names)

    def _absent(self, wanted: str, names: list[str]) -> Check:
        lower = {name.lower(): name for name in names}
        close = difflib.get_close_matches(wanted.lower(), lower, n=1, cutoff=0.3)
        best = lower[close[0]] if close else next(iter(names), None)
        message = f"The model {wanted} is not served; served: {joined(names) or 'unknown'}."
        hint = CATALOGUE[_UNKNOWN].cure if best is None else f"Set KB_MODEL={best}"
        if best is not None:
            hint += f", or start vLLM with --served-model-name {wanted}"
        return fail("server.model", message, hint, code=_UNKNOWN, served=names, closest=best)

    def _ignored(self, wanted: str, names: list[str]) -> Check:
        if not names:
            return ok("server.model", f"The server answers requests for {wanted}.", model=wanted)
        message = f"The server lists {joined(names)} and answers for {wanted} all the same."
        hint = (
            "It ignores the name: if what it lists is what you mean, set "
            f"KB_MODEL={names[0]}; else start the right model."
        )
        return warn("server.model", message, hint, served=names)

    def _asked(self) -> Outcome:
        """Give what comes of the smallest request; it is sent once."""
        if self._outcome is None:
            patience = min(GLANCE_S, self._examination.patience)
            self._outcome = self._examination.embed(["kb"], timeout=patience)
        return self._outcome
