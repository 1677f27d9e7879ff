"""A fake endpoint, and an examination that looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from kb.doctor.examination import Examination, Wanted
from kb.embed.urls import bases
from kb.pipeline.base import locate
from tests.fakes.endpoint import FakeEndpoint

Examined = Callable[..., Examination]


@pytest.fixture
def fake() -> Iterator[FakeEndpoint]:
    with FakeEndpoint() as server:
        yield server


@pytest.fixture
def examined(tmp_path: Path) -> Iterator[Examined]:
    """Give an examination: examined(fake, facts={"api"}, KB_TIMEOUT_S="2", model="fake-embed").

    `at` is a fake or an address. Words in capitals are environment variables, the others
    attributes of the examination. It knows the address; `model` is the fake's own unless given.
    """
    with ExitStack() as stack:

        def examine(
            at: FakeEndpoint | str,
            *,
            facts: Iterable[str] = (),
            wanted: Wanted | None = None,
            **given: object,
        ) -> Examination:
            url = at if isinstance(at, str) else at.base_url
            environ = {"KB_BASE_URL": url}
            environ |= {key: str(value) for key, value in given.items() if key.isupper()}
            base = locate(tmp_path / ".kb", environ=environ, cwd=tmp_path)
            first, *others = bases(url)
            known = {key: value for key, value in given.items() if not key.isupper()}
            known = {"container": False, "model": getattr(at, "model", "")} | known
            made = Examination(
                base_of=base,
                wanted=wanted or Wanted(),
                base=first,
                others=tuple(others),
                facts={"address", *facts},
                **known,
            )
            return stack.enter_context(closing(made))

        yield examine
