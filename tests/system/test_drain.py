"""A drain as its clients see it: told first, spread over time, and over within its deadline."""

import asyncio
import json
import signal
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response

from tests.system.server import Server
from tests.system.slow_client import SlowClient
from tests.system.test_v2 import client
from tests.system.v2_client import JSON, MSGPACK, V2Client, closing

DEADLINE_S = 5.0
#: What comes behind the drain: HTTP, the log's last sync, the process.
REST_S = 5.0
SUBSCRIBE = {"action": "subscribe", "symbols": ["*"]}


async def until_refused(server: Server) -> Response:
    """What a newcomer is told, once one is not let in."""
    async with asyncio.timeout(10):
        while True:
            try:
                await (await server.stream("/")).close()
            except InvalidStatus as refused:
                return refused.response
            except ConnectionClosed:
                continue


async def until_closed(one: V2Client) -> tuple[int, str]:
    """Code and reason of the close that a client gets."""
    async with asyncio.timeout(15):
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await one.take()
    return closing(closed.value)


async def test_everybody_is_told_and_gone_in_time_though_one_never_reads(serve: Any) -> None:
    server: Server = serve("--feed", "simulated?symbols=100&rate=2000")
    reads_nothing = SlowClient(server, "/", subprotocol=JSON)
    async with (
        client(server) as one,
        client(server, "/crypto/quotes", MSGPACK) as two,
        client(server) as three,
        server.stream("/") as plain,
        reads_nothing,
    ):
        told = [one, two, three]
        await reads_nothing.say(json.dumps(SUBSCRIBE).encode())
        await plain.send(json.dumps(SUBSCRIBE))
        for each in told:
            await each.ask("subscribe", symbols=["*"])
        began_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert [await until_closed(each) for each in told] == [(4000, "draining")] * 3
        drains = [[event for event in each.events if event["event"] == "drain"] for each in told]
        assert [len(events) for events in drains] == [1, 1, 1]
        assert [events[0]["deadline_ms"] for events in drains] == [DEADLINE_S * 1_000] * 3
        returns_ms = [events[0]["reconnect_in_ms"] for events in drains]
        assert len(set(returns_ms)) == 3, "they do not come back all at once"
        assert all(0 <= return_ms <= 1_000 for return_ms in returns_ms)
        assert max(returns_ms) - min(returns_ms) >= 200

        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(plain.recv(), 10)
        assert closing(closed.value) == (1001, "going_away")

        answer = await until_refused(server)
        assert (answer.status_code, json.loads(answer.body)["error"]["reason"]) == (503, "draining")
        assert int(answer.headers["Retry-After"]) > 0
        assert await asyncio.to_thread(server.wait) == 0
        assert time.monotonic() - began_s < DEADLINE_S + REST_S
    assert "Traceback" not in server.errors


async def test_a_second_signal_does_not_wait_for_the_deadline(serve: Any) -> None:
    server: Server = serve("--feed", "simulated?symbols=100&rate=2000")
    async with SlowClient(server, "/", subprotocol=JSON) as reads_nothing:
        await reads_nothing.say(json.dumps(SUBSCRIBE).encode())
        server.process.send_signal(signal.SIGTERM)
        await until_refused(server)
        assert server.process.poll() is None, "it waits for whoever does not answer the close"
        cut_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
        assert time.monotonic() - cut_s < DEADLINE_S - 1
    assert "cutting the drain short" in server.errors
