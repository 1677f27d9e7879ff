"""Does the reranker answer, and does it tell an answer from what is none?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from kb.doctor.check import Check, fail, failed, ok, warn
from kb.doctor.examination import Examination
from kb.doctor.texts import PAIRS, Wording
from kb.errors import StageError, UsageError
from kb.pipeline.reranking import open_reranker

if TYPE_CHECKING:
    from kb.embed.reranking import Reranker, Scores


def checks(examination: Examination) -> Iterator[Check]:
    """Have two passages put in order, in English and in Chinese; nothing where none is set."""
    settings = examination.settings
    if settings.rerank_url is None:
        return
    try:
        reranker = open_reranker(settings, sleep=examination.sleep, brief=False)
    except UsageError as error:
        found = error.failure
        yield fail("rerank.address", found.message, found.hint, code=found.code)
        return
    with closing(reranker):
        yield from _asked(examination, reranker)


def _asked(examination: Examination, reranker: Reranker) -> Iterator[Check]:
    started = time.monotonic()
    try:
        scores = _scores(reranker, PAIRS[0].english, PAIRS[1].english)
    except StageError as error:
        yield failed("rerank.answer", error.failure)
        return
    seconds = round(time.monotonic() - started, 3)
    yield _address(examination, scores)
    yield _order(scores, seconds)
    try:
        chinese = _scores(reranker, PAIRS[0].chinese, PAIRS[1].chinese)
    except StageError as error:
        yield failed("rerank.chinese", error.failure)
        return
    yield _chinese(chinese)


def _scores(reranker: Reranker, mine: Wording, other: Wording) -> Scores:
    """Score a passage that answers another question, and then the one that answers this."""
    return reranker.scores(mine.question, [other.passage, mine.passage])


def _address(examination: Examination, scores: Scores) -> Check:
    name, written = "rerank.address", (examination.settings.rerank_url or "").strip()
    detail = {"address": scores.address, "written": written, "model": scores.model}
    if examination.settings.rerank_model is None and scores.model is not None:
        return warn(
            name,
            f"The reranker at {scores.address} serves {scores.model}; each search asks for that "
            "name anew.",
            f"Set KB_RERANK_MODEL={scores.model}",
            **detail,
        )
    if written.rstrip("/") != scores.address:
        return warn(
            name,
            f"The reranker answers at {scores.address}; a search may try other addresses first.",
            f"Write it so: KB_RERANK_URL={scores.address}",
            **detail,
        )
    return ok(name, f"The reranker answers at {scores.address}.", **detail)


def _order(scores: Scores, seconds: float) -> Check:
    name = "rerank.answer"
    detail = {"scores": list(scores.values), "prompts": scores.prompts, "seconds": seconds}
    if not _is_right(scores):
        return warn(
            name,
            "The reranker finds a passage about late payment the better answer to a question "
            "about sending goods back.",
            "Check that KB_RERANK_URL serves a reranker with trained weights; for Qwen3-Reranker "
            "under another name set rerank.prompts = qwen3 in kb.toml.",
            **detail,
        )
    prompts = " with the prompts of Qwen3-Reranker" if scores.prompts == "qwen3" else ""
    return ok(
        name, f"It puts two passages in the right order{prompts} ({seconds:.2f} s).", **detail
    )


def _chinese(scores: Scores) -> Check:
    name, detail = "rerank.chinese", {"scores": list(scores.values)}
    if _is_right(scores):
        return ok(name, "It puts two Chinese passages in the right order.", **detail)
    return warn(
        name,
        "The reranker puts two Chinese passages in the wrong order.",
        "For Chinese use a reranker that knows it (bge-reranker-v2-m3, Qwen3-Reranker); for other "
        "languages nothing is to be done.",
        **detail,
    )


def _is_right(scores: Scores) -> bool:
    other, mine = scores.values
    return mine is not None and (other is None or mine > other)
