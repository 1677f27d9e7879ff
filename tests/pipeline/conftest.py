"""The endpoints that tests of the pipeline embed with."""

from __future__ import annotations

import pytest

from tests.fakes.endpoint import FakeEndpoint


@pytest.fixture
def fake():
    """Give an endpoint as it comes."""
    with FakeEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def other():
    """Give one with another model, whose vectors are shorter."""
    with FakeEndpoint(dimensions=24, model="other-embed") as endpoint:
        yield endpoint
