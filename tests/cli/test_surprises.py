"""Whatever is typed: an exit code of the contract, one JSON object, never a traceback."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

CODES = {0, 1, 2, 3, 4, 130}
#: What an argument can hold: bytes that are not UTF-8 arrive as lone surrogates; no NUL.
ARGUMENTS = st.one_of(
    st.text(
        alphabet=st.one_of(
            st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
            st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]),
        ),
        max_size=40,
    ),
    st.sampled_from(
        ["", " ", "--", "-", "\"", "'a\"", "c", "c0", "c-1", "c99999999999999999999", "*", "**/[",
         "[a", "NEAR(", "a AND", "../..", "/", "~", "\n", "x" * 5000, "\u202e", "🧯" * 300]
    ),
)  # fmt: skip
often = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(result):
    assert result.code in CODES
    assert "Traceback" not in result.out + result.err
    assert "met an error" not in result.out + result.err
    if result.code:
        assert result.json["schema"].startswith("kb.")


MODES = st.sampled_from(["hybrid", "dense", "lexical"])


@given(words=st.lists(ARGUMENTS, min_size=1, max_size=3), mode=MODES)
@often
def test_any_query(kb, here, filled, words, mode):
    home = ("--home", filled.home)
    check(kb("search", "--json", *home, "--mode", mode, "--", *words))
    told = kb("search", *home, "--mode", mode, "--context", "1", "--", *words)
    assert "met an error" not in told.err
    assert all(cell_len(line) <= 80 for line in told.out.split("\n"))


@given(ref=ARGUMENTS)
@often
def test_any_reference(kb, here, filled, ref):
    check(kb("show", "--json", "--home", filled.home, "--", ref))
    assert "met an error" not in kb("show", "--home", filled.home, "--", ref).err


@given(value=ARGUMENTS)
@often
def test_any_filter(kb, here, filled, value):
    home = ("--home", filled.home)
    check(kb("list", "--json", *home, f"--path={value}"))
    check(kb("search", "--json", *home, f"--path={value}", f"--collection={value}", "refund"))


@given(path=ARGUMENTS)
@often
def test_any_path_to_remove(kb, here, filled, path):
    if path.strip("./*~ \n") and "docs" not in path:
        check(kb("remove", "--json", "--home", filled.home, "--", path))


@given(path=ARGUMENTS)
@often
def test_any_path_to_ingest(kb, here, path):
    if path.strip("./~ "):  # these would walk through the whole disk
        check(kb("ingest", "--dry-run", "--json", "-q", "--", path))


@given(home=ARGUMENTS, name=st.sampled_from(["list", "status", "config", "failures"]))
@often
def test_any_home(kb, here, home, name):
    check(kb(name, "--json", f"--home={home}"))


@given(st.lists(ARGUMENTS, max_size=4))
@often
def test_anything_at_all(kb, here, arguments):
    result = kb("--json", *arguments)
    if not {"-h", "--help", "--version"}.intersection(arguments):
        check(result)


def test_a_home_that_is_a_file_is_told(kb, here):
    (here / "file").write_text("x")
    for name in ("list", "status", "config"):
        check(kb(name, "--json", "--home", "file"))


def test_a_working_directory_that_is_gone_is_told(kb, here):
    gone = here / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    result = kb("list", "--json")
    check(result)
    assert result.code == 2


@pytest.mark.parametrize("text", ["not toml [", "[embedding]\nmodle = 'x'", "\udcff"])
def test_settings_that_cannot_be_read_are_told(kb, here, text):
    (here / ".kb").mkdir()
    (here / ".kb" / "kb.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    result = kb("config", "--json")
    check(result)
    assert result.code == 2
