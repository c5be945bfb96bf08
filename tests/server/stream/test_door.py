"""The door over real sockets: what uvicorn and httptools leave open, one test each."""

import asyncio
import gc
import weakref

import pytest
from websockets.frames import Frame, Opcode

from tradewatch.server.listener import HTTP_SOCKETS
from tradewatch.server.stream.door import DoorLimits

QUICK = DoorLimits(head_s=0.1, body_s=0.1, stalled_s=0.1, linger_s=0.1)
PLAIN = b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_requests_and_upgrades_share_the_port(start, tools, tls):
    rig = await start(tls=tls)
    client = await rig.client()
    client.say(PLAIN + PLAIN)
    assert [(await client.answer()).body for _ in range(2)] == [b"plain", b"plain"]
    client.say(tools.request())
    assert (await client.answer()).status == 101
    client.frame(b"hello")
    await tools.until(lambda: rig.gateway.channels[0].messages == [[b"hello"]])


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_silent_client_gets_408(start, tls):
    rig = await start(door=QUICK, tls=tls)
    client = await rig.client()
    answer = await client.answer()
    assert (answer.status, answer.reason) == (408, "request_timeout")
    assert await client.ended()
    assert rig.counters.refused == {"request_timeout": 1}


async def test_half_a_handshake_gets_408(start, tools):
    rig = await start(door=QUICK)
    assert (await rig.ask(tools.request()[:60])).reason == "request_timeout"
    assert rig.gateway.channels == []


async def trickle(client, data: bytes) -> None:
    for byte in data:
        if client.writer.is_closing() or client.reader.at_eof():
            return
        client.say(bytes([byte]))
        await asyncio.sleep(0.01)


async def test_a_trickled_head_gets_408_at_the_deadline_of_its_first_byte(start, tools):
    rig = await start(door=QUICK)
    client = await rig.client()
    trickling = asyncio.create_task(trickle(client, tools.request()))
    assert (await client.answer()).reason == "request_timeout"
    assert await client.ended()
    trickling.cancel()


@pytest.mark.parametrize(
    "bytes_between", [b"GET /second HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 500, b"\r\n" * 500]
)
async def test_a_trickled_second_head_gets_408_too(start, bytes_between):
    rig = await start(door=QUICK)
    client = await rig.client()
    client.say(PLAIN)
    assert (await client.answer()).body == b"plain"
    trickling = asyncio.create_task(trickle(client, bytes_between))
    assert (await client.answer()).reason == "request_timeout"
    assert await client.ended()
    trickling.cancel()


async def test_an_idle_connection_is_closed_after_the_keep_alive_time(start, monkeypatch):
    monkeypatch.setattr("tradewatch.server.listener._KEEP_ALIVE_S", 0.1)
    rig = await start()
    client = await rig.client()
    client.say(PLAIN)
    assert (await client.answer()).body == b"plain"
    assert await client.ended()


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(
            b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * (33 << 10) + b"\r\n\r\n", id="one header of 33 KiB"
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\n" + b"X: 1234567890\r\n" * 2_300 + b"\r\n", id="many headers, 33 KiB"
        ),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n", id="200 headers"),
        pytest.param(b"GET /" + b"y" * (33 << 10) + b" HTTP/1.1\r\n\r\n", id="an address of 33 KiB"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"y" * (33 << 10), id="a header that does not end"),
        pytest.param(b"GET /" + b"y" * (33 << 10), id="an address that does not end"),
        pytest.param(b"\r\n" * (17 << 10), id="empty lines"),
    ],
)
async def test_a_head_that_is_too_large_gets_431(start, head):
    rig = await start()
    answer = await rig.ask(head)
    assert (answer.status, answer.reason) == (431, "head_too_large")
    assert rig.counters.refused == {"head_too_large": 1}


@pytest.mark.parametrize("begun", [b"0\r\nX: ", b"5;x="], ids=["trailer", "chunk extension"])
async def test_a_body_whose_frame_does_not_end_gets_431(start, tools, begun):
    rig = await start()
    client = await rig.client()
    client.say(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + begun)
    await tools.until(lambda: rig.application.paths == ["/echo"])
    client.say(b"y" * (33 << 10))
    assert (await client.answer()).reason == "head_too_large"
    assert await client.ended()
    await tools.until(lambda: not rig.server.server_state.tasks)


async def test_a_broken_body_gets_400_and_its_request_is_told_so(start, tools):
    rig = await start()
    assert (await rig.ask(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")).status == 400
    await tools.until(lambda: not rig.server.server_state.tasks)


async def test_a_broken_body_behind_a_begun_answer_cuts_the_connection(start, tools):
    rig = await start()
    client = await rig.client()
    client.say(b"POST /endless HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    client.say(b"zz\r\n")
    await tools.until(lambda: not rig.protocols)


async def test_a_flood_of_headers_is_answered_and_kept_nowhere(start, tools):
    rig = await start()
    client = await rig.client()

    async def flood() -> None:
        for _ in range(5_000):
            client.say(b"X: " + b"y" * 8_000 + b"\r\n")
            await client.writer.drain()

    client.say(b"GET / HTTP/1.1\r\n")
    flooding = asyncio.create_task(flood())
    assert (await client.answer()).reason == "head_too_large"
    assert await client.ended()
    await asyncio.wait([flooding])
    assert all(len(door.headers) < 50 for door in rig.protocols)


async def test_a_large_address_within_the_limit_is_served(start):
    rig = await start()
    client = await rig.client()
    client.say(b"GET /x?symbols=" + b"EURUSD," * 4_000 + b" HTTP/1.1\r\n\r\n")
    assert (await client.answer()).body == b"plain"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nA b: 1\r\n\r\n",
    ],
)
async def test_what_is_no_http_gets_400(start, data):
    rig = await start()
    answer = await rig.ask(data)
    assert (answer.status, answer.reason) == (400, "bad_request")


async def test_a_slow_body_gets_408_and_its_request_is_told_so(start, tools, caplog):
    """The application answers all the same; that is written nowhere, and no fault of its own."""
    rig = await start(door=QUICK)
    client = await rig.client()
    client.say(b"POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
    answer = await client.answer()
    assert (answer.status, answer.reason) == (408, "request_timeout")
    await tools.until(lambda: not rig.server.server_state.tasks)
    assert await client.ended()
    assert "ASGI" not in caplog.text


async def test_a_body_in_time_is_served_in_small_chunks_too(start):
    rig = await start()
    client = await rig.client()
    client.say(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        client.say(b"1\r\nx\r\n" * 100)
        await client.writer.drain()
    client.say(b"0\r\n\r\n" + PLAIN)
    assert (await client.answer()).body == b"x" * 10_000
    assert (await client.answer()).body == b"plain"


async def pass_seconds(tools, seconds: float) -> None:
    """Let a deadline pass that must not matter."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    await tools.until(lambda: loop.time() >= end_s)


async def test_a_body_that_the_application_does_not_take_is_not_late(start, tools):
    rig = await start(door=QUICK)
    client = await rig.client()
    client.say(b"POST /later HTTP/1.1\r\nContent-Length: 500000\r\n\r\n" + b"x" * 100_000)
    await tools.until(lambda: rig.application.paths == ["/later"])
    await pass_seconds(tools, 0.3)
    client.say(b"x" * 400_000)
    rig.application.release.set()
    assert (await client.answer()).body == b"x" * 500_000


async def test_a_head_that_waits_behind_an_answer_is_not_late(start, tools):
    rig = await start(door=QUICK)
    client = await rig.client()
    client.say(b"GET /slow HTTP/1.1\r\n\r\n" + PLAIN + PLAIN[:10])
    await tools.until(lambda: rig.application.paths == ["/slow"])
    await pass_seconds(tools, 0.3)
    client.say(PLAIN[10:])
    rig.application.release.set()
    assert [(await client.answer()).body for _ in range(3)] == [b"slow", b"plain", b"plain"]


@pytest.mark.parametrize("head", ["GET /endless HTTP/1.1", "GET /large HTTP/1.1\r\nConnection: close"])
async def test_a_client_that_does_not_take_its_answer_is_cut_off(start, tools, head):
    rig = await start(door=QUICK)
    client = await rig.client(limit=1_024)
    client.say(head.encode() + b"\r\n\r\n")
    await tools.until(lambda: rig.application.paths != [])
    await tools.until(lambda: not rig.protocols)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_the_end_of_an_answer_that_is_not_taken_is_cut_off(start, tools, monkeypatch, connection):
    """So little is left that the application was never paused, and its answer counts as written."""
    monkeypatch.setattr("tradewatch.server.listener._KEEP_ALIVE_S", 0.1)
    rig = await start(door=QUICK)
    rig.application.enough = lambda: any(door.transport.get_write_buffer_size() for door in rig.protocols)
    client = await rig.client(limit=1_024)
    client.say(b"GET /endless HTTP/1.1\r\nConnection: %s\r\n\r\n" % connection.encode())
    await tools.until(lambda: rig.server.server_state.total_requests == 1)
    await tools.until(lambda: not rig.protocols)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_a_client_that_takes_a_large_answer_slowly_gets_all_of_it(start, connection):
    rig = await start(door=DoorLimits(stalled_s=0.5))
    client = await rig.client(limit=1_024)
    client.say(b"GET /large HTTP/1.1\r\nConnection: %s\r\n\r\n" % connection.encode())
    head = await client.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    for _ in range(16):
        assert len(await client.reader.readexactly(1 << 20)) == 1 << 20
        await asyncio.sleep(0.06)  # the slow reader itself: 0.96 s in all, twice the time for no progress


async def test_a_refused_client_that_stays_is_cut_off(start, tools):
    rig = await start(door=QUICK)
    client = await rig.client()
    client.say(b"nonsense\r\n\r\n")
    assert (await client.answer()).status == 400
    await tools.until(lambda: not rig.protocols)


async def test_a_refused_client_that_took_a_large_answer_first_is_cut_off_too(start, tools):
    rig = await start(door=DoorLimits(linger_s=0.2))
    client = await rig.client()
    client.say(b"GET /large HTTP/1.1\r\n\r\nnonsense\r\n\r\n")
    assert len((await client.answer()).body) == 16 << 20
    assert (await client.answer()).status == 400
    await tools.until(lambda: not rig.protocols)


async def test_what_follows_the_upgrade_in_the_same_segment_is_kept(start, tools):
    rig = await start()
    client, channel = await rig.open(tools.request() + Frame(Opcode.TEXT, b"early").serialize(mask=True))
    client.frame(b"late")
    await tools.until(lambda: channel.messages == [[b"early"], [b"late"]])


async def test_an_upgrade_behind_an_unanswered_request_is_refused_in_its_turn(start, tools):
    rig = await start()
    client = await rig.client()
    client.say(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + tools.request())
    await tools.until(lambda: rig.counters.refused["bad_request"] == 1)
    rig.application.release.set()
    assert (await client.answer()).body == b"slow"
    assert (await client.answer()).reason == "bad_request"
    assert await client.ended()
    assert rig.gateway.channels == []


async def test_requests_pipelined_without_end_are_refused(start, tools):
    rig = await start(door=DoorLimits(pipelined=4))
    client = await rig.client()
    client.say(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + PLAIN * 100)
    await tools.until(lambda: rig.counters.refused["bad_request"] == 1)
    rig.application.release.set()
    bodies = [(await client.answer()).body for _ in range(5)]
    assert bodies == [b"slow", b"plain", b"plain", b"plain", b"plain"]
    assert (await client.answer()).status == 400
    assert await client.ended()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"extra": ["Content-Length: 4"]}, id="Content-Length"),
        pytest.param({"extra": ["Transfer-Encoding: chunked"]}, id="Transfer-Encoding"),
        pytest.param({"version": "HTTP/1.0"}, id="HTTP/1.0"),
    ],
)
async def test_an_upgrade_with_a_body_or_in_old_http_gets_400(start, tools, data):
    rig = await start()
    answer = await rig.ask(tools.request(**data))
    assert answer.reason == "bad_request"
    assert b"an upgrade" in answer.body
    assert rig.gateway.channels == []


async def test_the_door_is_gone_once_its_connection_was_upgraded(start, tools):
    rig = await start()
    client = await rig.client()
    await tools.until(lambda: len(rig.protocols) == 1)
    (door,) = rig.protocols
    remembered = weakref.ref(door)
    del door
    gc.disable()
    try:
        client.say(tools.request())
        assert (await client.answer()).status == 101
        await tools.until(lambda: remembered() is None)
    finally:
        gc.enable()


async def test_an_upgrade_with_a_body_of_no_bytes_is_taken(start, tools):
    rig = await start()
    await rig.open(tools.request(extra=["Content-Length: 0"]))


async def test_an_offer_of_another_protocol_is_ignored(start):
    rig = await start()
    client = await rig.client()
    offer = b"GET /%d HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
    client.say(offer % 1 + offer % 2)
    assert [(await client.answer()).body for _ in range(2)] == [b"plain", b"plain"]
    client.say(PLAIN)
    assert (await client.answer()).body == b"plain"
    assert rig.application.paths == ["/1", "/2", "/plain"]


async def test_many_open_streams_leave_requests_alone(start, tools):
    rig = await start(max_connections=5)
    for _ in range(5):
        await rig.open()
    assert (await rig.ask(tools.request())).reason == "too_many_connections"
    client = await rig.client()
    client.say(PLAIN)
    assert (await client.answer()).body == b"plain"


async def test_sockets_beyond_what_the_process_may_hold_are_refused_and_counted(start, tools):
    """Half a request each: they take no place from WebSockets, and the file limit is never reached."""
    rig = await start(max_connections=3)
    held = [await rig.client() for _ in range(3 + HTTP_SOCKETS)]
    for client in held:
        client.say(b"GET / HT")
    await tools.until(lambda: rig.counters.http_open == len(held))
    late = await rig.ask(b"")
    assert (late.status, late.reason, late.headers["retry-after"]) == (503, "too_many_connections", "5")
    assert rig.counters.refused["too_many_connections"] == 1
    for client in held:
        client.leave()
    await tools.until(lambda: rig.counters.http_open == 0)
    client, _ = await rig.open()
    assert rig.counters.http_open == 0
