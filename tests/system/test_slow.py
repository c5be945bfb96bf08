"""Slow clients of v2: they are told what they miss, nobody waits for them, and only the dead are closed."""

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from tests.system.server import Server
from tests.system.slow_client import SlowClient
from tests.system.test_v2 import client, publish
from tests.system.v2_client import JSON, closing

SYMBOLS = 100
BURSTS_PER_S = 40
RATE = SYMBOLS * BURSTS_PER_S
SECONDS = 30
#: For the clients to connect in, before the time that counts.
AHEAD_S = 5
LAST = (AHEAD_S + SECONDS) * BURSTS_PER_S
FAST = 100
BYTES_PER_S = 2_048


class Event(msgspec.Struct, gc=False):
    """Any event, as far as this test looks at it."""

    event: str
    symbol: str = ""
    seq: int = 0
    bid: str = ""
    skipped: int = 0
    results: list[dict[str, Any]] = []
    published: int = 0
    delivered: int = 0
    missing: int = 0
    pending: int = 0


_decode = msgspec.json.Decoder(list[Event]).decode


class Standing:
    """Where a client stands: with each symbol, and what it makes of the next message.

    Clients that stand at the same place and hear the same bytes go to the same place, so each message is read
    once for all of them; or a hundred clients would be too slow to be called fast.
    """

    known: ClassVar[dict[tuple[int, ...], "Standing"]] = {}

    def __init__(self, positions: dict[str, int]) -> None:
        self.positions = positions
        self._steps: dict[bytes, Step] = {}

    @classmethod
    def at(cls, positions: dict[str, int]) -> "Standing":
        return cls.known.setdefault(tuple(positions.values()), cls(positions))

    def step(self, message: bytes) -> "Step":
        """What a message does, held against the law."""
        step = self._steps.get(message)
        if step is None:
            step = self._steps[message] = self._step(_decode(message))
        return step

    def _step(self, events: list[Event]) -> "Step":
        positions = dict(self.positions)
        quotes = skipped = lags = 0
        for event in events:
            if event.event == "quote":
                assert event.seq == positions[event.symbol] + 1 + event.skipped, event
                positions[event.symbol] = event.seq
                assert event.bid == f"{event.seq}.25"
                quotes += 1
                skipped += event.skipped
            elif event.event == "subscribed":
                positions.update({result["symbol"]: result["seq"] for result in event.results})
            elif event.event == "lag":
                lags += 1
        return Step(Standing.at(positions), quotes, skipped, lags)


class Step(NamedTuple):
    """What a message does to the client that hears it."""

    to: Standing
    quotes: int
    skipped: int
    lags: int


class Follower:
    """One client: where it stands, and its own account of what it got."""

    def __init__(self) -> None:
        self.standing = Standing.at({})
        self.messages = self.quotes = self.skipped = self.lags = 0
        self.balance: Event | None = None

    def take(self, message: bytes) -> None:
        self.messages += 1
        if message.startswith(b'[{"event":"heartbeat"'):
            self._compare(*_decode(message))
            return
        self.standing, quotes, skipped, lags = self.standing.step(message)
        self.quotes += quotes
        self.skipped += skipped
        self.lags += lags

    def _compare(self, heartbeat: Event) -> None:
        """The server's account with our own."""
        assert (heartbeat.delivered, heartbeat.skipped) == (self.quotes, self.skipped)
        assert heartbeat.published == self.quotes + self.skipped + heartbeat.missing + heartbeat.pending
        self.balance = heartbeat

    @property
    def at_the_end(self) -> bool:
        """Whether it has the last quote of every symbol."""
        positions = self.standing.positions
        return len(positions) == SYMBOLS and set(positions.values()) == {LAST}

    @property
    def balanced(self) -> bool:
        """Whether it has heard how all of it adds up."""
        return self.balance is not None and self.balance.delivered == self.quotes and self.at_the_end


def recording(path: Path) -> Path:
    """A feed that ends: in each burst one quote of every symbol."""
    lines = ["ts_ms,symbol,bid,ask"]
    for burst in range(1, LAST + 1):
        time_ms = 1_767_389_239_000 + burst * 1_000 // BURSTS_PER_S
        lines += [f"{time_ms},SLOW{number},{burst}.25,{burst + 1}" for number in range(SYMBOLS)]
    path.write_text("\n".join(lines))
    return path


SUBSCRIBE = json.dumps(
    {"action": "subscribe", "symbols": [f"SLOW{number}" for number in range(SYMBOLS)]}
).encode()


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_two_slow_clients_among_100_fast_ones(serve: Any, tmp_path: Path) -> None:
    server: Server = serve("--feed", f"replay:{recording(tmp_path / 'crypto-feed.csv')}?class=crypto")
    server.demo_key = server.create_key(
        "everybody", "--plan", "unlimited"
    )  # the demo key has ten connections
    fast = [Follower() for _ in range(FAST)]
    slow = [Follower() for _ in range(2)]
    ended = asyncio.Event()

    async def follow(follower: Follower) -> None:
        async with server.stream("/crypto/quotes", subprotocol=JSON, compression=None) as stream:
            await stream.send(SUBSCRIBE.decode())
            while not follower.balanced:
                follower.take(await stream.recv(decode=False))
            ended.set()

    async def follow_slowly(follower: Follower) -> None:
        async with SlowClient(server, "/crypto/quotes", subprotocol=JSON) as sipping:
            await sipping.say(SUBSCRIBE)
            async for message in sipping.messages(bytes_per_s=BYTES_PER_S):
                if message:
                    follower.take(message)
                if ended.is_set():
                    break
            assert sipping.closed is None
            assert not follower.at_the_end
            sipping.hurry()
            async for message in sipping.messages():
                if message:
                    follower.take(message)
                if follower.balanced:
                    return
            raise AssertionError(f"closed: {sipping.closed}")

    async with asyncio.timeout(AHEAD_S + SECONDS + 120), asyncio.TaskGroup() as tasks:
        for follower in slow:
            tasks.create_task(follow_slowly(follower))
        for follower in fast:
            tasks.create_task(follow(follower))

    for follower in fast:
        assert follower.skipped == 0
        assert follower.quotes > SECONDS * RATE, "it was there all the time that counts"
    for follower in slow:
        assert follower.skipped > SECONDS * RATE / 2
        assert follower.lags > 0
    for follower in fast + slow:
        assert follower.at_the_end
        assert follower.balance is not None
        assert (follower.balance.pending, follower.balance.missing) == (0, 0)
    written_slowly = sum(follower.messages for follower in slow)
    written = written_slowly + sum(follower.messages for follower in fast)
    print(f"writes to the slow ones: {written_slowly} of {written}")
    assert written_slowly <= written / 100


SMALL = {
    "TRADEWATCH_LIMITS_SEND_BUFFER_BYTES": str(64 << 10),
    "TRADEWATCH_LIMITS_TOO_SLOW_S": "2",
    "TRADEWATCH_LIMITS_PING_INTERVAL_S": "1",
    "TRADEWATCH_LIMITS_PONG_TIMEOUT_S": "3",
}


async def flood(server: Server) -> None:
    """Publish until a task that waits for something else cancels this."""
    number = 1
    while True:
        number += 1
        rows = [("ACME", str(number), str(number + 1))] * 1_000
        await asyncio.to_thread(publish, server, number, *rows)


@pytest.mark.slow
async def test_who_takes_nothing_is_closed_as_too_slow_and_who_takes_a_little_is_not(serve: Any) -> None:
    server: Server = serve("--feed", "none", env={**os.environ, **SMALL})
    publish(server, 1, ("ACME", "1", "2"))
    subscribe = b'{"action": "subscribe", "symbols": ["ACME"]}'
    async with contextlib.AsyncExitStack() as opened:
        dead, slow = [
            await opened.enter_async_context(SlowClient(server, "/crypto/quotes", subprotocol=JSON))
            for _ in range(2)
        ]
        for each in (dead, slow):
            await each.say(subscribe)
        flooding = asyncio.create_task(flood(server))
        began_s = time.monotonic()
        async for _ in slow.messages(bytes_per_s=BYTES_PER_S, pong=False):
            if time.monotonic() - began_s > 10:
                break
        assert slow.closed is None, "it took something, and answered no ping"
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        async for _ in dead.messages():
            pass
        assert dead.closed == (4003, "too_slow")


async def test_who_answers_nothing_is_closed_as_silent(serve: Any) -> None:
    server: Server = serve("--feed", "none", env={**os.environ, **SMALL})
    async with SlowClient(server, "/", subprotocol=JSON) as silent, client(server) as well:
        await silent.say(b'{"action": "subscribe", "symbols": ["*"]}')
        await well.ask("subscribe", symbols=["*"])
        async for _ in silent.messages(pong=False):
            pass
        assert silent.closed == (4002, "pong_timeout")
        assert (await well.ask("ping"))["event"] == "pong"


async def test_v2_clients_with_nothing_subscribed_are_closed_as_idle(serve: Any) -> None:
    server: Server = serve("--feed", "none", env={**os.environ, "TRADEWATCH_LIMITS_IDLE_S": "1"})
    async with client(server) as one:
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await one.take()
    assert closing(closed.value) == (4001, "idle")
