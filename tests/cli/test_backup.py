"""`kb backup` and `kb restore`: what they say, and that no key is ever in the file."""

from __future__ import annotations

import shutil

import pytest
from rich.cells import cell_len


@pytest.fixture
def home(filled, tmp_path, here):
    shutil.copytree(filled.home, tmp_path / ".kb")
    return tmp_path / ".kb"


def narrow(result):
    assert all(cell_len(line) <= 80 for line in (result.out + result.err).split("\n"))
    return result


def test_there_and_back(kb, home, here):
    made = narrow(kb("backup", "kb.zip"))
    assert made.code == 0
    assert made.out.startswith("Backup made: ")
    assert "2 documents" in made.out
    told = kb("list", "--json").json
    hits = kb("search", "--json", "保修").json["hits"]
    shutil.rmtree(home)
    back = narrow(kb("restore", "kb.zip"))
    assert (back.code, back.err) == (0, "")
    assert kb("list", "--json").json == told
    assert kb("search", "--json", "保修").json["hits"] == hits
    assert kb("verify").code == 0


def test_as_json(kb, home, here):
    made = kb("backup", "kb.zip", "--json").json
    assert made["schema"] == "kb.backup/1"
    assert made["documents"] == 2
    back = kb("restore", "kb.zip", "--json", "--home", "other").json
    assert back["schema"] == "kb.restore/1"
    assert (here / "other" / "kb.sqlite3").exists()


def test_nothing_is_overwritten_without_force(kb, home, here):
    assert kb("backup", "kb.zip").code == 0
    for arguments in (("backup", "kb.zip"), ("restore", "kb.zip")):
        refused = narrow(kb(*arguments))
        assert refused.code == 2
        assert "--force" in refused.err
        assert kb(*arguments, "--force").code == 0


SECRET = "sk-0123456789abcdef"
SETTINGS = {
    "a line": f'[embedding]\napi_key = "{SECRET}"\nmodel = "m"\n',
    "quoted": f'[embedding]\n"api_key" = "{SECRET}"\nmodel = "m"\n',
    "dotted": f'embedding.api_key = "{SECRET}"\nembedding.model = "m"\n',
    "inline": f'embedding = {{ api_key = "{SECRET}", model = "m" }}\n',
    "several lines": f'[embedding]\napi_key = """\n{SECRET}"""\nmodel = "m"\n',
    "a comment": f'# my key is {SECRET}\n[embedding]\napi_key = "{SECRET}"\n',
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_key_is_never_in_it(kb, home, here, name):
    (home / "kb.toml").write_text(SETTINGS[name], encoding="utf-8")
    made = kb("backup", "kb.zip", "--json")
    assert made.code == 0, made.err
    assert SECRET.encode() not in (here / "kb.zip").read_bytes()
    if name in ("a line", "quoted", "dotted"):
        assert made.json["settings"] == ["kb.toml"]
        assert b'"m"' in (here / "kb.zip").read_bytes()


def test_the_key_of_the_environment_is_never_in_it(kb, home, here):
    (home / "kb.toml").write_text(f"# {SECRET}\n", encoding="utf-8")
    assert kb("backup", "kb.zip", env={"KB_API_KEY": SECRET}).code == 0
    assert SECRET.encode() not in (here / "kb.zip").read_bytes()


def test_a_false_backup_ends_with_4(kb, home, here):
    (here / "false.zip").write_bytes(b"x" * 999)
    result = narrow(kb("restore", "false.zip", "--force"))
    assert result.code == 4
    assert "nothing was changed" in result.err
    assert kb("restore", "none.zip").code == 2
    assert kb("verify").code == 0


def test_settings_and_copy_are_of_the_same_generation(tmp_path, monkeypatch):
    """Where another generation is put in use meanwhile, both are taken again."""
    from kb.pipeline import backup as backups
    from kb.pipeline.base import locate

    (tmp_path / ".kb").mkdir()
    base = locate(tmp_path / ".kb", environ={})
    seen, taken = iter([1, 2, 2, 2]), []
    monkeypatch.setattr(backups, "_in_use", lambda _: next(seen))

    def store(home, file, *, extra, force):
        taken.append((extra, force))

    def settled(home, generation):
        (home / "kb.toml").write_text(f"# {generation}\n")

    monkeypatch.setattr(backups, "backup_store", store)
    monkeypatch.setattr(backups, "settle", settled)
    backups.backup(base, tmp_path / "kb.zip")
    assert taken == [({"kb.toml": b"# 1\n"}, False), ({"kb.toml": b"# 2\n"}, True)]
