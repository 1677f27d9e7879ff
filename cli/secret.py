"""Secrets of this run, and text without them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from kb.config import Settings

#: Shorter keys ("EMPTY", "none") are what people write where a server wants no key at all; they
#: are ordinary words, and masking them would only garble documents.
SHORTEST: Final = 6
_guarded: set[str] = set()


def guard(settings: Settings) -> None:
    """Keep the settings' secrets out of everything printed from now on."""
    from urllib.parse import unquote, urlsplit

    _guarded.update((settings.api_key or "", settings.rerank_api_key or ""))
    for url in filter(None, (settings.base_url, settings.rerank_url)):
        try:
            password = urlsplit(url).password or ""
        except ValueError:
            continue
        _guarded.update((password, unquote(password)))


def guard_also(*secrets: str) -> None:
    """Keep these, too, out of everything printed from now on."""
    _guarded.update(secrets)


def scrub(text: str) -> str:
    """Give the text with asterisks for each character of a secret; its length stays the same."""
    variables = ("KB_API_KEY", "KB_RERANK_API_KEY")
    for secret in {*_guarded, *(os.environ.get(name, "").strip() for name in variables)}:
        if len(secret) >= SHORTEST and secret in text:
            text = text.replace(secret, "*" * len(secret))
    return text


def scrub_all(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Give the same JSON value with every string in it scrubbed."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: scrub_all(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub_all(each) for each in value]
    return value
