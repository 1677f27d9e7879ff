"""A search's answer, for people: where each passage stands, and its part that answers best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from cli.render.styled import Text
from cli.render.text import cells, cut, one_line, reflow, shorten, wrap

if TYPE_CHECKING:
    from kb.model import Chunk, Hit
    from kb.pipeline.search import Answer
    from kb.store import Passage

#: Slices of a text: what a question's words touch, or lines.
Slices: TypeAlias = Sequence[tuple[int, int]]
Highlighter: TypeAlias = Callable[[str, str], Slices]

LINES: Final = 8
CONTEXT_LINES: Final = 4
MARK: Final = "bold underline"


def answer_lines(answer: Answer, highlight: Highlighter, *, width: int) -> Iterator[Text]:
    """Give every hit, with a blank line between two."""
    for number, hit in enumerate(answer.hits):
        if number:
            yield Text()
        indent = " " * (len(str(hit.rank)) + 2)
        yield from _heading(hit, indent, width)
        before, after = answer.context.get(hit.ref, ((), ()))
        room = width - len(indent)
        found = [
            *_tail(parts_before(before, hit.char_start), room),
            *excerpt(hit.text, highlight(answer.query, hit.text), width=room),
            *_head(parts_after(after, hit.char_end), room),
        ]
        for line in found:
            yield Text.assemble(indent, line)


def nothing_found(answer: Answer, *, filtered: bool) -> str:
    """Give one sentence that helps whoever found nothing."""
    query = shorten(one_line(answer.query), 40)
    if filtered:
        return f"Nothing found for “{query}” there; try it without --collection and --path."
    return f"Nothing found for “{query}”; try other words, or see what there is: kb list"


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


def excerpt(text: str, marks: Slices, *, width: int, limit: int = LINES) -> list[Text]:
    """Give the passage as lines, at most `limit` of them, around the part with most marks."""
    shown = reflow(text)
    # One cell is kept for the … that tells of lines left out.
    lines = wrap(shown, width - 1)
    first = _best_window(lines, marks, shown, limit)
    chosen = lines[first : first + limit]
    rendered = [_marked(shown, line, marks) for line in chosen]
    if first:
        rendered[0] = Text.assemble("…", rendered[0])
    if first + limit < len(lines):
        rendered[-1].append("…")
    return rendered


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


def _marked(text: str, line: tuple[int, int], marks: Slices) -> Text:
    begin, end = line
    rendered = Text(text[begin:end])
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
