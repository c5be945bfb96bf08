"""A small real server for every test that asks."""

from collections.abc import AsyncIterator

import pytest

from tests.client.fake_server import FakeServer, running


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with running(FakeServer()) as fake:
        yield fake
