"""`kb search --all`, `--explain`, and what a search tells that finds nothing."""

from __future__ import annotations

import shutil

import pytest
from rich.cells import cell_len


@pytest.fixture(scope="module")
def copied(filled, kb_apart, tmp_path_factory):
    """The documents of `filled` and a copy of one of them under another path."""
    folder = tmp_path_factory.mktemp("copied")
    for name in ("one", "two"):
        (folder / name).mkdir()
        shutil.copy(filled.folder / "docs" / "policy.md", folder / name)
    shutil.copy(filled.folder / "docs" / "售后服务条款.md", folder / "one")
    assert kb_apart("ingest", "one", "two", cwd=folder).code == 0
    return str(folder / ".kb")


def test_a_file_under_two_paths_is_one_answer(kb, copied):
    told = kb("search", "--json", "--home", copied, "refund the price").json["hits"]
    paths = [hit["path"] for hit in told]
    assert len({hit["text"] for hit in told}) == len(told)
    best = told[0]
    (copy,) = best["duplicates"]
    assert {best["path"], copy["path"]} == {"one/policy.md", "two/policy.md"}
    assert set(copy) == {"ref", "path", "page_start", "line_start", "section"}
    assert kb("show", "--json", "--home", copied, copy["ref"]).json["text"] == best["text"]
    shown = kb("search", "--home", copied, "refund the price", "-k", "1").out
    assert f"also in {copy['path']} line {copy['line_start']}" in shown
    everything = kb("search", "--json", "--all", "--home", copied, "refund the price").json["hits"]
    assert len(everything) > len(paths)
    assert not any(hit["duplicates"] for hit in everything)


def test_an_explanation_comes_where_it_is_asked_for(kb, copied):
    told = kb("search", "--json", "--explain", "--home", copied, "refund xyzzy").json
    assert told["explain"]["terms"][1] == {
        "term": "xyzzy",
        "passages": 0,
        "idf": None,
        "typed": True,
    }
    assert all("explain" in hit for hit in told["hits"])
    plain = kb("search", "--json", "--home", copied, "refund xyzzy").json
    assert "explain" not in plain
    assert "explain" not in plain["hits"][0]
    assert "hints" not in plain
    shown = kb("search", "--explain", "--home", copied, "refund xyzzy", "退货").out
    assert "xyzzy nowhere" in shown
    assert "   matched  refund" in shown
    assert all(cell_len(line) <= 80 for line in shown.split("\n"))


def test_nothing_found_says_why_and_what_to_try(kb, copied):
    result = kb("search", "--home", copied, "--mode", "lexical", "waranty")
    assert (result.code, result.out) == (0, "")
    assert "“waranty” stands nowhere in the knowledge base." in " ".join(result.err.split())
    assert "Did you mean warranty" in " ".join(result.err.split())
    told = kb("search", "--json", "--home", copied, "--mode", "lexical", "waranty").json
    assert told["hits"] == []
    assert "Did you mean warranty for “waranty”?" in told["hints"]
