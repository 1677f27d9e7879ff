"""Finds out how long a text may be, before many are sent: it is listed, told, or measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kb.embed.batches import Piece
from kb.embed.errors_map import Trouble
from kb.embed.limits import Limits
from kb.embed.reach import find_reach
from kb.embed.session import Served, Session
from kb.errors import EndpointError
from kb.model import Profile

if TYPE_CHECKING:
    from kb.model import Vector

#: How many of the first texts the endpoint counts, so that the first batch has the right size.
_SAMPLES: Final = 4
#: Real tokens per estimated token that are believed.
_LEAST_FACTOR: Final = 0.2
_MOST_FACTOR: Final = 5.0


def find_limit(limits: Limits, session: Session, model: str) -> None:
    """Ask the server for the limit: one request, and another where it lists none.

    The smaller one counts where a limit is set as well; then there is no second request.
    """
    listed = session.models()
    if not isinstance(listed, Trouble):
        take_limit(limits, listed, model)
    if limits.most is None:
        counted = session.count("a")
        if counted is not None and counted.max_model_len is not None:
            limits.lower(counted.max_model_len - 1)


def take_limit(limits: Limits, listed: Sequence[Served], model: str) -> None:
    """Take the limit from the list of models."""
    # A server that ignores the name has one model and lists it by its own.
    own = [served for served in listed if served.name == model]
    for served in own or (listed if len(listed) == 1 else ()):
        if served.max_model_len is not None:
            # vLLM before 0.32 hangs on an input of exactly max_model_len.
            limits.lower(served.max_model_len - 1)


def try_length(
    limits: Limits,
    embed: Callable[[str], Vector | None],
    longest: int,
    notify: Callable[[str], None] | None,
) -> None:
    """Find out by measurement whether the endpoint reads `longest` tokens, and say so if not."""
    say = notify or (lambda _: None)
    try:
        reach = find_reach(embed, longest)
    except EndpointError as error:
        say(f"it is not known how long a text the endpoint reads: {error.failure.message}")
        return
    if reach is None:
        return
    limits.lower(reach.tokens, silent=reach.cut)
    if reach.cut:
        say(
            f"the endpoint reads only about the first {reach.tokens:,} tokens of a text and says "
            "nothing; longer passages are cut into several"
        )


def check_room(limits: Limits, profile: Profile) -> None:
    """Raise `EndpointError` where not even the shortest passage fits beside the template."""
    found = limits.too_long(profile.passage("a"))
    if found is None:
        return
    message = (
        "The passage template leaves no room for a passage: the endpoint reads "
        f"{found.detail['limit']:,} tokens of a text at most."
    )
    hint = (
        "Shorten embedding.passage_template, or raise embedding.max_input_tokens where it is set."
    )
    raise EndpointError(replace(found, message=message, hint=hint))


def sampled_factor(limits: Limits, pieces: Sequence[Piece]) -> float | None:
    """Give the tokens per estimated token that the endpoint counts in a few of these texts.

    None where it does not count.
    """
    chosen = pieces[:: -(-len(pieces) // _SAMPLES)]
    counted = 0
    for piece in chosen:
        count = limits.count(piece.text)
        if count is None:
            return None
        counted += count
    return min(_MOST_FACTOR, max(_LEAST_FACTOR, counted / sum(piece.tokens for piece in chosen)))
