"""A client that asks for everything at once is not taken for a slow one."""

import asyncio
import re
import time
from typing import Any

import msgspec
import pytest

from tests.system.server import Server
from tests.system.v2_client import JSON, MSGPACK


def _until_quoted(server: Server, quotes: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        found = re.search(r"^tradewatch_quotes_in_total (\S+)", server.get("/metrics").text, re.MULTILINE)
        if found and float(found[1]) >= quotes:
            return
        assert time.monotonic() < deadline, "the feed does not quote"


@pytest.mark.parametrize(("subprotocol", "codec"), [(JSON, msgspec.json), (MSGPACK, msgspec.msgpack)])
async def test_everything_and_its_snapshots_come_without_a_gap(
    serve: Any, subprotocol: str, codec: Any
) -> None:
    """The answer and the snapshots are longer than the send buffer, and quotes flow all the while."""
    server = serve("--feed", "simulated?symbols=2000&rate=1500")
    await asyncio.to_thread(_until_quoted, server, 4_000)  # so that most have a newest quote
    requests = [codec.encode({"action": "subscribe", "symbols": ["*"]}), codec.encode({"action": "ping"})]
    events: list[dict[str, Any]] = []
    async with server.stream("/", subprotocol=subprotocol, max_size=None) as stream:
        for request in requests:
            await stream.send(request if subprotocol == MSGPACK else request.decode())
        async with asyncio.timeout(30):
            while not any(event["event"] == "pong" for event in events):
                events += codec.decode(await stream.recv())
    results = [result for event in events if event["event"] == "subscribed" for result in event["results"]]
    quotes = [event for event in events if event["event"] == "quote"]
    assert len(results) > 3_000
    assert sum(quote.get("snapshot", False) for quote in quotes) > 800
    assert [event for event in events if event["event"] == "lag"] == []
    assert [quote for quote in quotes if quote.get("skipped")] == []
    positions = {(each["asset_class"], each["symbol"]): each["seq"] for each in results if "seq" in each}
    for quote in quotes:
        name = quote["asset_class"], quote["symbol"]
        assert quote["seq"] == positions[name] + 1, quote
        positions[name] = quote["seq"]
