"""Settings that a killed switch left beside `kb.toml`, and a database that is damaged."""

from __future__ import annotations

import pytest

from kb.errors import StoreError
from kb.pipeline import verify as checks
from kb.pipeline.base import locate
from tests.store.damage import build, sql

OLD, NEW = '[search]\nmode = "lexical"\n', '[search]\nmode = "dense"\n'


@pytest.fixture
def home(tmp_path):
    build(tmp_path / ".kb")
    (tmp_path / ".kb" / "kb.toml").write_text(OLD)
    (tmp_path / ".kb" / "kb.toml.generation-1").write_text(NEW)
    return tmp_path / ".kb"


def blank_first_page(home):
    with (home / "kb.sqlite3").open("r+b") as file:
        file.write(bytes(4096))


DAMAGES = {
    "the first page": blank_first_page,
    "no generation in use": lambda home: sql(home, "UPDATE generations SET state = 'former'"),
    "the words of it": lambda home: sql(home, "UPDATE generations SET words = 9"),
}


@pytest.mark.parametrize("name", ["the first page", "the words of it"])
def test_a_damaged_database_can_be_repaired_with_settings_beside(home, name):
    DAMAGES[name](home)
    base = locate(home, environ={})
    assert base.settings.search_mode == "lexical", "nobody can tell whether the others are due"
    assert (home / "kb.toml.generation-1").exists()
    with pytest.raises(StoreError) as caught:
        checks.verify(base)
    assert caught.value.failure.code == "store.corrupt"
    assert checks.repair(base).ok
    assert locate(home, environ={}).settings.search_mode == "dense"
    assert sorted(path.name for path in home.glob("kb.toml*")) == ["kb.toml"]


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_leaves_both_as_they_are(home, name):
    DAMAGES[name](home)
    locate(home, environ={})
    assert (home / "kb.toml").read_text() == OLD
    assert (home / "kb.toml.generation-1").read_text() == NEW


def test_another_trouble_is_told_at_once(home, monkeypatch):
    def locked(*_, **__):
        from kb.errors import failure

        raise StoreError(failure("store.locked"))

    monkeypatch.setattr("kb.pipeline.base.open_store", locked)
    with pytest.raises(StoreError) as caught:
        locate(home, environ={})
    assert caught.value.failure.code == "store.locked"
