"""`/asyncapi.json` of a real server describes what this server and its clients really say."""

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
import jsonschema
import pytest
from websockets.exceptions import ConnectionClosed

from tests.system.server import Server
from tests.system.v2_client import JSON
from tradewatch.protocol.v2 import events

Message = dict[str, Any]


class Contract:
    """The document, and what was held against it.

    Attributes:
        dialect: what the names of its messages begin with.
        seen: messages by name, events of v2 by `event`.
    """

    def __init__(self, server: Server, dialect: str) -> None:
        self.dialect = dialect
        self.document: dict[str, Any] = httpx.get(f"{server.http}/asyncapi.json").json()
        self.seen: Counter[str] = Counter()

    def take(self, channel: str, action: str, said: Any) -> None:
        """A message fits one of this direction of the channel, and has no field that is not described."""
        described = self.document["operations"][f"{action}_{channel}"]["messages"]
        names = [message["$ref"].rpartition("/")[2] for message in described]
        names = [name for name in names if name.startswith(self.dialect)]
        fitting = [name for name in names if self._fits(said, self._of(name)["payload"])]
        assert len(fitting) == 1, f"{said} fits {fitting} of {names}"
        self.seen[fitting[0]] += 1
        if fitting[0] == "v2.events":
            for event in said:
                self.seen[event["event"]] += 1
                options = self.schema("V2Event")["oneOf"]
                (option,) = [each for each in options if self._fits(event, each)]
                self._knows(event, self.schema(option["$ref"].rpartition("/")[2]))
        else:
            self._knows(said, self.schema(self._of(fitting[0])["payload"]["$ref"].rpartition("/")[2]))

    def schema(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.document["components"]["schemas"][name]
        return found

    def _of(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.document["components"]["messages"][name]
        return found

    def _fits(self, said: Any, schema: dict[str, Any]) -> bool:
        whole = {**schema, "components": self.document["components"]}
        return jsonschema.Draft202012Validator(whole).is_valid(said)

    def _knows(self, said: Message, schema: dict[str, Any]) -> None:
        assert said.keys() <= schema["properties"].keys(), f"{said} has fields that are not described"


async def say(contract: Contract, channel: str, stream: Any, **message: Any) -> None:
    contract.take(channel, "receive", message)
    await stream.send(json.dumps(message))


async def hear(contract: Contract, channel: str, stream: Any, until: str) -> None:
    """Take in messages until one of them, or an event in it, is of this name."""
    before = contract.seen[until]
    async with asyncio.timeout(30):
        while contract.seen[until] == before:
            contract.take(channel, "send", json.loads(await stream.recv()))


def publish_some(server: Server, number: int) -> None:
    """A whole quote with sizes, and one with a side missing."""
    quote = {"asset_class": "stocks", "symbol": "AAPL", "timestamp": "1767389239253", "bid": "1.5"}
    quotes = [{**quote, "ask": "1.50", "ask_size": "3"}, quote]
    answer = server.publish({"producer": "p1", "batch": number, "quotes": quotes})
    assert answer.status_code == 200


async def test_what_is_said_on_v1(serve: Any) -> None:
    server: Server = serve("--feed", "simulated?symbols=50&rate=200")
    for channel in ("currencies", "crypto", "stocks", "indices", "commodities", "all", "all_quotes"):
        contract = Contract(server, "v1")
        async with server.stream(contract.document["channels"][channel]["address"]) as stream:
            await hear(contract, channel, stream, "v1.status")
            await say(contract, channel, stream, action="subscribe", symbols=["*"], snapshot=True)
            await hear(contract, channel, stream, "v1.quote")
            await say(contract, channel, stream, action="ping")
            await hear(contract, channel, stream, "v1.pong")
            await say(contract, channel, stream, action="subscribe", symbols=["NOSUCHTHING"])
            await hear(contract, channel, stream, "v1.error")
            await stream.send("{")
            await hear(contract, channel, stream, "v1.error")
            await say(contract, channel, stream, action="unsubscribe", symbols=["*"])
            await hear(contract, channel, stream, "v1.status")


async def test_what_is_said_on_v2(serve: Any) -> None:
    server: Server = serve("--feed", "simulated?symbols=50&rate=200")
    contract, channel = Contract(server, "v2"), "all"
    async with server.stream("/", subprotocol=JSON) as stream:
        await hear(contract, channel, stream, "welcome")
        latest = {"mode": "latest", "interval_ms": 250}
        await say(contract, channel, stream, action="subscribe", symbols=["*"], id=1, delivery=latest)
        await hear(contract, channel, stream, "quote")
        wrong = ["crypto:BTCUSX", "nothing at all"]
        await say(contract, channel, stream, action="subscribe", symbols=wrong, id="two", snapshot=False)
        await hear(contract, channel, stream, "subscribed")
        await asyncio.to_thread(publish_some, server, 1)
        await hear(contract, channel, stream, "quote")
        for action, answer in (("status", "status"), ("ping", "pong")):
            await say(contract, channel, stream, action=action, id=3)
            await hear(contract, channel, stream, answer)
        await stream.send('{"action": "resume", "id": 4}')
        await hear(contract, channel, stream, "error")
        await say(contract, channel, stream, action="unsubscribe", symbols=["crypto:BTCUSD", *wrong])
        await hear(contract, channel, stream, "unsubscribed")
        await hear(contract, channel, stream, "heartbeat")
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        with pytest.raises(ConnectionClosed) as closed:
            await hear(contract, channel, stream, "drain")
            await hear(contract, channel, stream, "nothing more")
        await stopping
    codes = {each["code"]: each["reason"] for each in contract.document["info"]["x-close-codes"]}
    assert closed.value.rcvd is not None
    assert codes[closed.value.rcvd.code] == closed.value.rcvd.reason == "draining"
    structs = [
        each for each in vars(events).values() if isinstance(each, type) and issubclass(each, events.Event)
    ]
    tags = {str(each.__struct_config__.tag) for each in structs if each not in (events.Event, events.Answer)}
    assert tags - set(contract.seen) == {"gap", "lag", "limits"}, (
        "a gap is never sent; the others took a slow client"
    )


async def test_what_is_said_by_a_publisher(serve: Any) -> None:
    server: Server = serve("--feed", "none")
    contract, channel = Contract(server, "publish"), "publish"
    quote = {"asset_class": "crypto", "symbol": "BTCUSD", "bid": "1.5", "ask": "1.51"}
    async with server.stream("/publish") as stream:
        await hear(contract, channel, stream, "publish.credit")
        quotes = [quote, {**quote, "symbol": "no symbol!"}, {**quote, "bid": 1.25}]
        await say(contract, channel, stream, action="publish", producer="p1", batch=2, quotes=quotes)
        await hear(contract, channel, stream, "publish.published")
        await say(contract, channel, stream, producer="p1", batch=1, quotes=[quote])
        await hear(contract, channel, stream, "publish.error")
        await stream.send("[]")
        await hear(contract, channel, stream, "publish.error")


def test_a_message_that_is_not_described_is_noticed(serve: Any) -> None:
    contract = Contract(serve("--feed", "none"), "v1")
    quote = {"symbol": "EURUSD", "timestamp": "1", "ask": "1.2", "bid": "1.1", "mid": "1.15"}
    contract.take("currencies", "send", quote)
    assert contract.seen == {"v1.quote": 1}
    for wrong in ({**quote, "ask": 1.2}, {**quote, "ask": "1.20"}, {**quote, "more": 1}, {"event": "song"}):
        with pytest.raises(AssertionError):
            contract.take("currencies", "send", wrong)
