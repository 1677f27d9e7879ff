"""ZIP archives of friends, of old programs, and of people who want to break something."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import StageError
from kb.extract import extract, is_container
from kb.extract.archive import names
from kb.model import Member, Source
from tests.extract.make import assert_whole, outcome, written
from tests.extract.make_archives import named, raw_zip, zipped


def refused(source: Source) -> str:
    with pytest.raises(StageError) as error:
        extract(source)
    assert error.value.failure.source == source.path
    return error.value.failure.code


def member(source: Source, *inside: str, size: int) -> Source:
    path = "/".join((source.path, *inside))
    return replace(source, path=path, inside=inside, size=size)


def read_members(source: Source) -> dict[str, str]:
    """Give what each member says, or the code of its failure."""
    found = {}
    for each in extract(source).members:
        try:
            found[each.name] = extract(member(source, each.name, size=each.size)).text
        except StageError as error:
            found[each.name] = error.failure.code
    return found


def test_an_archive_says_the_names_of_its_members_and_each_is_read(tmp_path: Path) -> None:
    source = written(
        tmp_path / "bundle.zip",
        zipped({"inner/a.md": b"# A\n", "b.txt": b"text of b", "empty/": b"", "none.txt": b""}),
    )
    document = extract(source)
    assert_whole(document)
    assert document.text == "inner/a.md\nb.txt\nnone.txt\n"
    digest = hashlib.sha256(b"text of b").hexdigest()
    assert named(document)["b.txt"] == Member(name="b.txt", size=9, sha256=digest)
    assert read_members(source) == {
        "inner/a.md": "# A\n",
        "b.txt": "text of b",
        "none.txt": "extract.empty",
    }


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_every_method_that_python_knows_is_unpacked(tmp_path: Path, method: int) -> None:
    source = written(tmp_path / "a.zip", zipped({"a.txt": b"x" * 5000}, method=method))
    assert read_members(source) == {"a.txt": "x" * 5000}


def test_a_method_that_nobody_knows_is_told_of_its_member_alone(tmp_path: Path) -> None:
    entries = [{"name": b"odd.txt", "data": b"??", "method": 9}, {"name": b"a.txt", "data": b"a"}]
    source = written(tmp_path / "a.zip", raw_zip(entries))
    assert read_members(source) == {"odd.txt": "extract.unsupported", "a.txt": "a"}


def test_what_folders_leave_out_is_left_out_of_archives(tmp_path: Path) -> None:
    hidden = ["__MACOSX/._a.txt", ".DS_Store", "x/.git/config", "x/Thumbs.db", "desktop.ini"]
    source = written(tmp_path / "a.zip", zipped(dict.fromkeys([*hidden, "x/a.txt"], b"x")))
    assert extract(source).text == "x/a.txt\n"
    assert refused(written(tmp_path / "b.zip", zipped(dict.fromkeys(hidden, b"x")))) == (
        "extract.empty"
    )


def test_locked_members_fail_for_themselves(tmp_path: Path) -> None:
    entries = [
        {"name": b"locked.txt", "data": b"x" * 20, "flags": 1},
        {"name": b"open.txt", "data": b"open"},
    ]
    source = written(tmp_path / "a.zip", raw_zip(entries))
    assert read_members(source) == {"locked.txt": "extract.encrypted", "open.txt": "open"}


def test_links_are_not_followed_and_not_read(tmp_path: Path) -> None:
    entries = [
        {"name": b"link.txt", "data": b"/etc/passwd", "attributes": 0o120777 << 16},
        {"name": b"a.txt", "data": b"a"},
    ]
    assert read_members(written(tmp_path / "a.zip", raw_zip(entries))) == {"a.txt": "a"}


def test_a_false_size_or_sum_is_damage_of_that_member(tmp_path: Path) -> None:
    entries = [
        {"name": b"more.txt", "data": b"0123456789", "size": 50},
        {"name": b"lie.txt", "data": b"0123456789", "size": 3},
        {"name": b"sum.txt", "data": b"0123456789", "crc": 7},
        {"name": b"a.txt", "data": b"a"},
    ]
    found = read_members(written(tmp_path / "a.zip", raw_zip(entries)))
    assert found == {
        "more.txt": "0123456789",  # all that there is, and its sum is right
        "lie.txt": "extract.corrupt",
        "sum.txt": "extract.corrupt",
        "a.txt": "a",
    }


def test_a_small_file_that_says_it_is_huge_is_refused_for_itself(tmp_path: Path) -> None:
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packed.compress(bytes(40_000_000)) + packed.flush()
    bomb = {"name": b"bomb.txt", "data": data, "method": 8, "size": 40_000_000, "crc": 0}
    plain = {"name": b"a.txt", "data": os.urandom(400_000).hex().encode()}
    found = read_members(written(tmp_path / "a.zip", raw_zip([bomb, plain])))
    assert found["bomb.txt"] == "extract.too_large"
    assert len(found["a.txt"]) == 800_000


def test_bombs_are_refused_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packed.compress(bytes(10**6)) + packed.flush()
    head = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 33, 0, 0, 0, 0, 0) + data
    overlap = [
        {"name": b"%d" % n, "at": 0, "method": 8, "packed": len(data), "size": 10**6}
        for n in range(20)
    ]
    assert refused(written(tmp_path / "a.zip", raw_zip(overlap, shared=head))) == (
        "extract.too_large"
    )
    swollen = [{"name": b"a", "data": data, "method": 8, "size": 2**32 - 2}]
    assert refused(written(tmp_path / "b.zip", raw_zip(swollen))) == "extract.too_large"


def test_a_million_entries_are_refused_before_they_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", *[0] * 9, 1, *[0] * 6) + b"a"
    count = 1_000_000
    directory = row * count
    large = struct.pack(
        "<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), 0
    )
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(directory), 1)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("looked at"))
    source = written(tmp_path / "a.zip", directory + large + locator + end)
    assert refused(source) == "extract.too_large"
    few = end[:8] + struct.pack("<HH", 1, 1) + struct.pack("<II", len(directory), 0) + end[-2:]
    assert refused(written(tmp_path / "b.zip", directory + few)) == "extract.too_large"


def test_zip64_and_streamed_archives_are_read(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += data  # type: ignore[arg-type, operator]
            return len(data)  # type: ignore[arg-type]

    pipe = Pipe()
    with (
        zipfile.ZipFile(pipe, "w", 8) as archive,  # type: ignore[call-overload]
        archive.open("large.txt", "w", force_zip64=True) as file,
    ):
        file.write(b"large")
    assert read_members(written(tmp_path / "a.zip", bytes(pipe.data))) == {"large.txt": "large"}


def test_an_archive_within_archives_is_followed_down_to_four(tmp_path: Path) -> None:
    data, chain = zipped({"a.txt": b"deep"}), ["a.txt"]
    for level in range(5):
        data = zipped({f"{level}.zip": data})
        chain.insert(0, f"{level}.zip")
    source = written(tmp_path / "a.zip", data)
    assert refused(member(source, *chain, size=4)) == "extract.too_large"
    inner = zipped({"b.txt": b"four"})
    for level in range(3):
        inner = zipped({f"{level}.zip": inner})
    source = written(tmp_path / "b.zip", inner)
    deep = member(source, "2.zip", "1.zip", "0.zip", "b.txt", size=4)
    assert extract(deep).text == "four"


def test_an_archive_that_changed_since_is_to_be_tried_again(tmp_path: Path) -> None:
    source = written(tmp_path / "a.zip", zipped({"a.txt": b"one"}))
    first = member(source, "a.txt", size=3)
    assert extract(first).text == "one"
    written(tmp_path / "a.zip", zipped({"a.txt": b"two"}))
    os.utime(tmp_path / "a.zip", (1, 1))
    for gone in (False, True):
        if gone:
            (tmp_path / "a.zip").unlink()
        with pytest.raises(StageError) as error:
            extract(first)
        assert (error.value.failure.code, error.value.failure.retriable) == (
            "extract.corrupt",
            True,
        )


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("合同.txt", "gbk"), ("2024年度报告（最终版）.txt", "gbk"),
        ("契約書のサンプル.txt", "cp932"),
        ("合同.txt", "utf-8"), ("合約書.txt", "big5"), ("договор.txt", "cp866"),
        ("Україна.txt", "cp866"), ("СЧЕТ 5.txt", "cp866"), ("Ñandú año.txt", "cp437"),
        ("보고서 최종.txt", "cp949"), ("Prüfbericht.txt", "cp437"),
        ("Übersicht und Maße.txt", "cp437"),
        ("naïve café.txt", "utf-8"),
    ],
)  # fmt: skip
def test_names_of_old_programs_are_decoded(tmp_path: Path, name: str, encoding: str) -> None:
    source = written(
        tmp_path / "a.zip", raw_zip([{"name": name.encode(encoding), "data": b"said"}])
    )
    assert read_members(source) == {name: "said"}


def test_the_name_in_the_field_for_unicode_counts_if_it_is_about_the_same_name(
    tmp_path: Path,
) -> None:
    def entry(data: bytes, checked: bytes) -> dict[str, object]:
        body = b"\1" + struct.pack("<I", zlib.crc32(checked)) + "Žluťoučký.txt".encode()
        extra = struct.pack("<HH", 0x7075, len(body)) + body
        return {"name": b"Zlut.txt", "data": data, "extra": extra}

    assert read_members(written(tmp_path / "a.zip", raw_zip([entry(b"1", b"Zlut.txt")]))) == {
        "Žluťoučký.txt": "1"
    }
    assert read_members(written(tmp_path / "b.zip", raw_zip([entry(b"1", b"other")]))) == {
        "Zlut.txt": "1"
    }


def test_names_that_want_out_stay_inside_and_duplicates_are_told_apart(tmp_path: Path) -> None:
    given = [b"../../etc/a.txt", b"/a.txt", b"C:\\x\\a.txt", b"a.txt", b"a.txt", b"b\x1b[2J.txt"]
    source = written(
        tmp_path / "a.zip",
        raw_zip([{"name": name, "data": b"%d" % n} for n, name in enumerate(given)]),
    )
    assert read_members(source) == {
        "etc/a.txt": "0",
        "a.txt": "1",
        "x/a.txt": "2",
        "a (2).txt": "3",
        "a (3).txt": "4",
        "b_[2J.txt": "5",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


NASTY = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            ["a", "a/b", "a/b/c", "..", "../a", "a.zip", "a.zip/b.txt", "a\\b", "C:/a", "", "/",
             ".", "a\u202etxt.exe", "x" * 5000, "d/" * 900 + "a.pdf", "a\0b", "a (2)", "a (2)/b"]
        ),
    ),
    max_size=12,
)  # fmt: skip


@given(NASTY)
def test_stored_names_are_safe_and_each_its_own(given: list[str]) -> None:
    stored = names.stored_names(given)
    assert len(stored) == len(given)
    assert len(set(stored)) == len(stored)
    assert stored == names.stored_names(given)
    folders = {str(above) for name in stored for above in PurePosixPath(name).parents}
    assert not folders & set(stored)
    for name in stored:
        assert not name.startswith("/")
        assert all(piece not in ("", ".", "..") for piece in name.split("/"))
        assert not set(name) & set("\\\0\n\r\x1b\u202e\u2066\ud800")
        assert len(name) < 1300
        name.encode()


@given(st.sets(st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3}){0,2}\.(pdf|zip)", fullmatch=True)))
def test_ordinary_names_stay_as_they_are(given: set[str]) -> None:
    assert names.stored_names(sorted(given)) == sorted(given)


def test_a_hundred_thousand_files_of_one_name_are_named_at_once() -> None:
    stored = names.stored_names(["a/x.pdf"] * 100_000)
    assert len(set(stored)) == 100_000
    assert stored[-1] == "a/x (100000).pdf"


@given(
    data=st.binary(max_size=200),
    entries=st.lists(
        st.fixed_dictionaries(
            {"name": st.binary(max_size=20), "data": st.binary(max_size=60)},
            optional={
                "flags": st.integers(0, 0xFFFF),
                "method": st.sampled_from([0, 8, 9, 12, 14, 99]),
                "size": st.integers(0, 2**32 - 1),
                "packed": st.integers(0, 2**32 - 1),
                "at": st.integers(0, 2**32 - 1),
                "attributes": st.integers(0, 2**32 - 1),
                "extra": st.binary(max_size=30),
            },
        ),
        max_size=4,
    ),
)
def test_any_archive_is_read_or_refused_and_so_are_its_members(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, entries: list[dict[str, object]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    source = written(folder / "any.zip", raw_zip(entries, shared=data))
    document = outcome(source)
    for each in document.members if document else ():
        outcome(member(source, each.name, size=each.size))


@given(st.binary(max_size=300))
def test_any_bytes_are_an_archive_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    outcome(written(tmp_path_factory.getbasetemp() / "bytes.zip", data))


def test_containers_are_known_by_their_endings() -> None:
    assert [is_container(each) for each in ("a.zip", "A.EML", "x/y.Msg", "zip", "a.pdf", "")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def test_the_last_part_of_a_split_archive_is_told_from_a_bomb(tmp_path: Path) -> None:
    parts: list[dict[str, object]] = [
        {"name": b"a.txt", "data": b"one", "at": 4},
        {"name": b"b.txt", "data": b"two", "at": 4, "volume": 1},
    ]
    with pytest.raises(StageError) as error:
        extract(written(tmp_path / "a.zip", raw_zip(parts)))
    failure = error.value.failure
    assert (failure.code, "split" in failure.message) == ("extract.unsupported", True)
    assert "zip -s 0" in failure.hint
