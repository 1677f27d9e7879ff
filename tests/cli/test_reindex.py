"""`kb reindex`, `kb rollback` and `kb gc` as they are typed: output, JSON and exit codes."""

from __future__ import annotations

import json

import pytest
from rich.cells import cell_len

from kb.store import open_store
from tests.fakes.endpoint import FakeEndpoint

INGEST_KEYS = {
    "schema", "run", "status", "seconds", "profile", "stages", "documents", "chunks", "failures",
    "ignored",
}  # fmt: skip
KEYS = {*INGEST_KEYS, "estimate", "generation", "switched", "selfcheck", "note"}


@pytest.fixture
def fake():
    with FakeEndpoint(dimensions=64) as endpoint:
        yield endpoint


@pytest.fixture
def desk(tmp_path, kb_apart):
    folder = tmp_path / "desk" / "docs"
    folder.mkdir(parents=True)
    for number, word in enumerate(("amber", "birch", "cedar", "dune", "ember")):
        clauses = "\n\n".join(
            f"## {word.title()} rule {n}\n\nThe {word} of kind{n} belongs to house{number}{n}, "
            "and nobody else may ever have it."
            for n in range(4)
        )
        (folder / f"{word}.md").write_text(f"# About {word}\n\n{clauses}\n")
    assert kb_apart("ingest", "docs", cwd=folder.parent).code == 0
    return folder.parent


def narrow(result):
    assert all(cell_len(line) <= 80 for line in result.out.split("\n"))
    return result


def test_nothing_to_do_is_said_and_is_no_failure(kb_apart, desk):
    result = narrow(kb_apart("-q", "reindex", cwd=desk))
    assert result.code == 0
    assert "Nothing has to be made anew" in result.out
    told = kb_apart("-q", "reindex", "--json", cwd=desk).json
    assert set(told) == KEYS
    assert (told["schema"], told["status"], told["switched"]) == ("kb.ingest/1", "ok", False)


def test_dry_run_then_reindex_then_back(kb_apart, desk, fake):
    to = ("-q", "reindex", "--base-url", fake.base_url, "--json", "--force")
    told = kb_apart(*to, "--dry-run", cwd=desk).json
    assert (told["switched"], told["selfcheck"], told["generation"]) == (False, None, 1)
    assert told["estimate"]["chunks"] == 20
    assert told["estimate"]["seconds"] >= 0
    told = kb_apart(*to, "--keep-old", cwd=desk).json
    assert set(told) == KEYS
    assert (told["switched"], told["generation"], told["profile"]["model"]) == (
        *(True, 2),
        "fake-embed",
    )
    assert told["selfcheck"]["questions"] > 12
    assert {row["mode"] for row in told["selfcheck"]["rows"]} == {"hybrid", "dense"}
    status = narrow(kb_apart("status", cwd=desk))
    assert "Beside it" in status.out
    assert "kept for kb rollback" in status.out
    generations = kb_apart("status", "--json", cwd=desk).json["generations"]
    assert [each["state"] for each in generations] == ["current", "former"]
    back = kb_apart("-q", "rollback", "--json", cwd=desk)
    assert back.code == 0
    assert (back.json["switched"], back.json["generation"]) == (True, 1)
    freed = kb_apart("gc", "--former", "--json", cwd=desk).json
    assert (freed["schema"], freed["generations"]) == ("kb.gc/1", [2])
    result = kb_apart("rollback", cwd=desk)
    assert result.code == 2
    assert "kb reindex --keep-old" in result.err


def test_what_measuring_the_speed_costs_is_said_and_kept(kb_apart, desk, fake):
    to = ("-q", "reindex", "--base-url", fake.base_url, "--force")
    told = narrow(kb_apart(*to, "--dry-run", cwd=desk)).out.replace("\n", " ")
    assert "20 texts were sent to measure it; their vectors are not kept." in told
    assert kb_apart(*to, cwd=desk).code == 0
    shorter = ("-q", "reindex", "--target-tokens", "16")
    before = len(fake.texts)
    result = narrow(kb_apart(*shorter, "--dry-run", cwd=desk))
    told = result.out.replace("\n", " ")
    assert "sent to measure it; their vectors are kept." in told
    probed = kb_apart(*shorter, "--dry-run", "--json", cwd=desk).json["estimate"]
    assert (probed["probe_kept"], probed["reused"] > 0) == (True, True)
    assert kb_apart(*shorter, cwd=desk).code == 0
    sent = [text for text in fake.texts[before:] if text.startswith("passage: ") and "##" in text]
    assert len(sent) == len(set(sent))


def test_for_people(kb_apart, desk, fake):
    result = narrow(kb_apart("reindex", "--base-url", fake.base_url, "--force", cwd=desk))
    assert result.code == 0
    assert "Generation 2 is now in use." in result.out
    assert "words and meaning" in result.out
    assert "5 documents give 20 passages" in result.err.replace("\n", " ")
    assert "Deleted: 0 generations" in narrow(kb_apart("gc", cwd=desk)).out


def test_an_endpoint_that_is_down_is_three(kb_apart, desk, fake):
    fake.stop()
    result = kb_apart(
        *("-q", "reindex", "--base-url", fake.base_url, "--json"),
        cwd=desk,
        env={"KB_MAX_RETRIES": "0"},
    )
    assert result.code == 3
    told = json.loads(result.out)
    assert (told["status"], told["switched"], told["error"]["stage"]) == ("failed", False, "embed")
    assert kb_apart("search", "amber", cwd=desk).code == 0


def test_a_worse_model_is_one(kb_apart, desk, fake):
    fake.faults.alike = True
    to = ("-q", "reindex", "--base-url", fake.base_url)
    result = narrow(kb_apart(*to, cwd=desk))
    assert result.code == 1
    assert "worse" in result.out
    assert "kb reindex --force" in result.out.replace("\n", " ")
    assert kb_apart("search", "amber", "--json", cwd=desk).json["profile"]["provider"] == "builtin"
    assert "half-built by kb reindex" in kb_apart("status", cwd=desk).out


def test_a_second_job_waits_or_leaves(kb_apart, desk):
    store = open_store(desk / ".kb")
    with store.writer("ingest"):
        result = kb_apart("reindex", "--force", "--wait", "0.2", "--json", cwd=desk)
    assert result.code == 4
    told = json.loads(result.out)["error"]
    assert told["code"] == "store.locked"
    assert "`ingest` (process" in told["message"]
    assert "waited 0.2 s" in told["message"]


def test_labelled_questions_decide(kb_apart, desk, fake):
    words = ("amber", "birch", "cedar", "dune", "ember")
    rows = [
        {
            "query": f"who has the {word} of kind{n}",
            "path": f"{word}.md",
            "contains": f"house{i}{n}",
        }
        for i, word in enumerate(words)
        for n in range(4)
    ]
    rows.append({"query": "whose is the fjord?", "path": "fjord.md"})
    (desk / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    to = ("-q", "reindex", "--target-tokens", "16", "--eval", "mine.jsonl")
    result = narrow(kb_apart(*to, cwd=desk))
    assert result.code == 0, result.out
    told = result.out.replace("\n", " ")
    assert "20 questions of mine.jsonl were asked; the mean reciprocal rank" in told
    assert "no answer to them is in the knowledge base: 1 question of mine.jsonl." in told
    assert "words and meaning" in told
    result = kb_apart("reindex", "--eval", "gone.jsonl", "--json", cwd=desk)
    assert result.code == 2
    assert result.json["error"]["code"] == "usage.dataset"
