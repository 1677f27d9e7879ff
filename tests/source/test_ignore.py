"""`.kbignore`, `--include` and `--exclude`: which files a walk leaves out."""

# ruff: noqa: PTH118, PTH123 - some names are bytes

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import UsageError
from kb.model import Source
from kb.source import LeftOut, Selection, discover

NAMES = ("a", "b", "foo", "bar", "x.log", "y.txt", "a b", "!z", "#c", "foo2")
PARTS = (
    *("a", "b", "foo", "bar", "*.log", "*.txt", "*", "**", "?", "[ab]", "[!a]", "[a-c]"),
    *("f*o", "x.*", "a b", "\\!z", "\\#c", "fo[a-z]", "foo?", "*o*", "\\a"),
)


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def taken(root: Path, *paths: Path, left_out: LeftOut | None = None, **patterns) -> list[str]:
    found = discover(
        paths or [root],
        root=root,
        home=root / ".kb",
        rules=Selection(**patterns),
        left_out=left_out,
    )
    return [each.path for each in found if isinstance(each, Source)]


def write(folder: Path, *lines: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".kbignore").write_text("\n".join(lines) + "\n", encoding="utf-8")


@st.composite
def patterns(draw) -> str:
    text = "/".join(draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3)))
    start = draw(st.sampled_from(["", "", "", "/", "!", "!/"]))
    end = draw(st.sampled_from(["", "", "/", " ", "/**"]))
    return start + text + end


paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(max_examples=40, deadline=None)
@given(
    files=st.lists(paths, min_size=1, max_size=12, unique=True),
    rules=st.dictionaries(
        st.sampled_from(["", "a", "foo", "a/b"]), st.lists(patterns(), min_size=1, max_size=4)
    ),
)
def test_the_same_files_are_left_out_as_by_git(tmp_path_factory, files, rules) -> None:
    top = tmp_path_factory.mktemp("tree")
    for name in files:
        try:
            put(top, name)
        except OSError:
            continue  # a file of that name stands where a folder would
    for folder, lines in rules.items():
        if (top / folder).is_dir():
            write(top / folder, *lines)
            shutil.copy(top / folder / ".kbignore", top / folder / ".gitignore")
    subprocess.run(["git", "init", "-q"], cwd=top, check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-o", "--exclude-per-directory=.gitignore"],
        cwd=top,
        check=True,
        capture_output=True,
    )
    by_git = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
    by_git = {name for name in by_git if not name.rpartition("/")[2].startswith(".")}
    assert set(taken(top)) == by_git


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["*.log"], ["deep/keep/b.txt", "drafts/c.txt", "a.txt"]),
        (["/a.txt"], ["a.log", "deep/a.log", "deep/keep/b.txt", "drafts/c.txt"]),
        (["drafts/"], ["a.log", "a.txt", "deep/a.log", "deep/keep/b.txt"]),
        (["deep/**", "!deep/keep/"], ["a.log", "a.txt", "drafts/c.txt"]),
        (["deep/*", "!deep/keep"], ["a.log", "a.txt", "deep/keep/b.txt", "drafts/c.txt"]),
        (["# a.txt", "", "  ", "\\#x"], None),
        (["*", "!*/", "!*.txt"], ["a.txt", "deep/keep/b.txt", "drafts/c.txt"]),
        (["**/keep", "*.log"], ["a.txt", "drafts/c.txt"]),
    ],
)
def test_the_language_of_gitignore(tmp_path, lines, kept) -> None:
    names = ["a.log", "a.txt", "deep/a.log", "deep/keep/b.txt", "drafts/c.txt"]
    put(tmp_path, *names)
    write(tmp_path, *lines)
    assert sorted(taken(tmp_path)) == sorted(names if kept is None else kept)


def test_a_file_nearer_to_the_names_has_the_last_word(tmp_path) -> None:
    put(tmp_path, "a.log", "sub/a.log", "sub/deep/a.log")
    write(tmp_path, "*.log")
    write(tmp_path / "sub", "!*.log")
    write(tmp_path / "sub/deep", "a.*")
    assert taken(tmp_path) == ["sub/a.log"]


def test_what_is_left_out_is_counted_and_a_folder_is_not_looked_into(tmp_path) -> None:
    put(tmp_path, "a.log", "b.log", "drafts/1.txt", "c.md", "d.tmp")
    (tmp_path / "drafts/.kbignore").write_text("[broken")  # nobody opens it
    write(tmp_path, "*.log", "drafts/")
    left_out = LeftOut()
    found = taken(tmp_path, left_out=left_out, exclude=["*.tmp"], include=["*.txt", "*.tmp"])
    assert found == []
    assert left_out.as_json() == {
        "--exclude": {"files": 1, "folders": 0},
        "--include": {"files": 1, "folders": 0},
        ".kbignore": {"files": 2, "folders": 1},
    }
    assert left_out.holds("drafts/1.txt")
    assert not left_out.holds("c.md")
    assert left_out.is_unasked("c.md")


def test_exclude_wins_and_both_are_relative_to_the_given_folder(tmp_path) -> None:
    put(tmp_path, "docs/a.pdf", "docs/b.pdf", "docs/sub/a.pdf", "docs/c.md")
    docs = tmp_path / "docs"
    assert taken(tmp_path, docs, include=["*.pdf"], exclude=["/a.pdf"]) == [
        "docs/b.pdf",
        "docs/sub/a.pdf",
    ]
    assert taken(tmp_path, docs, include=["sub/"]) == ["docs/sub/a.pdf"]
    assert taken(tmp_path, docs, include=["*", "!*.pdf"]) == ["docs/c.md"]


def test_a_path_that_is_given_itself_is_taken_as_it_is(tmp_path) -> None:
    put(tmp_path, "drafts/a.txt", "drafts/b.log", "x.log", "old/drafts/c.txt")
    write(tmp_path, "drafts/", "*.log", "old")
    write(tmp_path / "old", "c.*")
    assert taken(tmp_path) == []
    assert taken(tmp_path, tmp_path / "x.log", exclude=["*"]) == ["x.log"]
    # The folder is named by a pattern above it, so those patterns are set aside with it.
    assert taken(tmp_path, tmp_path / "drafts") == ["drafts/a.txt", "drafts/b.log"]
    assert taken(tmp_path, tmp_path / "old/drafts") == []


def test_what_stands_above_a_given_folder_counts_up_to_the_root(tmp_path) -> None:
    put(tmp_path, "in/docs/a.log", "in/docs/a.txt")
    write(tmp_path, "*.log")
    assert taken(tmp_path, tmp_path / "in/docs") == ["in/docs/a.txt"]
    found = discover([tmp_path / "in/docs"], root=tmp_path / "elsewhere", home=tmp_path / ".kb")
    assert [Path(each.path).name for each in found] == ["a.log", "a.txt"]


@pytest.mark.parametrize("line", ["a[b", "!", "/", "[z-a]", "a\\", "[[:alpha:]]"])
def test_a_broken_pattern_is_told_with_its_place_and_nothing_is_taken(tmp_path, line) -> None:
    put(tmp_path, "docs/a.txt")
    write(tmp_path / "docs", "# fine", "*.log", line)
    with pytest.raises(UsageError) as error:
        taken(tmp_path)
    assert error.value.failure.message.startswith("docs/.kbignore, line 3: the pattern ")
    with pytest.raises(UsageError) as error:
        taken(tmp_path, tmp_path, exclude=["x", line])
    assert error.value.failure.message.startswith("--exclude: the pattern ")


def test_names_that_are_not_utf_8_or_hold_line_ends_can_be_named(tmp_path) -> None:
    for name in (b"a\xff.txt", b"b\nc.txt", b"d.txt"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    (tmp_path / ".kbignore").write_bytes(b"\xef\xbb\xbfa\xff.*\r\nb*c.txt\r\n")
    assert taken(tmp_path) == ["d.txt"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to nothing"])
def test_a_kbignore_that_is_no_file_says_nothing(tmp_path, kind) -> None:
    put(tmp_path, "a.txt")
    path = tmp_path / ".kbignore"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    assert taken(tmp_path) == ["a.txt"]


def test_nothing_is_imported_or_opened_where_there_is_no_pattern(tmp_path, monkeypatch) -> None:
    put(tmp_path, "sub/a.txt", ".hidden", "b.txt")

    def opened(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("kb.source.ignore._lines", opened)
    monkeypatch.setattr("kb.source.ignore.Rules.why_not", opened)
    assert taken(tmp_path) == ["b.txt", "sub/a.txt"]
