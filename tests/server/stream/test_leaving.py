"""A connection that is over is gone: nothing of it waits for the garbage collector."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from tests.conformance.peer import CLOSE, TEXT, frame
from tests.fuzz.transport import FakeTransport
from tests.fuzz.world import World, handshake

_VISITS = 20
_SUBSCRIBE = frame(TEXT, b'{"action": "subscribe", "symbols": ["EURUSD", "BTCUSD", "AAPL", "stocks:*"]}')
_OURS = ("tradewatch.", "websockets.", "uvicorn.")


def _closes(transport: FakeTransport) -> None:
    transport.feed(frame(CLOSE, b"\x03\xe8"))


def _breaks_the_protocol(transport: FakeTransport) -> None:
    transport.feed(b"\xff" * 20)


def _sends_broken_text(transport: FakeTransport) -> None:
    transport.feed(frame(TEXT, b"\xff\xfe"))


def _vanishes(transport: FakeTransport) -> None:
    transport.lose(ConnectionResetError())


def _falls_behind(transport: FakeTransport) -> None:
    transport.get_protocol().pause_writing()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.loop.close()


@pytest.fixture
def without_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _objects() -> Counter[str]:
    """Those there are of our classes and of those that a connection is made of, by class."""
    kinds = (type(each) for each in gc.get_objects())
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith(_OURS))


def _more_after(visit: Callable[[], None]) -> Counter[str]:
    """What there is more of after some visits, when the first ones have left what is kept for all."""
    visit()
    before = _objects()
    for _ in range(_VISITS):
        visit()
    return _objects() - before


@pytest.mark.usefixtures("without_collections")
@pytest.mark.parametrize(
    "leave", [_closes, _breaks_the_protocol, _sends_broken_text, _vanishes, _falls_behind]
)
@pytest.mark.parametrize(
    ("subprotocol", "extensions"),
    [("tradewatch.v1", ""), ("tradewatch.v2", ""), ("tradewatch.v2", "permessage-deflate")],
)
def test_a_connection_leaves_nothing(
    world: World, subprotocol: str, extensions: str, leave: Callable[[FakeTransport], None]
) -> None:
    def visit() -> None:
        transport = world.open(subprotocol=subprotocol, extensions=extensions)
        transport.feed(_SUBSCRIBE)
        assert len(transport.written) > 100
        leave(transport)
        transport.lose()
        world._transports.clear()

    assert _more_after(visit) == {}


@pytest.mark.usefixtures("without_collections")
@pytest.mark.parametrize(
    ("head", "status"),
    [
        (handshake("/", "no key of ours"), 401),
        (handshake("/%zz", "any"), 400),
        (handshake("/", "any", subprotocol="unknown"), 400),
        (handshake("/", "any").replace(b"GET", b"PUT"), 405),
        (handshake("/", "any").replace(b"Version: 13", b"Version: 8"), 426),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
    ],
)
def test_a_refused_handshake_leaves_nothing(world: World, head: bytes, status: int) -> None:
    def visit() -> None:
        world.clock.advance(60)
        transport = world.edge()
        transport.feed(head)
        assert transport.written.startswith(b"HTTP/1.1 %d " % status)
        transport.lose()
        world._transports.clear()

    assert _more_after(visit) == {}
