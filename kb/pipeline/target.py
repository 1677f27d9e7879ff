"""What the settings ask a reindex to make, and how much of it is there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kb.chunk import Chunking
from kb.config import Settings
from kb.embed import Embedder
from kb.errors import EndpointError
from kb.model import Profile
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.embedder import BUILTIN, check_canaries, open_embedder
from kb.pipeline.observe import Observer
from kb.pipeline.recipe import chunking, chunking_values, recipe_of
from kb.store import Generation, Recipe, Snapshot, Store

if TYPE_CHECKING:
    from kb.model import Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is to be made: whose vectors, and whether some are there already."""

    profile: Profile
    how: Chunking
    recipe: Recipe
    #: To be kept with a profile that has none.
    canaries: Matrix | None
    #: The endpoint no longer gives the vectors that are stored under this profile.
    drifted: bool
    #: The half-built generation that is just this, or None.
    building: Generation | None
    #: The generation in use is just this.
    same: bool


def find_target(base: KnowledgeBase, store: Store, observer: Observer) -> tuple[Embedder, Target]:
    """Open the embedder of the settings and compare what it gives with what there is.

    Raises `UsageError` and `EndpointError`.
    """
    settings = _wanted(base)
    embedder = open_embedder(settings, None, observer)
    try:
        with store.snapshot() as snapshot:
            standing = {each.state: each for each in snapshot.generations()}
            profile = _known(embedder.profile, standing) or embedder.profile
            canaries, drifted = _canaries(embedder, snapshot, profile)
    except BaseException:
        embedder.close()
        raise
    current, building = standing["current"], standing.get("building")
    how = chunking(settings, current.recipe)
    recipe = recipe_of(settings, embedder.profile, how)
    known = current.profile
    same = known is not None and known.identity == profile.identity and not drifted
    return embedder, Target(
        profile=profile,
        how=how,
        recipe=recipe,
        canaries=canaries,
        drifted=drifted,
        building=building if building and _is(building, profile, recipe, drifted) else None,
        same=same and chunking_values(how) == _present_chunking(base, current),
    )


def _present_chunking(base: KnowledgeBase, current: Generation) -> Mapping[str, Any]:
    if current.recipe is not None:
        return current.recipe.chunking
    return chunking_values(chunking(base.lasting or base.settings))


def _wanted(base: KnowledgeBase) -> Settings:
    """Give the settings in force; an endpoint named now is not asked for the built-in model."""
    settings = base.settings
    model_from, url_from = (
        settings.origins.get(f"embedding.{name}", "default") for name in ("model", "base_url")
    )
    left_over = (settings.model or "").startswith(BUILTIN) and model_from == "kb.toml"
    if left_over and url_from not in {"kb.toml", "default"}:
        return replace(settings, model=None)
    return settings


def _known(mine: Profile, standing: dict[str, Generation]) -> Profile | None:
    """Give the stored profile that this embedder's would be, revision included."""
    for state in ("building", "current", "former"):
        found = standing.get(state)
        if found is not None and found.profile is not None:
            differing = set(found.profile.differences(mine))
            # An endpoint does not tell its revision: it is kb that counts them.
            if not differing or (mine.provider == "endpoint" and differing == {"revision"}):
                return found.profile
    return None


def _canaries(
    embedder: Embedder, snapshot: Snapshot, profile: Profile
) -> tuple[Matrix | None, bool]:
    """Give the canaries to be kept, if there are none yet or they no longer hold; and whether."""
    kept = snapshot.canaries(profile)
    try:
        return check_canaries(embedder, kept), False
    except EndpointError as error:
        if error.failure.code != "embed.drift":
            raise
    return check_canaries(embedder, None), True


def _is(building: Generation, profile: Profile, recipe: Recipe, drifted: bool) -> bool:
    return (
        not drifted
        and building.profile is not None
        and building.profile.identity == profile.identity
        and building.recipe is not None
        and dict(building.recipe.chunking) == dict(recipe.chunking)
    )
