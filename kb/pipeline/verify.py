"""`kb verify`: prove a knowledge base whole, and mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kb.pipeline.base import KnowledgeBase
from kb.store import Finding, Lost, repair_store, verify_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verification found, and what a repair before it did."""

    findings: Sequence[Finding]
    #: None where no repair was asked for; else what was mended, in whole sentences.
    repaired: Sequence[str] | None = None
    lost: Sequence[Lost] = field(default=())
    #: Where a damaged database was put aside.
    kept: Path | None = None

    @property
    def ok(self) -> bool:
        """True when every check passed."""
        return all(finding.ok for finding in self.findings)


def verify(base: KnowledgeBase) -> Verdict:
    """Carry out every check; nothing is written. Raises `UsageError` and `StoreError`."""
    return Verdict(findings=verify_store(base.home))


def repair(base: KnowledgeBase) -> Verdict:
    """Mend what can be mended and verify again. Raises `UsageError` and `StoreError`."""
    done = repair_store(base.home)
    return Verdict(findings=done.findings, repaired=done.mended, lost=done.lost, kept=done.kept)
