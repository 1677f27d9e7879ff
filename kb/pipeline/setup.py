"""`kb init`: make a knowledge base, see that its embedder works, pin the profile."""

from __future__ import annotations

from contextlib import closing

from kb.config import Settings
from kb.model import Profile
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.embedder import DEFAULT, check_canaries, open_embedder
from kb.pipeline.observe import Observer, Silent
from kb.pipeline.toml_file import toml

HEAD = """\
# Settings of this knowledge base. Command-line options and the environment come before them.
# `kb config` shows every setting, its value and where that comes from.
# The API key belongs in the environment (KB_API_KEY), not in this file.
"""


def init(base: KnowledgeBase, *, observer: Observer | None = None) -> Profile:
    """Make the knowledge base and give its pinned profile; doing so twice changes nothing.

    Raises `EndpointError` before anything is made when the endpoint cannot be used, and
    `UsageError` (`embed.profile_mismatch`) where there is one with another profile.
    """
    pinned, kept = None, None
    if base.exists:
        with base.snapshot() as snapshot:
            pinned, kept = snapshot.profile, snapshot.canaries()
    with open_embedder(base.settings, pinned, observer or Silent()) as embedder:
        profile = embedder.profile
        canaries = check_canaries(embedder, kept)
    if pinned is None:
        store = base.open(create=True)
        with closing(store), store.writer("init") as writer:
            writer.pin(profile, canaries=canaries)
    remember_settings(base, profile)
    return profile


def remember_settings(base: KnowledgeBase, profile: Profile) -> None:
    """Write `kb.toml` with the settings that made the profile, unless there is one already.

    A later command then needs no environment variable. The API key is never written.
    """
    file = base.home / "kb.toml"
    if file.exists():
        return
    draft = base.home / "kb.toml.new"
    draft.write_text(HEAD + _embedding_table(base.settings, profile), encoding="utf-8")
    draft.replace(file)


def _embedding_table(settings: Settings, profile: Profile) -> str:
    if profile.model == DEFAULT:
        return ""
    if profile.provider == "builtin":
        return f"\n[embedding]\nmodel = {toml(profile.model)}\n"
    values: dict[str, str | int | None] = {
        "base_url": settings.base_url,
        "model": profile.model,
        "prompts": settings.prompts,
        "dimensions": settings.dimensions,
        "query_template": settings.query_template,
        "passage_template": settings.passage_template,
        "instruction": settings.instruction,
    }
    lines = [f"{key} = {toml(value)}" for key, value in values.items() if value is not None]
    return "\n".join(["", "[embedding]", *lines, ""])
