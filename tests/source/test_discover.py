"""`kb.source`: which files are there, under which names, and what their bytes hash to."""

# ruff: noqa: PTH100, PTH118, PTH123 - paths are compared as text, and one is made of bytes
from __future__ import annotations

import hashlib
import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import Failure, StageError
from kb.model import Source
from kb.source import discover, sha256_of, stored_path

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.txt", "a.md", "sub/c.txt", "sub/deep/d.txt", ".hidden/x.txt", "sub/.y.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def walk(*paths: Path, root: Path, home: Path | None = None) -> list[Source | Failure]:
    return list(discover(paths, root=root, home=home or root / ".kb"))


def names(found: list[Source | Failure]) -> list[str | None]:
    return [each.path if isinstance(each, Source) else each.source for each in found]


def codes(found: list[Source | Failure]) -> list[str]:
    return [each.code for each in found if isinstance(each, Failure)]


def test_a_folder_is_walked_in_a_fixed_order_and_hidden_names_are_left_out(tree: Path) -> None:
    found = walk(tree, root=tree)
    assert names(found) == ["a.md", "b.txt", "sub/c.txt", "sub/deep/d.txt"]
    assert found == walk(tree, root=tree)


def test_a_source_says_what_stat_says(tree: Path) -> None:
    source = walk(tree / "a.md", root=tree)[0]
    status = (tree / "a.md").stat()
    assert source == Source(
        path="a.md",
        location=tree / "a.md",
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        inode=status.st_ino,
    )


def test_paths_outside_the_root_are_absolute(tree: Path) -> None:
    found = walk(tree / "a.md", tree / "sub", root=tree / "sub")
    assert names(found) == [(tree / "a.md").as_posix(), "c.txt", "deep/d.txt"]
    # A root whose name merely begins alike is another folder.
    assert names(walk(tree / "a.md", root=tree / "a"))[0] == (tree / "a.md").as_posix()


def test_a_file_given_twice_comes_once(tree: Path) -> None:
    assert names(walk(tree / "b.txt", tree, root=tree)).count("b.txt") == 1
    found = walk(tree / "sub", tree, tree / "sub/../a.md", tree / "sub/c.txt", root=tree)
    assert sorted(map(str, names(found))) == ["a.md", "b.txt", "sub/c.txt", "sub/deep/d.txt"]


def test_the_home_is_skipped_whatever_its_name(tree: Path) -> None:
    (tree / "store").mkdir()
    (tree / "store/kb.sqlite3").write_text("x")
    assert "store/kb.sqlite3" not in names(walk(tree, root=tree, home=tree / "store"))
    assert walk(tree / "store", root=tree, home=tree / "store") == []
    assert "store/kb.sqlite3" in names(walk(tree, root=tree))


def test_a_hidden_path_given_by_name_is_taken(tree: Path) -> None:
    assert names(walk(tree / ".hidden", tree / "sub/.y.txt", root=tree)) == [
        ".hidden/x.txt",
        "sub/.y.txt",
    ]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tree: Path) -> None:
    (tree / "link.txt").symlink_to(tree / "b.txt")
    (tree / "loop").symlink_to(tree)
    (tree / "self").symlink_to(tree / "self")
    (tree / "broken").symlink_to(tree / "nowhere")
    found = walk(tree, root=tree)
    assert "link.txt" in names(found)
    assert not any(str(name).startswith("loop") for name in names(found))
    problems = {each.source: each.code for each in found if isinstance(each, Failure)}
    assert problems == {"self": "discover.unreadable", "broken": "discover.missing"}


def test_a_linked_folder_given_by_name_is_walked_under_that_name(tree: Path) -> None:
    (tree / "link").symlink_to(tree / "sub")
    assert names(walk(tree / "link", root=tree)) == ["link/c.txt", "link/deep/d.txt"]


def test_a_missing_path_is_a_failure_and_the_rest_goes_on(tree: Path) -> None:
    found = walk(tree / "gone.txt", tree / "a.md/below", tree / "a.md", root=tree)
    assert codes(found) == ["discover.missing", "discover.missing"]
    assert names(found) == ["gone.txt", "a.md/below", "a.md"]


def test_pipes_sockets_and_devices_are_refused_without_being_opened(tree: Path) -> None:
    os.mkfifo(tree / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tree / "s.txt"))
        found = walk(tree, Path("/dev/null"), root=tree)
    problems = {each.source: each.code for each in found if isinstance(each, Failure)}
    assert problems == dict.fromkeys(("pipe.txt", "s.txt", "/dev/null"), "extract.unsupported")
    assert "a.md" in names(found)


@pytest.mark.skipif(AS_ROOT, reason="root reads everything")
def test_a_folder_without_permission_is_a_failure_and_the_rest_goes_on(tree: Path) -> None:
    (tree / "sub").chmod(0)
    try:
        found = walk(tree, root=tree)
    finally:
        (tree / "sub").chmod(0o755)
    assert codes(found) == ["discover.unreadable"]
    assert names(found) == ["a.md", "b.txt", "sub"]


def test_a_folder_that_cannot_be_listed_is_a_failure_and_the_rest_goes_on(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = walk(tree, root=tree)
    assert codes(found) == ["discover.unreadable"]
    assert names(found) == ["a.md", "b.txt", "sub"]


def test_names_that_are_not_utf8_get_a_printable_name_and_stay_readable(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9 \xff.txt"
    try:
        with open(raw, "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (source,) = walk(tmp_path, root=tmp_path)
    assert isinstance(source, Source)
    assert source.path == r"caf\xe9 \xff.txt"
    assert source.location.read_bytes() == b"x"
    assert stored_path(source.location, root=tmp_path) == source.path


@pytest.mark.parametrize("name", ["-rf.txt", "--help", "a b\nc.txt", "合同 №1.txt", "a\\b.txt"])
def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert names(walk(tmp_path, root=tmp_path)) == [name]
    assert names(walk(tmp_path / name, root=tmp_path)) == [name]


@given(st.lists(st.sampled_from(["a", "b", "..", ".", "c d", "条"]), min_size=1, max_size=6))
def test_stored_path_agrees_with_what_discover_says(parts: list[str]) -> None:
    path = Path("/srv/kb").joinpath(*parts)
    name = stored_path(path, root=Path("/srv/kb"))
    assert name == stored_path(Path(os.path.abspath(path)), root=Path("/srv/kb/"))
    assert os.path.normpath(os.path.join("/srv/kb", name)) == os.path.abspath(path)


def test_sha256_is_that_of_the_bytes(tree: Path) -> None:
    (source,) = walk(tree / "b.txt", root=tree)
    assert isinstance(source, Source)
    assert sha256_of(source) == hashlib.sha256(b"b.txt").hexdigest()
    (tree / "b.txt").write_text("other")
    assert sha256_of(source) == hashlib.sha256(b"other").hexdigest()


def test_sha256_of_what_is_gone_or_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, refused = (each for each in walk(tree / "a.md", tree / "b.txt", root=tree))
    assert isinstance(gone, Source)
    assert isinstance(refused, Source)
    gone.location.unlink()
    with pytest.raises(StageError) as error:
        sha256_of(gone)
    assert (error.value.failure.code, error.value.failure.source) == ("discover.missing", "a.md")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("kb.source.content.os.open", denied)
    with pytest.raises(StageError) as error:
        sha256_of(refused)
    assert error.value.failure.code == "discover.unreadable"


def test_a_walk_costs_little_more_than_looking(tmp_path: Path) -> None:
    for folder in range(20):
        (tmp_path / f"{folder}").mkdir()
        for number in range(100):
            (tmp_path / f"{folder}/{number}.txt").touch()

    def looking() -> None:
        for folder in os.scandir(tmp_path):
            for entry in os.scandir(folder.path):
                entry.stat()

    def seconds(action: object) -> float:
        assert callable(action)
        best = []
        for _ in range(5):
            start = time.perf_counter()
            action()
            best.append(time.perf_counter() - start)
        return min(best)

    assert seconds(lambda: walk(tmp_path, root=tmp_path)) < 10 * seconds(looking) + 0.05
