"""One line of a diagnosis: what was looked at, what was found, what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from kb.errors import Failure

Status: TypeAlias = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one check found. `id` is stable: scripts may rely on it."""

    #: The group and the thing looked at, e.g. "network.dns".
    id: str
    status: Status
    #: A whole sentence with what was found.
    message: str
    #: What to do, unless the status is ok.
    hint: str = ""
    #: Figures; `curl` reproduces a failed request; `code` is the failure code it leads to.
    detail: Mapping[str, Any] = field(default_factory=dict)
    #: How long the check took, in milliseconds.
    ms: float = 0.0


def ok(name: str, message: str, **detail: Any) -> Check:  # noqa: ANN401 - figures of any kind
    """Give a check that found all well."""
    return Check(id=name, status="ok", message=message, detail=detail)


def warn(name: str, message: str, hint: str, **detail: Any) -> Check:  # noqa: ANN401
    """Give a check that found something that works but should be looked at."""
    return Check(id=name, status="warn", message=message, hint=hint, detail=detail)


def fail(name: str, message: str, hint: str, **detail: Any) -> Check:  # noqa: ANN401
    """Give a check that found something that keeps kb from working."""
    return Check(id=name, status="fail", message=message, hint=hint, detail=detail)


def skip(name: str, message: str) -> Check:
    """Give a check that was not made, and why."""
    return Check(id=name, status="skip", message=message)


def failed(name: str, found: Failure, **detail: Any) -> Check:  # noqa: ANN401
    """Give a failed check from the failure that an ingest would report."""
    return fail(name, found.message, cure(found), code=found.code, **found.detail, **detail)


def cure(found: Failure) -> str:
    """Give the hint of a failure without its last step, for nothing is there to be tried again."""
    return re.sub(r"[,;] then `kb retry[^`]*`", "", found.hint)


def doubted(name: str, doubt: str, **detail: Any) -> Check:  # noqa: ANN401
    """Give a warning from a sentence of `prompt_warning`: the fact, a colon, the cure."""
    fact, _, cure = doubt.rpartition(": ")
    return warn(name, f"{fact}.", f"{cure[:1].upper()}{cure[1:]}", **detail)
