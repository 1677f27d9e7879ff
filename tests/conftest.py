"""What all tests share: an environment without anybody's settings, and hypothesis profiles."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).parent.parent

settings.register_profile(
    "kb", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
# Whether this machine can recognise letters changes what a scan gives.
os.environ["KB_OCR"] = "off"
settings.register_profile("long", parent=settings.get_profile("kb"), max_examples=2000)
settings.load_profile(os.environ.get("KB_HYPOTHESIS", "kb"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away settings and proxies of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("KB_") and not name.startswith(("KB_TEST_", "KB_HYPOTHESIS")):
            monkeypatch.delenv(name)
        if name.lower() in {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("KB_OCR", "off")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sample_docs() -> Path:
    """The documents that README and demo use."""
    return REPOSITORY / "sample_docs"
