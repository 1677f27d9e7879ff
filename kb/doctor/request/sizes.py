"""How many texts may one request hold?"""

from __future__ import annotations

from typing import Final

from kb.doctor.check import Check, ok
from kb.doctor.examination import Examination
from kb.doctor.exchange import Outcome
from kb.doctor.outcomes import SILENT, failing, found_in, said, warning
from kb.embed.flow import MAX_ITEMS

_NAME: Final = "request.batch"
#: The smallest request was one of two texts.
_PROVEN: Final = 2
_TRIED: Final = (8, MAX_ITEMS)
#: About so many tokens are in each of the texts.
_TOKENS_EACH: Final = 8


def batch(examination: Examination) -> Check:
    """Try requests of 8 and of 64 texts; where one fails, find the largest that does not."""
    proven, last = _PROVEN, None
    for size in _TRIED:
        last = _of(examination, size)
        if last.failure is not None:
            break
        proven = size
    assert last is not None
    if last.failure is None:
        seconds = last.exchange.seconds
        examination.pace_s = seconds / (MAX_ITEMS * _TOKENS_EACH)
        message = f"{MAX_ITEMS} texts in one request give {MAX_ITEMS} vectors, in {seconds:.2f} s."
        return ok(_NAME, message, largest=MAX_ITEMS, seconds=round(seconds, 3))
    return _bounded(examination, last, proven=proven, failed=size)


def _of(examination: Examination, size: int) -> Outcome:
    texts = [examination.passage(f"Clause {number} is short.") for number in range(size)]
    prefix = examination.passage("")
    expression = f"[{prefix!r} + f'Clause {{n}} is short.' for n in range({size})]"
    return examination.embed(texts, expression=expression)


def _bounded(examination: Examination, last: Outcome, *, proven: int, failed: int) -> Check:
    code = found_in(last).code
    if code in SILENT:
        return _silent(examination, last, proven=proven, size=failed)
    while failed - proven > 1:
        middle = (proven + failed) // 2
        outcome = _of(examination, middle)
        if outcome.failure is None:
            proven = middle
        elif found_in(outcome).code in SILENT:
            return _silent(examination, outcome, proven=proven, size=middle)
        else:
            failed, last = middle, outcome
    examination.largest_batch = proven
    if code == "embed.count_mismatch":
        message = f"For {failed} texts the endpoint gives another number of vectors."
        return failing(_NAME, last, f"{message} {found_in(last).message}")
    return warning(
        _NAME,
        last,
        f"The endpoint takes {proven} texts in one request and refuses {failed} ({said(last)}).",
        f"Nothing is lost: kb halves its requests. To go faster, {_flag(last)}.",
    )


def _silent(examination: Examination, last: Outcome, *, proven: int, size: int) -> Check:
    examination.largest_batch = proven
    message = f"{proven} short texts are embedded in one request; {size} brought no answer in time."
    hint = (
        "Raise KB_TIMEOUT_S (KB_TIMEOUT_S=300) or send less at once: KB_BATCH_TOKENS="
        f"{32 * proven}."
    )
    return failing(_NAME, last, message, hint)


def _flag(last: Outcome) -> str:
    """Say how the server's limit is raised."""
    text = last.exchange.text.lower()
    if "maximum allowed batch size" in text:
        return "start TEI with `--max-client-batch-size 64`"
    if last.exchange.status == 503:
        return "start vLLM without `--max-num-queued-reqs`, or with at least 64"
    if last.exchange.status == 429:
        return "raise the rate limit of the server or gateway"
    if last.exchange.status == 413:
        return "raise the largest request of the proxy (nginx: `client_max_body_size 16m`)"
    return "raise the server's limit of texts in a request to 64"
