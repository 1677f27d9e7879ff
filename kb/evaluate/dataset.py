"""Labelled questions: what is asked of which documents, and which answers are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One place that answers a question, as the labels give it.

    Offsets count characters of the document's source, end exclusive; None where the label is its
    text alone.
    """

    document: str
    text: str = ""
    start: int | None = None
    end: int | None = None
    #: Counted from 1.
    page: int | None = None
    #: The clause's own name, as it stands among the headings of a hit, e.g. "第3.2条".
    clause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question with its labels."""

    id: str
    #: To be asked of everything.
    text: str
    #: How relevant documents are, by id; above 0 is relevant.
    relevant: Mapping[str, int] = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    #: The document that the question is about, where it names one.
    document: str | None = None
    #: What to ask within that document alone; None: the text itself.
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One document: a text, or a file."""

    id: str
    title: str = ""
    text: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Documents, and questions about them."""

    name: str
    documents: tuple[Entry, ...]
    queries: tuple[Query, ...]
    #: What of the labels could not be used, in whole sentences.
    notes: tuple[str, ...] = ()
