"""Streams over real sockets: reading, reconnecting, refusals, and endings."""

import asyncio
import logging
import time
from typing import Any

import pytest
import uvloop

from tests.client.fake_server import FakeServer, running
from tests.client.messages import NEXT_EPOCH
from tradewatch.client import (
    AuthenticationError,
    ClientError,
    Connected,
    ConnectionClosedError,
    Disconnected,
    Gap,
    NotFoundError,
    PlanError,
    ProtocolViolationError,
    Quote,
    RateLimitedError,
    Reconnect,
    RefusedError,
    ServerDrainingError,
    Stream,
    StreamClosedError,
    StreamEvent,
    UnreachableError,
    Violation,
    connect,
    latest,
)
from tradewatch.errors import UsageError
from tradewatch.model.position import InvalidPositionError
from tradewatch.protocol.refusal import Refusal

KEY = "tw_000000000000_" + "Secret" * 7 + "x"
QUICK = Reconnect(first_s=0.01, longest_s=0.05)


async def read(stream: Stream, count: int) -> list[Quote]:
    quotes = []
    async with asyncio.timeout(10):
        async for quote in stream:
            quotes.append(quote)
            if len(quotes) == count:
                break
    return quotes


async def read_until(stream: Stream, kind: type[StreamEvent]) -> list[StreamEvent]:
    events = []
    async with asyncio.timeout(10):
        async for event in stream.events():
            events.append(event)
            if isinstance(event, kind):
                break
    return events


async def ending(stream: Stream) -> ClientError:
    """Why the stream ended by itself."""
    with pytest.raises(ClientError) as ended:
        async with asyncio.timeout(10):
            async for _ in stream:
                pass
    return ended.value


async def follow(server: FakeServer) -> None:
    """Subscribe, read, subscribe more while reading, give up, and close."""
    await server.publish("BTCUSD", 4)
    async with connect(server.url, api_key=KEY) as stream:
        (told,) = await stream.subscribe("crypto:BTCUSD")
        assert (told.ok, told.seq, told.asset_class) == (True, 3, "crypto")
        await server.publish("BTCUSD", 2)
        seqs = []
        async for quote in stream:
            seqs.append((quote.name, quote.seq))
            if quote.symbol == "BTCUSD" and quote.seq == 6:
                await stream.subscribe("ETHUSD", delivery=latest(250), snapshot=False)
                await server.publish("ETHUSD")
            if quote.symbol == "ETHUSD":
                break
        assert seqs == [
            ("crypto:BTCUSD", 4),
            ("crypto:BTCUSD", 5),
            ("crypto:BTCUSD", 6),
            ("crypto:ETHUSD", 1),
        ]
        assert (await stream.status()).symbols == ["crypto:BTCUSD", "crypto:ETHUSD"]
        assert 0 < await stream.ping() < 5
        assert [left.symbol for left in await stream.unsubscribe("BTCUSD")] == ["BTCUSD"]
        assert stream.balance == (4, 4, 0, 0, 0)
    assert [quote async for quote in stream] == []
    with pytest.raises(StreamClosedError, match="the stream is closed"):
        await stream.subscribe("BTCUSD")


async def test_a_stream_from_its_beginning_to_its_end(server: FakeServer) -> None:
    await follow(server)
    assert server.requests[0].headers["api-key"] == KEY
    assert server.requests[0].path == "/"
    assert server.said[0]["delivery"] == {"mode": "every"}


def test_it_runs_on_uvloop() -> None:
    async def on_uvloop() -> None:
        async with running(FakeServer()) as server:
            await follow(server)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(on_uvloop())


async def test_it_is_opened_by_await_where_a_loop_runs_already(server: FakeServer) -> None:
    stream = await connect(server.url)
    await stream.subscribe("BTCUSD")
    await server.publish("BTCUSD")
    assert [quote.seq for quote in await read(stream, 1)] == [1]
    await stream.close()
    await stream.close()


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("/crypto/quotes", "/crypto/quotes"),
        ("/a/b?x=1", "/a/b?x=1"),
        ("?x=1", "/?x=1"),
    ],
)
@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_urls(server: FakeServer, scheme: str, given: str, path: str) -> None:
    async with connect(f"{scheme}://localhost:{server.port}{given}"):
        assert [request.path for request in server.requests] == [path]


async def test_a_ticket_is_fetched_for_each_connection(server: FakeServer) -> None:
    tickets = iter(["one", "t/w&o"])

    async def fetch() -> str:
        return next(tickets)

    async with connect(server.url + "/quotes?x=1", ticket=fetch, reconnect=QUICK) as stream:
        server.cut()
        await read_until(stream, Disconnected)
        await server.connections(2)
    assert [request.path for request in server.requests] == [
        "/quotes?x=1&ticket=one",
        "/quotes?x=1&ticket=t%2Fw%26o",
    ]


@pytest.mark.parametrize(
    "options",
    [{"policy": "oldest"}, {"queue": 0}, {"api_key": "schlüssel"}, {"url": "ftp://x"}, {"url": "ws://:1"}],
)
async def test_options_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        connect(**{"url": "ws://127.0.0.1:1", **options})


async def test_positions_that_are_none(server: FakeServer) -> None:
    with pytest.raises(InvalidPositionError):
        await connect(server.url, positions={"crypto:BTCUSD": "7"})


class TestReconnect:
    @pytest.mark.parametrize("how", ["cut", "close"])
    async def test_what_was_subscribed_is_restored_and_what_was_missed_is_told(
        self, server: FakeServer, how: str
    ) -> None:
        heard: list[StreamEvent] = []
        async with connect(server.url, reconnect=QUICK, on_event=heard.append, strict=True) as stream:
            await stream.subscribe("BTCUSD", "ETHUSD", delivery=latest(100))
            await server.publish("BTCUSD", 3)
            await server.publish("ETHUSD", 3)
            assert len(await read(stream, 6)) == 6
            server.cut() if how == "cut" else await server.close(1011, "internal_error")
            await server.until(lambda: not server.open)
            await server.publish("BTCUSD", 5)
            await server.until(lambda: len(server.said) == 2)
            await server.publish("ETHUSD")
            assert [(q.symbol, q.seq, q.snapshot) for q in await read(stream, 2)] == [
                ("BTCUSD", 8, True), ("ETHUSD", 4, False)]  # fmt: skip
            assert stream.balance == (12, 8, 0, 4, 0)
            assert (stream.ledger.broken, stream.ledger.positions["crypto:BTCUSD"][-2:]) == (0, ":8")
        assert server.said[1]["symbols"] == ["crypto:BTCUSD", "crypto:ETHUSD"]
        assert server.said[1]["delivery"] == {"mode": "latest", "interval_ms": 100}
        (missed,) = [event for event in heard if isinstance(event, Gap)]
        assert (missed.name, missed.from_seq, missed.to_seq, missed.cause) == (
            "crypto:BTCUSD",
            4,
            7,
            "disconnected",
        )
        order = [type(event) for event in heard if isinstance(event, Connected | Disconnected | Gap)]
        assert order == [Connected, Disconnected, Connected, Gap]

    async def test_a_server_that_begins_anew(self, server: FakeServer) -> None:
        async with connect(server.url, reconnect=QUICK) as stream:
            await stream.subscribe("BTCUSD")
            await server.publish("BTCUSD", 3)
            await read(stream, 3)
            server.epoch, server.heads = NEXT_EPOCH, {"BTCUSD": 2}
            server.cut()
            events = [event for event in await read_until(stream, Quote) if isinstance(event, Gap | Quote)]
            ended, begun, newest = events
            assert isinstance(ended, Gap)
            assert isinstance(begun, Gap)
            assert (ended.from_seq, ended.to_seq, ended.next_epoch) == (4, None, NEXT_EPOCH)
            assert (begun.epoch, begun.from_seq, begun.to_seq) == (NEXT_EPOCH, 1, 1)
            assert (newest.seq, stream.positions["crypto:BTCUSD"]) == (2, f"{NEXT_EPOCH}:2")

    async def test_positions_outlive_the_program(self, server: FakeServer) -> None:
        async with connect(server.url) as stream:
            await stream.subscribe("BTCUSD")
            await server.publish("BTCUSD", 3)
            await read(stream, 2)
            saved = stream.positions
        await server.publish("BTCUSD", 5)
        async with connect(server.url, positions=saved) as stream:
            await stream.subscribe("BTCUSD")
            gap, quote = [
                event for event in await read_until(stream, Quote) if isinstance(event, Gap | Quote)
            ]
            assert isinstance(gap, Gap)
            assert (gap.from_seq, gap.to_seq, quote.seq) == (3, 7, 8)

    async def test_a_request_waits_for_the_next_connection(self, server: FakeServer) -> None:
        async with connect(server.url, reconnect=QUICK) as stream:
            server.mute = True
            asked = asyncio.create_task(stream.subscribe("BTCUSD"))
            await server.until(lambda: len(server.said) == 1)
            server.mute = False
            server.cut()
            assert [each.symbol for each in await asyncio.wait_for(asked, 10)] == ["BTCUSD"]

    async def test_a_drained_server_says_when(self, server: FakeServer) -> None:
        async with connect(server.url, reconnect=Reconnect(first_s=60), random=lambda: 1.0) as stream:
            await server.send({"event": "drain", "deadline_ms": 1, "reconnect_in_ms": 40})
            await server.close(4000, "draining")
            lost = (await read_until(stream, Disconnected))[-1]
            assert isinstance(lost, Disconnected)
            assert lost.retry_in_s == 0.04
            assert str(lost.error) == "the server closed the connection: 4000 draining"
            await server.connections(2)

    async def test_what_it_said_holds_for_one_attempt(self, server: FakeServer) -> None:
        async with connect(server.url, reconnect=Reconnect(first_s=0.02), random=lambda: 1.0) as stream:
            server.refusals = [Refusal(502, "", "")]
            await server.send({"event": "drain", "deadline_ms": 1, "reconnect_in_ms": 30})
            await server.close(4000, "draining")
            waits = [(await read_until(stream, Disconnected))[-1] for _ in range(2)]
            assert [lost.retry_in_s for lost in waits if isinstance(lost, Disconnected)] == [0.03, 0.04]
            await server.connections(3)

    async def test_refusals_on_the_way_are_events_until_one_is_for_good(self, server: FakeServer) -> None:
        async with connect(server.url, reconnect=QUICK) as stream:
            server.refusals = [
                Refusal(503, "draining", "going down", 0),
                Refusal(502, "", ""),
                Refusal(401, "key_revoked", "this API key was revoked"),
            ]
            server.cut()
            events: list[StreamEvent] = []
            with pytest.raises(AuthenticationError) as ended:
                async with asyncio.timeout(10):
                    async for event in stream.events():
                        events.append(event)
        assert ended.value.reason == "key_revoked"
        lost = [type(event.error) for event in events if isinstance(event, Disconnected)]
        assert lost == [ConnectionClosedError, ServerDrainingError, RefusedError]

    async def test_attempts_are_bounded(self, server: FakeServer) -> None:
        async with connect(server.url, reconnect=Reconnect(first_s=0.01, attempts=3)) as stream:
            server.refusals = [Refusal(503, "draining", "m")] * 9
            server.cut()
            assert isinstance(await ending(stream), ServerDrainingError)
        assert len(server.requests) == 4

    async def test_without_reconnect_the_first_loss_is_the_end(self, server: FakeServer) -> None:
        async with connect(server.url, reconnect=None) as stream:
            await stream.subscribe("BTCUSD")
            await server.publish("BTCUSD", 2)
            server.mute = True
            asked = asyncio.create_task(stream.ping())
            await server.until(lambda: len(server.said) == 2)
            server.cut()
            assert [quote.seq for quote in await read(stream, 2)] == [1, 2], "what came is read first"
            error = await ending(stream)
            assert isinstance(error, ConnectionClosedError)
            assert (error.code, str(error)) == (1006, "the connection to the server is lost")
            with pytest.raises(ConnectionClosedError):
                await asked

    @pytest.mark.parametrize(
        ("code", "reason"), [(4500, "key_revoked"), (4502, "session_replaced"), (4999, "new")]
    )
    async def test_closes_that_say_stay_away(self, server: FakeServer, code: int, reason: str) -> None:
        async with connect(server.url, reconnect=QUICK) as stream:
            await server.close(code, reason)
            error = await ending(stream)
        assert isinstance(error, ConnectionClosedError)
        assert (error.code, error.reason) == (code, reason)
        assert len(server.requests) == 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "reason", "kind"),
        [
            (400, "subprotocol_unknown", RefusedError),
            (401, "key_unknown", AuthenticationError),
            (403, "plan_without_class", PlanError),
            (404, "not_found", NotFoundError),
            (429, "too_many_connections", RateLimitedError),
            (503, "draining", ServerDrainingError),
        ],
    )
    async def test_are_typed(
        self, server: FakeServer, status: int, reason: str, kind: type[RefusedError]
    ) -> None:
        server.refusals = [Refusal(status, reason, "in words")] * 2
        for options in ({}, {"reconnect": None}):
            with pytest.raises(RefusedError) as refused:
                await connect(server.url, api_key=KEY, **options)
            assert type(refused.value) is kind
            assert (refused.value.status, refused.value.reason, refused.value.message) == (
                status,
                reason,
                "in words",
            )
            assert str(refused.value) == f"{status} {reason}: in words"

    async def test_one_that_says_when_to_come_back_is_waited_for(self, server: FakeServer) -> None:
        server.refusals = [Refusal(429, "too_many_connections", "m", 1), Refusal(503, "draining", "m", 0)]
        began_s = time.monotonic()
        async with connect(server.url, random=lambda: 0.0):
            assert time.monotonic() - began_s >= 1
        assert len(server.requests) == 3

    async def test_but_not_for_ever(self, server: FakeServer) -> None:
        server.refusals = [Refusal(429, "too_many_connections", "m", 3600)]
        with pytest.raises(RateLimitedError) as refused:
            await connect(server.url)
        assert refused.value.retry_after_s == 3600

    async def test_nobody_is_there(self, unused_tcp_port: int) -> None:
        with pytest.raises(UnreachableError, match="connection refused"):
            await connect(f"ws://127.0.0.1:{unused_tcp_port}?api-key={KEY}")

    async def test_another_dialect(self) -> None:
        fake = FakeServer()
        fake.subprotocol = None
        async with running(fake):
            with pytest.raises(ProtocolViolationError, match="does not speak"):
                await connect(fake.url)

    async def test_no_welcome(self, server: FakeServer) -> None:
        server.greeting = [{"event": "new"}]
        with pytest.raises(ProtocolViolationError, match="welcome"):
            await connect(server.url)

    async def test_what_is_no_message_ends_the_stream(self, server: FakeServer) -> None:
        async with connect(server.url) as stream:
            for connection in server.open:
                await connection.send("hello")
            assert isinstance(await ending(stream), ProtocolViolationError)


async def test_the_key_is_nowhere_to_be_read(server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"ws://me:{KEY}@127.0.0.1:{server.port}/?api-key={KEY}"
    written: list[str] = []
    async with connect(url, api_key=KEY, ticket=KEY, reconnect=QUICK) as stream:
        written += [repr(stream), repr(await stream.subscribe("BTCUSD")), repr(asyncio.all_tasks())]
        server.refusals = [Refusal(401, "key_revoked", "m")]
        server.cut()
        written.append(repr(await ending(stream)))
    server.refusals = [Refusal(401, "key_revoked", "m")]
    with pytest.raises(AuthenticationError) as refused:
        await connect(url, api_key=KEY)
    written += [repr(refused.value), repr(refused.value.__cause__), repr(connect(url, api_key=KEY))]
    written += [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert "Secret" not in "".join(written)
    assert f"<Stream ws://127.0.0.1:{server.port}/>" in written


async def test_a_broken_law_is_an_event_or_the_end(server: FakeServer) -> None:
    async with connect(server.url) as stream, connect(server.url, strict=True) as strict:
        for each in (stream, strict):
            await each.subscribe("BTCUSD")
        server.heads["BTCUSD"] = 4
        await server.publish("BTCUSD")
        events = [event for event in await read_until(stream, Quote) if not isinstance(event, Connected)][1:]
        assert [type(event) for event in events] == [Violation, Gap, Quote]
        assert stream.ledger.broken == 1
        with pytest.raises(ProtocolViolationError, match="crypto:BTCUSD: seq 5 after 0"):
            await read(strict, 1)


class TestQueue:
    async def test_newest_gives_way_to_newer_ones_and_counts(self, server: FakeServer) -> None:
        async with connect(server.url, queue=20) as stream:
            await stream.subscribe("BTCUSD", "ETHUSD")
            for _ in range(50):
                await server.publish("BTCUSD", 3)
                await server.publish("ETHUSD", 1)
            await stream.ping()
            quotes = {quote.symbol: quote for quote in await read(stream, 2)}
            assert (quotes["BTCUSD"].seq, quotes["BTCUSD"].skipped) == (150, 149)
            assert (quotes["ETHUSD"].seq, quotes["ETHUSD"].skipped) == (50, 49)
            assert stream.balance == (200, 2, 198, 0, 0)
            assert stream.ledger.broken == 0

    async def test_a_reader_that_never_waits_leaves_the_loop_its_turns(self, server: FakeServer) -> None:
        async with connect(server.url) as stream:
            await stream.subscribe("BTCUSD")
            await server.publish("BTCUSD", 1_000)
            await stream.ping()
            turns = 0

            async def count_turns() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.create_task(count_turns())
            await read(stream, 1_000)
            counting.cancel()
            assert turns >= 10

    async def test_block_stops_reading_and_loses_nothing(self, server: FakeServer) -> None:
        async with connect(server.url, queue=20, policy="block") as stream:
            await stream.subscribe("BTCUSD")

            async def publish() -> None:
                for _ in range(2_000):
                    await server.publish("BTCUSD", 10)

            publishing = asyncio.create_task(publish())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(publishing), 0.5)
            held = stream.balance
            assert held.pending == held.published - held.delivered < 100
            quotes = await read(stream, 20_000)
            assert [quote.seq for quote in quotes] == list(range(1, 20_001))
            await publishing

    async def test_block_answers_who_asks_while_the_queue_is_full(self, server: FakeServer) -> None:
        async with connect(server.url, queue=2, policy="block") as stream:
            await stream.subscribe("BTCUSD")
            await server.publish("BTCUSD", 5)
            await read(stream, 1)
            async with asyncio.timeout(5):
                for _ in range(3):
                    await server.publish("BTCUSD", 5)
                    await stream.ping()
                assert (await stream.subscribe("ETHUSD"))[0].ok
            assert [quote.seq for quote in await read(stream, 19)] == list(range(2, 21))
