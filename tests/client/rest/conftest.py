"""The fake server, and a client of it that does not really wait."""

from collections.abc import Iterator

import pytest

from tests.client.rest.fake_api import FakeApi, running
from tradewatch.client import Api

KEY = "tw_000000000000_" + "S" * 43


@pytest.fixture(scope="module")
def _listening() -> Iterator[FakeApi]:
    yield from running()


@pytest.fixture
def fake(_listening: FakeApi) -> FakeApi:
    _listening.asked.clear()
    _listening.next_answers.clear()
    return _listening


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client would have slept."""
    return []


@pytest.fixture
def api(fake: FakeApi, waits: list[float]) -> Iterator[Api]:
    with Api(fake.url, api_key=KEY, sleep=waits.append, random=lambda: 0.5, timeout_s=5) as api:
        yield api
