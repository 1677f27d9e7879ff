"""`kb retry`: take those documents in again that the failure ledger names."""

from __future__ import annotations

from kb.model import Report
from kb.pipeline.base import KnowledgeBase
from kb.pipeline.ingest import How, ingest
from kb.pipeline.observe import Observer
from kb.pipeline.plan import Wanted


def retry(
    base: KnowledgeBase,
    *,
    stage: str | None = None,
    code: str | None = None,
    observer: Observer | None = None,
) -> Report:
    """Try every document again that has a failure of that stage and code; any by default.

    Vectors that are already paid for are not asked for again.
    """
    with base.snapshot() as snapshot:
        failures = snapshot.failures(stage=stage, code=code)
    sources = dict.fromkeys(each.source for each in failures if each.source)
    how = How(wanted=Wanted(force=True))
    paths = [base.root / source for source in sources]
    return ingest(base, paths, how=how, observer=observer, command="retry")
