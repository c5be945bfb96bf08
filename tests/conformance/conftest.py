"""One echo server for all cases of a process."""

from collections.abc import Iterator

import pytest

from tests.conformance.echo import EchoServer


@pytest.fixture(scope="session")
def echo() -> Iterator[EchoServer]:
    """The server under test; its end fails where any case left something behind."""
    server = EchoServer()
    yield server
    server.stop()
