"""The settings of one endpoint, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kb.embed.flow import DEFAULT_RETRIES, Timing
from kb.embed.urls import in_container
from kb.errors import UsageError, failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of `[embedding]`; None where nothing is configured."""

    base_url: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    dimensions: int | None = None
    prompts: str = "e5"
    query_template: str | None = None
    passage_template: str | None = None
    instruction: str | None = None
    concurrency: int | None = None
    batch_tokens: int | None = None
    max_input_tokens: int | None = None
    timeout_s: float | None = None
    max_retries: int | None = None

    @property
    def retries(self) -> int:
        """How often a request is repeated."""
        return DEFAULT_RETRIES if self.max_retries is None else self.max_retries


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What lies outside: the clock, who hears of waiting, and whether this is a container."""

    notify: Callable[[str], None] | None = None
    timing: Timing = field(default_factory=Timing)
    container: Callable[[], bool] = in_container
    #: Few requests will be made, so that what loads a library for many is not worth it.
    brief: bool = False


def sendable_key(key: str | None) -> str | None:
    """Give the key as a header can carry it, None where there is none; raises `UsageError`."""
    key = (key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError(
            failure(
                "usage.settings",
                "The API key holds a character that cannot be sent.",
                hint="Copy KB_API_KEY again, without quotes and line breaks.",
            )
        )
    return key or None


def check_numbers(options: Options) -> None:
    """Raise `UsageError` where a number makes no sense."""
    least = {
        "dimensions": 1,
        "concurrency": 1,
        "batch_tokens": 1,
        "max_input_tokens": 1,
        "max_retries": 0,
    }
    for name, lowest in least.items():
        value = getattr(options, name)
        if value is not None and value < lowest:
            raise _bad_number(f"embedding.{name} is {value}; it is at least {lowest}.")
    if options.timeout_s is not None and not 0 < options.timeout_s < 1e6:
        raise _bad_number(f"embedding.timeout_s is {options.timeout_s}; it is a number above 0.")


def _bad_number(message: str) -> UsageError:
    return UsageError(failure("usage.settings", message, hint="Correct [embedding] in kb.toml."))
