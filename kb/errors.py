"""What can go wrong, at which stage, and what mends it.

    KbError                     carries one Failure; ends the command with its exit code
    ├── StageError              one document (or page, or chunk) failed; the run goes on
    ├── UsageError              wrong usage or settings                           exit 2
    ├── EndpointError           the embedding endpoint cannot be used             exit 3
    └── StoreError              the knowledge base cannot be used                 exit 4

A stage raises `StageError`; `kb.pipeline` alone catches it and writes the failure down. The
other three stop the run: what was committed before stays. `kb.codes` holds every code that `kb` can
give, with one sentence of cause and one command or edit that mends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from kb.codes import CATALOGUE, CatalogueEntry

__all__ = [
    "CATALOGUE",
    "EXIT_ENDPOINT",
    "EXIT_INTERRUPTED",
    "EXIT_OK",
    "EXIT_PARTIAL",
    "EXIT_STORE",
    "EXIT_USAGE",
    "CatalogueEntry",
    "EndpointError",
    "Failure",
    "KbError",
    "Stage",
    "StageError",
    "StoreError",
    "UsageError",
    "failure",
]

EXIT_OK: Final = 0
EXIT_PARTIAL: Final = 1
EXIT_USAGE: Final = 2
EXIT_ENDPOINT: Final = 3
EXIT_STORE: Final = 4
EXIT_INTERRUPTED: Final = 130


class Stage(StrEnum):
    """The stages of the pipeline, in the order a document passes them."""

    DISCOVER = "discover"
    EXTRACT = "extract"
    CHUNK = "chunk"
    EMBED = "embed"
    STORE = "store"
    SEARCH = "search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that did not work: where, why, and what to do about it."""

    stage: Stage
    code: str
    message: str
    #: The document (its path as stored), or None when no single document is to blame.
    source: str | None = None
    #: The place in the document, e.g. "page 3" or "chunk 12".
    locator: str | None = None
    hint: str = ""
    #: True when the same input may succeed later (a timeout, a busy server).
    retriable: bool = False
    attempts: int = 1
    #: What the other side said: HTTP status, first 500 characters of its body. Never a secret.
    detail: dict[str, Any] = field(default_factory=dict)

    def at(self, source: str | None = None, locator: str | None = None) -> Failure:
        """Give the same failure, tied to a document and a place in it."""
        return replace(self, source=source or self.source, locator=locator or self.locator)

    def as_json(self) -> dict[str, Any]:
        """Give the FAILURE object of the JSON contract."""
        return {
            "stage": self.stage.value,
            "code": self.code,
            "source": self.source,
            "locator": self.locator,
            "message": self.message,
            "hint": self.hint,
            "retriable": self.retriable,
            "attempts": self.attempts,
            "detail": self.detail,
        }


class KbError(Exception):
    """Any failure that `kb` knows and names; `failure` says all of it."""

    exit_code: int = EXIT_PARTIAL

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class StageError(KbError):
    """One document, page or chunk failed at one stage; its neighbours go on."""


class UsageError(KbError):
    """The command or the settings are wrong; nothing was done."""

    exit_code = EXIT_USAGE


class EndpointError(KbError):
    """The embedding endpoint is down, wrong or refuses; what was finished is kept."""

    exit_code = EXIT_ENDPOINT


class StoreError(KbError):
    """The knowledge base is locked, damaged, full or of another version."""

    exit_code = EXIT_STORE


def failure(
    code: str,
    message: str = "",
    *,
    source: str | None = None,
    locator: str | None = None,
    hint: str = "",
    **detail: Any,  # noqa: ANN401 - whatever the other side said, for people to read
) -> Failure:
    """Make a `Failure` from the catalogue; `message` and `hint` replace its sentences.

    >>> failure("extract.empty", source="a.txt").message
    'The file is empty.'
    """
    entry = CATALOGUE[code]
    # What belongs to no stage is told as the first one's: nothing later is to blame.
    stage = code.partition(".")[0]
    return Failure(
        stage=Stage.DISCOVER if stage in ("usage", "run") else Stage(stage),
        code=code,
        message=message or entry.cause,
        source=source,
        locator=locator,
        hint=hint or entry.cure,
        retriable=entry.retriable,
        detail=detail,
    )
