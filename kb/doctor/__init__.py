"""What is wrong with the embedding endpoint, and what mends it?

`examine` goes through the groups of checks in their order and gives one `Check` after another.
A group that needs what an earlier one did not find is passed over. Nothing is ever written to
the knowledge base.

    settings    which settings, from where?          network    does anything answer there?
    server      what answers?                        request    does it embed what kb sends?
    vectors     do the vectors mean anything?        profile    are they the knowledge base's?
    speed       how fast, at how many at once?       machine    the GPU and the server's log
    end_to_end  one document, ingested and found     prompts    which prompts find more?
    rerank      does the reranker tell an answer?

Each group is a module or folder of this name with a function `checks`; what they share:

    check       one line of the diagnosis            exchange   a request, its answer, its `curl`
    examination what is known so far                 outcomes   failed requests as checks
    texts       what is embedded for a test
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

from kb.doctor import end_to_end, profile, rerank, settings
from kb.doctor.check import Check, Status, fail, skip
from kb.doctor.examination import Examination, Wanted
from kb.doctor.machine.checks import checks as machine_checks
from kb.doctor.network.checks import checks as network_checks
from kb.doctor.prompts.checks import checks as prompts_checks
from kb.doctor.request.checks import checks as request_checks
from kb.doctor.server.checks import checks as server_checks
from kb.doctor.speed.checks import checks as speed_checks
from kb.doctor.vectors.checks import checks as vectors_checks
from kb.errors import KbError
from kb.pipeline.base import KnowledgeBase

__all__ = ["Check", "Status", "Wanted", "examine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Checks that belong together; `needs` is the fact without which none can be made."""

    name: str
    run: Callable[[Examination], Iterator[Check]]
    needs: str | None = None


GROUPS: Final = (
    Group(name="settings", run=settings.checks),
    Group(name="network", run=network_checks, needs="address"),
    Group(name="server", run=server_checks, needs="connection"),
    Group(name="request", run=request_checks, needs="api"),
    Group(name="vectors", run=vectors_checks, needs="vectors"),
    Group(name="profile", run=profile.checks, needs="vectors"),
    Group(name="speed", run=speed_checks, needs="vectors"),
    Group(name="machine", run=machine_checks),
    Group(name="end_to_end", run=end_to_end.checks, needs="embedder"),
    Group(name="prompts", run=prompts_checks, needs="vectors"),
    Group(name="rerank", run=rerank.checks),
)

_WHY_NOT: Final = {
    "address": "Not asked: no endpoint is set.",
    "connection": "Not asked: nothing answers at the address.",
    "api": "Not asked: there is no embedding API at the address.",
    "vectors": "Not asked: the endpoint gave no vectors.",
    "embedder": "Not tried: there is nothing that embeds.",
}


def examine(base: KnowledgeBase, wanted: Wanted | None = None) -> Iterator[Check]:
    """Give one check after another, each as soon as it is made; raises nothing of its own."""
    examination = Examination(base_of=base, wanted=wanted or Wanted())
    with closing(examination):
        for group in GROUPS:
            if group.needs is None or group.needs in examination.facts:
                yield from _timed(group, examination)
            else:
                yield skip(group.name, _WHY_NOT[group.needs])


def _timed(group: Group, examination: Examination) -> Iterator[Check]:
    """Give the checks of a group with the time each took; an error ends its group alone."""
    checks = group.run(examination)
    while True:
        started = time.monotonic()
        try:
            check = next(checks, None)
        except KbError as error:
            check = fail(group.name, error.failure.message, error.failure.hint)
        if check is None:
            return
        yield replace(check, ms=round(1000 * (time.monotonic() - started), 1))
