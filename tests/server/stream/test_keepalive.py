"""The keep-alive over real sockets, with a clock that the test moves."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.frames import Opcode

from tradewatch.clock import ManualClock
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.stream.keepalive import KeepAlive
from tradewatch.server.stream.registry import Connections

BOTH = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@BOTH
async def test_a_client_that_never_pongs_is_closed_and_cut_off(start, tools, tls):
    rig = await start(tls=tls)
    client, channel = await rig.open()
    for _ in range(59):
        rig.pass_time(1)
    assert channel.told == ["opened"]
    for _ in range(2):  # a third fits in where the first came early
        assert await client.next_frame() == (Opcode.PING, b"")
    rig.pass_time(1)
    assert await client.close_frame() == (4002, "pong_timeout")
    rig.pass_time(9)
    assert len(rig.protocols) == 1
    rig.pass_time(1)
    await tools.until(lambda: not rig.protocols)
    assert channel.told == ["opened", "closed"]
    assert rig.counters.closed == {"pong_timeout": 1}


async def test_a_real_client_answers_and_stays(start, tools):
    rig = await start()
    rig.gateway.prepare = lambda channel: setattr(channel, "echoes", True)
    address = f"ws://127.0.0.1:{rig.server.port}/currencies/quotes"
    async with connect(address, subprotocols=["tradewatch.v1"], ping_interval=None) as client:
        assert client.subprotocol == "tradewatch.v1"
        for _ in range(20):
            rig.pass_time(20)
            await client.send("still here")
            assert await client.recv() == "still here"
    await tools.until(lambda: rig.counters.closed == {"client": 1})


async def test_a_connection_without_subscriptions_is_closed_after_the_idle_time(start, tools):
    rig = await start()
    client, channel = await rig.open()
    rig.pass_time(40)
    channel.in_use = False
    for _ in range(2):
        assert await client.next_frame() == (Opcode.PING, b"")
        client.frame(b"", Opcode.PONG)
        await tools.until(lambda: channel.connection._pulse.heard)
        rig.pass_time(29.5)
    rig.pass_time(1)
    assert await client.close_frame() == (4001, "idle")


SMALL = ConnectionLimits(send_buffer_bytes=64 << 10, send_buffer_low_bytes=16 << 10)


@BOTH
async def test_a_client_that_takes_nothing_is_too_slow(start, tools, tls):
    rig = await start(limits=SMALL, tls=tls)
    _, channel = await rig.open(limit=1_024)
    await tools.overwhelm(channel)
    rig.pass_time(1)
    rig.pass_time(29)
    assert len(rig.protocols) == 1
    rig.pass_time(1)
    rig.pass_time(10)
    await tools.until(lambda: not rig.protocols)
    assert rig.counters.closed == {"too_slow": 1}


async def test_a_client_that_is_behind_gets_no_ping_on_top(start, tools):
    rig = await start(limits=SMALL)
    _, channel = await rig.open(limit=1_024)
    await tools.overwhelm(channel)
    before = rig.counters.bytes_out
    rig.pass_time(25)
    assert rig.counters.bytes_out == before


@BOTH
async def test_a_client_that_takes_little_is_left_alone(start, tools, tls):
    rig = await start(limits=SMALL, tls=tls)
    client, channel = await rig.open(limit=1_024)
    for _ in range(10):
        await tools.overwhelm(channel)
        before = channel.connection.taken_bytes
        while channel.connection.taken_bytes == before:
            await client.next_frame()
        rig.pass_time(25)
    assert rig.counters.closed == {}
    assert len(rig.protocols) == 1


async def test_pings_are_spread_over_their_interval(start):
    rig = await start()
    for _ in range(60):
        await rig.open()
    pings = []
    for _ in range(20):
        before = rig.counters.bytes_out
        rig.pass_time(1)
        pings.append((rig.counters.bytes_out - before) // 2)
    assert sum(pings) == 60
    assert max(pings) <= 6


async def test_a_fault_in_a_channel_does_not_keep_the_sweep_from_the_others(start, caplog):
    rig = await start()

    class Broken:
        @property
        def in_use(self) -> bool:
            raise RuntimeError("a fault in in_use")

    first, first_channel = await rig.open()
    second, _ = await rig.open()
    first_channel.__class__ = type("BrokenRecorder", (Broken, type(first_channel)), {})
    rig.pass_time(60)
    assert await first.close_frame() == (1011, "internal_error")
    assert await second.close_frame() == (4002, "pong_timeout")
    assert "a fault in in_use" in caplog.text


async def test_the_close_of_a_peer_that_stays_silent_is_cut_off(start, tools):
    rig = await start()
    client, channel = await rig.open()
    channel.connection.close(CloseCode.PLAN_CHANGED)
    assert await client.close_frame() == (4005, "plan_changed")
    rig.pass_time(10)
    await tools.until(lambda: not rig.protocols)
    assert rig.counters.closed == {"plan_changed": 1}


class Visited:
    """A member that counts its visits."""

    def __init__(self) -> None:
        self.visits: list[float] = []

    def check(self, now_s: float) -> None:
        self.visits.append(now_s)


async def test_a_sweep_visits_everybody_and_lets_the_loop_run_between_slices(monkeypatch):
    monkeypatch.setattr("tradewatch.server.stream.keepalive._INTERVAL_S", 0)
    connections = Connections(max_connections=10_000)
    members = [Visited() for _ in range(2_500)]
    for member in members:
        connections.add(member)
    clock = ManualClock()
    clock.advance(5)
    turns = []
    task = asyncio.create_task(KeepAlive(connections, clock).run())
    while not members[-1].visits:
        await asyncio.sleep(0)
        turns.append(sum(1 for member in members if member.visits))
    task.cancel()
    assert {1_000, 2_000, 2_500} <= set(turns)
    assert {visit for member in members for visit in member.visits} == {5.0}
