"""The settings of `[rerank]`, checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from kb.errors import UsageError, failure

#: How long a search waits for all that it asks of the reranker, in seconds.
PATIENCE_S: Final = 20.0
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankOptions:
    """The settings of `[rerank]`; None where nothing is configured."""

    base_url: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    #: "qwen3" or "none"; None: found out.
    prompts: str | None = None
    timeout_s: float | None = None

    @property
    def patience(self) -> float:
        """How long all requests of one search may take together, in seconds."""
        return PATIENCE_S if self.timeout_s is None else self.timeout_s


def key_for(
    base_url: str, *, own: str | None, embedding_url: str | None, embedding: str | None
) -> str | None:
    """Give the key that the reranker may see: its own, or the embedding endpoint's on its server.

    The embedding endpoint's key never goes to another scheme, host or port. Raises `UsageError`
    where a key cannot be sent in a header.
    """
    from kb.embed.options import sendable_key

    if own is not None:
        try:
            return sendable_key(own)
        except UsageError as error:
            message = "The reranker's API key holds a character that cannot be sent."
            hint = "Copy KB_RERANK_API_KEY again, without quotes and line breaks."
            raise UsageError(failure("usage.settings", message, hint=hint)) from error
    if embedding_url is None or origin(base_url) != origin(embedding_url):
        return None
    return sendable_key(embedding)


def origin(url: str) -> tuple[str, str, int | None] | None:
    """Give scheme, host and port of an address; None where it is none.

    >>> origin("HTTP://GPU/v1") == origin("http://gpu:80/rerank")
    True
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, port or _PORTS.get(scheme)
