"""A knowledge base as `kb ingest` makes it, ways to hurt it, and what it must still answer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from kb.chunk import Chunking, chunk_document
from kb.errors import failure
from kb.model import Document, Page, PageState, text_key
from kb.store import ChunkDraft, DocumentDraft, open_store, verify_store
from tests.store.builders import PROFILE, source, vector_of

ENGLISH = "\n\n".join(
    f"# Clause {n}\n\nThe supplier delivers part {n} within {n + 2} days. Café number {n} pays."
    for n in range(12)
)
CHINESE = "\n\n".join(
    f"第{n}条 保修\n乙方在{n}个工作日内完成安装，并对第{n}家门店培训。" for n in range(1, 12)
)
TEXTS = {"a.md": ENGLISH, "b.txt": CHINESE, "c.pdf": ENGLISH[: len(ENGLISH) // 2] + CHINESE}
LOST = failure("extract.no_text", source="c.pdf", locator="page 3")
CHUNKING = Chunking(target_tokens=24)


def document(path: str, text: str) -> Document:
    pages: tuple[Page, ...] = (Page(number=1, start=0, end=len(text)),)
    if path.endswith(".pdf"):
        middle = text.index("\n", len(text) // 2) + 1
        pages = (
            Page(number=1, start=0, end=middle),
            Page(number=2, start=middle, end=len(text)),
            Page(
                number=3, start=len(text), end=len(text),
                state=PageState.IMAGE_ONLY, code="extract.no_text",
            ),
        )  # fmt: skip
    paged = len(pages) > 1
    problems = (LOST,) if paged else ()
    return Document(
        title=path, format="text", text=text, pages=pages, paged=paged, problems=problems
    )


def put(writer, path: str, text: str) -> None:
    """Do what an ingest does with one file."""
    made = document(path, text)
    chunks = chunk_document(made, chunking=CHUNKING)
    texts = {text_key(PROFILE.passage(c.with_context)): c.with_context for c in chunks}
    writer.pin(PROFILE)
    known = writer.known_keys(texts)
    missing = [key for key in texts if key not in known]
    if missing:
        writer.add_vectors(missing, np.stack([vector_of(texts[key]) for key in missing]))
    drafts = [ChunkDraft(chunk=c, key=text_key(PROFILE.passage(c.with_context))) for c in chunks]
    writer.put(
        DocumentDraft(
            source=source(path, size=len(text.encode())), sha256=text_key(text).hex(),
            collection="default", document=made, chunks=drafts,
        )
    )  # fmt: skip


def build(home: Path, texts=TEXTS) -> None:
    """Make a knowledge base; the journal is folded into the database when it is done."""
    with open_store(home, create=True).writer("ingest") as writer:
        writer.start_run("ingest")
        for path, text in texts.items():
            put(writer, path, text)
        writer.fail(source("d.bin"), "h", failure("extract.corrupt"), collection="default")
        writer.refresh_index()


def sql(home: Path, *statements: str) -> None:
    """Change rows behind the back of kb."""
    with closing(sqlite3.connect(home / "kb.sqlite3")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def failing(home: Path) -> list[str]:
    return [finding.id for finding in verify_store(home) if not finding.ok]


def answers(home: Path, *, without=()) -> dict[str, object]:
    """What searches answer, by text and place rather than by id."""
    told: dict[str, object] = {}
    with open_store(home).snapshot() as snapshot:
        for query in ("supplier delivers part 7", "完成安装", "保修", "café"):
            ids = [chunk for chunk, _ in snapshot.match(query, top_k=99)]
            told[query] = _places(snapshot, ids, without)
        for text in ("x", "y"):
            ids = [chunk for chunk, _ in snapshot.nearest(vector_of(text), top_k=99)]
            told["near " + text] = _places(snapshot, ids, without)
        told["documents"] = [row.path for row in snapshot.documents() if row.path not in without]
    return told


def _places(snapshot, ids, without):
    found = snapshot.passages(ids)
    return sorted(
        (each.path, each.chunk.start, each.chunk.text)
        for each in found.values()
        if each.path not in without
    )


def dump(home: Path) -> dict[str, list]:
    """Every row of every table of the truth; raises where it cannot be read."""
    tables = (
        "profiles", "generations", "sources", "documents", "contents", "pages", "vectors",
        "chunks", "failures", "runs", "facts",
    )  # fmt: skip
    with closing(sqlite3.connect(home / "kb.sqlite3")) as connection:
        return {each: connection.execute(f"SELECT * FROM {each}").fetchall() for each in tables}
