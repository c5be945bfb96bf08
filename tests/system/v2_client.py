"""A plain client of v2 that holds every quote against the law of positions."""

import asyncio
import json
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

JSON, MSGPACK = "tradewatch.v2", "tradewatch.v2.msgpack"

Event = dict[str, Any]


class V2Client:
    """What one connection heard, and where it stands with each symbol.

    Attributes:
        events: all events but quotes, oldest first.
        quotes: all quotes, oldest first.
        positions: the seq of each `class:SYMBOL` that is subscribed.
        skipped: what its quotes said of others, added up.
        messages: how many came.
    """

    def __init__(self, stream: ClientConnection) -> None:
        self.stream = stream
        self.binary = stream.subprotocol == MSGPACK
        self.events: list[Event] = []
        self.quotes: list[Event] = []
        self.positions: dict[str, int] = {}
        self.skipped = 0
        self.messages = 0

    async def say(self, action: str, **fields: Any) -> None:
        message = {"action": action, **fields}
        await self.stream.send(msgspec.msgpack.encode(message) if self.binary else json.dumps(message))

    async def ask(self, action: str, **fields: Any) -> Event:
        """Say something with an `id`, and wait for the answer to it."""
        await self.say(action, id=action, **fields)
        return await self.event(id=action)

    async def take(self) -> list[Event]:
        """The events of the next message."""
        async with asyncio.timeout(30):
            payload = await self.stream.recv()
        assert isinstance(payload, bytes) == self.binary
        events: list[Event]
        events = msgspec.msgpack.decode(payload) if isinstance(payload, bytes) else json.loads(payload)
        assert isinstance(events, list)
        assert events, "no message is empty"
        self.messages += 1
        for event in events:
            self._note(event)
        return events

    async def event(self, **fields: Any) -> Event:
        """The next event with these fields; what comes before it is taken in."""
        while True:
            found: Event | None = None
            for event in await self.take():
                if found is None and all(event.get(name) == value for name, value in fields.items()):
                    found = event
            if found is not None:
                return found

    async def until_quotes(self, count: int) -> None:
        """Take in messages until so many quotes have come."""
        while len(self.quotes) < count:
            await self.take()

    async def until_position(self, name: str, seq: int) -> None:
        """Take in messages until the symbol stands there."""
        while self.positions.get(name) != seq:
            await self.take()

    def _note(self, event: Event) -> None:
        match event["event"]:
            case "quote":
                self._follow(event)
                self.quotes.append(event)
                return
            case "subscribed":
                for result in _symbols(event):
                    name = f"{result['asset_class']}:{result['symbol']}"
                    known = self.positions.setdefault(name, result["seq"])
                    assert known == result["seq"], f"{name} stands at {known}, not at {result['seq']}"
            case "unsubscribed":
                for result in _symbols(event):
                    name = f"{result['asset_class']}:{result['symbol']}"
                    if "delivery" not in result:
                        assert self.positions.pop(name, result["seq"]) == result["seq"], name
        self.events.append(event)

    def _follow(self, quote: Event) -> None:
        name = f"{quote['asset_class']}:{quote['symbol']}"
        assert name in self.positions, f"a quote of {name}, which is not subscribed"
        expected = self.positions[name] + 1 + quote.get("skipped", 0)
        assert quote["seq"] == expected, f"{name}: seq {quote['seq']} instead of {expected}"
        self.positions[name] = quote["seq"]
        self.skipped += quote.get("skipped", 0)


def _symbols(answer: Event) -> list[Event]:
    """The results of symbols that something was done with; not those of patterns."""
    return [result for result in answer["results"] if result["ok"] and "seq" in result]


def closing(closed: ConnectionClosed) -> tuple[int, str]:
    """Code and reason of the close frame that the server sent."""
    assert closed.rcvd is not None
    return closed.rcvd.code, closed.rcvd.reason
