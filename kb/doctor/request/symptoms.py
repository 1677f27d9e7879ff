"""What it means that the smallest request brought no vectors, told apart by a few more requests."""

from __future__ import annotations

from typing import Any, Final

from kb.doctor.check import Check
from kb.doctor.examination import Examination
from kb.doctor.exchange import Outcome
from kb.doctor.network.strangers import stranger
from kb.doctor.outcomes import READ_LOG, SMALLEST, failing, found_in, said
from kb.doctor.request.breakdowns import unable
from kb.doctor.request.refusals import refused
from kb.doctor.request.silence import silent

#: What speaks of the address or the model and not of the request, whatever the status.
_NOWHERE: Final = frozenset(
    {"embed.model_not_found", "embed.not_embedding_model", "embed.wrong_path"}
)


def explain(examination: Examination, outcome: Outcome) -> Check:
    """Say which of the known troubles this failed request is, and what mends it."""
    status = outcome.exchange.status
    if outcome.exchange.error is not None:
        return silent(examination, outcome)
    if status == 200:
        return _without_vectors(outcome)
    if found_in(outcome).code in _NOWHERE:
        return _nowhere(examination, outcome)
    if status in {400, 422}:
        return refused(examination, outcome)
    return unable(examination, outcome)


# -- 200, and no vectors ---------------------------------------------------------------------


def _without_vectors(outcome: Outcome) -> Check:
    answer = outcome.exchange.json()
    where = _empty_part(answer)
    if where is not None:
        return failing(
            SMALLEST,
            outcome,
            f"The endpoint answers 200 with an empty array ({where}): no vector for any text.",
            "Ask the server without the proxy between (this check's curl line); see that it has "
            f"loaded an embedding model, and {READ_LOG}. Ollama: KB_BASE_URL ends in /v1, not in "
            "/api.",
        )
    if isinstance(answer, list) or (isinstance(answer, dict) and "embeddings" in answer):
        return failing(
            SMALLEST,
            outcome,
            "The endpoint answers in its own form, not in that of the OpenAI API.",
            "Set KB_BASE_URL to the server's OpenAI-compatible address, which ends in /v1.",
        )
    if isinstance(answer, dict) and answer.get("error"):
        return failing(
            SMALLEST,
            outcome,
            f"The endpoint answers 200 with an error in it ({said(outcome)}).",
            "A gateway hides the server's status: ask the server itself (this check's curl line), "
            f"and {READ_LOG}.",
        )
    return _unreadable(outcome)


def _unreadable(outcome: Outcome) -> Check:
    """Say what came in place of vectors at an address that was found to be an API."""
    found, exchange = found_in(outcome), outcome.exchange
    page = stranger(exchange.text)
    if exchange.is_page:
        return failing(
            SMALLEST,
            outcome,
            f"/embeddings is answered with {page.name if page else 'a web page'} (200), while "
            "/models is answered by an API.",
            "A gateway sends /embeddings elsewhere, often to a login: have it pass all of /v1 on, "
            "or set KB_BASE_URL to the server behind it.",
        )
    if exchange.json() is None:
        return failing(
            SMALLEST,
            outcome,
            f"The endpoint's answer is not JSON, or was cut off ({len(exchange.text):,} "
            "characters came).",
            "See the end of the answer with this check's curl line. If it is cut there, a proxy "
            "between cuts it: set KB_BASE_URL to the server itself.",
        )
    if found.code != "embed.invalid_response":
        return failing(SMALLEST, outcome)
    return failing(
        SMALLEST,
        outcome,
        found.message,
        "Update the server, or set KB_BASE_URL to it past the proxy: `data` must hold one "
        "`embedding` and one `index` for each text, as in the OpenAI API.",
    )


def _empty_part(answer: Any) -> str | None:  # noqa: ANN401 - whatever the server says
    """Give the part of an answer that is empty and should hold vectors, None where none is."""
    if answer == []:
        return "`[]`"
    if not isinstance(answer, dict):
        return None
    for name in ("data", "embeddings", "embedding"):
        if answer.get(name) == []:
            return f"`{name}: []`"
    data = answer.get("data")
    entries = data if isinstance(data, list) else []
    if any(isinstance(entry, dict) and entry.get("embedding") == [] for entry in entries):
        return "`embedding: []`"
    return None


# -- 404 and its like ------------------------------------------------------------------------


def _nowhere(examination: Examination, outcome: Outcome) -> Check:
    found, base = found_in(outcome), examination.base
    served = ", ".join(each.name for each in examination.served or ())
    if found.code == "embed.model_not_found":
        hint = f"Set KB_MODEL to one of: {served}." if served else found.hint
        return failing(SMALLEST, outcome, found.message, hint)
    if found.code == "embed.not_embedding_model" or served or _lists_models(examination):
        return failing(
            SMALLEST,
            outcome,
            f"{base} serves {served or 'a model'} but has no /embeddings "
            f"({outcome.exchange.status}): the model is loaded to generate text.",
            "Start the server with an embedding model: vLLM with `--runner pooling`, llama.cpp "
            "with `--embeddings`.",
        )
    return failing(
        SMALLEST,
        outcome,
        found.message
        if outcome.exchange.status < 400
        else f"There is nothing at {base}/embeddings ({outcome.exchange.status}).",
        "Set KB_BASE_URL to the address that ends in /v1, with nothing after it: kb adds "
        "/embeddings.",
    )


def _lists_models(examination: Examination) -> bool:
    exchange = examination.get(f"{examination.base}/models")
    answer = exchange.json()
    return exchange.status == 200 and isinstance(answer, dict) and bool(answer.get("data"))
