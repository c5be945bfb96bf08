"""The Python client and a server that is killed, drained, cut and slow: nothing is unaccounted for."""

import asyncio
import contextlib
import os
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.system.server import Server
from tests.system.v2_client import JSON, V2Client
from tradewatch.client import (
    AuthenticationError,
    Connected,
    ConnectionClosedError,
    Disconnected,
    Gap,
    Heartbeat,
    NotFoundError,
    Quote,
    Reconnect,
    Stream,
    StreamEvent,
    connect,
    latest,
    sync,
)

#: Seconds of the long test; five minutes were `TRADEWATCH_CLIENT_SOAK_S=300`.
SOAK_S = float(os.environ.get("TRADEWATCH_CLIENT_SOAK_S", "15"))
QUICK = Reconnect(first_s=0.05, longest_s=0.3)
SYMBOLS = [f"MINE{number}" for number in range(5)]
NAMES = [f"crypto:{symbol}" for symbol in SYMBOLS]


class Home:
    """A server that comes up again at the same place, with the same tape and keys."""

    def __init__(self, serve: Any, *arguments: str) -> None:
        self._serve = serve
        self._arguments = arguments
        self.server: Server = serve(*arguments)
        self.port = self.server.address.rpartition(":")[2]
        self.key = self.server.create_key("client", "--plan", "unlimited", "--scope", "publish")
        self.url = self.server.http

    def kill(self) -> None:
        self.server.kill()

    def drain(self) -> None:
        assert self.server.stop() == 0

    def start(self) -> None:
        self.server = self._serve("--port", self.port, *self._arguments)


class Market:
    """Publishes quotes whose bid is their own seq, until every batch is answered.

    Attributes:
        heads: the seq of the newest quote by symbol, as far as it is on the tape.
    """

    def __init__(self, home: Home, *, per_batch: int = 40, pause_s: float = 0.01) -> None:
        self._home = home
        self._per_batch = per_batch
        self._pause_s = pause_s
        self._batch = 0
        self.heads = dict.fromkeys(SYMBOLS, 0)

    async def publish(self, http: httpx.AsyncClient) -> None:
        """One batch, sent until it is answered."""
        self._batch += 1
        chosen = random.choices(SYMBOLS, weights=[20, 5, 3, 2, 1], k=self._per_batch)
        quotes = []
        for symbol in chosen:
            self.heads[symbol] += 1
            prices = {"bid": str(self.heads[symbol]), "ask": f"{self.heads[symbol]}.5"}
            quotes.append({"asset_class": "crypto", "symbol": symbol, "timestamp": "1767389239253", **prices})
        batch = {"producer": "market", "batch": self._batch, "quotes": quotes}
        headers = {"api-key": self._home.key}
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await http.post(f"{self._home.url}/publish", json=batch, headers=headers)
                if answer.status_code == 200:
                    return
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.02)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Publishing, until the block ends."""
        closing = asyncio.Event()

        async def run() -> None:
            async with httpx.AsyncClient(timeout=10) as http:
                while not closing.is_set():
                    await self.publish(http)
                    await asyncio.sleep(self._pause_s)

        running = asyncio.create_task(run())
        try:
            yield
        finally:
            closing.set()
            async with asyncio.timeout(30):
                await running


class Reader:
    """Reads a stream to where the market is, and looks at every quote."""

    def __init__(self, stream: Stream, *, pause_s: float = 0) -> None:
        self.stream = stream
        self.pause_s = pause_s
        self.events: list[StreamEvent] = []
        self.last: dict[str, Quote] = {}
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.stream.events():
            if not isinstance(event, Quote):
                self.events.append(event)
                continue
            assert event.bid == event.seq, "a quote is the one of its seq"
            assert event.ask == event.seq + Decimal("0.5")
            self.last[event.symbol] = event
            if self.pause_s:
                await asyncio.sleep(self.pause_s)

    async def reach(self, market: Market) -> None:
        """Wait until it is where the market is; then the books are in order."""
        await until(lambda: self.heads == market.heads, task=self._task)
        ledger, balance = self.stream.ledger, self.stream.balance
        assert ledger.broken == 0, [event for event in self.events if "Violation" in type(event).__name__]
        assert balance.adds_up, balance
        assert balance.pending == 0
        assert balance.published == sum(market.heads.values())
        assert {symbol: quote.seq for symbol, quote in self.last.items()} == {
            symbol: seq for symbol, seq in market.heads.items() if seq
        }, "the newest quote is held, and no gap stands in its place"

    @property
    def heads(self) -> dict[str, int]:
        positions = self.stream.positions
        return {
            symbol: int(positions.get(f"crypto:{symbol}", "x:0").rpartition(":")[2]) for symbol in SYMBOLS
        }

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Proxy:
    """Passes bytes on between a client and a server, until it is told to cut or to stall."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Proxy"]:
        listening = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        async with listening:
            self.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            yield self
            self.cut()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._writers.add(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 14):
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        """Reset every connection, wherever in a message it is."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


async def until(
    condition: Callable[[], bool], *, task: "asyncio.Task[None] | None" = None, seconds: float = 30
) -> None:
    """Wait for a condition; a task that ends meanwhile with an error raises it."""
    deadline = time.monotonic() + seconds
    while not condition():
        if task is not None and task.done():
            task.result()
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.01)


@pytest.fixture
def home(serve: Any) -> Home:
    return Home(serve, "--feed", "none")


async def begin(market: Market) -> None:
    """Bring the symbols into the catalogue."""
    async with httpx.AsyncClient(timeout=10) as http:
        while not all(market.heads.values()):
            await market.publish(http)


async def subscribed(stream: Stream, market: Market, **options: Any) -> None:
    """Subscribe before the first quote that counts: all symbols from 0."""
    results = await stream.subscribe("crypto:*", **options)
    assert results[0].ok
    assert not market.heads["MINE0"]


async def test_quotes_are_those_that_a_plain_client_hears(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=50&rate=2000")
    names = ["crypto:BTCUSD", "currencies:EURUSD", "stocks:AAPL"]
    async with (
        server.stream("/", subprotocol=JSON) as plain,
        connect(server.http, api_key=server.demo_key, strict=True) as stream,
    ):
        assert stream.simulated
        other = V2Client(plain)
        await other.take()
        await other.ask("subscribe", symbols=names)
        results = await stream.subscribe(*names, "crypto:NOBODY")
        assert [result.ok for result in results] == [True, True, True, False]
        assert results[3].code == "unknown_symbol"
        quotes: list[Quote] = []
        async for quote in stream:
            quotes.append(quote)
            if len(quotes) == 600:
                break
        await other.until_quotes(700)
        by_seq = {(q["asset_class"], q["symbol"], q["seq"]): q for q in other.quotes}
        shared = [quote for quote in quotes if (quote.asset_class, quote.symbol, quote.seq) in by_seq]
        assert len(shared) > 500
        for quote in shared:
            heard = by_seq[quote.asset_class, quote.symbol, quote.seq]
            assert (quote.bid, quote.ask, quote.mid) == tuple(
                Decimal(heard[side]) for side in ("bid", "ask", "mid")
            )
            assert (quote.timestamp, quote.received_ns) == (heard["timestamp"], int(heard["received_ns"]))
            assert (quote.source, list(quote.flags)) == (heard["source"], heard["flags"])
        more = await stream.subscribe("indices:*", delivery=latest(60))
        assert more[0].matched == len(more) - 1 > 0
        async for quote in stream:
            if quote.asset_class == "indices":
                break
        balance = await stream.ping() and stream.balance
        assert balance.adds_up, balance


async def test_class_paths_and_the_synchronous_face(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=50&rate=500")

    def read() -> list[str]:
        with sync.connect(f"{server.http}/crypto/quotes", api_key=server.demo_key, strict=True) as stream:
            assert stream.subscribe("btcusd")[0].ok
            return [quote.name for _, quote in zip(range(20), stream, strict=False)]

    assert await asyncio.to_thread(read) == ["crypto:BTCUSD"] * 20


async def trouble(
    home: Home, market: Market, url: str, make: Callable[[], Awaitable[None]], **options: Any
) -> Reader:
    """Publish and read while something happens, and for a while after it."""
    async with connect(url, api_key=home.key, reconnect=QUICK, **options) as stream:
        await subscribed(stream, market)
        reader = Reader(stream)
        async with market.open():
            await until(lambda: sum(market.heads.values()) > 2_000)
            await make()
            begun = sum(market.heads.values())
            await until(lambda: sum(market.heads.values()) > begun + 1_000)
        await reader.reach(market)
        await reader.stop()
        return reader


async def test_a_server_that_is_killed_and_comes_up_again(home: Home) -> None:
    market = Market(home)

    async def kill() -> None:
        await asyncio.to_thread(home.kill)
        await asyncio.to_thread(home.start)

    reader = await trouble(home, market, home.url, kill)
    assert {gap.cause for gap in reader.of(Gap)} <= {"disconnected"}
    assert {gap.next_epoch for gap in reader.of(Gap)} <= {None}, "the tape outlives the process"
    assert len(reader.of(Connected)) == 2


async def test_a_server_that_drains_and_comes_up_again(home: Home) -> None:
    market = Market(home)

    async def drain() -> None:
        await asyncio.to_thread(home.drain)
        await asyncio.to_thread(home.start)

    reader = await trouble(home, market, home.url, drain)
    error = reader.of(Disconnected)[0].error
    assert isinstance(error, ConnectionClosedError)
    assert (error.code, error.reason) == (4000, "draining")


async def test_a_connection_that_is_cut(home: Home) -> None:
    market = Market(home)
    async with Proxy(home.port).open() as proxy:

        async def cut() -> None:
            for _ in range(3):
                proxy.cut()
                begun = sum(market.heads.values())
                await until(lambda begun=begun: sum(market.heads.values()) > begun + 500)

        reader = await trouble(home, market, proxy.url, cut)
    assert len(reader.of(Connected)) == 4
    assert all(gap.cause == "disconnected" for gap in reader.of(Gap))


async def test_a_slow_reader_has_the_newest_and_knows_what_it_has_not(home: Home) -> None:
    market = Market(home, per_batch=200)
    async with connect(home.url, api_key=home.key, queue=50, strict=True) as stream:
        await subscribed(stream, market)
        reader = Reader(stream, pause_s=0.01)
        async with market.open():
            await until(lambda: sum(market.heads.values()) > 20_000)
        await reader.reach(market)
        assert stream.ledger.skipped > 10_000
        assert stream.ledger.missing == 0
        beats = len(reader.of(Heartbeat))
        await until(lambda: len(reader.of(Heartbeat)) > beats)
        assert reader.of(Heartbeat)[-1].pending == 0
        await reader.stop()


async def test_a_blocked_reader_is_told_by_the_server_what_it_has_not(home: Home) -> None:
    market = Market(home, per_batch=1_000, pause_s=0)
    async with connect(home.url, api_key=home.key, queue=50, policy="block", strict=True) as stream:
        await subscribed(stream, market)
        async with market.open():
            await until(lambda: sum(market.heads.values()) > 80_000, seconds=60)
        assert stream.balance.pending < 5_000
        reader = Reader(stream)
        await reader.reach(market)
        assert stream.ledger.skipped > 1_000
        assert stream.ledger.missing == 0
        await reader.stop()


async def test_positions_that_were_saved_say_what_was_missed(home: Home) -> None:
    market = Market(home)
    await begin(market)
    async with connect(home.url, api_key=home.key) as stream:
        await stream.subscribe(*NAMES)
        async for _ in stream:
            if len(stream.positions) == len(SYMBOLS) and stream.ledger.delivered >= len(SYMBOLS):
                break
        saved = stream.positions
    before = dict(market.heads)
    async with market.open():
        await until(lambda: sum(market.heads.values()) > sum(before.values()) + 200)
    await asyncio.to_thread(home.kill)
    await asyncio.to_thread(home.start)
    async with connect(home.url, api_key=home.key, positions=saved) as stream:
        await stream.subscribe(*NAMES)
        reader = Reader(stream)
        await until(lambda: reader.heads == market.heads)
        missed = {gap.symbol: (gap.from_seq, gap.to_seq) for gap in reader.of(Gap)}
        assert missed == {
            s: (before[s] + 1, market.heads[s] - 1) for s in SYMBOLS if market.heads[s] > before[s] + 1
        }
        assert stream.ledger.broken == 0
        await reader.stop()


async def test_keys_that_are_none_and_one_that_is_revoked(home: Home) -> None:
    for key, reason in ((None, "key_missing"), ("tw_000000000000_" + "x" * 43, "key_unknown")):
        with pytest.raises(AuthenticationError) as refused:
            await connect(home.url, api_key=key)
        assert (refused.value.status, refused.value.reason) == (401, reason)
        assert "x" * 43 not in repr(refused.value)
    with pytest.raises(NotFoundError):
        await connect(f"{home.url}/bonds/quotes", api_key=home.key)
    async with connect(home.url, api_key=home.key, reconnect=QUICK) as stream:
        await asyncio.to_thread(home.server.keys, "revoke", "client")
        with pytest.raises(ConnectionClosedError) as closed:
            async with asyncio.timeout(10):
                async for _ in stream:
                    pass
    assert (closed.value.code, closed.value.reason) == (4500, "key_revoked")


@pytest.mark.slow
@pytest.mark.timeout(SOAK_S + 120)
@pytest.mark.parametrize("policy", ["newest", "block"])
async def test_a_long_time_with_all_that_can_happen(home: Home, policy: Any) -> None:
    """Killed, drained, cut and slow, one after another: at the end the books are in order."""
    market = Market(home, per_batch=100)
    chance = random.Random(7)

    def restart(end: Callable[[], None]) -> None:
        end()
        home.start()

    async with (
        Proxy(home.port).open() as proxy,
        connect(proxy.url, api_key=home.key, reconnect=QUICK, queue=500, policy=policy) as stream,
    ):
        await subscribed(stream, market)
        reader = Reader(stream)
        happenings = deque(["cut", "kill", "slow", "drain"])
        async with market.open():
            deadline = time.monotonic() + SOAK_S / 2
            # How much gets through in that time is the machine's affair; the books want some of it.
            while time.monotonic() < deadline or stream.ledger.delivered <= 1_000:
                happenings.rotate(chance.randint(1, 3))
                match happenings[0]:
                    case "cut":
                        proxy.cut()
                    case "kill":
                        await asyncio.to_thread(restart, home.kill)
                    case "drain":
                        await asyncio.to_thread(restart, home.drain)
                    case "slow":
                        reader.pause_s = 0.02
                        await asyncio.sleep(1)
                        reader.pause_s = 0
                begun = sum(market.heads.values())
                await until(lambda begun=begun: sum(market.heads.values()) > begun + 300)
        await reader.reach(market)
        assert len(reader.of(Connected)) > 1
        await reader.stop()
