"""One WebSocket connection over real sockets: handshake, messages, violations, flow, endings."""

import asyncio
import gc
import logging

import msgspec
import pytest
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.frame import text_frame
from tradewatch.protocol.limits import ConnectionLimits

BOTH = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


# The opening handshake.


@BOTH
async def test_a_handshake_tells_the_gateway_what_was_asked(start, tools, tls):
    rig = await start(tls=tls)
    client = await rig.client()
    client.say(tools.request("/crypto%2Dx/quotes?api-key=k%20y&a=1&a=2&empty=", extra=["API-Key: secret"]))
    answer = await client.answer()
    assert answer.status == 101
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert answer.headers["tradewatch-simulated"] == "true"
    assert "sec-websocket-protocol" not in answer.headers
    (channel,) = rig.gateway.channels
    assert channel.head.path == "/crypto-x/quotes"
    assert channel.head.query == {"api-key": "k y", "a": "2", "empty": ""}
    assert channel.head.headers["api-key"] == "secret"
    assert channel.head.address == "127.0.0.1"
    assert channel.told == ["opened"]
    assert rig.counters.opened == 1


async def test_an_absolute_target_is_understood(start, tools):
    rig = await start()
    _, channel = await rig.open(tools.request("http://localhost/crypto/quotes?a=1"))
    assert (channel.head.path, channel.head.query) == ("/crypto/quotes", {"a": "1"})


async def test_nothing_of_the_request_is_kept_while_the_connection_lives(start, tools):
    def held() -> int:
        gc.collect()
        return sum(isinstance(each, Request | Headers | ServerProtocol) for each in gc.get_objects())

    rig = await start()
    before = held()
    client, channel = await rig.open(tools.request("/crypto/quotes"))
    assert held() == before
    client.frame(b"still here")
    await tools.until(lambda: channel.messages)
    assert held() == before


async def test_two_slashes_are_a_path(start, tools):
    rig = await start()
    _, channel = await rig.open(tools.request("//crypto/quotes"))
    assert channel.head.path == "//crypto/quotes"


@pytest.mark.parametrize(
    ("wrong", "status", "reason", "header"),
    [
        pytest.param(
            {"Sec_WebSocket_Version": "8"}, 426, "upgrade_required", "sec-websocket-version", id="old"
        ),
        pytest.param(
            {"drop": ["Sec-WebSocket-Version"]},
            426,
            "upgrade_required",
            "sec-websocket-version",
            id="no version",
        ),
        pytest.param(
            {"extra": ["Upgrade: websocket"]}, 426, "upgrade_required", "upgrade", id="two upgrades"
        ),
        pytest.param({"drop": ["Sec-WebSocket-Key"]}, 400, "bad_request", None, id="no key"),
        pytest.param({"Sec_WebSocket_Key": "short"}, 400, "bad_request", None, id="bad key"),
        pytest.param({"method": "PUT"}, 405, "method_not_allowed", "allow", id="method"),
        pytest.param({"path": "/%zz"}, 400, "bad_request", None, id="bad escape"),
        pytest.param({"path": "/?a=%e"}, 400, "bad_request", None, id="bad escape in the query"),
        pytest.param({"path": "/%ff"}, 400, "bad_request", None, id="no UTF-8"),
        pytest.param({"path": "/?a=%ff"}, 400, "bad_request", None, id="no UTF-8 in the query"),
        pytest.param({"path": "/" + "x" * 9_000}, 431, "head_too_large", None, id="long line"),
        pytest.param({"Sec_WebSocket_Protocol": "a, b"}, 400, "subprotocol_unknown", None, id="subprotocol"),
        pytest.param({"Sec_WebSocket_Protocol": "a,,;"}, 400, "bad_request", None, id="no subprotocol"),
        pytest.param({"path": "/refused"}, 429, "too_many_attempts", "retry-after", id="the gateway's no"),
        pytest.param({"path": "/fault"}, 500, "internal_error", None, id="the gateway's fault"),
    ],
)
async def test_a_handshake_that_cannot_be_gets_an_answer(start, tools, wrong, status, reason, header):
    rig = await start()
    answer = await rig.ask(tools.request(**wrong))
    assert (answer.status, answer.reason) == (status, reason)
    assert answer.headers["content-type"] == "application/json"
    assert header is None or header in answer.headers
    assert rig.counters.refused == {reason: 1}
    assert rig.gateway.channels == []
    await tools.until(lambda: not rig.protocols)


async def test_a_refusal_says_when_to_come_back(start, tools):
    rig = await start()
    answer = await rig.ask(tools.request("/refused"))
    assert answer.headers["retry-after"] == "7"
    error = msgspec.json.decode(answer.body)["error"]
    assert error == {"code": 429, "message": "wait a little", "reason": "too_many_attempts"}


async def test_what_follows_a_refused_upgrade_is_nobodys(start, tools):
    rig = await start()
    early = Frame(Opcode.TEXT, b"early").serialize(mask=True)
    assert (await rig.ask(tools.request("/refused") + early)).status == 429
    assert rig.counters.refused == {"too_many_attempts": 1}


@pytest.mark.parametrize("offered", ["tradewatch.v1", "other.v9, tradewatch.v1", "a, b, tradewatch.v1, c"])
async def test_a_dialect_of_ours_is_chosen_among_others(start, tools, offered):
    rig = await start()
    client = await rig.client()
    client.say(tools.request(Sec_WebSocket_Protocol=offered))
    assert (await client.answer()).headers["sec-websocket-protocol"] == "tradewatch.v1"


# Messages.


@BOTH
async def test_messages_of_one_read_are_handed_over_together(start, tools, tls):
    rig = await start(tls=tls)
    client, channel = await rig.open()
    client.say(b"".join(Frame(Opcode.TEXT, b"%d" % n).serialize(mask=True) for n in range(3)))
    await tools.until(lambda: channel.messages == [[b"0", b"1", b"2"]])
    assert rig.counters.messages_in == 3


async def test_fragments_are_joined_with_pings_between_them(start, tools):
    rig = await start()
    client, channel = await rig.open()
    euro = "€".encode()
    client.frame(b"a" + euro[:1], fin=False)
    client.frame(b"alive?", Opcode.PING)
    for byte in euro[1:]:
        client.frame(bytes([byte]), Opcode.CONT, fin=False)
    client.frame(b"", Opcode.CONT)
    assert await client.next_frame() == (Opcode.PONG, b"alive?")
    await tools.until(lambda: channel.messages == [["a€".encode()]])


@BOTH
async def test_a_message_of_just_the_limit_is_taken_and_echoed(start, tls):
    rig = await start(tls=tls)
    rig.gateway.prepare = lambda channel: setattr(channel, "echoes", True)
    client, _ = await rig.open()
    client.frame(b"x" * (1 << 20))
    assert await client.next_frame() == (Opcode.TEXT, b"x" * (1 << 20))


async def test_finished_frames_are_written_as_they_are(start):
    rig = await start()
    client, channel = await rig.open()
    channel.connection.write(text_frame(b"one") + text_frame(b"two"))
    assert [await client.next_frame() for _ in range(2)] == [(1, b"one"), (1, b"two")]


def raw(first: int, second: int, payload: bytes = b"", mask: bytes = b"\0\0\0\0") -> bytes:
    """A frame of exactly these header bytes; a mask of zeros leaves the payload as it is."""
    return bytes([first, second]) + mask + payload


VIOLATIONS = [
    pytest.param(raw(0x81, 0x02, b"hi", mask=b""), 1002, id="unmasked"),
    pytest.param(raw(0xC1, 0x80), 1002, id="reserved bit 1"),
    pytest.param(raw(0xA1, 0x80), 1002, id="reserved bit 2"),
    pytest.param(raw(0x91, 0x80), 1002, id="reserved bit 3"),
    pytest.param(raw(0x83, 0x80), 1002, id="reserved opcode"),
    pytest.param(raw(0x8B, 0x80), 1002, id="reserved control opcode"),
    pytest.param(raw(0x09, 0x80), 1002, id="fragmented ping"),
    pytest.param(raw(0x89, 0xFE, b"x" * 126, mask=b"\0\x7e\0\0\0\0"), 1002, id="ping of 126 bytes"),
    pytest.param(raw(0x80, 0x80), 1002, id="continuation of nothing"),
    pytest.param(raw(0x01, 0x81, b"a") + raw(0x81, 0x81, b"b"), 1002, id="message inside a message"),
    pytest.param(raw(0x88, 0x81, b"\x03"), 1002, id="half a close code"),
    pytest.param(raw(0x88, 0x82, b"\x03\xed"), 1002, id="close code 1005"),
    pytest.param(raw(0x88, 0x83, b"\x03\xe8\xff"), 1007, id="close reason that is no UTF-8"),
    pytest.param(raw(0x81, 0x82, b"a\xff"), 1007, id="no UTF-8"),
    pytest.param(raw(0x01, 0x81, b"\xe2") + raw(0x80, 0x81, b"\x82"), 1007, id="no UTF-8 over two fragments"),
    pytest.param(raw(0x82, 0x81, b"x"), 1003, id="binary"),
    pytest.param(raw(0x02, 0x81, b"x"), 1003, id="fragmented binary"),
    pytest.param(raw(0x81, 0xFF, mask=(2**20 + 1).to_bytes(8, "big") + bytes(4)), 1009, id="1 MiB and 1"),
    pytest.param(
        Frame(Opcode.TEXT, b"x" * 2**20, fin=False).serialize(mask=True) + raw(0x80, 0x81, b"x"),
        1009,
        id="1 MiB and 1 over fragments",
    ),
    pytest.param(  # the parser counts a ping inside a message to its size
        Frame(Opcode.TEXT, b"x" * (2**20 - 4), fin=False).serialize(mask=True) + raw(0x89, 0x85, b"ping!"),
        1009,
        id="a ping inside a message of almost 1 MiB",
    ),
    pytest.param(raw(0x81, 0xFF, mask=b"\xff" * 8 + bytes(4)), 1009, id="2^64 bytes"),
]


@pytest.mark.parametrize(("data", "code"), VIOLATIONS)
async def test_a_violation_closes_with_its_code_and_the_messages_before_it_count(start, tools, data, code):
    rig = await start()
    client, channel = await rig.open()
    client.frame(b"before")
    client.say(data)
    assert await client.close_frame() == (code, CloseCode(code).reason)
    assert await client.ended()
    client.leave()
    await tools.until(lambda: channel.told[-1] == "closed")
    assert [message for messages in channel.messages for message in messages] == [b"before"]
    await tools.until(lambda: not rig.protocols)
    assert rig.counters.closed == {CloseCode(code).reason: 1}


async def test_nothing_behind_a_violation_is_taken(start, tools):
    rig = await start()
    client, channel = await rig.open()
    client.say(raw(0x81, 0x81, b"1") + raw(0x82, 0x80) + raw(0x81, 0x81, b"2"))
    assert (await client.close_frame())[0] == 1003
    client.frame(b"3")
    client.leave()
    await tools.until(lambda: channel.told[-1] == "closed")
    assert channel.messages == [[b"1"]]


async def test_the_close_frame_arrives_though_the_client_is_still_sending(start):
    """A plain close with bytes unread would have reset the connection before the client could read why."""
    rig = await start()
    client, _ = await rig.open()
    client.say(raw(0x81, 0xFF, mask=(8 << 20).to_bytes(8, "big") + bytes(4)) + b"x" * (8 << 20))
    assert (await client.close_frame())[0] == 1009
    assert await client.rest() == b""


# Flow.

SMALL = ConnectionLimits(send_buffer_bytes=64 << 10, send_buffer_low_bytes=16 << 10)


@BOTH
async def test_a_client_that_does_not_read_is_behind_until_it_does(start, tools, tls):
    rig = await start(limits=SMALL, tls=tls)
    client, channel = await rig.open(limit=1_024)
    edge = channel.connection
    written = 0
    while "paused" not in channel.told:
        channel.connection.send(b"x" * 1_000)
        written += 1
        await asyncio.sleep(0)
        assert written < 50_000, "never told that the client is behind"
    assert channel.told == ["opened", "paused"]
    assert edge.unsent_bytes <= SMALL.send_buffer_bytes + 1_100
    for _ in range(written):
        assert await client.next_frame() == (Opcode.TEXT, b"x" * 1_000)
    await tools.until(lambda: channel.told == ["opened", "paused", "resumed"])


@BOTH
async def test_pause_is_told_for_what_is_written_while_the_handshake_lasts(start, tools, tls):
    """Before `set_protocol`, `pause_writing` of this moment would go to the HTTP protocol."""
    rig = await start(tls=tls)

    def flood(channel):
        opened = channel.opened

        def and_write(connection):
            opened(connection)
            for _ in range(30):
                connection.send(b"x" * (1 << 20))

        channel.opened = and_write

    rig.gateway.prepare = flood
    client = await rig.client(limit=1_024)
    client.say(tools.request())
    await tools.until(lambda: rig.gateway.channels and "paused" in rig.gateway.channels[0].told)


@pytest.mark.parametrize("what", ["messages", "pings"])
async def test_who_sends_and_never_reads_is_no_longer_listened_to(start, tools, what):
    rig = await start(limits=SMALL)
    rig.gateway.prepare = lambda channel: vars(channel).update(echoes=True, messages_per_10_s=1_000_000)
    client, channel = await rig.open(limit=1_024)
    opcode = Opcode.TEXT if what == "messages" else Opcode.PING
    chunk = Frame(opcode, b"x" * 100).serialize(mask=True) * 1_000

    async def chatter() -> None:
        while True:
            client.say(chunk)
            await client.writer.drain()

    chattering = asyncio.create_task(chatter())
    await tools.until(lambda: not channel.connection.transport.is_reading())
    chattering.cancel()
    assert "paused" in channel.told
    assert channel.connection.unsent_bytes < 1 << 20
    reading = asyncio.create_task(client.rest())
    await tools.until(channel.connection.transport.is_reading)
    reading.cancel()


async def test_a_behind_client_that_only_listens_is_still_heard(start, tools):
    rig = await start(limits=SMALL)
    client, channel = await rig.open(limit=1_024)
    while "paused" not in channel.told:
        channel.connection.send(b"x" * 1_000)
        await asyncio.sleep(0)
    client.frame(b"less, please")
    await tools.until(lambda: channel.messages == [[b"less, please"]])


# Endings. That `closed` is told once and uvicorn lets go is checked after every test.


@BOTH
async def test_the_client_closes(start, tools, tls):
    """What it said before counts, and is not answered any more."""
    rig = await start(tls=tls)
    client, channel = await rig.open()
    channel.echoes = True
    client.say(raw(0x81, 0x84, b"last") + raw(0x88, 0x82, b"\x03\xe8"))
    assert await client.close_frame() == (1000, "")
    assert await client.ended()
    client.leave()
    await tools.until(lambda: not rig.protocols)
    assert channel.told == ["opened", "received", "closed"]
    assert rig.counters.closed == {"client": 1}


@BOTH
async def test_the_channel_closes_and_says_nothing_more(start, tools, tls):
    rig = await start(tls=tls)
    client, channel = await rig.open()
    channel.connection.send(b"before")
    channel.connection.close(CloseCode.KEY_REVOKED)
    channel.connection.close(CloseCode.IDLE)
    channel.connection.send(b"after")
    channel.connection.write(text_frame(b"after"))
    client.frame(b"not heard")
    client.say(raw(0x88, 0x82, b"\x11\x94"))
    assert await client.next_frame() == (Opcode.TEXT, b"before")
    assert await client.close_frame() == (4500, "key_revoked")
    assert await client.ended()
    client.leave()
    await tools.until(lambda: not rig.protocols)
    assert channel.told == ["opened", "closed"]
    assert rig.counters.closed == {"key_revoked": 1}


@BOTH
@pytest.mark.parametrize("how", ["leave", "reset"])
async def test_the_client_goes_without_a_word(start, tools, tls, how):
    rig = await start(tls=tls)
    client, channel = await rig.open()
    getattr(client, how)()
    await tools.until(lambda: not rig.protocols)
    assert channel.told == ["opened", "closed"]
    assert rig.counters.closed == {"lost": 1}


async def test_half_a_close_of_the_socket_is_a_whole_one(start, tools):
    rig = await start()
    client, channel = await rig.open()
    client.writer.write_eof()
    assert await client.ended()
    await tools.until(lambda: channel.told == ["opened", "closed"])


async def test_a_reset_while_much_is_unsent_ends_it_too(start, tools):
    rig = await start(limits=SMALL)
    client, channel = await rig.open(limit=1_024)
    while "paused" not in channel.told:
        channel.connection.send(b"x" * 10_000)
        await asyncio.sleep(0)
    client.reset()
    await tools.until(lambda: channel.told == ["opened", "paused", "closed"])


async def test_a_socket_that_is_gone_before_the_answer_ends_quietly(start, tools):
    rig = await start()
    client = await rig.client()
    client.say(tools.request())
    client.reset()
    other, _ = await rig.open()
    await tools.until(lambda: len(rig.protocols) == 1)
    other.leave()


@pytest.mark.parametrize("where", ["opened", "received", "paused", "resumed", "closed"])
async def test_a_fault_in_one_channel_closes_that_connection_only(start, tools, caplog, where):
    rig = await start(limits=SMALL)
    other, other_channel = await rig.open()
    other_channel.echoes = True
    rig.gateway.prepare = lambda channel: channel.raises_in.add(where)
    client, channel = await rig.open(tools.request("/x?api-key=very-secret"), limit=1_024)
    if where == "received":
        client.frame(b"hello")
    if where in ("paused", "resumed"):
        while "paused" not in channel.told:
            channel.connection.send(b"x" * 10_000)
            await asyncio.sleep(0)
    if where == "closed":
        client.leave()
        await tools.until(lambda: channel.told[-1] == "closed")
    else:
        opcode, payload = await client.next_frame()
        while opcode != Opcode.CLOSE:
            opcode, payload = await client.next_frame()
        assert payload == b"\x03\xf3internal_error"
        client.leave()
        await tools.until(lambda: len(rig.protocols) == 1)
        assert rig.counters.closed == {"internal_error": 1}
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert channel.connection.id in record.getMessage()
    assert "very-secret" not in caplog.text
    other.frame(b"still here")
    assert await other.next_frame() == (Opcode.TEXT, b"still here")


async def test_bytes_behind_a_refusal_are_not_looked_at(start, tools):
    """A TLS transport may still deliver while it closes."""
    rig = await start(tls=True)
    edges = []
    admit = rig.gateway.admit
    rig.gateway.admit = lambda head: edges.extend(rig.gateway.connections) or admit(head)
    assert (await rig.ask(tools.request("/refused"))).status == 429
    edges[0].data_received(tools.request("/refused"))
    assert rig.counters.refused == {"too_many_attempts": 1}


async def test_bytes_are_counted_in_both_directions(start, tools):
    rig = await start()
    client, channel = await rig.open()
    before = (rig.counters.bytes_in, rig.counters.bytes_out)
    client.frame(b"12345")
    await tools.until(lambda: channel.messages == [[b"12345"]])
    channel.connection.send(b"123")
    assert (rig.counters.bytes_in - before[0], rig.counters.bytes_out - before[1]) == (11, 5)


async def test_comings_and_goings_are_not_worth_a_line(start, tools, caplog):
    caplog.set_level(logging.INFO)
    rig = await start()
    client, _ = await rig.open()
    await rig.ask(tools.request("/refused"))
    client.leave()
    await tools.until(lambda: not rig.protocols)
    assert [record.name for record in caplog.records if not record.name.startswith("uvicorn")] == []


async def test_connections_have_names_of_their_own(start):
    rig = await start()
    ids = [(await rig.open())[1].connection.id for _ in range(3)]
    assert len(set(ids)) == 3
