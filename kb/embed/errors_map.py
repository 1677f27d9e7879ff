"""What an answer, or the lack of one, means: which failure code, and what to do next.

Keyed on status and shape; words are looked at only where servers give nothing else. Measured
on vLLM, infinity and llama.cpp.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

from kb.embed.answers import Fault
from kb.embed.transport import Kind, Reply, UnansweredError
from kb.errors import Failure, failure

#: How much of the other side's words a failure carries, in characters.
QUOTED: Final = 500
#: A server that asks for more patience than this is asked again after this, in seconds.
MAX_WAIT_S: Final = 120.0

Field: TypeAlias = Literal["encoding_format", "dimensions"]


class Action(Enum):
    """What the client does about a failure."""

    #: Nothing helps: the run stops.
    FATAL = "fatal"
    #: The connection or a gateway failed: send it again later.
    AGAIN = "again"
    #: The server asks for less: wait, send less at once.
    BUSY = "busy"
    #: The server limits the texts in a request: halve it, and send no more than that again.
    TOO_MANY = "too many"
    #: A text in it is refused: halve it until the guilty text is alone.
    REFUSED = "refused"
    #: The server or a text is to blame: send it once more, then find out which.
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A request that brought no vectors."""

    action: Action
    failure: Failure
    #: How long the server asked to be left alone, in seconds.
    wait_s: float | None = None
    #: The optional field of the request that the answer seems to object to.
    without: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Which endpoint is spoken to, for the sentences of a failure."""

    base: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    #: The address is this machine's own, and this machine is a container.
    inside: bool = False

    def scrub(self, text: str) -> str:
        """Give the text without the key, in whatever spelling a server may repeat it."""
        if not self.api_key:
            return text
        spelled = {self.api_key, json.dumps(self.api_key)[1:-1], quote(self.api_key, safe="")}
        for spelling in sorted(spelled, key=len, reverse=True):
            text = text.replace(spelling, "***")
        return text

    def detail(self, reply: Reply) -> dict[str, Any]:
        """Give what the other side said, for a failure's `detail`."""
        text = self.scrub(reply.body[: 4 * 2**20].decode(errors="replace"))
        return {"url": self.base, "status": reply.status, "body": text[:QUOTED]}


_STATUS: Final[Mapping[int, tuple[str, Action]]] = {
    400: ("embed.bad_request", Action.REFUSED),
    401: ("embed.unauthorized", Action.FATAL),
    403: ("embed.unauthorized", Action.FATAL),
    404: ("embed.wrong_path", Action.FATAL),
    405: ("embed.wrong_path", Action.FATAL),
    407: ("embed.unauthorized", Action.FATAL),
    408: ("embed.timeout", Action.AGAIN),
    413: ("embed.input_too_long", Action.REFUSED),
    425: ("embed.overloaded", Action.AGAIN),
    429: ("embed.rate_limited", Action.BUSY),
    500: ("embed.server_error", Action.SUSPECT),
    501: ("embed.not_embedding_model", Action.FATAL),
    503: ("embed.overloaded", Action.BUSY),
}
#: Words that say more than the status does: where they count, and what they mean. First match.
#: Servers repeat the text they refuse, so words in a 4xx never stop a run by themselves: they
#: count as a refusal of that text until a harmless text is refused as well.
_WORDS: Final = (
    (
        {400, 404, 422},
        r"(?is)model_not_found|model\b.{0,200}\bnot (found|exist|served)",
        ("embed.model_not_found", Action.REFUSED),
    ),
    (
        {400, 403, 404, 422, 500},
        r"(?i)not support (the )?embedding",
        ("embed.not_embedding_model", Action.REFUSED),
    ),
    (
        {400, 413, 422},
        r"(?i)batch.?size|array.{0,20}too long|too many inputs",
        ("embed.bad_request", Action.TOO_MANY),
    ),
    (
        {400, 413, 422, 500},
        (
            r"(?i)maximum context length|context length is only|string_too_long|input_tokens"
            r"|too large to process|exceeds? the (available |maximum )?context"
            r"|must have less than \d+ tokens"
        ),
        ("embed.input_too_long", Action.REFUSED),
    ),
    ({400}, r"(?i)HTTPS (port|server)", ("embed.tls", Action.REFUSED)),
)
#: Codes that can be said of a single text; any other refusal of one text is a bad request.
_OF_A_TEXT: Final = frozenset(
    {
        "embed.bad_request",
        "embed.input_too_long",
        "embed.invalid_response",
        "embed.count_mismatch",
        "embed.invalid_vector",
    }
)
#: Statuses that are never about one text.
_PLAIN: Final = frozenset({403, 404})
#: Statuses whose refusal may be about an optional field of the request.
_PICKY: Final = frozenset({400, 422, 500})


def of_reply(scene: Scene, reply: Reply) -> Trouble:
    """Say what an answer other than 200 means."""
    detail = scene.detail(reply)
    words = detail["body"]
    code, action = _meaning(reply.status, words)
    return Trouble(
        action=action,
        failure=failure(code, _message(scene, code, reply), hint=_hint(scene, code), **detail),
        wait_s=retry_after(reply.headers, now=datetime.now(UTC)),
        without=_objects_to(words) if reply.status in _PICKY else None,
    )


def of_fault(scene: Scene, reply: Reply, fault: Fault, *, proven: bool) -> Trouble:
    """Say what a 200 means whose body cannot be used; `proven`: vectors have come from there."""
    fatal = fault.code == "embed.dimension_mismatch" or (fault.stranger and not proven)
    return Trouble(
        action=Action.FATAL if fatal else Action.SUSPECT,
        failure=failure(fault.code, fault.message, **scene.detail(reply)),
    )


def of_silence(scene: Scene, error: UnansweredError) -> Trouble:
    """Say what it means that no answer came."""
    codes: dict[Kind, tuple[str, str]] = {
        "refused": ("embed.unreachable", f"Nothing answers at {scene.base}."),
        "no_host": ("embed.unreachable", f"There is no host of the name in {scene.base}."),
        "timeout": ("embed.timeout", f"{scene.base} did not answer in time."),
        "tls": ("embed.tls", f"The secure connection to {scene.base} failed."),
        "broken": ("embed.unreachable", f"{scene.base} closed the connection without an answer."),
    }
    code, message = codes[error.kind]
    if error.kind == "refused" and scene.inside:
        code, message = (
            "embed.localhost_in_container",
            f"Nothing answers at {scene.base}, which names this container itself.",
        )
    detail = {"url": scene.base, "error": scene.scrub(str(error))[:QUOTED]}
    return Trouble(
        action=Action.FATAL if error.kind == "tls" else Action.AGAIN,
        failure=failure(code, message, **detail),
    )


def of_text(found: Failure, *, attempts: int, characters: int) -> Failure:
    """Say the same of one text that was found guilty."""
    if not found.retriable and found.code not in _OF_A_TEXT:
        found = failure("embed.bad_request", **found.detail)
    detail = found.detail | {"characters": characters}
    return replace(found, attempts=attempts, detail=detail)


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Give the seconds that `Retry-After` asks for (a number or a date), at most 120."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        # Dear to load, and hardly any server names a date.
        from email.utils import parsedate_to_datetime

        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    # A NaN fails the comparison and is no wish at all.
    return min(max(seconds, 0.0), MAX_WAIT_S) if seconds == seconds else None  # noqa: PLR0124


def _meaning(status: int, words: str) -> tuple[str, Action]:
    for statuses, pattern, meaning in _WORDS:
        if status in statuses and re.search(pattern, words):
            return meaning[0], Action.FATAL if status in _PLAIN else meaning[1]
    if status in _STATUS:
        return _STATUS[status]
    if status < 400:
        return "embed.wrong_path", Action.FATAL
    if status < 500:
        return "embed.bad_request", Action.REFUSED
    return "embed.server_error", Action.AGAIN


def _message(scene: Scene, code: str, reply: Reply) -> str:
    if code == "embed.wrong_path" and reply.status < 400:
        target = scene.scrub(reply.headers.get("location", "another address"))[:QUOTED]
        return f"{scene.base}/embeddings redirects to {target}, which kb does not follow."
    if code == "embed.unauthorized" and reply.status == 407:
        return "The proxy on the way to the embedding endpoint asks for a password."
    if code == "embed.unauthorized" and not scene.api_key:
        return f"{scene.base} asks for an API key."
    if code == "embed.model_not_found":
        return f"{scene.base} does not serve the model {scene.model!r}."
    return ""


def _hint(scene: Scene, code: str) -> str:
    if code == "embed.tls":
        return "Write https:// in KB_BASE_URL."
    if code == "embed.unauthorized" and not scene.api_key:
        return "Set KB_API_KEY to the key that the server was started with."
    return ""


def _objects_to(words: str) -> Field | None:
    if "encoding_format" in words:
        return "encoding_format"
    return "dimensions" if re.search(r"dimensions|matryoshka", words, re.IGNORECASE) else None
