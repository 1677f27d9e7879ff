from __future__ import annotations

import pytest

from kb.store import open_store


@pytest.fixture
def home(tmp_path):
    return tmp_path / ".kb"


@pytest.fixture
def store(home):
    opened = open_store(home, create=True)
    yield opened
    opened.close()
