"""A search's answer, for people: where each passage stands, and its part that answers best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from cli.render.styled import Text
from cli.render.text import cells, cut, one_line, reflow, shorten, wrap

if TYPE_CHECKING:
    from kb.model import Chunk, Copy, Hit
    from kb.pipeline.search import Answer
    from kb.store import Passage

#: Slices of a text: what a question's words touch, or lines.
Slices: TypeAlias = Sequence[tuple[int, int]]
Highlighter: TypeAlias = Callable[[str, str], Slices]

LINES: Final = 8
CONTEXT_LINES: Final = 4
#: A question in quotes gets no others around it.
_QUOTED: Final = frozenset({'""', "“”", "「」", "『』"})
MARK: Final = "bold underline"
BEST: Final = "bold"
#: Before the lines of the sentence that answers best.
BAR: Final = "| "


def answer_lines(answer: Answer, highlight: Highlighter, *, width: int) -> Iterator[Text]:
    """Give every hit, with a blank line between two."""
    for number, hit in enumerate(answer.hits):
        if number:
            yield Text()
        indent = " " * (len(str(hit.rank)) + 2)
        yield from _heading(hit, indent, width)
        yield from _body(answer, hit, highlight(answer.query, hit.text), indent, width)
        if hit.explain is not None:
            from cli.render.explain import hit_lines

            for line in hit_lines(hit.explain, hit.scores, width=width - len(indent)):
                yield Text.assemble(indent, line)


def _body(answer: Answer, hit: Hit, marks: Slices, indent: str, width: int) -> Iterator[Text]:
    """Give the passage between what stands before and after it, and where else the same stands."""
    before, after = answer.context.get(hit.ref, ((), ()))
    room = width - len(indent)
    for line in _tail(parts_before(before, hit.char_start), room):
        yield Text.assemble(indent, line)
    for line, is_best in excerpt(hit.text, marks, width=room, best=_best(hit)):
        yield Text.assemble(f"{indent[:-2]}{BAR}" if is_best else indent, line)
    for line in _head(parts_after(after, hit.char_end), room):
        yield Text.assemble(indent, line)
    if hit.duplicates:
        yield Text.assemble(indent, (copies_line(hit.duplicates, room), "dim"))


def nothing_found(answer: Answer) -> str:
    """Give sentences that help whoever found nothing."""
    query = shorten(one_line(answer.query), 40)
    hints = answer.hints or ("Try other words, or see what there is: kb list",)
    given = len(query) > 1 and f"{query[0]}{query[-1]}" in _QUOTED
    quoted = query if given else f"“{query}”"
    return " ".join((f"Nothing found for {quoted}.", *hints))


def copies_line(copies: Sequence[Copy], width: int) -> str:
    """Give where else the same stands, as many places as there is room for."""
    places = [f"{shorten(one_line(copy.path), width // 2)} {_short_place(copy)}" for copy in copies]
    for shown in range(len(places), 0, -1):
        more = f" and {len(places) - shown:,} more" if shown < len(places) else ""
        line = f"also in {', '.join(places[:shown])}{more}"
        if cells(line) <= width:
            return line
    return cut(f"also in {len(places):,} other places, first {places[0]}", width)


def _short_place(copy: Copy) -> str:
    page = copy.page_start
    return f"line {copy.line_start}" if page is None else f"p. {page}"


def _best(hit: Hit) -> tuple[int, int] | None:
    """Give the best sentence's place in the text of its hit."""
    if hit.best is None:
        return None
    return hit.best.char_start - hit.char_start, hit.best.char_end - hit.char_start


def place(hit: Hit | Chunk) -> str:
    """Give where a passage stands: page and line on the page, or lines of the file."""
    if hit.page_start is not None:
        one = hit.page_end in (None, hit.page_start)
        pages = f"page {hit.page_start}" if one else f"pages {hit.page_start}-{hit.page_end}"
        return f"{pages}, line {hit.page_line}" if hit.page_line is not None else pages
    if hit.line_end > hit.line_start:
        return f"lines {hit.line_start}-{hit.line_end}"
    return f"line {hit.line_start}"


def section_line(section: Sequence[str], facts: Sequence[str], width: int) -> str:
    """Give the headings, as many as there is room for, and the facts after them."""
    told = "   ".join(facts)
    room = width - cells(told) - 3
    if not section or room < 8:
        return shorten(told, width)
    return f"{_headings([one_line(heading) for heading in section], room)}   {told}"


def _headings(section: Sequence[str], room: int) -> str:
    """Give the outermost heading and the innermost ones; the innermost are worth most."""
    last = section[-1]
    ways = [section, *((section[0], "…", *section[at:]) for at in range(2, len(section)))]
    for way in ways:
        told = " › ".join(way)
        if cells(told) <= room:
            return told
    between = " › … › " if len(section) > 2 else " › "
    left = room - cells(last) - cells(between)
    if left >= 8 and len(section) > 1:
        return f"{cut(section[0], left)}{between}{last}"
    return cut(last, room)


def parts_before(passages: Sequence[Passage], start: int) -> str:
    """Give the text of the passages up to `start`; where passages overlap, once."""
    parts = []
    for passage in reversed(passages):
        chunk = passage.chunk
        parts.append(chunk.text[: max(0, start - chunk.start)])
        start = min(start, chunk.start)
    return "\n".join(reversed(parts))


def parts_after(passages: Sequence[Passage], end: int) -> str:
    """Give the text of the passages from `end` on; where passages overlap, once."""
    parts = []
    for passage in passages:
        chunk = passage.chunk
        parts.append(chunk.text[max(0, end - chunk.start) :])
        end = max(end, chunk.end)
    return "\n".join(parts)


class Line(NamedTuple):
    """A line of an excerpt, and whether the sentence that answers best stands on it."""

    text: Text
    is_best: bool


def excerpt(
    text: str,
    marks: Slices,
    *,
    width: int,
    limit: int = LINES,
    best: tuple[int, int] | None = None,
) -> list[Line]:
    """Give the passage as lines, at most `limit` of them, around the sentence that answers best.

    Without one, around the part with most marks. Lines are told apart only where some are not
    of that sentence.
    """
    shown = reflow(text)
    # One cell is kept for the … that tells of lines left out.
    lines = wrap(shown, width - 1)
    held = [best is not None and a < best[1] and best[0] < b for a, b in lines]
    first = _first_line(lines, held, marks, shown, limit)
    chosen = lines[first : first + limit]
    rendered = [_marked(shown, line, marks, best) for line in chosen]
    if first:
        rendered[0] = Text.assemble("…", rendered[0])
    if first + limit < len(lines):
        rendered[-1].append("…")
    barred = held[first : first + limit]
    if all(barred):
        barred = [False] * len(barred)
    return [Line(line, is_best) for line, is_best in zip(rendered, barred, strict=True)]


def _first_line(lines: Slices, held: Sequence[bool], marks: Slices, text: str, limit: int) -> int:
    """Give the first line to show: the best sentence in the middle, all of it if it fits."""
    if len(lines) <= limit:
        return 0
    if not any(held):
        return _best_window(lines, marks, text, limit)
    begin = held.index(True)
    size = sum(held)
    if size > limit:
        return begin + _best_window(lines[begin : begin + size], marks, text, limit)
    # The beginning of a passage is worth more than the middle, since it reads as a whole.
    if begin + size <= limit:
        return 0
    return min(begin - (limit - size) // 2, len(lines) - limit)


def _heading(hit: Hit, indent: str, width: int) -> Iterator[Text]:
    room = width - len(indent)
    path = shorten(one_line(hit.path), room)
    yield Text.assemble(f"{hit.rank}".ljust(len(indent)), (path, "bold"))
    section = hit.section or ((hit.title,) if hit.title else ())
    if section:
        headings = _headings([one_line(heading) for heading in section], room)
        yield Text.assemble(indent, (headings, "bold"))
    facts = "   ".join((place(hit), f"score {hit.score:.2f}", hit.ref))
    yield Text.assemble(indent, (shorten(facts, room), "dim"))


def _best_window(lines: Slices, marks: Slices, text: str, limit: int) -> int:
    """Give the first line of the window that holds most: distinct words first, then marks."""
    last = len(lines) - limit
    if last <= 0 or not marks:
        return 0
    words = [(start, text[start:end].lower()) for start, end in marks]
    scores = []
    for first in range(last + 1):
        begin, end = lines[first][0], lines[first + limit - 1][1]
        inside = [word for start, word in words if begin <= start < end]
        scores.append((len(set(inside)), len(inside)))
    best = [first for first, score in enumerate(scores) if score == max(scores)]
    # Where neighbouring windows hold the same marks, the middle one shows them in the middle;
    # the beginning of a passage is worth more than that, since it reads as a whole.
    return 0 if best[0] == 0 else best[len(best) // 2]


def _marked(text: str, line: tuple[int, int], marks: Slices, best: tuple[int, int] | None) -> Text:
    begin, end = line
    rendered = Text(text[begin:end])
    if best is not None and best[0] < end and begin < best[1]:
        rendered.stylize(BEST, max(best[0], begin) - begin, min(best[1], end) - begin)
    for start, stop in marks:
        if start < end and stop > begin:
            rendered.stylize(MARK, max(start, begin) - begin, min(stop, end) - begin)
    return rendered


def _tail(text: str, width: int) -> list[Text]:
    shown = reflow(text)
    lines = [shown[a:b] for a, b in wrap(shown, width - 1)]
    cut = len(lines) > CONTEXT_LINES
    kept = lines[-CONTEXT_LINES:]
    return [Text(("…" if cut and not n else "") + line, "dim") for n, line in enumerate(kept)]


def _head(text: str, width: int) -> list[Text]:
    shown = reflow(text)
    lines = [shown[a:b] for a, b in wrap(shown, width - 1)]
    kept = [Text(line, "dim") for line in lines[:CONTEXT_LINES]]
    if len(lines) > CONTEXT_LINES:
        kept[-1].append("…")
    return kept
