"""Which parts of a passage the question's words touch."""

from __future__ import annotations

from kb.store.local.terms import highlights

__all__ = ["highlights"]
