from __future__ import annotations

import shutil

import pytest

from kb.store import open_store
from kb.store.local import tiers
from tests.store import damage


@pytest.fixture
def home(tmp_path):
    return tmp_path / ".kb"


@pytest.fixture
def store(home):
    opened = open_store(home, create=True)
    yield opened
    opened.close()


@pytest.fixture
def small_segments(monkeypatch):
    """Eight vectors are enough for a segment."""
    monkeypatch.setattr(tiers, "SMALLEST", 8)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A knowledge base of three documents and one failure; nobody writes to it."""
    home = tmp_path_factory.mktemp("whole") / ".kb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiers, "SMALLEST", 8)
        damage.build(home)
    return home


@pytest.fixture
def copied(tmp_path, whole, small_segments):
    """A copy of `whole` to be hurt."""
    shutil.copytree(whole, tmp_path / ".kb")
    return tmp_path / ".kb"
