"""Which settings are in force, and where does each come from?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kb.config import Settings
from kb.doctor.check import Check, doubted, fail, ok, warn
from kb.doctor.examination import Examination
from kb.embed.options import sendable_key
from kb.embed.prompts import prompt_warning
from kb.embed.urls import bases
from kb.errors import UsageError

_BUILTIN: Final = "builtin:"


def checks(examination: Examination) -> Iterator[Check]:
    """Say which settings there are; work out which address they mean."""
    settings = examination.settings
    yield _found(settings)
    if settings.base_url is None or (settings.model or "").startswith(_BUILTIN):
        examination.facts.add("embedder")
        yield ok(
            "settings.url",
            "No endpoint is set: kb uses the model that comes with it. "
            "KB_BASE_URL or --base-url names an endpoint to examine.",
        )
        return
    yield from _address(examination, settings.base_url)
    yield from _key(settings)
    yield from _prompts(examination)


def _found(settings: Settings) -> Check:
    rows = [row for row in settings.rows() if row.origin != "default"]
    told = ", ".join(f"{row.key} ({row.origin})" for row in rows)
    message = f"Set: {told}." if told else "Nothing is set; all settings are defaults."
    values = {row.key: {"value": row.value, "origin": row.origin} for row in rows}
    return ok("settings.found", message, settings=values)


def _address(examination: Examination, url: str) -> Iterator[Check]:
    try:
        first, *others = bases(url)
    except UsageError as error:
        found = error.failure
        yield fail("settings.url", found.message, found.hint, code=found.code)
        return
    examination.base, examination.others = first, tuple(others)
    examination.facts.add("address")
    written = url.strip()
    if written.rstrip("/") in {first, *others}:
        yield ok("settings.url", f"The address is {first}.", base=first, written=written)
        return
    yield warn(
        "settings.url",
        f"The address {written} is taken for {first}.",
        f"Write it so: KB_BASE_URL={first}",
        base=first,
        written=written,
    )


def _key(settings: Settings) -> Iterator[Check]:
    try:
        key = sendable_key(settings.api_key)
    except UsageError as error:
        yield fail("settings.key", error.failure.message, error.failure.hint)
        return
    told = "An API key is set and is sent in the Authorization header." if key else ""
    yield ok("settings.key", told or "No API key is set: none is sent.", set=key is not None)


def _prompts(examination: Examination) -> Iterator[Check]:
    settings = examination.settings
    try:
        query, passage = examination.templates
    except UsageError as error:
        examination.facts.discard("address")
        yield fail("settings.prompts", error.failure.message, error.failure.hint)
        return
    detail = {"prompts": settings.prompts, "query": query, "passage": passage}
    doubt = prompt_warning(settings.model or "", settings.prompts)
    if doubt is None:
        message = f"Questions are sent as {query!r}, passages as {passage!r}."
        yield ok("settings.prompts", message, **detail)
        return
    yield doubted("settings.prompts", doubt, **detail)
