"""How long may a text be, and what becomes of one that is too long?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from kb.doctor.check import Check, ok, skip, warn
from kb.doctor.examination import GLANCE_S, Examination
from kb.doctor.outcomes import SILENT, failing, found_in, said, warning
from kb.doctor.texts import words, words_expression
from kb.embed.limits import Limits
from kb.embed.reach import Reach, find_reach

if TYPE_CHECKING:
    from kb.doctor.exchange import Outcome
    from kb.model import Vector

#: What is tried at most without --deep, and where no limit is known with it, in tokens.
_MODEST: Final = 2_000
_DEEP: Final = 8_000
#: What passages of kb come to at most, unless `chunking.target_tokens` says more, in tokens.
_PASSAGE: Final = 512
#: How much more time than for one request is given with --deep.
_DEEPER: Final = 10
#: A limit up to this is tried without --deep even where the server may read all of it.
_SOON: Final = 4_096
#: How often the server is asked to count, how near its count must come, and from which distance
#: on it is approached by share, in tokens.
_ROUNDS: Final = 5
_NEAR: Final = 3
_FAR: Final = 16
#: `find_reach` makes its text longer than what it looks for, by a third.
_LONGER: Final = 4 / 3


# -- within the limit ------------------------------------------------------------------------


def long(examination: Examination) -> Check:
    """Tell whether a text is taken that is just not too long."""
    unknown = examination.max_model_len is None
    check, outcome = _long(examination)
    if unknown and outcome.failure is not None and _learnt(examination, outcome):
        # The limit was not known, and the refusal named it.
        check, _ = _long(examination)
    return check


def _long(examination: Examination) -> tuple[Check, Outcome]:
    wanted = _wanted(examination)
    text, counted = _of_tokens(examination, wanted)
    outcome = examination.embed([examination.passage(text)], expression=_code(examination, text))
    return _judged(examination, outcome, counted or wanted, exact=counted is not None), outcome


def _judged(examination: Examination, outcome: Outcome, wanted: int, *, exact: bool) -> Check:
    name, limit = "request.long", examination.max_model_len
    about = f"{wanted:,}" if exact else f"about {wanted:,}"
    if outcome.failure is None:
        told = f" (the limit is {limit:,})" if limit is not None else ""
        seconds = outcome.exchange.seconds
        message = f"A text of {about} tokens{told} is embedded, in {seconds:.2f} s."
        return ok(name, message, tokens=wanted, exact=exact, seconds=round(seconds, 3))
    if found_in(outcome).code in SILENT:
        return failing(
            name,
            outcome,
            f"A text of {about} tokens brought no answer within {outcome.exchange.seconds:.0f} s.",
            "Raise KB_TIMEOUT_S if the server is only slow. Where it hangs: update vLLM (0.32 or "
            "later), or start it with `--no-enable-chunked-prefill`.",
        )
    least = max(1, wanted // 2)
    return warning(
        name,
        outcome,
        f"A text of {about} tokens is refused ({said(outcome)}).",
        f"Set KB_MAX_INPUT_TOKENS={least}, so that kb cuts longer passages first; or raise the "
        "server's limit (vLLM: `--max-model-len`; llama.cpp: `-c`, `-b` and `-ub`).",
    )


def _wanted(examination: Examination) -> int:
    settings, limit = examination.settings, examination.max_model_len
    if limit is not None:
        # vLLM before 0.32 hangs on an input of exactly its limit.
        wanted = limit - 1 if examination.wanted.deep else min(limit - 1, _bearable(examination))
    else:
        wanted = max(_PASSAGE, settings.target_tokens or 0)
    return max(1, min(wanted, settings.max_input_tokens or wanted))


def _bearable(examination: Examination) -> int:
    """Give how many tokens are tried without --deep: fewer where the server is slow."""
    pace = examination.pace_s
    if not pace:
        return _MODEST
    return min(_MODEST, max(_PASSAGE, int(examination.patience / 2 / pace)))


def _of_tokens(examination: Examination, wanted: int) -> tuple[str, int | None]:
    """Give a text that has so many tokens as a passage, and the server's count of them.

    The count is None where the server counts nothing; then the text is somewhat shorter.
    """
    number = wanted
    for _ in range(_ROUNDS):
        count = _count(examination, examination.passage(words(number)))
        if count is None:
            break
        if wanted - _NEAR <= count <= wanted:
            return words(number), count
        # By share where it is far off: a word may have several tokens; else one by one.
        nearer = number * wanted // count if abs(count - wanted) > _FAR else number + wanted - count
        number = max(1, nearer)
    # Some vocabularies know fewer of the words: leave room.
    return words(max(1, wanted * 3 // 4)), None


def _count(examination: Examination, text: str) -> int | None:
    """Give the server's own count of a text's tokens, None where it does not count."""
    exchange = examination.caller().post(
        f"{examination.root}/tokenize",
        {"model": examination.model, "prompt": text},
        timeout=GLANCE_S,
    )
    answer = exchange.json()
    count = answer.get("count") if exchange.status == 200 and isinstance(answer, dict) else None
    return count if type(count) is int and count > 0 else None


def _code(examination: Examination, text: str) -> str:
    query = repr(examination.passage(""))
    return f"[{query} + {words_expression(len(text.split()))}]"


# -- beyond the limit ------------------------------------------------------------------------


class _Reader:
    """Embeds passages for `find_reach` and keeps the first request that brought no vector.

    After `patience` seconds it gives none: what `find_reach` finds is then too low, never too high.
    """

    def __init__(self, examination: Examination) -> None:
        self._examination = examination
        self.refusal: Outcome | None = None
        self.seconds = 0.0

    @property
    def spent(self) -> bool:
        """Tell whether the time is used up."""
        deep = self._examination.wanted.deep
        return self.seconds > self._examination.patience * (_DEEPER if deep else 1)

    def __call__(self, text: str) -> Vector | None:
        if self.refusal is not None or self.spent:
            return None
        examination = self._examination
        outcome = examination.embed(
            [examination.passage(text)], expression=_code(examination, text)
        )
        self.seconds += outcome.exchange.seconds
        if outcome.rows is None:
            self.refusal = outcome
            return None
        row = outcome.rows[0].astype(np.float64)
        norm = float(np.linalg.norm(row))
        if not np.isfinite(norm) or norm == 0.0:
            return None
        return np.asarray(row / norm, dtype=np.float32)


def too_long(examination: Examination) -> Check:
    """Tell whether a text that is too long is refused, cut without a word, or read in full."""
    name = "request.too_long"
    longest = _beyond(examination)
    reader = _Reader(examination)
    reach = find_reach(reader, longest)
    if reader.refusal is not None:
        return _refused(examination, reader.refusal, int(longest * _LONGER))
    if reach is None and reader.spent:
        return skip(name, "Not known, as the server is slow: `kb doctor --deep` takes more time.")
    if reach is None:
        return skip(name, "Not known: the vectors do not tell one long text from another.")
    if reach.cut:
        return _cut(examination, reach)
    message = f"Texts are read in full up to {reach.tokens:,} tokens at least; more was not tried."
    return ok(name, message, tokens=reach.tokens)


def _beyond(examination: Examination) -> int:
    """Give how many tokens are tried: fewer where the server is slow.

    It is the limit where that is cheap, for there the text is to be refused unread.
    """
    limit, deep = examination.max_model_len, examination.wanted.deep
    if limit is not None and (deep or examination.version is not None):
        return max(2, limit)
    if not deep and _bearable(examination) < _MODEST:
        return _PASSAGE if limit is None else max(2, min(_PASSAGE, limit))
    if limit is not None and limit <= _SOON:
        return max(2, limit)
    return _DEEP if deep else int(_MODEST / _LONGER)


def _refused(examination: Examination, outcome: Outcome, tried: int) -> Check:
    name, found = "request.too_long", found_in(outcome)
    room = max(1, (examination.max_model_len or _PASSAGE + 1) - 1)
    cure = f"Set KB_MAX_INPUT_TOKENS={room}: kb then cuts longer passages before it sends them."
    if found.code == "embed.rate_limited":
        return failing(name, outcome)
    if found.code in SILENT:
        message = f"A text of about {tried:,} tokens brought no answer in time."
        return failing(name, outcome, message, cure)
    if found.code == "embed.input_too_long":
        told = _learnt(examination, outcome)
        message = f"A text that is too long is refused{told}, as it should be: kb then cuts it."
        return ok(name, message, limit=examination.max_model_len, said=said(outcome))
    if outcome.exchange.status >= 500:
        message = f"A text of about {tried:,} tokens makes the endpoint fail ({said(outcome)})."
        return warning(name, outcome, message, cure)
    message = (
        f"A text of about {tried:,} tokens is refused, but not as too long ({said(outcome)}): "
        "kb cannot know that cutting it helps."
    )
    return warning(name, outcome, message, cure)


def _learnt(examination: Examination, outcome: Outcome) -> str:
    """Take the limit from what the server says; give it for a sentence."""
    if examination.max_model_len is None:
        limits = Limits(None, count=lambda _: None)
        limits.refused([words(10 * _DEEP)], outcome.exchange.text)
        if limits.most is not None:
            examination.max_model_len = limits.most + 1
    limit = examination.max_model_len
    return f" ({outcome.exchange.status}; the limit is {limit:,} tokens)" if limit else ""


def _cut(examination: Examination, reach: Reach) -> Check:
    name, most = "request.too_long", examination.settings.max_input_tokens
    if examination.max_model_len is None:
        examination.max_model_len = reach.tokens
    seen = f"Of a long text the endpoint reads about the first {reach.tokens:,} words only"
    if most is not None and most <= reach.tokens * 1.05:
        message = f"{seen}; KB_MAX_INPUT_TOKENS={most} keeps passages below that."
        return ok(name, message, tokens=reach.tokens)
    return warn(
        name,
        f"{seen} and says nothing (200): the rest of it cannot be found by meaning.",
        f"Set KB_MAX_INPUT_TOKENS={reach.tokens}: kb then cuts longer passages into several. Or "
        "raise the server's limit (llama.cpp: `-c`, `-b`, `-ub`; Ollama: `num_ctx`).",
        tokens=reach.tokens,
    )
