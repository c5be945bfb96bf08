"""A small real server of dialect v2: a tape in memory, and doors that tests shut as they like."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.client.messages import EPOCH, Event, message, quote, result, subscribed, unsubscribed, welcome
from tradewatch.protocol.refusal import Refusal


class FakeServer:
    """Knows every symbol; numbers what `publish` is told, and sends it to who subscribed.

    Attributes:
        heads: the seq of the newest quote by symbol.
        refusals: what the next handshakes are answered with, one by one.
        requests: all handshakes.
        said: all messages of clients.
        open: the connections there are.
        mute: whether requests are left without an answer.
    """

    def __init__(self) -> None:
        self.epoch = EPOCH
        self.heads: dict[str, int] = {}
        self.refusals: list[Refusal] = []
        self.requests: list[Request] = []
        self.said: list[Event] = []
        self.open: dict[ServerConnection, set[str]] = {}
        self.greeting: list[Event] = [welcome()]
        self.subprotocol: str | None = "tradewatch.v2"
        self.mute = False
        self.port = 0
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def connections(self, count: int) -> None:
        """Wait until there have been so many handshakes, and the last one stands."""
        await self.until(lambda: len(self.requests) >= count and len(self.open) > 0)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def publish(self, symbol: str, count: int = 1) -> None:
        """So many quotes of a symbol, in one message."""
        first = self.heads.get(symbol, 0) + 1
        self.heads[symbol] = first + count - 1
        events = [quote(seq, symbol) for seq in range(first, first + count)]
        for connection, symbols in list(self.open.items()):
            if symbol in symbols:
                await connection.send(message(*events), text=True)

    async def send(self, *events: Event) -> None:
        for connection in list(self.open):
            await connection.send(message(*events), text=True)

    async def close(self, code: int, reason: str) -> None:
        for connection in list(self.open):
            await connection.close(code, reason)

    def cut(self) -> None:
        for connection in list(self.open):
            connection.transport.abort()

    def _door(self, _: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        self._changed.set()
        if not self.refusals:
            return None
        refusal = self.refusals.pop(0)
        return Response(
            refusal.status, HTTPStatus(refusal.status).phrase, Headers(refusal.headers), refusal.body
        )

    async def _serve(self, connection: ServerConnection) -> None:
        self.open[connection] = set()
        self._changed.set()
        try:
            await connection.send(message(*self.greeting), text=True)
            async for text in connection:
                said = json.loads(text)
                self.said.append(said)
                self._changed.set()
                if not self.mute:
                    await connection.send(message(*self._answer(said, self.open[connection])), text=True)
        finally:
            del self.open[connection]
            self._changed.set()

    def _answer(self, said: Event, heard: set[str]) -> list[Event]:
        match said["action"]:
            case "subscribe":
                symbols = [name.rpartition(":")[2] for name in said["symbols"]]
                shown = [s for s in symbols if said["snapshot"] and s not in heard and self.heads.get(s)]
                heard.update(symbols)
                results = [
                    result(
                        self.heads.get(s, 0) - (s in shown), s, epoch=self.epoch, delivery=said["delivery"]
                    )
                    for s in symbols
                ]
                snapshots = [quote(self.heads[s], s, snapshot=True) for s in shown]
                return [subscribed(*results, id=said["id"]), *snapshots]
            case "unsubscribe":
                symbols = [name.rpartition(":")[2] for name in said["symbols"]]
                heard.difference_update(symbols)
                return [unsubscribed(*symbols, id=said["id"])]
            case "status":
                names = [f"crypto:{s}" for s in sorted(heard)]
                return [{"event": "status", "id": said["id"], "patterns": [], "symbols": names}]
            case _:
                return [{"event": "pong", "id": said["id"], "timestamp": "1"}]


@contextlib.asynccontextmanager
async def running(fake: FakeServer) -> AsyncIterator[FakeServer]:
    """The server, listening."""
    subprotocols = None if fake.subprotocol is None else [Subprotocol(fake.subprotocol)]
    async with serve(
        fake._serve,
        "127.0.0.1",
        fake.port,
        process_request=fake._door,
        subprotocols=subprotocols,
        ping_interval=None,
    ) as listening:
        fake.port = next(iter(listening.sockets)).getsockname()[1]
        yield fake
