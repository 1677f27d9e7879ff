"""Measures of a set of labelled questions, and the difference of two runs, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from cli.render.styled import Text
from cli.render.tables import Column, count, table
from cli.render.text import one_line, paragraph

if TYPE_CHECKING:
    from kb.pipeline.evaluate import Evaluation
    from kb.pipeline.evaluate_runs import Difference

_DEPTHS: Final = (1, 5, 10, 100)
_COLUMNS: Final = (
    Column(head="", least=20),
    *(Column(head=f"@{depth}", number=True) for depth in _DEPTHS),
)
_COMPARED: Final = (
    Column(head="", least=20),
    *(Column(head=head, number=True) for head in ("first", "second", "diff.", "p")),
    *(Column(head=head, number=True) for head in ("better", "worse", "same")),
)
#: What is shown of documents, and of passages: the words for it, and the measure's name.
_DOCUMENTS: Final = (
    ("documents: recall", "recall"),
    ("documents: nDCG", "ndcg"),
    ("documents: MRR", "mrr"),
)
_PASSAGES: Final = (
    ("passages: recall", "recall"),
    ("passages: recall, half", "half_recall"),
    ("passages: nDCG", "ndcg"),
    ("passages: MRR", "mrr"),
    ("page cited", "page"),
    ("clause cited", "clause"),
)


def evaluation_lines(found: Evaluation, *, width: int) -> Iterator[Text]:
    """Give what was measured as a table, and what has to be known to read it."""
    asked = (
        f"{found.dataset}: {count(len(found.rows), 'question')}, "
        f"{count(found.documents, 'document')}, {count(found.chunks, 'passage')}"
    )
    yield from map(Text, paragraph(one_line(asked), width, ""))
    yield from map(Text, paragraph(_settings(found), width, ""))
    yield Text()
    passages = found.passages
    rows = [*_rows(_DOCUMENTS, found.metrics), *_rows(_PASSAGES, passages or {})]
    yield from table(_COLUMNS, rows, width=width)
    told = [*(_told(found, passages) if passages is not None else ()), *found.notes]
    within = sum(row.within is not None for row in found.rows)
    if within:
        told.append(
            f"{count(within, 'question')} asked within the document that is named: of those, the "
            "measures of documents say little."
        )
    yield Text()
    for sentence in told:
        yield from map(Text, paragraph(one_line(sentence), width, ""))
    yield Text(
        f"{found.seconds:.1f} s: {found.ingest_seconds:.1f} s to bring the documents in, "
        f"{found.ask_seconds:.1f} s to ask."
    )


def _settings(found: Evaluation) -> str:
    model = found.profile.model if found.profile is not None else "no model"
    tokens = found.chunking.get("target_tokens")
    overlap = found.chunking.get("overlap_tokens")
    return f"{found.mode}, {model}; passages of {tokens} tokens, {overlap} of them repeated"


def _rows(
    wanted: tuple[tuple[str, str], ...], measures: Mapping[str, float | None]
) -> Iterator[tuple[object, ...]]:
    for words, name in wanted:
        values = [measures.get(f"{name}@{depth}") for depth in _DEPTHS]
        if any(value is not None for value in values):
            yield (words, *("" if value is None else f"{value:.4f}" for value in values))


def _told(found: Evaluation, passages: Mapping[str, float | None]) -> Iterator[str]:
    read = passages.get("read")
    if found.places and read is not None:
        yield f"Half of the questions have their answer within {read:,.0f} characters of hits."
    elif found.places:
        yield "Less than half of the questions have their answer among the hits."
    for name in ("page", "clause"):
        share = passages.get(f"{name}_right")
        if share is not None:
            yield f"Of the passages found among ten hits, {share:.1%} cite the right {name}."
    if found.missing:
        yield (
            f"Of {count(found.places, 'labelled passage')}, {found.missing:,} "
            f"{'is' if found.missing == 1 else 'are'} not in the text that was read, and "
            f"{'counts' if found.missing == 1 else 'count'} as not found."
        )


def comparison_lines(found: Difference, *, width: int) -> Iterator[Text]:
    """Give the two runs measure by measure, and what is to be made of it."""
    for name, run in (("First", found.mine), ("Second", found.other)):
        about = run.about
        told = f"{name}: {run.file} ({about.get('dataset')}, {about.get('mode')})"
        yield from map(Text, paragraph(one_line(told), width, ""))
    yield Text()
    rows = [
        (
            *(name, f"{each.mine:.4f}", f"{each.other:.4f}", f"{each.difference:+.4f}"),
            *(f"{each.p_value:.4f}", each.wins, each.losses, each.ties),
        )
        for name, each in found.measures.items()
    ]
    yield from table(_COMPARED, rows, width=width)
    yield Text()
    told = f"{count(found.questions, 'question')} were asked in both runs. {found.verdict}"
    if found.apart:
        told += f" {count(found.apart, 'question')} of one run alone were left out."
    yield from map(Text, paragraph(told, width, ""))
    told = (
        "p is how often two equally good ways would differ as much (paired randomisation test); "
        "below 0.05 counts as more than chance."
    )
    yield from map(Text, paragraph(told, width, ""))
