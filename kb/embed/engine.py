"""Turns a stream of texts into outcomes: each text gets its vector or its own failure.

All decisions are taken here, on the thread that reads the outcomes. The crew only carries
requests out.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, assert_never

from kb.embed.answers import Answer
from kb.embed.batches import Job, Planner
from kb.embed.crew import Crew, Flight
from kb.embed.errors_map import Action, Trouble, of_text
from kb.embed.flow import Load, Patience, Timing, Window
from kb.embed.session import Result
from kb.errors import EndpointError, Failure, failure
from kb.model import Embedded

#: A text that any embedding model takes: it tells a dead server from a poisoned text.
CANARY: Final = "An agreement is made between two parties."
#: How long requests under way may still bring results after the run has failed, in seconds.
_GRACE_S: Final = 5.0
#: A text is given up for lost only when it failed so many times more often than a connection may.
_TO_BE_SURE: Final = 2
#: A full queue says nothing about a text: it is sent so many times more often than others.
_WHILE_BUSY: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a run works with; `window` and `load` keep what they learn for the next run."""

    ask: Callable[[tuple[str, ...], float], Result]
    window: Window
    load: Load
    patience: Patience
    timing: Timing


class Run:
    """One pass over a stream of texts."""

    def __init__(self, planner: Planner, crew: Crew, tools: Tools) -> None:
        self._planner = planner
        self._crew = crew
        self._ask = tools.ask
        self._window = tools.window
        self._load = tools.load
        self._patience = tools.patience
        self._timing = tools.timing
        self._ready: deque[Job] = deque()
        self._later: list[Job] = []
        self._wins = 0
        self._eased = 0

    def outcomes(self) -> Iterator[Embedded]:
        """Give each text's outcome as it comes; raises `EndpointError` when nothing can come."""
        try:
            while self._fill():
                yield from self._planner.refused()
                flight = self._next()
                if flight is not None:
                    yield from self._settle(flight)
            yield from self._planner.refused()
        except EndpointError:
            yield from self._last_words()
            raise
        finally:
            self._crew.stop()

    # -- what leaves ----------------------------------------------------------------------

    def _fill(self) -> bool:
        """Send what may be sent; tell whether anything is still to come."""
        while self._crew.busy < self._limit and self._timing.now() >= self._patience.resume_at:
            job = self._take()
            if job is None:
                break
            self._crew.send(
                Flight(
                    job=job,
                    number=self._patience.number(),
                    wins=self._wins,
                    left=self._timing.now(),
                )
            )
        return bool(self._crew.busy or self._ready or self._later or not self._planner.exhausted)

    @property
    def _limit(self) -> int:
        """How many requests may be under way: one at a time while the endpoint seems dead."""
        return 1 if self._patience.rounds > 1 else self._window.limit

    def _take(self) -> Job | None:
        now = self._timing.now()
        for job in self._later:
            if job.due <= now:
                self._later.remove(job)
                return job
        return self._ready.popleft() if self._ready else self._planner.next()

    def _next(self) -> Flight | None:
        """Wait for a result, or until something may be sent."""
        if self._crew.busy == 0:
            self._timing.sleep(self._until_due())
            return None
        full = self._crew.busy >= self._limit
        more = self._later or self._ready or not self._planner.exhausted
        return self._crew.next(self._until_due() if more and not full else None)

    def _until_due(self) -> float:
        now = self._timing.now()
        idle = self._ready or not self._planner.exhausted
        due = now if idle else min((job.due for job in self._later), default=now)
        return max(due, self._patience.resume_at, now) - now

    # -- what comes back ------------------------------------------------------------------

    def _settle(self, flight: Flight) -> Iterator[Embedded]:
        if isinstance(flight.result, Answer):
            return self._success(flight, flight.result)
        if isinstance(flight.result, Trouble):
            return self._trouble(flight, flight.result)
        assert flight.result is not None
        raise flight.result

    def _success(self, flight: Flight, answer: Answer) -> Iterator[Embedded]:
        job = flight.job
        if len(answer.bad) < len(job.pieces):
            self._learn(flight, answer)
        for row, piece in enumerate(job.pieces):
            if row not in answer.bad:
                yield Embedded(key=piece.item.key, vector=answer.rows[row].copy())
        trouble = Trouble(action=Action.SUSPECT, failure=failure("embed.invalid_vector"))
        for row in answer.bad:
            alone = replace(job, pieces=(job.pieces[row],))
            yield from self._suspect(replace(flight, job=alone), trouble)

    def _learn(self, flight: Flight, answer: Answer) -> None:
        job = flight.job
        self._wins += 1
        self._patience.success()
        # Small requests make short rounds: the number at once is found before they grow.
        self._load.landed(
            items=len(job.pieces),
            tokens=job.tokens,
            seconds=flight.seconds,
            grow=self._window.settled,
        )
        self._load.counted(
            characters=sum(len(piece.text) for piece in job.pieces),
            estimated=job.tokens,
            reported=answer.tokens,
        )
        full = self._crew.busy + 1 >= self._window.limit
        now = self._timing.now()
        self._window.landed(job.tokens, left=flight.left, now=now, full=full)

    def _trouble(self, flight: Flight, trouble: Trouble) -> Iterator[Embedded]:
        match trouble.action:
            case Action.FATAL:
                raise EndpointError(trouble.failure)
            case Action.AGAIN:
                yield from self._again(flight, trouble)
            case Action.BUSY:
                yield from self._busy(flight, trouble)
            case Action.TOO_MANY:
                yield from self._too_many(flight, trouble)
            case Action.REFUSED:
                yield from self._refused(flight, trouble)
            case Action.SUSPECT:
                yield from self._suspect(flight, trouble)
            case _:
                assert_never(trouble.action)

    def _again(self, flight: Flight, trouble: Trouble) -> Iterator[Embedded]:
        """Wait and send it again; a text may be what kills the connection, so cut it as well."""
        job = flight.job
        several = len(job.pieces) > 1
        if trouble.failure.code == "embed.timeout":
            self._ease(flight)
        if not job.attempts:
            self._repeat(job, self._patience.strike(flight.number, trouble))
        elif not self._alive(flight):
            return
        elif several:
            self._cut(job)
        elif job.attempts < self._patience.max_retries:
            self._repeat(job, self._patience.pause(job.attempts + 1))
        else:
            yield from self._give_up(job, trouble.failure)

    def _busy(self, flight: Flight, trouble: Trouble) -> Iterator[Embedded]:
        """Less at once. A full queue may never hold the whole batch, so waiting is not enough."""
        job = flight.job
        self._ease(flight)
        when = trouble.wait_s is not None or trouble.failure.code == "embed.rate_limited"
        several = len(job.pieces) > 1
        if several and not when:
            self._cut(job, due=self._timing.now() + self._patience.pause(1))
            return
        pause = self._patience.strike(flight.number, trouble)
        if several and job.attempts:
            self._cut(job, due=self._timing.now() + pause)
        elif job.attempts < _WHILE_BUSY * self._patience.max_retries:
            self._repeat(job, pause)
        else:
            yield from self._give_up(job, trouble.failure)

    def _ease(self, flight: Flight) -> None:
        """Send less at once. What was under way together fails together and counts once."""
        if flight.number > self._eased:
            self._eased = self._patience.sent
            self._window.refused()
        if len(flight.job.pieces) > 1:
            self._load.too_much(len(flight.job.pieces))

    def _too_many(self, flight: Flight, trouble: Trouble) -> Iterator[Embedded]:
        if len(flight.job.pieces) > 1:
            self._load.too_much(len(flight.job.pieces))
            self._cut(flight.job)
        else:
            yield from self._refused(flight, trouble)

    def _refused(self, flight: Flight, trouble: Trouble) -> Iterator[Embedded]:
        """Halve until the refused text is alone."""
        if len(flight.job.pieces) > 1:
            self._cut(flight.job)
        elif self._alive(flight):
            yield from self._give_up(flight.job, trouble.failure)

    def _suspect(self, flight: Flight, trouble: Trouble) -> Iterator[Embedded]:
        """Find out whether the server or a text is to blame; a text gets another chance, alone."""
        job = flight.job
        alone = len(job.pieces) == 1
        retries = self._patience.max_retries
        tries = retries + _TO_BE_SURE if alone else int(not job.suspect)
        tries = tries if retries else 0
        if not self._alive(flight):
            return
        if job.attempts < tries:
            self._repeat(job, self._patience.pause(min(job.attempts + 1, 3)))
        elif not alone:
            self._cut(job)
        else:
            yield from self._give_up(job, trouble.failure)

    def _alive(self, flight: Flight) -> bool:
        """Tell whether the endpoint embeds a harmless text; if not, the job is put off.

        Raises `EndpointError` when the endpoint refuses the harmless text as well.
        """
        if self._wins > flight.wins:
            return True
        number = self._patience.number()
        answer = self._ask((CANARY,), self._load.timeout(len(CANARY)))
        if isinstance(answer, Answer) and not answer.bad:
            self._patience.success()
            return True
        if isinstance(answer, Answer):
            answer = Trouble(action=Action.SUSPECT, failure=failure("embed.invalid_vector"))
        if answer.action in {Action.FATAL, Action.REFUSED, Action.TOO_MANY}:
            raise EndpointError(answer.failure)
        pause = self._patience.strike(number, answer)
        self._later.append(replace(flight.job, due=self._timing.now() + pause))
        return False

    # -- what becomes of a job ------------------------------------------------------------

    def _repeat(self, job: Job, pause: float) -> None:
        due = self._timing.now() + pause
        self._later.append(replace(job, attempts=job.attempts + 1, due=due))

    def _cut(self, job: Job, *, due: float = 0.0) -> None:
        halves = job.halves(suspect=True)
        if due:
            self._later.extend(replace(half, due=due) for half in halves)
        else:
            self._ready.extendleft(reversed(halves))

    def _give_up(self, job: Job, found: Failure) -> Iterator[Embedded]:
        """Tie the failure to each text of the job; more than one only where all hope is gone."""
        for piece in job.pieces:
            yield Embedded(
                key=piece.item.key,
                failure=of_text(found, attempts=job.attempts + 1, characters=len(piece.text)),
            )

    def _last_words(self) -> Iterator[Embedded]:
        """Give what requests under way still bring: it was paid for."""
        deadline = time.monotonic() + _GRACE_S
        while self._crew.busy and (left := deadline - time.monotonic()) > 0:
            flight = self._crew.next(left)
            if flight is None or not isinstance(flight.result, Answer):
                continue
            for row, piece in enumerate(flight.job.pieces):
                if row not in flight.result.bad:
                    yield Embedded(key=piece.item.key, vector=flight.result.rows[row].copy())
