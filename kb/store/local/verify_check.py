"""What the checks of `kb verify` have in common: what they look at, count, and hand to a repair."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kb.model import Profile
from kb.store import Finding
from kb.store.local.database import Database
from kb.store.local.shelf import Shelf

#: So many examples of what is wrong are named; the rest is counted.
NAMED: Final = 5
REPAIR: Final = "Run: kb verify --repair"


@dataclass(slots=True)
class Damage:
    """What a repair needs to know; filled by the checks."""

    #: The file itself cannot be trusted: read out of it what can be read.
    file: bool = False
    #: Documents that must be read again, by id, and why.
    documents: dict[int, str] = field(default_factory=dict)
    #: Documents whose chunks' places are to be worked out again.
    places: set[int] = field(default_factory=set)
    #: Paths in `sources` whose row cannot be trusted.
    sources: set[object] = field(default_factory=set)
    #: Rows that are worth nothing, by table: their names under seal.
    rows: dict[str, set[object]] = field(default_factory=dict)
    vectors: set[int] = field(default_factory=set)
    #: What a generation that is not in use holds of a document, and is not whole: both ids.
    unbuilt: set[tuple[int, int]] = field(default_factory=set)
    #: Chunks that name a vector which is none of theirs.
    estranged: set[int] = field(default_factory=set)
    words: bool = False
    #: The manifest contradicts itself or the vectors.
    manifest: bool = False
    #: Segment files that are not what they are named by, or that do not find enough.
    segments: set[Path] = field(default_factory=set)
    #: Pinned facts that only a backup or a new knowledge base brings back.
    hopeless: list[str] = field(default_factory=list)
    #: The counters behind I6.
    counters: bool = False
    canaries: bool = False
    #: Which generation has which words is not told, or wrongly.
    owners: bool = False
    #: Generations of which nobody knows whether they had words.
    disowned: set[int] = field(default_factory=set)
    #: Generations of which the settings are lost.
    recipes: set[int] = field(default_factory=set)
    runs: bool = False
    strays: bool = False

    @property
    def hurts_index(self) -> bool:
        """Whether segments, or what the manifest says of them, have to be made again."""
        return bool(self.segments or self.manifest)

    def row(self, table: str, name: object) -> None:
        """Note that a row cannot be trusted."""
        self.rows.setdefault(table, set()).add(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a verification looks at: one state of the database, and the folder of segments."""

    database: Database
    shelf: Shelf
    #: Generations and the profile of each that has one.
    profiles: dict[int, tuple[int, Profile]]
    generation: int
    sealed: bool
    damage: Damage


class Check:
    """One line of the result: counts what is right, names the first few things that are not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wrong = 0
        self._examples: list[str] = []

    def fail(self, what: str) -> None:
        """Count something that is wrong; `what` names it in a few words."""
        self.wrong += 1
        if len(self._examples) < NAMED:
            self._examples.append(what)

    def expect(self, holds: bool, what: str) -> bool:
        """Count `what` as wrong unless it holds; gives back whether it did."""
        if not holds:
            self.fail(what)
        return holds

    def finding(
        self,
        fine: str,
        broken: str = "What is stored is wrong",
        *,
        hint: str = REPAIR,
        **figures: Any,  # noqa: ANN401 - for people and scripts to read
    ) -> Finding:
        """Give the result: the sentence `fine`, or `broken` with the first examples."""
        if not self.wrong:
            return Finding(id=self.name, ok=True, message=fine, detail=figures)
        told = "; ".join(self._examples)
        more = f"; and {self.wrong - len(self._examples)} more" if self.wrong > NAMED else ""
        return Finding(
            id=self.name,
            ok=False,
            message=f"{broken}: {told}{more}.",
            hint=hint,
            detail=figures | {"wrong": self.wrong, "examples": list(self._examples)},
        )


def counted(number: int, noun: str, plural: str = "") -> str:
    """Give a number with its noun, e.g. "1 chunk", "2 chunks"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"
