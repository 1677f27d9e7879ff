"""What a refusal of a reranker, or its silence, means: a failure with its cure."""

from __future__ import annotations

import re
from typing import Final

from kb.embed.errors_map import Action, Scene, Trouble, of_reply, of_silence
from kb.embed.transport import Reply, UnansweredError
from kb.embed.urls import in_container, is_loopback
from kb.errors import Failure, failure

#: Statuses of servers that serve no reranker: text-embeddings-inference, llama.cpp.
_NO_RERANKER: Final = frozenset({424, 501})
_AWAY: Final = frozenset({"embed.rate_limited", "embed.overloaded", "embed.server_error"})
_TEXTS: Final = re.compile(r"(?i)missing field .{0,3}texts|[\"']texts[\"']\W.{0,60}required")
_NOT_RERANKER: Final = re.compile(r"(?i)not (a |support )?.{0,20}re-?rank|rerank.{0,40}not support")
_REFUSED: Final = "search.rerank_refused"
WITHOUT: Final = "`kb search --no-rerank` does without it."


def is_wrong_path(reply: Reply) -> bool:
    """Tell whether there is nothing at the address, so that another may be tried."""
    return reply.status in {404, 405} and not _names_model(reply)


def wants_texts(reply: Reply) -> bool:
    """Tell whether the server calls the passages `texts`, as text-embeddings-inference does."""
    return reply.status in {400, 422} and _TEXTS.search(_words(reply)) is not None


def is_too_long(trouble: Trouble) -> bool:
    """Tell whether a text is longer than the model reads."""
    return trouble.failure.code == "embed.input_too_long"


def is_too_many(trouble: Trouble) -> bool:
    """Tell whether a request may not hold so many passages."""
    return trouble.action is Action.TOO_MANY


def may_pass(trouble: Trouble) -> bool:
    """Tell whether the same may succeed in a moment."""
    return trouble.failure.code in _AWAY


def trouble_of(scene: Scene, reply: Reply) -> Trouble:
    """Say what an answer other than 200 means, in the embedding client's terms."""
    return of_reply(scene, reply)


def silent(scene: Scene, error: UnansweredError) -> Failure:
    """Say that no answer came."""
    if is_loopback(scene.base) and in_container():
        scene = Scene(base=scene.base, model=scene.model, api_key=scene.api_key, inside=True)
    found = of_silence(scene, error).failure
    hints = {
        "embed.tls": "Check http against https in KB_RERANK_URL and the server's certificate.",
        "embed.timeout": "Look at its load, or raise KB_RERANK_TIMEOUT_S.",
        "embed.localhost_in_container": (
            "Use the service's name or host.docker.internal in place of localhost in KB_RERANK_URL."
        ),
    }
    hint = hints.get(found.code, "Start the reranker or correct KB_RERANK_URL.")
    return failure(
        "search.rerank_unreachable", found.message, hint=f"{hint} {WITHOUT}", **found.detail
    )


def refused(scene: Scene, reply: Reply, tried: tuple[str, ...] = ()) -> Failure:
    """Say why the reranker gave no scores; `tried`: all addresses, where none of them exists."""
    trouble = trouble_of(scene, reply)
    code, message, hint = _meaning(scene, reply, trouble, tried)
    detail = dict(trouble.failure.detail) | ({"tried": list(tried)} if tried else {})
    return failure(code, message, hint=f"{hint} {WITHOUT}", **detail)


def nonsense(scene: Scene, reply: Reply, why: str) -> Failure:
    """Say that a 200 cannot be used."""
    return failure(
        "search.rerank_invalid",
        f"What {scene.base} answered cannot be used. {why}",
        hint=f"Check that KB_RERANK_URL names a reranker. {WITHOUT}",
        **scene.detail(reply),
    )


def _meaning(
    scene: Scene, reply: Reply, trouble: Trouble, tried: tuple[str, ...]
) -> tuple[str, str, str]:
    """Give the code, the message and the hint."""
    base = scene.base
    if may_pass(trouble):
        message = f"{base} is overloaded or failed (status {reply.status})."
        return "search.rerank_unreachable", message, "Look at the server's log, and ask again."
    if trouble.failure.code in {"embed.unauthorized", "embed.input_too_long"}:
        return _REFUSED, *_objection(scene, trouble.failure.code)
    if trouble.failure.code == "embed.model_not_found" or _lacks_model(scene, reply):
        told = f"does not serve the model {scene.model!r}" if scene.model else "wants a model named"
        return _REFUSED, f"{base} {told}.", "Set KB_RERANK_MODEL to the model that it serves."
    if reply.status in _NO_RERANKER or _NOT_RERANKER.search(_words(reply)):
        hint = "Serve a reranker there (vLLM: a cross-encoder with `--runner pooling`)."
        return _REFUSED, f"What {base} serves is not a reranker.", hint
    if reply.status in {404, 405} or reply.status < 400:
        hint = "Set KB_RERANK_URL to the address under which the reranker has /rerank."
        more = f"; {len(tried)} addresses were tried" if len(tried) > 1 else ""
        return _REFUSED, f"Nothing at {base} reranks (status {reply.status}){more}.", hint
    hint = "Look at the server's log, or at the check `rerank.answer` of `kb doctor --json`."
    return _REFUSED, f"{base} refused the request (status {reply.status}).", hint


def _objection(scene: Scene, code: str) -> tuple[str, str]:
    if code == "embed.input_too_long":
        hint = "Let the reranker accept longer texts (vLLM: --max-model-len)."
        return f"{scene.base} finds the question alone too long.", hint
    wish = "refuses the API key" if scene.api_key else "asks for an API key"
    return f"{scene.base} {wish}.", "Set KB_RERANK_API_KEY to the reranker's key."


def _lacks_model(scene: Scene, reply: Reply) -> bool:
    return not scene.model and reply.status in {400, 422} and "model" in _words(reply)


def _names_model(reply: Reply) -> bool:
    scene = Scene(base="", model="")
    return of_reply(scene, reply).failure.code == "embed.model_not_found"


def _words(reply: Reply) -> str:
    return reply.body[:4096].decode(errors="replace")
