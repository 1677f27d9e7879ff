"""What lies about on real disks: loops, pipes, odd names, things that vanish."""

# ruff: noqa: PTH102, PTH109, PTH118, PTH123 - paths as the system has them

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kb.errors import Failure
from kb.model import Source
from kb.source import discover, is_being_written, is_shared, stored_path
from kb.source.changes import Told, Unseen, listening


def walk(root: Path) -> list[Source | Failure]:
    return list(discover([root], root=root, home=root / ".kb"))


def told(root: Path) -> list[tuple[str, str]]:
    return [
        (each.path, "") if isinstance(each, Source) else (each.source or "", each.code)
        for each in walk(root)
    ]


def test_loops_pipes_sockets_and_dead_links(tmp_path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/up").symlink_to(tmp_path)
    (tmp_path / "sub/self").symlink_to("self")
    (tmp_path / "sub/gone").symlink_to("nowhere")
    (tmp_path / "null").symlink_to(os.devnull)
    os.mkfifo(tmp_path / "pipe")
    place = os.getcwd()
    os.chdir(tmp_path)  # the address of a socket is short
    try:
        server = socket.socket(socket.AF_UNIX)
        server.bind("socket")
        server.close()
    finally:
        os.chdir(place)
    (tmp_path / "a.txt").write_text("x")
    assert told(tmp_path) == [
        ("a.txt", ""),
        ("null", "extract.unsupported"),
        ("pipe", "extract.unsupported"),
        ("socket", "extract.unsupported"),
        ("sub/gone", "discover.missing"),
        ("sub/self", "discover.unreadable"),
    ]


def test_odd_names_are_kept_apart_and_can_be_stored(tmp_path) -> None:
    names = [b"-rf.txt", b"\x1b[31mred.txt", b"a\nb.txt", b"\xff.txt", b"A.txt", b"a.txt", b"  "]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    found = [each.path for each in walk(tmp_path)]
    assert len(set(found)) == len(names)
    assert {"-rf.txt", "\x1b[31mred.txt", "a\nb.txt", "\\xff.txt", "A.txt", "a.txt"} < set(found)
    for name in found:
        name.encode()


def test_a_path_too_long_for_the_system_is_told_and_its_neighbours_are_read(tmp_path) -> None:
    part = "d" * 200
    place = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(25):
            os.mkdir(part)
            os.chdir(part)
        Path("deep.txt").write_text("x")
    finally:
        os.chdir(place)
    (tmp_path / "z.txt").write_text("x")
    found = told(tmp_path)
    assert found[0] == ("z.txt", "")
    assert [code for _, code in found[1:]] == ["discover.unreadable"]


def test_a_folder_that_vanishes_during_the_walk_is_no_failure(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text("x")
    found = []
    for each in discover([tmp_path], root=tmp_path, home=tmp_path / ".kb"):
        found.append(each)
        (tmp_path / "b/x.txt").unlink()
        (tmp_path / "b").rmdir()
    assert [each.path for each in found if isinstance(each, Source)] == ["a/x.txt"]
    assert len(found) == 1


def test_what_a_file_system_tells_of_itself(tmp_path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "2 1 0:9 / /mnt/sh\\040ared rw shared:2 - nfs4 host:/x rw\n"
        "3 2 8:2 / /mnt/sh\\040ared/local rw - xfs /dev/sdb1 rw\n"
        "4 1 0:8 / /far rw - fuse.sshfs host: rw\n"
        "broken\n"
    )
    shared = {
        "/home/x": False,
        "/mnt/sh ared/a/b": True,
        "/mnt/sh ared/local/a": False,
        "/far": True,
        "/farther": False,
    }
    assert {name: is_shared(Path(name), table) for name in shared} == shared
    assert not is_shared(tmp_path, tmp_path / "no such table")


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="Linux alone tells who writes")
def test_a_file_that_is_open_for_writing_is_known_to_be(tmp_path) -> None:
    path = tmp_path / "log.txt"
    with path.open("w") as file:
        file.write("x")
        file.flush()
        assert is_being_written(path)
    assert not is_being_written(path)
    assert not is_being_written(tmp_path / "gone")


def test_changes_are_told_and_the_knowledge_bases_own_are_not(tmp_path) -> None:
    home, docs = tmp_path / ".kb", tmp_path / "docs"
    for folder in (home, docs / ".git"):
        folder.mkdir(parents=True)
    with listening([tmp_path], home) as changes:
        assert not changes._matters(str(home / "kb.sqlite3-wal"))
        assert not changes._matters(str(docs / ".git/index"))
        assert not changes._matters(str(docs / ".a.md.swp"))
        assert changes._matters(str(docs / ".kbignore"))
        # The system may begin to listen only after the first of them.
        assert any(changes.wait(1) for _ in range(60) if (docs / "a.md").write_text("x"))
    assert not Unseen().wait(0)


def test_a_package_that_is_not_there_is_told_with_what_installs_it(tmp_path, monkeypatch) -> None:
    from kb.errors import UsageError

    def missing(*_: object) -> None:
        raise ImportError

    monkeypatch.setattr(Told, "__init__", missing)
    with pytest.raises(UsageError) as error, listening([tmp_path], tmp_path / ".kb"):
        pass
    assert "pip install" in error.value.failure.hint


def test_stored_names_of_odd_paths(tmp_path) -> None:
    assert stored_path(tmp_path / "-x.txt", root=tmp_path) == "-x.txt"
