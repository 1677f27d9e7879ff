"""Whole sets of chunks: the one that answers, the one being made, and the one kept for a rollback.

There is always exactly one *current* generation. At most one is *building*, and at most one
*former* generation is kept whole. What is neither is deleted by `collect`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kb.errors import Failure
from kb.model import Profile

if TYPE_CHECKING:
    from kb.model import Matrix
    from kb.store import DocumentDraft, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a generation is made, besides its profile."""

    #: "target_tokens" and "overlap_tokens".
    chunking: Mapping[str, Any]
    #: The settings that made it, by their names in `kb.toml`; never the key.
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation as `kb status` shows it."""

    id: int
    #: "building", "current", "former" (kept), or "leftover": `kb gc` deletes it.
    state: str
    profile: Profile | None
    #: None where it was made by a kb that did not write it down.
    recipe: Recipe | None
    #: When it was begun: UTC, to the second.
    created_at: str
    chunks: int
    #: How many documents it does not hold, as they were changed or added since, or not reached yet.
    missing: int


class Builder(Protocol):
    """Fills a generation that is not in use. Each method is durable when it returns."""

    @property
    def id(self) -> int:
        """The generation's id."""

    @property
    def profile(self) -> Profile:
        """The generation's profile."""

    def weigh(self, dense_weight: float, *, questions: int) -> None:
        """Keep the share of the dense score that so many questions found best for its profile."""

    def missing(self) -> Sequence[str]:
        """Give the paths of the documents that it does not hold yet."""

    def failures(self) -> Sequence[Failure]:
        """Give what failed of the documents that it holds."""

    def known_keys(self, keys: Iterable[bytes]) -> set[bytes]:
        """Give those keys whose vectors are already paid for under its profile."""

    def add_vectors(self, keys: Sequence[bytes], matrix: Matrix) -> None:
        """Keep vectors under its profile; row i belongs to `keys[i]`."""

    def put(self, draft: DocumentDraft) -> tuple[int, int]:
        """Put the chunks of a stored document in place of those it has; gives both counts."""

    def put_all(self, drafts: Sequence[DocumentDraft]) -> Sequence[tuple[int, int]]:
        """Do for several documents what `put` does for one, all in one transaction."""

    def fail_all(self, refusals: Sequence[Refusal]) -> None:
        """Write down why this generation has nothing of some documents, in one transaction."""

    def refresh_index(self) -> None:
        """Bring the index of its profile up to what is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What `collect` deleted, or would."""

    #: Ids of generations.
    generations: tuple[int, ...] = ()
    chunks: int = 0
    vectors: int = 0
    #: Vectors that no chunk names and that were left, since an unfinished run may need them.
    journal: int = 0
    #: By how much the files became smaller; of a rehearsal, what it would be about.
    bytes: int = 0


class Generations(Protocol):
    """Making, switching and deleting generations; only while the writer's lock is held."""

    def begin(
        self,
        profile: Profile,
        recipe: Recipe,
        *,
        canaries: Matrix | None = None,
        drifted: bool = False,
    ) -> Builder:
        """Give an empty generation to be filled; one that was being filled is given up.

        With `drifted`, `profile` names what no longer gives the vectors that are stored under it,
        so that a new profile of the same names is made.
        """

    def go_on(self, generation: int, *, recipe: Recipe | None = None) -> Builder:
        """Give a generation that is there, to be filled up; `recipe` takes the place of its own."""

    def switch(self, generation: int, *, keep: bool) -> None:
        """Put a generation in use, in one transaction; `keep` keeps the one before for a rollback.

        What the ledger says of passages moves with it. Raises `StoreError` (`store.corrupt`) when
        documents are missing in it.
        """

    def collect(
        self, *, former: bool = False, building: bool = False, shrink: bool = True
    ) -> Freed:
        """Delete what nothing names; with `former` or `building`, those generations too.

        May be killed at any moment and run again. Without `shrink` the room is left inside the
        database for what comes next. `Writer.refresh_index` belongs after it.
        """
