"""Does the whole way work: one document ingested, and found again?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from kb.doctor.check import Check, fail, failed, ok
from kb.doctor.examination import Examination
from kb.errors import Failure, KbError
from kb.model import Report
from kb.pipeline.base import FOLDER, KnowledgeBase
from kb.pipeline.ingest import How, ingest
from kb.pipeline.search import Answer, Asking, search

#: Fifty characters, and a question that shares no word with them but "boiler".
DOCUMENT: Final = "The boiler opens its relief valve at exactly 9 bar"
QUESTION: Final = "When does a boiler let off pressure?"


def checks(examination: Examination) -> Iterator[Check]:
    """Make a knowledge base of one document in a temporary folder, and take it away again."""
    try:
        with tempfile.TemporaryDirectory(prefix="kb-doctor-", ignore_cleanup_errors=True) as folder:
            yield from _tried(_throwaway(examination, Path(folder)))
    except OSError as error:
        yield fail(
            "end_to_end.ingest",
            f"No temporary folder can be used: {error.strerror or error}.",
            "Set TMPDIR to a folder with some free megabytes that you may write to.",
        )


def _throwaway(examination: Examination, folder: Path) -> KnowledgeBase:
    """Give the settings of the examination with another home; no failure is waited out."""
    settings = examination.settings
    patient = replace(
        settings,
        max_retries=min(1, 1 if settings.max_retries is None else settings.max_retries),
        timeout_s=examination.patience,
    )
    return KnowledgeBase(home=folder / FOLDER, root=folder, settings=patient)


def _tried(base: KnowledgeBase) -> Iterator[Check]:
    file = base.root / "document.txt"
    file.write_text(DOCUMENT, encoding="utf-8")
    try:
        report = ingest(base, [file], how=How(workers=1))
    except KbError as error:
        yield _broken("end_to_end.ingest", "The ingest of one document", error.failure)
        return
    found = _first_failure(report)
    if found is not None:
        yield _broken("end_to_end.ingest", "The ingest of one document", found)
        return
    assert report.profile is not None
    yield ok(
        "end_to_end.ingest",
        f"A document of {len(DOCUMENT)} characters was ingested with {report.profile.model} "
        f"({report.seconds:.1f} s).",
        seconds=round(report.seconds, 3),
        chunks=report.chunks.added,
    )
    yield _searched(base)


def _first_failure(report: Report) -> Failure | None:
    """Give what stopped the run or a document, or None where the document is in."""
    return report.error or next(iter(report.failures), None)


def _searched(base: KnowledgeBase) -> Check:
    """Search by meaning alone: words would find the document with no endpoint at all."""
    try:
        answer = search(base, QUESTION, asking=Asking(mode="dense", top_k=1))
    except KbError as error:
        if error.failure.code == "embed.drift":
            return _moved(error.failure)
        return _broken("end_to_end.search", "The search for it", error.failure)
    if not answer.hits or answer.hits[0].text.strip() != DOCUMENT:
        why = " ".join(answer.warnings) or "The search gave no hit."
        return fail(
            "end_to_end.search",
            f"The document that was ingested is not found. {why}",
            "Report this as a bug of kb, with the output of `kb doctor --json`.",
        )
    return _found(answer)


def _found(answer: Answer) -> Check:
    cosine = answer.hits[0].scores.get("dense")
    close = "" if cosine is None else f", cosine {cosine:.2f}"
    taken = sum(answer.timings_ms.values())
    return ok(
        "end_to_end.search",
        f"The search by meaning found it ({taken:,.0f} ms{close}).",
        cosine=cosine,
        timings_ms=dict(answer.timings_ms),
    )


def _moved(found: Failure) -> Check:
    return fail(
        "end_to_end.search",
        "The endpoint gave a text another vector for the search than for the ingest, seconds "
        "before.",
        "Set KB_BASE_URL to one server, not to a balancer before several; vLLM: start it with "
        "`--no-enable-prefix-caching`.",
        **(dict(found.detail) | {"code": found.code}),
    )


def _broken(name: str, what: str, found: Failure) -> Check:
    told = replace(
        found,
        message=f"{what} failed at the stage {found.stage.value} ({found.code}): {found.message}",
    )
    return failed(name, told, stage=found.stage.value)
