"""From ranked passages to answers: copies of one passage and its neighbours take one rank.

Of passages that say the same, the best stays and names the others. A passage that stands right
before or after a better one of the same section is read together with it. Passages of a section
that lie further apart are answers of their own: measured on labelled clauses, hiding them behind
the first one loses more answers than it makes room for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from kb.model import Copy, Hit
from kb.search.fuse import Scored
from kb.search.reference import reference
from kb.search.sameness import Wording
from kb.store import Passage, Snapshot

#: So many candidates are looked at, at least, for copies of what is on the first page.
LOOK: Final = 50
#: So many passages one answer covers, at most; each has the size of a passage.
WIDEST: Final = 2
#: Against so many answers a candidate is compared word for word, against others by its letters.
_COMPARED: Final = 50

Candidate = tuple[Scored, Passage]


class Group:
    """One answer: what is best in it, a neighbour that is read with it, and copies of both."""

    def __init__(self, best: Scored, passage: Passage) -> None:
        self.best = best
        self.passages = [passage]
        self.copies: list[Passage] = []

    def add(self, passage: Passage) -> None:
        """Read a neighbour together with it."""
        self.passages.append(passage)
        self.passages.sort(key=lambda each: each.chunk.ordinal)

    def takes(self, passage: Passage) -> bool:
        """Tell whether a passage that stands beside it is read together with it."""
        return (
            len(self.passages) < WIDEST and self.passages[0].chunk.section == passage.chunk.section
        )


def plain(snapshot: Snapshot, scored: Sequence[Scored], *, top_k: int) -> list[Group]:
    """Give an answer for each of the best passages, whatever they say."""
    found = _candidates(snapshot, scored[:top_k], top_k)
    return [Group(best, passage) for best, passage in found]


def gathered(snapshot: Snapshot, scored: Sequence[Scored], *, top_k: int) -> list[Group]:
    """Give up to `top_k` answers, best first."""
    return gather(_candidates(snapshot, scored, LOOK), top_k=top_k)


def gather(candidates: Iterable[Candidate], *, top_k: int, look: int = LOOK) -> list[Group]:
    """Give up to `top_k` answers of ranked candidates, which are read as far as they are needed.

    Each candidate up to where one more answer would begin is in an answer or named by one. After
    that, and up to the candidate number `look`, only copies are added.
    """
    shelf = _Shelf()
    full = False
    for number, (scored, passage) in enumerate(candidates):
        if full and number >= look:
            break
        wording = Wording(passage)
        host = shelf.copied(wording)
        if host is not None:
            host.copies.append(passage)
            continue
        neighbour = None if full else shelf.beside(passage)
        if neighbour is not None:
            neighbour.add(passage)
            shelf.put(neighbour, wording)
        elif len(shelf.groups) < top_k:
            shelf.open(Group(scored, passage), wording)
        else:
            full = True
    return shelf.groups


class _Shelf:
    """The answers so far, and how to find the one that a candidate belongs to."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self._said: list[tuple[Wording, Group]] = []
        self._by_letters: dict[str, list[tuple[Wording, Group]]] = {}
        self._by_place: dict[tuple[str, int], Group] = {}

    def open(self, group: Group, wording: Wording) -> None:
        self.groups.append(group)
        self.put(group, wording)

    def put(self, group: Group, wording: Wording) -> None:
        self._said.append((wording, group))
        self._by_letters.setdefault(wording.letters, []).append((wording, group))
        self._by_place[wording.passage.path, wording.passage.chunk.ordinal] = group

    def copied(self, wording: Wording) -> Group | None:
        """Give the best answer that says what a candidate says."""
        near = self._said[:_COMPARED]
        far = self._by_letters.get(wording.letters, []) if len(self._said) > _COMPARED else []
        return next((group for host, group in (*near, *far) if wording.is_in(host)), None)

    def beside(self, passage: Passage) -> Group | None:
        """Give the best answer that a candidate is read together with."""
        path, ordinal = passage.path, passage.chunk.ordinal
        found = (self._by_place.get((path, place)) for place in (ordinal - 1, ordinal + 1))
        taking = [group for group in found if group is not None and group.takes(passage)]
        return min(taking, key=self.groups.index, default=None)


def _candidates(snapshot: Snapshot, scored: Sequence[Scored], block: int) -> Iterator[Candidate]:
    """Give the candidates with their passages, read in blocks when they are asked for."""
    for at in range(0, len(scored), block):
        some = scored[at : at + block]
        passages = snapshot.passages([each.chunk_id for each in some])
        yield from ((each, passages[each.chunk_id]) for each in some if each.chunk_id in passages)


def hit(snapshot: Snapshot, group: Group, rank: int) -> Hit:
    """Give an answer as users get it; its text is that of the document from end to end."""
    ids = [each.chunk_id for each in group.passages]
    # What stands between two passages is in neither.
    whole = snapshot.joined(ids[0], ids[-1]) if len(ids) > 1 else group.passages[0]
    assert whole is not None, "neighbours are of one document"
    chunk = whole.chunk
    return Hit(
        rank=rank,
        score=round(group.best.score, 6),
        ref=reference(*ids),
        path=whole.path,
        title=whole.title,
        collection=whole.collection,
        page_start=chunk.page_start,
        page_end=chunk.page_end,
        section=chunk.section,
        char_start=chunk.start,
        char_end=chunk.end,
        line_start=chunk.line_start,
        line_end=chunk.line_end,
        page_line=chunk.page_line,
        text=chunk.text,
        scores={
            "dense": _rounded(group.best.dense),
            "lexical": _rounded(group.best.lexical),
            "rerank": _rounded(group.best.rerank),
        },
        passages=tuple(dict.fromkeys(map(reference, (group.best.chunk_id, *ids)))),
        duplicates=tuple(map(_copy, group.copies)),
    )


def _copy(passage: Passage) -> Copy:
    return Copy(
        ref=reference(passage.chunk_id),
        path=passage.path,
        page_start=passage.chunk.page_start,
        line_start=passage.chunk.line_start,
        section=passage.chunk.section,
    )


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 6)
