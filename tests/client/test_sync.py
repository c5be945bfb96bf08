"""The stream without a loop of one's own: the same quotes, and a thread that goes when it goes."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from tests.client.fake_server import FakeServer, running
from tradewatch.client import (
    AuthenticationError,
    Connected,
    ConnectionClosedError,
    Disconnected,
    Gap,
    Reconnect,
    StreamClosedError,
    StreamEvent,
    sync,
)
from tradewatch.protocol.refusal import Refusal

QUICK = Reconnect(first_s=0.01, longest_s=0.05)


class Beside:
    """A server in another thread, as it is to a program without a loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.server = FakeServer()
        self._stop = asyncio.Event()
        self._started: Future[None] = Future()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self._serve(),))
        self.thread.start()
        self._started.result(10)

    async def _serve(self) -> None:
        async with running(self.server):
            self._started.set_result(None)
            await self._stop.wait()

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def cut(self) -> None:
        self.loop.call_soon_threadsafe(self.server.cut)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture
def beside() -> Iterator[Beside]:
    served = Beside()
    yield served
    served.stop()


def client_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tradewatch-client"]


def test_a_stream_from_its_beginning_to_its_end(beside: Beside) -> None:
    beside.do(beside.server.publish("BTCUSD", 4))
    heard: list[StreamEvent] = []
    with sync.connect(beside.server.url, reconnect=QUICK, on_event=heard.append) as stream:
        assert [told.seq for told in stream.subscribe("BTCUSD")] == [3]
        assert (stream.status().symbols, stream.limits.symbols, stream.simulated) == (
            ["crypto:BTCUSD"],
            10_000,
            False,
        )
        assert stream.ping() > 0
        beside.do(beside.server.publish("BTCUSD", 2))
        seqs = []
        for quote in stream:
            seqs.append(quote.seq)
            if quote.seq == 6:
                beside.cut()
                beside.do(beside.server.until(lambda: not beside.server.open))
                beside.do(beside.server.publish("BTCUSD", 3))
            if quote.seq == 9:
                break
        assert seqs == [4, 5, 6, 9]
        assert stream.balance == (6, 4, 0, 2, 0)
        assert stream.ledger.broken == 0
        assert stream.unsubscribe("BTCUSD")[0].ok
    assert client_threads() == []
    kinds = [type(event) for event in heard if isinstance(event, Connected | Disconnected | Gap)]
    assert kinds == [Connected, Disconnected, Connected, Gap]
    assert list(stream.positions) == ["crypto:BTCUSD"], "what came before the end is read"
    with pytest.raises(StreamClosedError):
        stream.ping()
    stream.close()


def test_what_was_received_is_read_to_its_end(beside: Beside) -> None:
    with sync.connect(beside.server.url) as stream:
        stream.subscribe("BTCUSD")
        beside.do(beside.server.publish("BTCUSD", 30))
        stream.ping()
    assert [quote.seq for quote in stream] == list(range(1, 31))


def test_a_refusal_leaves_no_thread(beside: Beside) -> None:
    beside.server.refusals = [Refusal(401, "key_unknown", "m")]
    with pytest.raises(AuthenticationError), sync.connect(beside.server.url):
        pass
    assert client_threads() == []


def test_an_ending_is_raised_in_the_readers_thread(beside: Beside) -> None:
    with sync.connect(beside.server.url) as stream:
        beside.do(beside.server.close(4500, "key_revoked"))
        with pytest.raises(ConnectionClosedError, match="4500 key_revoked"):
            next(iter(stream))
        with pytest.raises(ConnectionClosedError, match="4500 key_revoked"):
            stream.ping()


def test_another_thread_may_close_and_subscribe(beside: Beside) -> None:
    with sync.connect(beside.server.url) as stream:
        quotes: list[int] = []
        reading = threading.Thread(target=lambda: quotes.extend(quote.seq for quote in stream))
        reading.start()
        stream.subscribe("BTCUSD")
        beside.do(beside.server.publish("BTCUSD", 3))
        stream.ping()
        stream.close()
        reading.join(10)
    assert quotes == [1, 2, 3]


def test_block_holds_the_server_back(beside: Beside) -> None:
    with sync.connect(beside.server.url, policy="block", queue=20) as stream:
        stream.subscribe("BTCUSD")

        async def publish() -> None:
            for _ in range(2_000):
                await beside.server.publish("BTCUSD", 10)

        publishing = asyncio.run_coroutine_threadsafe(publish(), beside.loop)
        seqs = []
        for quote in stream:
            seqs.append(quote.seq)
            if quote.seq == 20_000:
                break
        assert seqs == list(range(1, 20_001))
        publishing.result(10)


def test_newest_is_never_stale(beside: Beside) -> None:
    with sync.connect(beside.server.url, queue=10) as stream:
        stream.subscribe("BTCUSD")
        for _ in range(100):
            beside.do(beside.server.publish("BTCUSD", 3))
        stream.ping()
        first = next(iter(stream))
        assert (first.seq, first.skipped) == (300, 299)


async def test_it_works_where_a_loop_runs_already(beside: Beside) -> None:
    with sync.connect(beside.server.url) as stream:
        assert stream.subscribe("BTCUSD")[0].ok


def test_it_is_opened_by_with(beside: Beside) -> None:
    stream = sync.connect(beside.server.url)
    with pytest.raises(StreamClosedError, match="opened by `with`"):
        stream.ping()
