"""What a generation is made with: its chunking, and the settings that lead to its profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from kb.chunk import Chunking
from kb.config import Settings
from kb.errors import UsageError, failure
from kb.model import Profile
from kb.store import Recipe

#: Tokens that the headings above a passage and the template hardly ever exceed. Where they do, the
#: passage is measured like any other.
LONGEST_CONTEXT: Final = 512
_CHUNKING: Final = ("target_tokens", "overlap_tokens")
#: Settings by which an endpoint and its profile are found again.
_EMBEDDING: Final = (
    "base_url",
    "model",
    "prompts",
    "dimensions",
    "query_template",
    "passage_template",
    "instruction",
)


def chunking(settings: Settings, recipe: Recipe | None = None) -> Chunking:
    """Give the chunking that the settings ask for, else the recipe's, else the measured one."""
    asked = {name: getattr(settings, name) for name in _CHUNKING}
    given = {name: value for name, value in asked.items() if value is not None}
    return Chunking(**{**(recipe.chunking if recipe else {}), **given})


def chunking_values(how: Chunking) -> Mapping[str, int]:
    """Give a chunking as a recipe keeps it."""
    return {"target_tokens": how.target_tokens, "overlap_tokens": how.overlap_tokens}


def check_chunking(settings: Settings, recipe: Recipe | None) -> None:
    """Refuse settings that ask for other passages than the knowledge base is made of."""
    if recipe is None:
        return
    told = [
        f"chunking.{name} is {asked} ({settings.origins.get(f'chunking.{name}', 'default')}) "
        f"and was {recipe.chunking[name]}"
        for name in _CHUNKING
        if (asked := getattr(settings, name)) is not None and asked != recipe.chunking.get(name)
    ]
    if told:
        message = f"The settings do not fit this knowledge base: {'; '.join(told)}."
        raise UsageError(failure("embed.profile_mismatch", message))


def longest_passage(how: Chunking) -> int:
    """Give how many tokens a passage may have for a model, its headings and template included."""
    return 2 * how.limit + LONGEST_CONTEXT


def recipe_of(settings: Settings, profile: Profile, how: Chunking) -> Recipe:
    """Give what has to be known to open the same embedder again, the key excepted."""
    values: dict[str, Any] = {f"embedding.{name}": None for name in _EMBEDDING}
    values["embedding.model"] = profile.model
    if profile.provider == "endpoint":
        values |= {f"embedding.{name}": getattr(settings, name) for name in _EMBEDDING[2:]}
        values |= {"embedding.base_url": settings.base_url, "embedding.model": profile.model}
        values |= _prompts(settings, profile)
    return Recipe(chunking=chunking_values(how), settings=values)


def _prompts(settings: Settings, profile: Profile) -> Mapping[str, Any]:
    """Say the profile's templates in full where the settings would give others."""
    from kb.embed.prompts import templates

    try:
        named = templates(
            settings.prompts,
            query_template=settings.query_template,
            passage_template=settings.passage_template,
            instruction=settings.instruction,
        )
    except UsageError:
        named = ("", "")
    if named == (profile.query_template, profile.passage_template):
        return MappingProxyType({})
    return {
        "embedding.prompts": "custom",
        "embedding.query_template": profile.query_template,
        "embedding.passage_template": profile.passage_template,
        "embedding.instruction": None,
    }


def settings_with(settings: Settings, recipe: Recipe) -> Settings:
    """Give the settings as they were when the recipe was made; all others stay."""
    given: dict[str, Any] = {
        name: recipe.settings.get(f"embedding.{name}") for name in _EMBEDDING if name != "prompts"
    }
    prompts = recipe.settings.get("embedding.prompts") or "e5"
    given |= {name: recipe.chunking.get(name) for name in _CHUNKING} | {"prompts": prompts}
    return replace(settings, **given)


def toml_values(recipe: Recipe, written: Settings) -> Mapping[str, Any]:
    """Give what `kb.toml` has to say for this recipe; None for what must not stand there.

    `written` are the settings as `kb.toml` gives them now: a chunking that nobody set and that is
    the usual one is left unsaid.
    """
    usual = chunking_values(Chunking())
    how = {
        f"chunking.{name}": value
        for name, value in recipe.chunking.items()
        if value != usual[name] or getattr(written, name) is not None
    }
    return {**recipe.settings, **how}


def ocr_environ(settings: Settings) -> dict[str, str]:
    """Give how letters are to be recognised, as the workers that read look for it."""
    told = {
        "KB_OCR": settings.ocr,
        "KB_OCR_LANGUAGES": settings.ocr_languages,
        "KB_OCR_SECONDS": settings.ocr_seconds,
    }
    return {name: str(value) for name, value in told.items() if value is not None}
