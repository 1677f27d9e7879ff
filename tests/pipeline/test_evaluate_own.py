"""A user's labelled questions decide whether a new generation is put in use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kb.errors import UsageError
from kb.pipeline.base import KnowledgeBase, locate
from kb.pipeline.evaluate_own import matched, own_questions
from kb.pipeline.ingest import ingest
from kb.pipeline.questions import Span
from kb.pipeline.reindex import REFUSED, How, reindex
from tests.fakes.endpoint import FakeEndpoint

WORDS = (
    *("amber", "birch", "cedar", "dune", "ember", "fjord", "grove"),
    *("heath", "islet", "jetty", "kelp", "larch", "moor", "nectar"),
)


def base_at(folder: Path, fake: FakeEndpoint | None = None, **options: object) -> KnowledgeBase:
    given = {f"embedding.{name}": value for name, value in options.items()}
    if fake is not None:
        given["embedding.base_url"] = fake.base_url
    return locate(environ={"KB_MAX_RETRIES": "0"}, options=given, cwd=folder)


def said(word: str) -> str:
    number = WORDS.index(word)
    return (
        f"# About {word}\n\nThe {word} belongs to house{number}.\n\n"
        f"Its keeper{number} is paid in month{number} of each year, as the {word} asks.\n"
    )


@pytest.fixture
def filled(tmp_path: Path, fake: FakeEndpoint) -> Path:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for word in WORDS:
        (shelf / f"{word}.md").write_text(said(word))
    (tmp_path / "desk").mkdir()
    assert ingest(base_at(tmp_path / "desk", fake), [shelf]).status == "ok"
    return tmp_path / "desk"


def write(file: Path, *rows: object) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return file


def search_by(desk: Path, mode: str) -> None:
    toml = desk / ".kb" / "kb.toml"
    toml.write_text(f'{toml.read_text()}\n[search]\nmode = "{mode}"\n')


def rows_of(words=WORDS) -> list[dict[str, object]]:
    return [
        {"query": f"{w} keeper{WORDS.index(w)}", "path": f"{w}.md", "contains": "is paid in month"}
        for w in words
    ]


def test_questions_find_their_places_in_what_is_stored(filled, tmp_path):
    file = write(tmp_path / "questions.jsonl", *rows_of(), {"query": "x?", "path": "gone.md"})
    with base_at(filled).snapshot() as snapshot:
        own = own_questions(snapshot, file)
        assert (own.name, len(own.asked), own.left_out) == ("questions.jsonl", len(WORDS), 1)
        for word, asked in zip(WORDS, own.asked, strict=True):
            (span,) = asked.answers
            text = snapshot.document(span.path).document.text
            assert text[span.start : span.end] == "is paid in month"
            assert span.path.endswith(f"{word}.md")


def test_a_set_with_lists_and_spans(filled, tmp_path):
    folder = tmp_path / "set"
    text = said("amber")
    start = text.index("house0")
    write(folder / "docs.jsonl", {"id": "first", "file": "md/amber.md"})
    write(
        folder / "queries.jsonl",
        {"_id": "q1", "text": "whose?", "doc": "first"},
        {"_id": "q2", "text": "birch"},
    )
    write(
        folder / "spans.jsonl",
        {"query_id": "q1", "doc_id": "first", "start": start, "end": start + 6, "text": "house0"},
    )
    (folder / "qrels.tsv").write_text("q2\tbirch\t1\n")
    with base_at(filled).snapshot() as snapshot:
        first, second = own_questions(snapshot, folder).asked
        path = next(r.path for r in snapshot.documents() if r.path.endswith("amber.md"))
        assert first.answers == (Span(path=path, start=start, end=start + 6),)
        assert first.within == path
        assert second.answers[0].end == len(said("birch")), "a whole document is the answer"


def test_documents_are_matched_by_the_end_of_their_path():
    stored = ["/a/terms/x.md", "/b/terms/x.md", "/b/y.pdf", "z.md"]
    names = ["a/terms/x.md", "terms/x.md", "y", "./z.md", "other"]
    assert matched(names, {}, stored) == {
        "a/terms/x.md": "/a/terms/x.md",
        "y": "/b/y.pdf",
        "./z.md": "z.md",
    }
    assert matched(["id1"], {"id1": Path("/else/y.pdf")}, stored) == {"id1": "/b/y.pdf"}


def test_a_worse_model_is_refused_by_the_users_own_questions(filled, other, tmp_path):
    file = write(tmp_path / "questions.jsonl", *rows_of())
    search_by(filled, "dense")
    other.faults.alike = True
    worse = base_at(filled, other, model="other-embed")
    outcome = reindex(worse, how=How(labelled=file))
    assert (outcome.switched, outcome.exit_code, outcome.note) == (False, 1, REFUSED)
    check = outcome.as_json()["selfcheck"]
    assert (check["dataset"], check["questions"], check["left_out"]) == (
        *("questions.jsonl", len(WORDS)),
        0,
    )
    assert [row["mode"] for row in check["rows"]] == ["dense"]
    assert check["rows"][0]["before"] - check["rows"][0]["after"] > check["margin"]
    assert reindex(worse, how=How(labelled=file, force=True)).switched


def test_what_the_questions_do_not_ask_for_is_no_reason(filled, other, tmp_path):
    """By meaning alone the new model is worse; by words, which is how it is asked here, not."""
    file = write(tmp_path / "questions.jsonl", *rows_of())
    search_by(filled, "lexical")
    other.faults.alike = True
    outcome = reindex(base_at(filled, other, model="other-embed"), how=How(labelled=file))
    assert outcome.switched
    (row,) = outcome.check.rows
    assert (row.mode, row.before, row.after) == ("lexical", row.after, row.before)
    assert row.before > 0.9


def test_few_questions_refuse_nothing(filled, other, tmp_path):
    file = write(tmp_path / "questions.jsonl", *rows_of(WORDS[:5]))
    other.faults.alike = True
    outcome = reindex(base_at(filled, other, model="other-embed"), how=How(labelled=file))
    assert outcome.switched
    assert "only 5 labelled questions in questions.jsonl" in outcome.check.note


@pytest.mark.parametrize("rows", [[{"query": "x?", "path": "gone.md"}], [{"query": "x?"}], None])
def test_questions_about_other_documents_are_refused_at_once(filled, other, tmp_path, rows):
    file = tmp_path / "questions.jsonl"
    if rows is not None:
        write(file, *rows)
    before = len(other.embedded)
    with pytest.raises(UsageError) as stopped:
        reindex(base_at(filled, other, model="other-embed"), how=How(labelled=file))
    assert stopped.value.failure.code == "usage.dataset"
    assert str(file.name) in stopped.value.failure.message
    assert len(other.embedded) == before
    with base_at(filled).snapshot() as snapshot:
        assert [each.state for each in snapshot.generations()] == ["current"]
