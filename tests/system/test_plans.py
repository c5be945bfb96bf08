"""Plans on a real server: each of their limits, for both dialects, and what happens when they change."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.system.server import Server, receive
from tests.system.test_v2 import client, publish
from tests.system.v2_client import JSON, MSGPACK, Event, V2Client, closing

PLAN_CHANGED = (4005, "plan_changed")
#: A change of a plan takes effect within this, once the command that made it is back.
PROMISE_S = 1.0


@pytest.fixture
def serve_plans(serve: Any, tmp_path: Path) -> Callable[..., Server]:
    """Starts servers with these plans: TOML, each table without its `plans.`."""

    def start(plans: str, *arguments: str) -> Server:
        write_plans(tmp_path, plans)
        server: Server = serve("--config", str(tmp_path / "tradewatch.toml"), *arguments)
        return server

    return start


def write_plans(folder: Path, plans: str) -> None:
    (folder / "tradewatch.toml").write_text(plans.replace("[", "[plans.", 1).replace("\n[", "\n[plans."))


async def until_closed(one: V2Client) -> tuple[int, str]:
    """Code and reason of the close that a client gets."""
    async with asyncio.timeout(15):
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await one.take()
    return closing(closed.value)


async def until(condition: Callable[[], bool]) -> None:
    """Come back when it holds; fail when it does not in time."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


# Quotes a second.

RATE = 500
MOST = 50
NAMES = [f"SYM{number:05}" for number in range(100)]
#: What may come beyond it: the second that was saved up, what was live until it was first looked at, and one
#: look's worth of a snapshot.
BEYOND = MOST + RATE // 4 + 256


async def heard_in(one: V2Client, seconds: float) -> tuple[int, float]:
    """Quotes that come in about so many seconds, and the seconds."""
    before, began_s = len(one.quotes), time.monotonic()
    while time.monotonic() - began_s < seconds:
        await one.take()
    return len(one.quotes) - before, time.monotonic() - began_s


async def plain_heard_in(stream: Any, seconds: float) -> tuple[int, float]:
    """The same for a client of v1."""
    count, began_s = 0, time.monotonic()
    while time.monotonic() - began_s < seconds:
        count += "bid" in json.loads(await stream.recv())
    return count, time.monotonic() - began_s


def balance(one: V2Client, heartbeat: Event) -> None:
    """A heartbeat that has just come says what the client has counted."""
    assert heartbeat["delivered"] == len(one.quotes)
    assert heartbeat["skipped"] == one.skipped
    parts = ("delivered", "skipped", "missing", "pending")
    assert heartbeat["published"] == sum(heartbeat[part] for part in parts)
    assert heartbeat["missing"] == 0


def acme(number: int) -> str:
    """A batch of one quote, whose bid is its number."""
    quote = {"asset_class": "crypto", "symbol": "ACME", "timestamp": "1767389239253"}
    quotes = [{**quote, "bid": str(number), "ask": "99"}]
    return json.dumps({"action": "publish", "producer": "desk", "batch": number, "quotes": quotes})


def bare(quote: Event) -> Event:
    """A quote without what may differ from one connection to the other."""
    return {name: value for name, value in quote.items() if name not in ("flags", "skipped", "snapshot")}


async def test_beyond_its_quotes_a_second_a_client_gets_the_newest_of_each_symbol(
    serve_plans: Callable[..., Server],
) -> None:
    server = serve_plans(
        f"[demo]\nmax_quotes_per_s = {MOST}\n",
        "--feed",
        f"simulated?symbols=100&rate={RATE}&prefix=SYM&class=crypto",
    )
    free_key = server.create_key("free")
    async with (
        client(server) as one,
        client(server, subprotocol=MSGPACK) as two,
        client(server, key=free_key) as free,
        client(server, "/crypto/quotes") as modest,
        server.stream("/") as plain,
        server.stream("/publish") as publisher,
    ):
        await receive(publisher)
        await publisher.send(acme(1))
        await receive(publisher)
        await modest.ask("subscribe", symbols=["ACME"])
        await asyncio.gather(*(each.ask("subscribe", symbols=NAMES) for each in (one, two, free)))
        starts = [dict(each.positions) for each in (one, two, free)]
        await plain.send(json.dumps({"action": "subscribe", "symbols": NAMES}))
        async with asyncio.TaskGroup() as tasks:
            measured = [tasks.create_task(heard_in(each, 6)) for each in (one, two, free)]
            measured.append(tasks.create_task(plain_heard_in(plain, 6)))
            for number in range(2, 42):  # ten a second
                await asyncio.sleep(0.1)
                await publisher.send(acme(number))
                await modest.until_position("crypto:ACME", number)
        for count, seconds in (measured[0].result(), measured[1].result(), measured[3].result()):
            assert MOST * (seconds - 2) < count < MOST * seconds + BEYOND
        count, seconds = measured[2].result()
        assert count > 3 * MOST * seconds
        assert (free.skipped, modest.skipped) == (0, 0)
        assert [quote["bid"] for quote in modest.quotes] == [str(number) for number in range(1, 42)]
        for each, start in zip((one, two, free), starts, strict=True):
            balance(each, await each.event(event="heartbeat"))
            moved = sum(seq - start.get(name, 0) for name, seq in each.positions.items())
            assert moved == len(each.quotes) + each.skipped, "every seq came or was counted as skipped"
        assert one.skipped > 3 * MOST
    heard = {(quote["symbol"], quote["seq"]): quote for quote in free.quotes}
    shared = [quote for quote in one.quotes if (quote["symbol"], quote["seq"]) in heard]
    assert len(shared) > MOST
    for quote in shared:
        assert bare(quote) == bare(heard[quote["symbol"], quote["seq"]])


# Delayed data.

DELAY_S = 3
SYMBOLS = [f"S{number}" for number in range(10)]


class Watched(V2Client):
    """A client that reads all the time, and notes when each of its quotes came."""

    def __init__(self, stream: ClientConnection) -> None:
        super().__init__(stream)
        self.arrived_ns: list[int] = []

    async def read(self) -> None:
        """Take in everything until the server is gone."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.take()

    async def at(self, seq: int) -> None:
        """Come back once all symbols stand there."""
        await until(lambda: {self.positions[f"crypto:{symbol}"] for symbol in SYMBOLS} == {seq})

    def told(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["event"] == kind]

    def _note(self, event: Event) -> None:
        super()._note(event)
        if event["event"] == "quote":
            self.arrived_ns.append(time.time_ns())
        if event["event"] == "heartbeat":
            balance(self, event)


@contextlib.asynccontextmanager
async def watching(server: Server, **options: Any) -> AsyncIterator[Watched]:
    """A client of all crypto that reads."""
    async with server.stream("/", subprotocol=JSON, **options) as stream:
        one = Watched(stream)
        await one.ask("subscribe", symbols=["crypto:*"])
        reading = asyncio.create_task(one.read())
        yield one
        reading.cancel()
        await asyncio.wait([reading])


async def publish_some(server: Server, first: int, *, batches: int, pause_s: float) -> None:
    """Publish batches of one quote of each symbol, with numbers from this one on."""
    for number in range(first, first + batches):
        rows = [(symbol, f"{number}.25", f"{number}.5") for symbol in SYMBOLS]
        await asyncio.to_thread(publish, server, number, *rows)
        await asyncio.sleep(pause_s)


def by_position(live: Watched) -> dict[tuple[str, int], Event]:
    """What a client without delay heard, by symbol and seq."""
    assert not any("delayed" in quote.get("flags", []) for quote in live.quotes)
    return {(quote["symbol"], quote["seq"]): quote for quote in live.quotes}


def same_as_live(late: Watched, live: dict[tuple[str, int], Event]) -> None:
    """What came late is what came live, value for value, and no sooner than it may."""
    for quote, arrived_ns in zip(late.quotes, late.arrived_ns, strict=True):
        assert arrived_ns - int(quote["received_ns"]) >= DELAY_S * 1_000_000_000
        assert "delayed" in quote["flags"]
        assert bare(quote) == bare(live[quote["symbol"], quote["seq"]])


def epoch_of(one: Watched) -> str:
    """The epoch in which a client's positions count."""
    epoch: str = one.told("subscribed")[0]["results"][1]["epoch"]
    return epoch


async def test_delayed_data_is_the_live_stream_some_seconds_later(
    serve_plans: Callable[..., Server],
) -> None:
    plans = f"[demo]\ndelay_s = {DELAY_S}\n"
    server = serve_plans(plans, "--feed", "none")
    live_key = server.create_key("live")
    await publish_some(server, 1, batches=1, pause_s=0)
    async with watching(server, key=live_key) as now, watching(server) as late:
        assert set(late.positions.values()) == {0}, "nothing is old enough to be shown"
        await publish_some(server, 2, batches=15, pause_s=0.1)
        await until(lambda: late.positions["crypto:S9"] >= 8)
        async with watching(server) as later:
            await later.at(16)
            snapshot = later.quotes[: len(SYMBOLS)]
            assert all(quote["snapshot"] for quote in snapshot)
            assert min(quote["seq"] for quote in snapshot) >= 8
            assert max(quote["seq"] for quote in snapshot) < 16, "the newest of then, not of now"
            assert later.skipped == 0
        await late.at(16)
        assert [quote["seq"] for quote in late.quotes if quote["symbol"] == "S0"] == list(range(1, 17))
        assert min(late.arrived_ns) - int(late.quotes[0]["received_ns"]) < 2 * DELAY_S * 1_000_000_000
        await until(lambda: bool(late.told("heartbeat")))
        await publish_some(server, 17, batches=2, pause_s=0)
        await now.at(18)
        live = by_position(now)
        server.kill()
    same_as_live(late, live)
    same_as_live(later, live)

    server = serve_plans(plans, "--feed", "none")
    async with watching(server, key=live_key) as now, watching(server) as after:
        await publish_some(server, 100, batches=5, pause_s=0.05)
        await after.at(23)
        live |= by_position(now)
        assert after.skipped == 0
        assert {quote["seq"] for quote in after.quotes if quote["symbol"] == "S9"} >= set(range(18, 24))
        await until(lambda: bool(after.told("heartbeat")))
    same_as_live(after, live)
    assert epoch_of(after) == epoch_of(late)


# What a plan shows, and a plan that changes.


async def refusal(server: Server, path: str, key: str | None = None) -> dict[str, Any]:
    """The error with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as refused:
        await server.stream(path, key=key)
    error: dict[str, Any] = json.loads(refused.value.response.body)["error"]
    return error


def codes(answer: Event) -> list[str | None]:
    """What is wrong with each name of a subscribe; None where nothing is."""
    return [result.get("code") for result in answer["results"]]


async def test_classes_wildcard_and_symbols_bind_and_a_signal_brings_new_ones(
    serve_plans: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve_plans(
        """[demo]
asset_classes = ["crypto", "stocks"]
wildcard = false
symbols = 3
""",
        "--feed",
        "simulated?symbols=20&rate=20",
    )

    async def replan(plans: str, said: str) -> None:
        known = server.errors.count(said)
        write_plans(tmp_path, plans)
        server.process.send_signal(signal.SIGHUP)
        await until(lambda: server.errors.count(said) > known)

    publish(server, 1, *((symbol, "1", "2") for symbol in ("A1", "A2", "A3", "A4")))
    reason = (await refusal(server, "/currencies/quotes"))["reason"]
    assert reason == "plan_without_class"
    async with client(server) as one, server.stream("/crypto/quotes") as plain:
        await receive(plain)
        await plain.send('{"action": "subscribe", "symbols": ["A1", "*"]}')
        error, status = await receive(plain, 2)
        assert (error["code"], status["symbols"]) == ("wildcard_not_included", ["A1"])
        answer = await one.ask(
            "subscribe", symbols=["A1", "crypto:*", "currencies:EURUSD", "A2", "A3", "crypto:A4"]
        )
        wrong = [None, "wildcard_not_included", "symbol_not_included", None, None, "too_many_symbols"]
        assert codes(answer) == wrong

        await replan("[demo]\nsymbols = 3\nconnections = 2\n", "the plans of the settings are in force")
        limits = (await one.event(event="limits"))["limits"]
        assert (limits["symbols"], limits["wildcard"]) == (3, True)
        assert codes(await one.ask("subscribe", symbols=["currencies:EURUSD"])) == ["too_many_symbols"]
        refused = await refusal(server, "/")
        assert (refused["code"], refused["reason"]) == (429, "too_many_connections")
        assert [holder["address"] for holder in refused["holders"]] == ["127.0.0.1"] * 2

        heard = len(one.events)
        for broken in ("[demo]\nsymbols = 0\n", "[demo\n", "[demo]\nsymbol = 1\n"):
            await replan(broken, "the plans stay as they were")
        assert codes(await one.ask("subscribe", symbols=["currencies:EURUSD"])) == ["too_many_symbols"]
        assert not any(event["event"] == "limits" for event in one.events[heard:])
        await replan("[demo]\nsymbols = 3\nconnections = 2\n", "the plans of the settings are in force")
        await one.ask("ping")
        assert not any(event["event"] == "limits" for event in one.events[heard:]), "nothing has changed"

        await replan("[demo]\nsymbols = 2\nwebsocket = true\n", "the plans of the settings are in force")
        assert await until_closed(one) == PLAN_CHANGED
        await plain.send('{"action": "ping"}')
        while "pong" not in json.loads(await plain.recv()).values():
            pass
        await replan("[demo]\nwebsocket = false\n", "the plans of the settings are in force")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await plain.recv()
        assert closing(closed.value) == PLAN_CHANGED
    assert (await refusal(server, "/"))["reason"] == "plan_without_websocket"
    assert server.get("/health/ready").status_code == 200, "the server's own connection is on no plan"
    assert "Traceback" not in server.errors


async def test_a_key_on_another_plan_keeps_the_connections_that_fit(
    serve_plans: Callable[..., Server], tmp_path: Path
) -> None:
    plans = """[few]
symbols = 2

[coins]
asset_classes = ["crypto"]

[one]
connections = 1

[late]
delay_s = 1
"""
    server = serve_plans(plans, "--feed", "none")
    publish(server, 1, *((symbol, "1", "2") for symbol in ("A1", "A2", "A3")))
    key = server.create_key("desk")
    other = server.create_key("other")
    config = str(tmp_path / "tradewatch.toml")

    async def change(plan: str) -> None:
        await asyncio.to_thread(server.keys, "change", "desk", "--plan", plan, "--config", config)

    async with contextlib.AsyncExitStack() as opened:

        async def subscribed(*symbols: str, **options: Any) -> V2Client:
            made = await opened.enter_async_context(client(server, **{"key": key, **options}))
            await made.ask("subscribe", symbols=list(symbols))
            return made

        small = await subscribed("A1", "A2")
        large = await subscribed("A1", "A2", "A3")
        strange = await subscribed("currencies:EURUSD")
        others = await subscribed("A1", "A2", "A3", "currencies:EURUSD", key=other)

        await change("few")
        changed_s = time.monotonic()
        assert (await small.event(event="limits"))["limits"]["symbols"] == 2
        assert await until_closed(large) == PLAN_CHANGED
        assert (await strange.event(event="limits"))["limits"]["symbols"] == 2
        assert time.monotonic() - changed_s < PROMISE_S
        assert codes(await strange.ask("subscribe", symbols=["A1", "A2"])) == [None, "too_many_symbols"]

        await change("coins")
        assert await until_closed(strange) == PLAN_CHANGED
        assert (await small.event(event="limits"))["limits"]["symbols"] == 10_000

        newest = [await subscribed("A1", subprotocol=MSGPACK) for _ in range(2)]
        await change("one")
        assert [await until_closed(each) for each in newest] == [PLAN_CHANGED] * 2
        publish(server, 2, ("A1", "3", "4"))
        await small.until_position("crypto:A1", 2)
        assert (await small.ask("ping"))["event"] == "pong"

        await change("late")
        assert await until_closed(small) == PLAN_CHANGED, "a connection has its delay for life"
        await others.until_position("crypto:A1", 2)
        assert (await others.ask("ping"))["event"] == "pong"
        assert not any(event["event"] == "limits" for event in others.events)
