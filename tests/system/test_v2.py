"""Dialect v2 on a real server: positions, deliveries and patterns, in both notations."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.system.server import Server
from tests.system.test_quickstart import FILES, SYMBOLS, as_row, assert_same_run, expected_mid, rows
from tests.system.v2_client import JSON, MSGPACK, Event, V2Client, closing

SPEEDS = {"currencies": 300, "crypto": 4, "stocks": 300, "indices": 30, "commodities": 300}
EVERY = {"mode": "every"}


@contextlib.asynccontextmanager
async def client(
    server: Server, path: str = "/", subprotocol: str = JSON, **options: Any
) -> AsyncIterator[V2Client]:
    """A client that has read its welcome."""
    async with server.stream(path, subprotocol=subprotocol, **options) as stream:
        assert stream.subprotocol == subprotocol
        made = V2Client(stream)
        (welcome,) = await made.take()
        assert welcome["event"] == "welcome"
        yield made


def publish(server: Server, number: int, *rows_: tuple[str, str, str], **options: Any) -> list[str]:
    """Publish crypto quotes of (symbol, bid, ask); their positions."""
    quotes = [
        {"asset_class": "crypto", "symbol": symbol, "timestamp": "1767389239253", "bid": bid, "ask": ask}
        for symbol, bid, ask in rows_
    ]
    batch = {"producer": options.pop("producer", "desk"), "batch": number, "quotes": quotes}
    answer = server.publish(batch, **options).json()
    return [result["position"] for result in answer["results"]]


@pytest.fixture
def replaying(serve: Any, shared_data: Path) -> Server:
    feeds = [
        argument
        for asset_class, name in FILES.items()
        for argument in (
            "--feed",
            f"replay:{shared_data / name}?class={asset_class}&speed={SPEEDS[asset_class]}&loop=true",
        )
    ]
    server: Server = serve(*feeds)
    return server


@pytest.mark.parametrize("subprotocol", [JSON, MSGPACK])
async def test_quotes_are_the_rows_of_the_file(
    replaying: Server, shared_data: Path, subprotocol: str
) -> None:
    names = [f"{asset_class}:{symbol}" for asset_class, symbol in SYMBOLS.items()]
    async with client(replaying, subprotocol=subprotocol) as one:
        answer = await one.ask("subscribe", symbols=[name.lower() for name in names])
        assert [f"{r['asset_class']}:{r['symbol']}" for r in answer["results"]] == names
        assert len({result["epoch"] for result in answer["results"]}) == 1
        for result in answer["results"]:
            assert (result["ok"], result["state"], result["delivery"]) == (True, "unknown", EVERY)
        await one.until_quotes(1_000)
    assert one.skipped == 0
    by_class: dict[str, list[Event]] = {}
    for quote in one.quotes:
        by_class.setdefault(quote["asset_class"], []).append(quote)
    assert set(by_class) == set(FILES)
    for asset_class, heard in by_class.items():
        assert heard[0]["snapshot"] is True
        assert not any("snapshot" in quote for quote in heard[1:])
        assert_same_run(heard, rows(shared_data / FILES[asset_class]))
        for quote in heard:
            assert int(quote["event_ns"]) == int(quote["timestamp"]) * 1_000_000
            assert Decimal(quote["mid"]) == expected_mid(quote, asset_class)
            assert quote["source"] == "replay", "no path of a file"


async def test_both_notations_and_v1_say_the_same(replaying: Server) -> None:
    async with client(replaying) as text, client(replaying, subprotocol=MSGPACK) as binary:
        for each in (text, binary):
            await each.ask("subscribe", symbols=["crypto:*"], snapshot=False)
        for each in (text, binary):
            await each.until_quotes(300)
        by_seq = {quote["seq"]: quote for quote in text.quotes}
        shared = [quote for quote in binary.quotes if quote["seq"] in by_seq]
        assert len(shared) > 100
        assert shared == [by_seq[quote["seq"]] for quote in shared]


@pytest.mark.parametrize("subprotocol", [JSON, MSGPACK])
async def test_the_welcome_names_the_limits(serve: Any, subprotocol: str) -> None:
    server = serve("--feed", "none")
    sessions = set()
    for _ in range(2):
        async with server.stream("/", subprotocol=subprotocol) as stream:
            one = V2Client(stream)
            (welcome,) = await one.take()
            assert list(welcome) == ["event", "session", "server_time_ns", "heartbeat_s", "limits"]
            assert abs(int(welcome["server_time_ns"]) / 1e9 - 1.7e9) < 1e9
            limits = welcome["limits"]
            assert limits["symbols"] == 10_000
            assert limits["symbols_per_message"] == 5_000
            assert limits["message_bytes"] == 1 << 20
            assert limits["send_buffer_bytes"] == 256 << 10
            assert limits["too_slow_s"] == 30
            sessions.add(welcome["session"])
    assert len(sessions) == 2


async def test_positions_of_published_batches_are_those_that_clients_see(serve: Any) -> None:
    server = serve("--feed", "none")
    first = publish(server, 1, ("ACME", "1.50", "2.5"))
    async with client(server, "/crypto/quotes") as one, client(server, subprotocol=MSGPACK) as other:
        for each in (one, other):
            answer = await each.ask("subscribe", symbols=["ACME"])
            assert answer["results"][0]["seq"] == 0
        rows_ = [("ACME", f"{number}.10", f"{number}.20") for number in range(500)]
        epoch = first[0].partition(":")[0]
        positions = first + publish(server, 2, *rows_)
        for each in (one, other):
            await each.until_quotes(501)
            assert [f"{epoch}:{quote['seq']}" for quote in each.quotes] == positions
            assert [as_row(quote)[2] for quote in each.quotes[1:]] == [Decimal(row[1]) for row in rows_]
            assert (each.quotes[0]["bid"], each.quotes[0]["snapshot"]) == ("1.5", True)


async def test_a_source_is_its_producer_and_no_key(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5&rate=50")
    key = server.create_key("publisher", "--scope", "publish")
    key_id = key.split("_")[1]
    publish(server, 1, ("ACME", "1", "2"), key=key, producer="desk-7")
    async with client(server) as one:
        await one.ask("subscribe", symbols=["*"])
        await one.until_quotes(20)
    sources = {quote["symbol"]: quote["source"] for quote in one.quotes}
    assert sources.pop("ACME") == "desk-7"
    assert set(sources.values()) == {"simulated"}
    for quote in one.quotes:
        assert (quote.get("flags") == ["simulated"]) == (quote["source"] == "simulated")
        assert key_id not in json.dumps(quote)


async def test_latest_says_exactly_what_it_skipped(serve: Any) -> None:
    server = serve("--feed", "none")
    publish(server, 1, ("ACME", "1", "2"), ("EMCA", "1", "2"))
    latest = {"mode": "latest", "interval_ms": 60}
    async with client(server) as one:
        answer = await one.ask("subscribe", symbols=["ACME", "EMCA"], delivery=latest)
        assert [r["delivery"] for r in answer["results"]] == [{"mode": "latest", "interval_ms": 100}] * 2
        for number in range(2, 42):
            rows_ = [(symbol, str(number), str(number + 1)) for symbol in ("ACME", "EMCA")] * 5
            await asyncio.to_thread(publish, server, number, *rows_)
        await one.until_position("crypto:ACME", 201)
        await one.until_position("crypto:EMCA", 201)
        assert len(one.quotes) < 402, "some were skipped"
        assert one.skipped == 402 - len(one.quotes)
        assert {quote["bid"] for quote in one.quotes[-2:]} == {"41"}
        balance = await one.event(event="heartbeat")
        assert balance["published"] == 402
        assert balance["delivered"] == len(one.quotes)
        assert balance["skipped"] == one.skipped
        assert (balance["missing"], balance["pending"]) == (0, 0)


async def test_a_delivery_changes_in_place(serve: Any) -> None:
    """What is pending goes first, with its `skipped`, and no second snapshot comes."""
    server = serve("--feed", "none")
    publish(server, 1, ("ACME", "1", "2"))
    async with client(server, "/crypto/quotes") as one:
        await one.ask("subscribe", symbols=["ACME"], delivery={"mode": "latest", "interval_ms": 5_000})
        await one.until_quotes(1)
        publish(server, 2, *(("ACME", str(number), "9") for number in range(2, 8)))
        answer = await one.ask("subscribe", symbols=["ACME"])
        assert one.quotes[-1]["bid"] == "7", "the pending one came before the answer"
        assert one.quotes[-1]["skipped"] == 5
        assert (answer["results"][0]["seq"], answer["results"][0]["delivery"]) == (7, EVERY)
        publish(server, 3, *(("ACME", str(number), "9") for number in range(8, 12)))
        await one.until_position("crypto:ACME", 11)
        answer = await one.ask("subscribe", symbols=["acme"], delivery={"mode": "latest", "interval_ms": 1})
        assert answer["results"][0]["delivery"] == {"mode": "latest", "interval_ms": 50}
        publish(server, 4, ("ACME", "12", "9"))
        await one.until_position("crypto:ACME", 12)
    assert sum("snapshot" in quote for quote in one.quotes) == 1
    assert [quote["bid"] for quote in one.quotes] == ["1", "7", "8", "9", "10", "11", "12"]


@pytest.mark.parametrize("subprotocol", [JSON, MSGPACK])
async def test_a_new_member_of_a_pattern_is_announced_before_its_first_quote(
    serve: Any, subprotocol: str
) -> None:
    server = serve("--feed", "none")
    deliveries = [EVERY, {"mode": "latest", "interval_ms": 50}]
    async with contextlib.AsyncExitStack() as opened:
        clients = [
            await opened.enter_async_context(client(server, path, subprotocol))
            for path in ("/", "/crypto/quotes")
            for _ in deliveries
        ]
        for each, delivery in zip(clients, deliveries * 2, strict=True):
            pattern = "crypto:*" if each in clients[:2] else "*"
            answer = await each.ask("subscribe", symbols=[pattern], delivery=delivery)
            pattern_result, *members = answer["results"]
            assert (pattern_result["symbol"], pattern_result["matched"]) == (pattern, len(members))
            assert all(member["via"] == pattern for member in members)
        publish(server, 1, ("NEWCOIN", "1", "2"), ("NEWCOIN", "3", "4"))
        for number, each in enumerate(clients):
            await each.until_position("crypto:NEWCOIN", 2)
            (told,) = [e for e in each.events if e["event"] == "subscribed" and "id" not in e]
            (result,) = told["results"]
            assert result["via"] == ("crypto:*" if number < 2 else "*")
            assert (result["symbol"], result["seq"], result["delivery"]) == (
                "NEWCOIN",
                0,
                deliveries[number % 2],
            )
            assert [quote["bid"] for quote in each.quotes] == (["3"] if number % 2 else ["1", "3"])


async def test_unsubscribe_ends_quotes_and_status_lists_what_is_left(serve: Any) -> None:
    server = serve("--feed", "none")
    publish(server, 1, ("ACME", "1", "2"), ("EMCA", "1", "2"))
    async with client(server) as one:
        await one.ask("subscribe", symbols=["ACME", "EMCA", "stocks:*"])
        status = await one.ask("status")
        assert status == {
            "event": "status",
            "id": "status",
            "patterns": ["stocks:*"],
            "symbols": ["crypto:ACME", "crypto:EMCA"],
        }
        answer = await one.ask("unsubscribe", symbols=["ACME", "stocks:AAPL"])
        left, covered = answer["results"]
        assert (left["symbol"], left["ok"], left["seq"], "delivery" in left) == ("ACME", True, 1, False)
        assert (covered["ok"], covered["code"]) == (False, "covered_by_pattern")
        publish(server, 2, ("ACME", "3", "4"), ("EMCA", "3", "4"))
        await one.until_position("crypto:EMCA", 2)
        assert [(q["symbol"], q["bid"]) for q in one.quotes] == [("ACME", "1"), ("EMCA", "1"), ("EMCA", "3")]
        answer = await one.ask("subscribe", symbols=["ACME"], snapshot=False)
        assert answer["results"][0]["seq"] == 2
        publish(server, 3, ("ACME", "5", "6"))
        await one.until_position("crypto:ACME", 3)
        assert "snapshot" not in one.quotes[-1]
        balance = await one.event(event="heartbeat")
        assert (balance["published"], balance["delivered"], balance["skipped"]) == (4, 4, 0)


async def test_unknown_names_come_back_with_suggestions(serve: Any) -> None:
    server = serve("--feed", "none")
    async with client(server) as one:
        answer = await one.ask("subscribe", symbols=["currencies:EURUSDX", "EURUSD", "ETHUDS"])
        typo, good, other = answer["results"]
        assert (typo["ok"], typo["symbol"], typo["code"]) == (False, "currencies:EURUSDX", "unknown_symbol")
        assert typo["suggestions"][0] == "currencies:EURUSD"
        assert good["ok"] is True
        assert "crypto:ETHUSD" in other["suggestions"]
        publish(server, 1, ("EURUSD", "1", "2"))
        answer = await one.ask("subscribe", symbols=["EURUSD"])
        (ambiguous,) = answer["results"]
        assert ambiguous["code"] == "ambiguous_symbol"
        assert set(ambiguous["suggestions"]) == {"currencies:EURUSD", "crypto:EURUSD"}
        for action in ("fly", "resume"):
            assert (await one.ask(action, symbols=[]))["code"] == "unknown_action"
        many = await one.ask("subscribe", symbols=[f"S{number}" for number in range(5_001)])
        assert many["code"] == "too_many_symbols"
        await one.stream.send("{nonsense")
        assert (await one.event(event="error"))["code"] == "invalid_json"
        assert int((await one.ask("ping"))["timestamp"]) > 1_700_000_000_000


async def test_5000_unknown_names_are_answered_each_with_five_suggested(serve: Any) -> None:
    server = serve("--feed", "none")
    async with client(server, max_size=None) as one:
        names = [f"EURUS{number}" for number in range(5_000)]
        await one.say("subscribe", symbols=names, id=1)
        results: list[Event] = []
        while len(results) < 5_000:
            results += (await one.event(id=1))["results"]
        assert [result["symbol"] for result in results] == names
        assert sum("suggestions" in result for result in results) == 5


@pytest.mark.parametrize(("subprotocol", "message"), [(JSON, b"\x80"), (MSGPACK, "{}")])
async def test_messages_of_the_other_kind_are_refused(
    serve: Any, subprotocol: str, message: str | bytes
) -> None:
    server = serve("--feed", "none")
    async with client(server, subprotocol=subprotocol) as one:
        await one.stream.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await one.take()
    assert closing(closed.value) == (1003, "unsupported_data")


async def test_broken_msgpack_is_an_error_and_no_end(serve: Any) -> None:
    server = serve("--feed", "none")
    async with client(server, subprotocol=MSGPACK) as one:
        for broken in (b"", b"\xc1", b"\x93\x01", msgspec.msgpack.encode([1]), b"\x91" * 5_000):
            await one.stream.send(broken)
            event = await one.event(event="error")
            assert event["code"] in ("invalid_msgpack", "invalid_message"), broken
        assert (await one.ask("ping"))["event"] == "pong"


async def test_an_unknown_subprotocol_is_refused_and_a_known_one_among_others_is_taken(serve: Any) -> None:
    server = serve("--feed", "none")
    with pytest.raises(InvalidStatus) as refused:
        await server.stream("/", subprotocol="tradewatch.v3")
    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body)["error"]["reason"] == "subprotocol_unknown"
    several = ["tradewatch.v3", MSGPACK, JSON]
    async with server.stream("/", subprotocols=several) as stream:
        assert stream.subprotocol == MSGPACK


async def test_after_a_kill_the_epoch_is_the_same_and_seq_goes_on(serve: Any) -> None:
    server = serve("--feed", "none")
    answers: list[Event] = []
    for number in range(1, 5):
        publish(server, number, ("ACME", str(number), "9"))
        async with client(server, "/crypto/quotes") as one:
            answers.append((await one.ask("subscribe", symbols=["ACME"]))["results"][0])
            await one.until_quotes(1)
            assert (one.quotes[0]["seq"], one.quotes[0]["bid"]) == (number, str(number))
        server.kill()
        server = serve("--feed", "none")
        async with client(server, "/crypto/quotes") as one:
            await one.ask("subscribe", symbols=["ACME"])
            await one.until_quotes(1)
            assert (one.quotes[0]["seq"], one.quotes[0]["bid"]) == (number, str(number))
    assert len({answer["epoch"] for answer in answers}) == 1
    assert [answer["seq"] for answer in answers] == [0, 1, 2, 3]


async def test_a_stopped_server_says_draining(serve: Any) -> None:
    server = serve("--feed", "none")
    async with client(server) as one:
        await one.ask("subscribe", symbols=["EURUSD"])
        assert await asyncio.to_thread(server.stop) == 0
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await one.take()  # `drain`, and perhaps a heartbeat before it
    assert closing(closed.value) == (4000, "draining")
