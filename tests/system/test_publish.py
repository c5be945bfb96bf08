"""Publishing to a real server: real ticks, row for row, each once, whatever happens to the process."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.server import Server, receive
from tests.system.test_quickstart import as_row, rows

DIES_BEFORE_THE_ANSWER = """
import os, signal
from tradewatch.publishing.publisher import Publisher
answer = Publisher._answer
def die(self, batch, *rest, **more):
    if batch.batch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(self, batch, *rest, **more)
Publisher._answer = die
from tradewatch.cli.main import run
run()
"""


def batch(number: int, ticks: list[dict[str, str]], *, asset_class: str = "crypto") -> dict[str, Any]:
    quotes = [
        {
            "asset_class": asset_class,
            "symbol": tick["symbol"],
            "timestamp": tick["ts_ms"],
            "bid": tick["bid"],
            "ask": tick["ask"],
        }
        for tick in ticks
    ]
    return {"action": "publish", "producer": "test", "batch": number, "quotes": quotes}


def seqs(answer: dict[str, Any]) -> list[int]:
    return [int(result["position"].partition(":")[2]) for result in answer["results"]]


def ticks_of(shared_data: Path, count: int) -> list[dict[str, str]]:
    return rows(shared_data / "crypto-BTCUSDT-20240808.csv.gz")[:count]


async def test_3000_real_ticks_arrive_row_for_row(serve: Any, shared_data: Path) -> None:
    ticks = ticks_of(shared_data, 3_000)
    server = serve("--feed", "simulated?symbols=5")
    key = server.create_key("publisher", "--scope", "publish")
    server.publish(batch(1, ticks[:1]), key=key)
    async with server.stream("/crypto/quotes") as stream, server.stream("/") as root:
        for listener in (stream, root):
            await listener.send('{"action": "subscribe", "symbols": ["BTCUSDT"]}')
            await receive(listener, 2)
        for number, first in enumerate(range(0, 3_000, 500), 2):
            answer = await asyncio.to_thread(
                server.publish, batch(number, ticks[first : first + 500]), key=key
            )
            assert seqs(answer.json()) == list(range(first + 2, first + 502))
        wanted = [(t["symbol"], t["ts_ms"], Decimal(t["bid"]), Decimal(t["ask"])) for t in ticks]
        for listener in (stream, root):
            assert [as_row(quote) for quote in await receive(listener, 3_000)] == wanted


async def test_publishing_over_websocket_is_the_same(serve: Any, shared_data: Path) -> None:
    ticks = ticks_of(shared_data, 300)
    server = serve("--feed", "simulated?symbols=5")
    server.publish(batch(1, ticks[:1]))
    async with server.stream("/publish") as publishing, server.stream("/crypto/quotes") as stream:
        (credit,) = await receive(publishing)
        assert credit["event"] == "credit"
        await stream.send('{"action": "subscribe", "symbols": ["BTCUSDT"]}')
        await receive(stream, 2)
        for number in range(2, 5):
            first = (number - 2) * 100
            await publishing.send(json.dumps(batch(number, ticks[first : first + 100])))
        await publishing.send(json.dumps(batch(3, ticks[100:200])))
        await publishing.send(json.dumps(batch(3, ticks[:5])))
        await publishing.send("nonsense")
        answers = await receive(publishing, 6)
        assert [seqs(answer)[0] for answer in answers[:4]] == [2, 102, 202, 102]
        assert answers[3] == answers[1]
        assert (answers[4]["code"], answers[4]["batch"]) == ("batch_conflict", 3)
        assert answers[5]["code"] == "invalid_json"
        heard = [as_row(quote) for quote in await receive(stream, 300)]
        assert heard == [(t["symbol"], t["ts_ms"], Decimal(t["bid"]), Decimal(t["ask"])) for t in ticks]


def test_a_batch_sent_again_after_a_kill_between_tape_and_answer_changes_nothing(
    serve: Any, shared_data: Path
) -> None:
    ticks = ticks_of(shared_data, 1_500)
    arguments = ("--feed", "simulated?symbols=5")
    server: Server = serve(*arguments, program=("-c", DIES_BEFORE_THE_ANSWER))
    key = server.create_key("publisher", "--scope", "publish")
    assert seqs(server.publish(batch(1, ticks[:500]), key=key).json()) == list(range(1, 501))
    with pytest.raises(httpx.TransportError):
        server.publish(batch(2, ticks[500:1_000]), key=key)
    assert server.process.wait(10) == -9

    server = serve(*arguments)
    again = server.publish(batch(2, ticks[500:1_000]), key=key).json()
    assert seqs(again) == list(range(501, 1_001)), "the tape had it before the kill"
    assert server.publish(batch(2, ticks[500:1_000]), key=key).json() == again
    assert server.publish(batch(2, ticks[:500]), key=key).json()["error"]["reason"] == "batch_conflict"
    following = server.publish(batch(3, ticks[1_000:]), key=key).json()
    assert seqs(following) == list(range(1_001, 1_501))
    positions = [result["position"].partition(":")[0] for result in again["results"] + following["results"]]
    assert len(set(positions)) == 1, "one epoch"


def test_a_publisher_takes_a_symbol_from_the_simulator(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5&rate=500")
    first = server.publish(batch(1, [{"symbol": "BTCUSD", "ts_ms": "1", "bid": "1", "ask": "2"}])).json()
    second = server.publish(batch(2, [{"symbol": "BTCUSD", "ts_ms": "2", "bid": "1", "ask": "2"}])).json()
    assert seqs(second) == [seqs(first)[0] + 1], "no simulated quote came between"


async def test_after_a_restart_the_simulator_leaves_a_published_symbol_alone(serve: Any) -> None:
    """It went on over the published price as soon as the server was started again."""
    server = serve("--feed", "simulated?symbols=5&rate=500")
    row = [{"symbol": "BTCUSD", "ts_ms": "1", "bid": "1", "ask": "2"}]
    first = server.publish(batch(1, row)).json()
    assert server.stop() == 0
    server = serve("--feed", "simulated?symbols=5&rate=500")
    async with server.stream("/") as stream:
        await stream.send('{"action": "subscribe", "symbols": ["*"]}')
        heard = await receive(stream, 500)
    assert "BTCUSD" not in {quote["symbol"] for quote in heard if "bid" in quote}
    assert seqs(server.publish(batch(1, row)).json()) == [seqs(first)[0] + 1]


async def test_a_server_without_a_feed_streams_what_is_published(serve: Any) -> None:
    server = serve("--feed", "none")
    async with server.stream("/") as stream:
        await stream.send('{"action": "subscribe", "symbols": ["*"]}')
        await receive(stream, 2)
        server.publish(batch(1, [{"symbol": "BTCUSD", "ts_ms": "1", "bid": "1", "ask": "2"}]))
        assert (await receive(stream))[0]["symbol"] == "BTCUSD"


def test_who_may_not_publish_is_told(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")
    reader = server.create_key("reader")
    crypto = server.create_key("crypto", "--scope", "publish", "--publish-class", "crypto")
    row = [{"symbol": "EURUSD", "ts_ms": "1", "bid": "1", "ask": "2"}]
    refused = server.publish(batch(1, row), key=reader)
    assert (refused.status_code, refused.json()["error"]["reason"]) == (403, "scope_missing")
    refused = server.publish(batch(1, row), key="tw_nobody")
    assert (refused.status_code, refused.json()["error"]["reason"]) == (401, "key_unknown")
    answer = server.publish(batch(1, row, asset_class="currencies"), key=crypto).json()
    assert answer["results"] == [{"symbol": "EURUSD", "ok": False, "code": "not_allowed"}]


def test_a_body_that_is_too_large_is_refused_unread(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")
    headers = {"api-key": server.demo_key}
    refused = httpx.post(f"{server.http}/publish", content=b"x" * (17 << 20), headers=headers, timeout=30)
    assert (refused.status_code, refused.json()["error"]["reason"]) == (413, "body_too_large")
    refused = httpx.post(f"{server.http}/publish", content=b"{", headers=headers)
    assert (refused.status_code, refused.json()["error"]["reason"]) == (422, "invalid_json")
    many = batch(1, [{"symbol": "A", "ts_ms": "1", "bid": "1", "ask": "2"}] * 10_001)
    assert server.publish(many).json()["error"]["reason"] == "too_many_quotes"
