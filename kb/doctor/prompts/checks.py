"""Which prompts find more in the user's own documents?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kb.doctor.check import Check, failed, ok, skip, warn
from kb.doctor.examination import Examination
from kb.doctor.prompts.exam import Exam, exam_of
from kb.doctor.prompts.marks import Marks, compare, marks_of
from kb.embed.prompts import PROMPTS
from kb.errors import Failure, failure

if TYPE_CHECKING:
    from kb.model import Matrix

#: Fewer questions than this tell nothing.
LEAST_QUESTIONS: Final = 20
_NAME: Final = "prompts.compare"
#: Texts in one request, and tokens in a passage that fit any embedding model.
_BATCH: Final = 16
_LONGEST: Final = 512
#: kb's estimate of a text's tokens may be short by a third, and a prefix comes on top.
_MARGIN: Final = 0.6
_SLOT: Final = "{text}"
#: How long all of it may take, in seconds, and how many passages tell the server's pace.
_BUDGET_S: Final = 120.0
_DEEP_BUDGET_S: Final = 600.0
_TRIED: Final = 8
#: What a smaller request may be spared.
_SPLIT: Final = frozenset({"embed.overloaded", "embed.rate_limited", "embed.bad_request"})
_HOW: Final = (
    "Bring some documents with headings in (`kb ingest FOLDER`), then run "
    "`kb doctor --prompts` again."
)


class _RefusedError(Exception):
    """The endpoint gave no vectors for some of the texts."""

    def __init__(self, found: Failure | None, curl: str = "") -> None:
        super().__init__("the endpoint gave no vectors")
        self.found = found or failure("embed.invalid_response")
        self.curl = curl


def checks(examination: Examination) -> Iterator[Check]:
    """Ask headings as questions under each of the prompts; says nothing where not asked for."""
    if not examination.wanted.prompts:
        return
    if not examination.base_of.exists:
        yield skip(_NAME, f"There is no knowledge base in {examination.base_of.home}. {_HOW}")
        return
    longest = int(min(examination.max_model_len or _LONGEST, _LONGEST) * _MARGIN)
    with examination.base_of.snapshot() as snapshot:
        exam = exam_of(snapshot, longest=longest)
    if len(exam.questions) < LEAST_QUESTIONS:
        yield skip(
            _NAME,
            f"The documents have {len(exam.questions)} headings with a text of their own; at least "
            f"{LEAST_QUESTIONS} are needed. {_HOW}",
        )
        return
    try:
        yield from _held(examination, exam)
    except _RefusedError as refused:
        yield failed(_NAME, refused.found, curl=refused.curl)


def _held(examination: Examination, whole: Exam) -> Iterator[Check]:
    """Hold the exam; raises `_RefusedError`."""
    exam = _affordable(examination, whole)
    if len(exam.questions) < LEAST_QUESTIONS:
        yield skip(
            _NAME,
            f"The server is too slow to compare prompts within {_budget(examination):.0f} s; "
            "`kb doctor --prompts --deep` allows ten minutes.",
        )
        return
    marks = _marks(examination, exam)
    yield from _told(exam, marks)
    yield _verdict(exam, marks)


def candidates(examination: Examination) -> dict[str, tuple[str, str]]:
    """Give the templates to compare by name, the configured ones first."""
    configured = examination.templates
    known = next((name for name, pair in PROMPTS.items() if pair == configured), None)
    name = known or examination.settings.prompts
    if known is None and name in PROMPTS:
        # The preset's own task is compared with the one that is configured.
        name = f"{name} with your instruction"
    return {name: configured} | {each: pair for each, pair in PROMPTS.items() if each != name}


def _budget(examination: Examination) -> float:
    return _DEEP_BUDGET_S if examination.wanted.deep else _BUDGET_S


def _affordable(examination: Examination, exam: Exam) -> Exam:
    """Leave out passages where the server would take too long; raises `_RefusedError`."""
    templates = candidates(examination).values()
    few = exam.passages[:_TRIED]
    started = time.monotonic()
    _embedded(examination, examination.templates[1], few)
    each = (time.monotonic() - started) / len(few)
    # A question is short beside a passage: about a quarter of its time.
    asked = len({query for query, _ in templates}) * len(exam.questions) / 4
    stored = len({passage for _, passage in templates}) * len(exam.passages)
    share = _budget(examination) / max((asked + stored) * each, 1e-9)
    return exam if share >= 1 else exam.first(int(share * len(exam.passages)))


def _marks(examination: Examination, exam: Exam) -> dict[str, Marks]:
    """Embed everything once for each template it stands in, and rank the passages."""
    vectors: dict[tuple[str, bool], Matrix] = {}
    marks: dict[str, Marks] = {}
    for name, (query, passage) in candidates(examination).items():
        for template, texts, asks in (
            (passage, exam.passages, False),
            (query, exam.questions, True),
        ):
            if (template, asks) not in vectors:
                vectors[template, asks] = _embedded(examination, template, texts)
        scores = vectors[query, True] @ vectors[passage, False].T
        marks[name] = marks_of(scores, exam.answers)
    return marks


def _embedded(examination: Examination, template: str, texts: Sequence[str]) -> Matrix:
    """Give unit vectors, shape (n, dimensions); raises `_RefusedError`."""
    rows: list[Matrix] = []
    for start in range(0, len(texts), _BATCH):
        sent = [template.replace(_SLOT, text) for text in texts[start : start + _BATCH]]
        rows.append(_rows(examination, sent))
    if len({each.shape[1] for each in rows}) > 1:
        raise _RefusedError(failure("embed.dimension_mismatch"))
    matrix = np.concatenate(rows)
    with np.errstate(all="ignore"):
        norms = np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
        unit = matrix / np.where(norms > 0, norms, 1)
    made: Matrix = np.nan_to_num(unit, posinf=0, neginf=0).astype(np.float32)
    return made


def _rows(examination: Examination, sent: Sequence[str]) -> Matrix:
    """Embed one batch; where it is too much, its texts one by one."""
    dimensions = examination.settings.dimensions
    outcome = examination.embed(sent, fields={"dimensions": dimensions} if dimensions else None)
    if outcome.rows is not None:
        return outcome.rows
    code = outcome.failure.code if outcome.failure is not None else ""
    if len(sent) == 1 or code not in _SPLIT:
        raise _RefusedError(outcome.failure, outcome.exchange.curl())
    middle = len(sent) // 2
    return np.concatenate([_rows(examination, sent[:middle]), _rows(examination, sent[middle:])])


def _told(exam: Exam, marks: Mapping[str, Marks]) -> Iterator[Check]:
    for name, mark in marks.items():
        yield ok(
            f"prompts.{name.split(' ')[0]}" if name in PROMPTS else "prompts.configured",
            f"{name}: {mark.first:.0%} of the headings find their own section first, "
            f"MRR@10 {mark.mrr:.3f}.",
            recall_at_1=round(mark.first, 4),
            mrr_at_10=round(mark.mrr, 4),
            n=len(exam.questions),
            passages=len(exam.passages),
        )


def _verdict(exam: Exam, marks: Mapping[str, Marks]) -> Check:
    """Compare the configured prompts with the best of the others."""
    mine, *others = marks
    best = max(others, key=lambda name: marks[name].mrr)
    result = compare(marks[mine], marks[best], among=len(others))
    figures: dict[str, Any] = {
        "configured": mine,
        "best_other": best,
        "difference": round(result.difference, 4),
        "noise": round(result.noise, 4),
        "n": len(exam.questions),
        "passages": len(exam.passages),
        "table": {name: [round(m.first, 4), round(m.mrr, 4)] for name, m in marks.items()},
    }
    asked = f"{len(exam.questions)} headings, {len(exam.passages)} passages"
    gap = f"{abs(result.difference):.3f} in MRR@10"
    if result.clear and result.difference > 0:
        hint = (
            f"Set KB_PROMPTS={best} (embedding.prompts in kb.toml). Vectors made with other "
            "prompts cannot be compared, so ingest into a new knowledge base "
            "(`kb --home NEW/.kb ingest FOLDER`)."
        )
        message = f"The prompts `{best}` find clearly more than `{mine}`: {gap} ({asked})."
        return warn(_NAME, message, hint, **figures)
    if result.clear:
        message = f"The configured prompts `{mine}` are the best: {gap} before `{best}` ({asked})."
        return ok(_NAME, message, **figures)
    message = (
        f"The configured prompts `{mine}` are as good as `{best}`: {gap} apart, where up to "
        f"{result.noise:.3f} is chance ({asked})."
    )
    return ok(_NAME, message, **figures)
