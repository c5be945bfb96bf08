"""`tradewatch usage` against what clients counted for themselves, to the byte."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.conformance.peer import CLOSE, TEXT, ServerFrames, frame
from tests.system.server import Server, run_command
from tests.system.test_v2 import publish
from tests.system.v2_client import JSON
from tradewatch.protocol.frame import PING_FRAME

#: Usage shows within a second; a busy machine gets one more.
SHOWS_WITHIN_S = 2.0
LATEST = {"mode": "latest", "interval_ms": 50}
COUNTED = ("connections", "messages_in", "bytes_in", "bytes_out", "delivered", "skipped")


class Counting:
    """A v2 client on a bare socket that counts what it sends and gets.

    Attributes:
        spent: what its server should have counted, by the names of `tradewatch usage`.
        newest: the bid of the last quote of each symbol.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = ServerFrames()
        self.spent = dict.fromkeys(COUNTED, 0)
        self.spent["connections"] = 1
        self.newest: dict[str, str] = {}

    async def shake_hands(self, address: str, credentials: str) -> None:
        """Come in with a query that says who it is."""
        self._send(
            f"GET /crypto/quotes?{credentials} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {JSON}\r\n\r\n".encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self.spent["bytes_out"] += len(head)

    def say(self, action: str, **fields: Any) -> None:
        """Send one message."""
        self.spent["messages_in"] += 1
        self._send(frame(TEXT, json.dumps({"action": action, **fields}).encode()))

    async def until_bid(self, symbol: str, bid: str) -> None:
        """Take in what comes until a symbol's newest quote has this bid."""
        while self.newest.get(symbol) != bid:
            assert await self._take(), "the server has left"

    async def leave(self) -> None:
        """Close, and take in all that still comes."""
        self._send(frame(CLOSE, (1000).to_bytes(2)))
        while await self._take():
            pass
        self._writer.close()

    def _send(self, data: bytes) -> None:
        self.spent["bytes_in"] += len(data)
        self._writer.write(data)

    async def _take(self) -> bool:
        async with asyncio.timeout(20):
            data = await self._reader.read(1 << 16)
        self.spent["bytes_out"] += len(data)
        seen = len(self._frames.events)
        self._frames.feed(data)
        for message in self._frames.events[seen:]:
            if message.kind == "text":
                for event in json.loads(message.payload):
                    self._note(event)
            elif message.kind == "ping":  # which the server sends for itself
                self.spent["bytes_out"] -= len(PING_FRAME)
        return bool(data)

    def _note(self, event: dict[str, Any]) -> None:
        if event["event"] == "quote":
            self.spent["delivered"] += 1
            self.spent["skipped"] += event.get("skipped", 0)
            self.newest[event["symbol"]] = event["bid"]


@contextlib.asynccontextmanager
async def counting(server: Server, credentials: str) -> AsyncIterator[Counting]:
    """A client that has come in; it leaves at the end."""
    one = Counting(*await asyncio.open_connection(*server.address.split(":")))
    await one.shake_hands(server.address, credentials)
    yield one
    await one.leave()


def used(server: Server, name: str) -> dict[str, int]:
    """What `tradewatch usage` says of a key, over its hours."""
    answer = run_command("usage", name, "--json", "--data-dir", str(server.data_dir))
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    return {field: sum(line[field] for line in lines) for field in COUNTED}


async def until_used(server: Server, name: str, wanted: dict[str, int]) -> None:
    """Come back once it says this; fail where that is not soon."""
    began_s = time.monotonic()
    asked_s = began_s
    while (found := await asyncio.to_thread(used, server, name)) != wanted:
        assert asked_s - began_s < SHOWS_WITHIN_S, f"{found} instead of {wanted}"
        asked_s = time.monotonic()


def total(*clients: Counting) -> dict[str, int]:
    return {field: sum(client.spent[field] for client in clients) for field in COUNTED}


def flood(server: Server, first: int) -> str:
    """Publish ten batches of twenty quotes of one symbol; the bid of the last."""
    for number in range(first, first + 10):
        rows = [("ACME", f"{number}.{place:02}1", "999") for place in range(20)]
        publish(server, number, *rows)
    return f"{first + 9}.191"


def ticket_of(server: Server, key: str) -> str:
    answer = httpx.post(f"{server.http}/account/tickets", headers={"api-key": key}, timeout=10)
    return f"ticket={answer.json()['ticket']}"


async def test_usage_is_what_clients_counted_and_outlives_a_kill(serve: Any) -> None:
    server: Server = serve("--feed", "none")
    publish(server, 1, ("ACME", "1", "2"))
    one_key, other_key = server.create_key("one"), server.create_key("other")

    async with (
        counting(server, f"api-key={one_key}") as every,
        counting(server, f"api-key={one_key}") as latest,
        counting(server, ticket_of(server, one_key)) as page,
        counting(server, f"api-key={other_key}") as other,
    ):
        for each in (every, page):
            each.say("subscribe", symbols=["ACME"])
        latest.say("subscribe", symbols=["acme", "NONE"], delivery=LATEST)
        other.say("ping")
        other.say("subscribe", symbols=["ACME"], snapshot=False)
        for each in (every, latest, page):
            await each.until_bid("ACME", "1")
        last = await asyncio.to_thread(flood, server, 2)
        for each in (every, latest, page, other):
            await each.until_bid("ACME", last)
        seen = await asyncio.to_thread(used, server, "one")
        assert seen["connections"] == 3, "those that are open still count"
    mine = total(every, latest, page)
    assert mine["delivered"] + mine["skipped"] == 3 * 201
    assert latest.spent["skipped"] > 0
    assert other.spent["delivered"] == 200
    await until_used(server, "one", mine)
    await until_used(server, "other", other.spent)

    server.kill()
    assert used(server, "one") == mine, "it can be read without a server"
    server = serve("--feed", "none")
    async with counting(server, f"api-key={one_key}") as again:
        again.say("subscribe", symbols=["ACME"])
        await again.until_bid("ACME", last)
    await until_used(server, "one", total(every, latest, page, again))
    assert used(server, "other") == other.spent
