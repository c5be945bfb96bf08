"""What binds one open connection: how fast its client may talk, what it may have, and the drain."""

import msgspec
import pytest
from websockets.frames import Frame, Opcode

from tradewatch.access.key import mint
from tradewatch.access.permit import Permit, Permits
from tradewatch.access.plan import Plans
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.limits import ConnectionLimits

BOTH = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


# How fast a client may talk.


async def test_messages_beyond_the_rate_are_answered_then_ignored_and_then_the_end(start, tools):
    rig = await start()
    rig.gateway.prepare = lambda channel: setattr(channel, "messages_per_10_s", 5)
    client, channel = await rig.open()
    for number in range(5 + 10):
        client.frame(b"%d" % number)
    for _ in range(3):
        opcode, payload = await client.next_frame()
        assert opcode == Opcode.TEXT
        assert msgspec.json.decode(payload)["code"] == "too_many_messages"
    assert b"".join(b"".join(messages) for messages in channel.messages) == b"01234"
    assert channel.told.count("refused") == 3
    client.frame(b"one too many")
    assert await client.close_frame() == (4004, "too_many_messages")
    client.leave()
    await tools.until(lambda: not rig.protocols)
    assert rig.counters.closed == {"too_many_messages": 1}
    assert rig.counters.messages_in == 5


async def test_the_next_ten_seconds_are_new_but_not_for_ever(start, tools):
    rig = await start()
    rig.gateway.prepare = lambda channel: setattr(channel, "messages_per_10_s", 2)
    client, channel = await rig.open()
    for window in (1, 2):
        for _ in range(3):
            client.frame(b"x")
        await tools.until(lambda window=window: channel.told.count("refused") == window)
        assert sum(map(len, channel.messages)) == 2 * window
        assert (await client.next_frame())[0] == Opcode.TEXT, "a word of warning"
        rig.gateway.clock.advance(10)
    for _ in range(3):
        client.frame(b"x")
    assert await client.close_frame() == (4004, "too_many_messages"), "two windows in a row were forgiven"


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
async def test_control_frames_are_counted_as_messages_are(start, tools, opcode):
    rig = await start()
    rig.gateway.prepare = lambda channel: setattr(channel, "messages_per_10_s", 5)
    client, channel = await rig.open()
    for _ in range(5):
        client.frame(b"", opcode)
    client.frame(b"not heard")
    await tools.until(lambda: "refused" in channel.told)
    assert channel.messages == []


async def test_small_fragments_are_counted_and_large_ones_are_bound_by_the_message(start, tools):
    rig = await start()
    rig.gateway.prepare = lambda channel: setattr(channel, "messages_per_10_s", 5)
    client, channel = await rig.open()
    for number in range(20):
        client.frame(b"x" * 1_024, Opcode.CONT if number else Opcode.TEXT, fin=False)
    client.frame(b"", Opcode.CONT)
    await tools.until(lambda: channel.messages == [[b"x" * 20_480]])
    for number in range(5 + 10):
        client.frame(b"x", Opcode.CONT if number else Opcode.TEXT, fin=False)
    assert (await client.next_frame())[0] == Opcode.TEXT, "a word of warning"
    client.frame(b"x", Opcode.CONT, fin=False)
    opcode, _ = await client.next_frame()
    while opcode == Opcode.TEXT:
        opcode, _ = await client.next_frame()
    assert opcode == Opcode.CLOSE


# What a client may have, when that changes.


def permit_with(**plan: object) -> Permit:
    permit = Permits(Plans({"p": plan}), ConnectionLimits()).of(mint(name="n", plan="p", now_ns=0)[0])
    assert permit is not None
    return permit


@BOTH
async def test_a_permit_that_fits_is_told_to_the_channel_and_binds_the_rate_of_messages(start, tools, tls):
    rig = await start(tls=tls)
    client, channel = await rig.open(tools.request(extra=["api-key: a"]))
    for _ in range(3):
        client.frame(b"x")
    await tools.until(lambda: sum(map(len, channel.messages)) == 3)
    permit = permit_with()
    channel.messages_per_10_s = 3
    rig.gateway.connections.permit_key("a", lambda member: permit)
    assert channel.log[-1] == ("permitted", permit)
    client.frame(b"one more than three")
    opcode, payload = await client.next_frame()
    assert (opcode, msgspec.json.decode(payload)["code"]) == (Opcode.TEXT, "too_many_messages")


@BOTH
@pytest.mark.parametrize("why", ["it does not fit", "nothing is permitted", "its key has too many"])
async def test_a_connection_that_no_longer_fits_is_closed(start, tools, tls, why):
    rig = await start(tls=tls)
    other, other_channel = await rig.open(tools.request(extra=["api-key: a"]))
    other_channel.echoes = True
    client, channel = await rig.open(tools.request(extra=["api-key: a"]))
    permit = permit_with(connections=1 if why == "its key has too many" else 10)
    channel.fits = why != "it does not fit"
    nothing = {channel.connection} if why == "nothing is permitted" else set()
    rig.gateway.connections.permit_key("a", lambda member: None if member in nothing else permit)
    assert await client.close_frame() == (4005, "plan_changed")
    client.leave()
    await tools.until(lambda: len(rig.protocols) == 1)
    assert rig.counters.closed == {"plan_changed": 1}
    other.frame(b"still here")
    assert await other.next_frame() == (Opcode.TEXT, b"still here")


async def test_a_connection_that_is_closing_has_no_permit_any_more(start, tools):
    rig = await start()
    client, channel = await rig.open(tools.request(extra=["api-key: a"]))
    channel.connection.close(CloseCode.KEY_REVOKED)
    rig.gateway.connections.permit_key("a", lambda member: None)
    assert await client.close_frame() == (4500, "key_revoked")
    assert "permitted" not in channel.told


async def test_a_drain_is_announced_before_the_close(start, tools):
    rig = await start(drain_s=0.5)
    rig.gateway.prepare = lambda channel: setattr(channel, "draining_code", CloseCode.DRAINING)
    opened = [await rig.open() for _ in range(2)]
    rig.server.should_exit = True
    for number, (client, channel) in enumerate(opened):
        assert await client.close_frame() == (4000, "draining")
        assert ("draining", 500, number * 500) in channel.log
        client.leave()
    await tools.until(lambda: not rig.protocols)


async def test_messages_of_one_read_wait_while_their_answers_do(start, tools):
    """Many requests in one segment: a client that does not read does not make us write all the answers."""
    rig = await start(limits=ConnectionLimits(send_buffer_bytes=64 << 10, send_buffer_low_bytes=16 << 10))
    answer = b"x" * (100 << 10)

    def prepare(channel) -> None:
        channel.messages_per_10_s = 1_000
        received = channel.received

        def answering(messages) -> None:
            received(messages)
            for _ in messages:
                channel.connection.send(answer)

        channel.received = answering

    rig.gateway.prepare = prepare
    client, channel = await rig.open(limit=1_024)
    client.say(Frame(Opcode.TEXT, b"all").serialize(mask=True) * 100)
    await tools.until(lambda: "paused" in channel.told)
    handed_over = len([message for messages in channel.messages for message in messages])
    assert handed_over <= 16
    assert not channel.connection.transport.is_reading()
    for _ in range(100):
        assert await client.next_frame() == (Opcode.TEXT, answer)
    assert sum(map(len, channel.messages)) == 100
    await tools.until(channel.connection.transport.is_reading)
