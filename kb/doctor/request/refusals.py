"""What it means that the smallest request is refused: a parameter, or the form of its input."""

from __future__ import annotations

import re
from typing import Any, Final

from kb.doctor.check import Check
from kb.doctor.examination import Examination
from kb.doctor.exchange import Exchange, Outcome
from kb.doctor.outcomes import SMALLEST, failing, found_in, said
from kb.doctor.request.silence import silent

#: Fields that steer the generation or the cutting of text. kb sends none of them.
_STEERING: Final = re.compile(
    r"\b(max_length|max_(?:new_|completion_)?tokens|min_length|temperature|top_[pk]|stream"
    r"|do_sample|truncate_prompt_tokens|truncat(?:e|ion)|generation_config|n_predict|stop)\b",
    re.IGNORECASE,
)
_REFUSING: Final = re.compile(
    r"not (?:supported|permitted|allowed|accepted|recogni[sz]ed|valid)|n't support|not support"
    r"|unsupported|unexpected|unknown|unrecogni[sz]ed|extra (?:inputs|fields)|invalid"
    r"|不支持|无效|未知",
    re.IGNORECASE,
)
#: Servers that answer themselves, so that no proxy needs to be named.
_SERVERS: Final = re.compile(r"uvicorn|hypercorn|llama\.cpp|BaseHTTP", re.IGNORECASE)


def refused(examination: Examination, outcome: Outcome) -> Check:
    """Say what the refusal of two short sentences means."""
    if found_in(outcome).code == "embed.input_too_long":
        return failing(
            SMALLEST,
            outcome,
            f"The endpoint calls two short sentences too long ({said(outcome)}).",
            "Start the server with a longer context (vLLM: `--max-model-len 8192`, llama.cpp: "
            "`-c 8192 -b 8192 -ub 8192`).",
        )
    return steered(outcome) or _misshapen(examination, outcome)


def steered(outcome: Outcome) -> Check | None:
    """Say that something between puts a parameter in that kb does not send, if that is so."""
    text = outcome.exchange.text
    steering = _STEERING.search(text)
    if steering is None or not _REFUSING.search(text):
        return None
    field = steering[1]
    return failing(
        SMALLEST,
        outcome,
        f"The endpoint refuses `{field}`, a parameter of text generation that kb never sends: "
        f"{_who(outcome.exchange)} adds it, or the model is run to generate text.",
        f"Take `{field}` out of the proxy's settings for this model (LiteLLM: `drop_params: "
        "true`), or set KB_BASE_URL to the server itself; vLLM: start it with `--runner pooling`.",
    )


def _who(exchange: Exchange) -> str:
    """Name what stands between, as far as its answer tells."""
    headers = exchange.reply.headers if exchange.reply is not None else {}
    if any(name.startswith("x-litellm") for name in headers) or "litellm" in exchange.text.lower():
        return "LiteLLM, which stands between,"
    for name in ("via", "x-powered-by", "server"):
        value = headers.get(name, "")
        if value and not _SERVERS.search(value):
            return f"what stands between ({name}: {value[:40]})"
    return "a proxy or gateway between"


def _misshapen(examination: Examination, outcome: Outcome) -> Check:
    """Find out which form of input is taken where a list of two strings is not."""
    text = "An agreement is made between two parties."
    forms: tuple[tuple[str, Any, str], ...] = (
        ("a list of two texts without the prefixes", [text, text], "bare"),
        ("a list of one short text", [text], "alone"),
        ("a bare string", text, "string"),
        ("a list of objects with `text`", [{"text": text}], "objects"),
    )
    for told, given, kind in forms:
        tried = examination.embed(given)
        if tried.failure is None:
            return other_form(outcome, told, kind)
        if tried.exchange.error is not None:
            return silent(examination, tried)
    return failing(
        SMALLEST,
        outcome,
        f"The endpoint refuses a list of texts as input, and a string and objects too "
        f"({said(outcome)}).",
        "Compare what it says with this check's curl line: `input` must be taken as a list "
        "of strings. See that the model is an embedding model (vLLM: `--runner pooling`).",
    )


def other_form(outcome: Outcome, told: str, kind: str) -> Check:
    """Say that the input is taken in another form than the one that kb sends."""
    if kind == "alone":
        hint = (
            "Raise the server's limit of texts in a request (vLLM: no `--max-num-queued-reqs`; "
            "TEI: `--max-client-batch-size 64`), or look for one in the proxy between."
        )
    elif kind == "bare":
        hint = (
            "Something on the way dislikes `query:` and `passage:`: set KB_PROMPTS=none, or "
            "KB_BASE_URL to the server itself."
        )
    else:
        hint = (
            "Set KB_BASE_URL to the server's OpenAI-compatible address, or update the server: "
            "`input` must be taken as a list of strings."
        )
    return failing(
        SMALLEST,
        outcome,
        f"The endpoint refuses a list of texts as input ({said(outcome)}); it takes {told}.",
        hint,
    )
