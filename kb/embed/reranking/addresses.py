"""Which addresses the reranker's setting may mean."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlunsplit

from kb.embed.urls import checked

#: vLLM has all three, Jina the first, text-embeddings-inference the second, Cohere the last.
_WAYS: Final = ("/v1/rerank", "/rerank", "/v2/rerank")
_ENDING: Final = re.compile(r"(/v\d+)?/rerank$")
_VERSION: Final = re.compile(r"/v\d+$")


def addresses(base_url: str) -> tuple[str, ...]:
    """Give the whole addresses to try, likeliest first; raises `UsageError`.

    >>> addresses("http://gpu:8001/")
    ('http://gpu:8001/v1/rerank', 'http://gpu:8001/rerank', 'http://gpu:8001/v2/rerank')
    >>> addresses("https://api.example.com/v2")[0]
    'https://api.example.com/v2/rerank'
    """
    parts = checked(
        base_url.strip(),
        whose="The reranker's",
        setting="KB_RERANK_URL",
        key="KB_RERANK_API_KEY",
    )
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    written = _ENDING.search(path) or _VERSION.search(path)
    root = path[: written.start()] if written else path
    paths = [f"{root}{way}" for way in _WAYS]
    if written:
        meant = path if path.endswith("/rerank") else f"{path}/rerank"
        paths = [meant, *(each for each in paths if each != meant)]
    return tuple(urlunsplit((parts.scheme.lower(), parts.netloc, each, "", "")) for each in paths)


def models_address(address: str) -> str:
    """Give where the server of a rerank address lists its models.

    >>> models_address("http://gpu:8001/rerank")
    'http://gpu:8001/v1/models'
    """
    ending = _ENDING.search(address)
    root = address[: ending.start()] if ending else address
    return f"{root}{ending[1] if ending and ending[1] else '/v1'}/models"
