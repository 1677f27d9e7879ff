"""`kb retry`: take those documents in again that the failure ledger names."""

from __future__ import annotations

from collections.abc import Mapping

from kb.model import Report
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.ingest import How, ingest
from kb.pipeline.members import containers_of
from kb.pipeline.observe import Observer
from kb.pipeline.plan import Wanted
from kb.store import KnownSource


def retry(
    base: KnowledgeBase,
    *,
    stage: str | None = None,
    code: str | None = None,
    observer: Observer | None = None,
    passwords: tuple[str, ...] = (),
    wait_s: float | None = None,
) -> Report:
    """Try every document again that has a failure of that stage and code; any by default.

    Vectors that are already paid for are not asked for again. A member of an archive is reached
    through the file that holds it.
    """
    with base.snapshot() as snapshot:
        failures = snapshot.failures(stage=stage, code=code)
        known = snapshot.known_sources()
    sources = dict.fromkeys(each.source for each in failures if each.source)
    wanted = Wanted(force=True, only=frozenset(sources))
    how = How(wanted=wanted, passwords=passwords, wait_s=wait_s)
    files = dict.fromkeys(_file_of(source, known) for source in sources)
    paths = [base.root / file for file in files]
    return ingest(base, paths, how=how, observer=observer, command="retry")


def _file_of(source: str, known: Mapping[str, KnownSource]) -> str:
    """Give the file on the disk that a source is, or is a member of."""
    outermost = [each for each in containers_of(source) if each in known]
    return outermost[-1] if outermost else source
