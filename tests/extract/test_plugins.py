"""Formats of other packages: found by their entry point, and answerable for themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.errors import StageError, failure
from kb.extract import extract, plugins, reads_by_now, supported
from kb.extract.registry import unsupported
from tests.conftest import REPOSITORY
from tests.extract.make import assert_whole, written

READER = """
from kb.extract.canonical import one_page, stem
from kb.model import Document, Page

def read(data, source):
    text = data.decode()[::-1]
    return one_page(text, title=stem(source), kind="runes")

def failing(data, source):
    raise KeyError("rune")

def gaps(data, source):
    pages = (Page(number=1, start=1, end=2),)
    return Document(title="t", format="runes", text="abc", pages=pages, paged=True)

def words(data, source):
    return "just words"
"""
ENTRIES = """
[kb.formats]
runes = runes_reader:read
gone = runes_no_such_module:read
fails = runes_reader:failing
gaps = runes_reader:gaps
words = runes_reader:words
pdf = runes_reader:words
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small distribution, as an installer would leave it."""
    folder = tmp_path / "site"
    facts = folder / "kb_runes-1.0.dist-info"
    facts.mkdir(parents=True)
    (folder / "runes_reader.py").write_text(READER)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: kb-runes\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRIES)
    return folder


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(package)
    plugins.endings.cache_clear()
    yield
    plugins.endings.cache_clear()
    sys.modules.pop("runes_reader", None)


@pytest.mark.usefixtures("installed")
def test_a_format_of_another_package_is_read(tmp_path: Path) -> None:
    document = extract(written(tmp_path / "a.RUNES", b"olleh"))
    assert_whole(document)
    assert (document.text, document.format) == ("hello", "runes")
    assert supported(written(tmp_path / "b.runes", b""))
    assert not supported(written(tmp_path / "b.unknown", b""))


def test_what_was_refused_for_its_kind_is_told_apart(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    known, unknown = (unsupported(written(tmp_path / f"a.{end}", b"")) for end in ("runes", "odd"))
    assert not reads_by_now(known)
    request.getfixturevalue("installed")
    plugins.endings.cache_clear()
    assert reads_by_now(known)
    assert not reads_by_now(unknown)
    assert not reads_by_now(failure("extract.unsupported", "The old format.", source="a.runes"))
    assert not reads_by_now(failure("extract.corrupt", known.message, source="a.runes"))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("gone", "extract.unsupported", "kb-runes, which reads files of the kind .gone, cannot be"),
        ("fails", "extract.corrupt", "kb-runes failed to read the file"),
        ("gaps", "extract.corrupt", "its pages do not cover its text"),
        ("words", "extract.corrupt", "it is of the type str"),
    ],
)
def test_a_broken_plugin_is_told_of_its_own_files(
    tmp_path: Path, ending: str, code: str, said: str
) -> None:
    with pytest.raises(StageError) as error:
        extract(written(tmp_path / f"a.{ending}", b"x"))
    assert error.value.failure.code == code
    assert said in error.value.failure.message
    assert error.value.failure.source == f"a.{ending}"


@pytest.mark.usefixtures("installed")
def test_a_plugin_does_not_take_over_what_kb_reads_itself(tmp_path: Path) -> None:
    with pytest.raises(StageError) as error:
        extract(written(tmp_path / "a.pdf", b"no pdf"))
    assert "kb-runes" not in error.value.failure.message


def test_plugins_are_looked_for_only_when_an_unknown_ending_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "endings", lambda: pytest.fail("looked for"))
    assert extract(written(tmp_path / "a.txt", b"text")).text == "text"
    assert not supported(written(tmp_path / "Makefile", b""))


def kb(folder: Path, *words: str, path: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words, "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(REPOSITORY), path))},
        capture_output=True,
        check=False,
    )
    return json.loads(done.stdout)


def test_the_workers_of_an_ingest_know_the_format_and_take_in_what_nobody_knew_before(
    tmp_path: Path, package: Path
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "old.runes").write_bytes(b"seltsam und vertraulich"[::-1])
    (shelf / "bad.gone").write_bytes(b"x")
    before = kb(tmp_path, "ingest", "shelf", path="")
    assert [each["code"] for each in before["failures"]] == ["extract.unsupported"] * 2
    after = kb(tmp_path, "ingest", "shelf", path=str(package))
    assert [each["source"] for each in after["failures"]] == ["shelf/bad.gone"]
    assert "kb-runes" in after["failures"][0]["message"]
    found = kb(tmp_path, "search", '"vertraulich"', "--mode", "lexical", path="")
    assert [hit["path"] for hit in found["hits"]] == ["shelf/old.runes"]
