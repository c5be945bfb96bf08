"""permessage-deflate on a real server: for v2, where it is switched on, and by the agreed window."""

import asyncio
import os
import zlib
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
)
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from tests.system.server import Server
from tests.system.test_v2 import client, publish
from tests.system.v2_client import JSON, MSGPACK, V2Client

ON = {"TRADEWATCH_STREAM_DEFLATE": "true"}
BOMB_BYTES = 512 << 20


@pytest.fixture
def deflating(serve: Any) -> Server:
    server: Server = serve("--feed", "none", env={**os.environ, **ON})
    return server


def window_bits(one: V2Client) -> int:
    """The window that the server promised to keep to; 0 where nothing is compressed."""
    for extension in one.stream.protocol.extensions:
        assert isinstance(extension, PerMessageDeflate)
        assert extension.remote_no_context_takeover
        assert extension.local_no_context_takeover
        return extension.remote_max_window_bits
    return 0


@pytest.mark.parametrize("subprotocol", [JSON, MSGPACK])
async def test_compressed_quotes_are_those_of_the_others(deflating: Server, subprotocol: str) -> None:
    async with (
        client(deflating, "/", subprotocol, compression="deflate") as small,
        client(deflating, "/", subprotocol, compression="deflate") as same,
        client(deflating, "/", subprotocol, compression=None) as plain,
    ):
        assert [window_bits(each) for each in (small, same, plain)] == [12, 12, 0]
        for each in (small, same, plain):
            await each.ask("subscribe", symbols=["crypto:*"])
        rows = [(f"COIN{number % 7}", f"{number}.5", f"{number}.75") for number in range(3_000)]
        for number in range(3):
            first = number * 1_000
            await asyncio.to_thread(publish, deflating, number + 1, *rows[first : first + 1_000])
        for each in (small, same, plain):
            await each.until_quotes(3_000)
            assert [(quote["symbol"], quote["bid"], quote["ask"]) for quote in each.quotes] == rows
        assert small.quotes == plain.quotes
        assert (await small.ask("ping"))["event"] == "pong"
        await (await small.stream.ping())
        balance = await small.event(event="heartbeat")
        assert (balance["published"], balance["delivered"], balance["pending"]) == (3_000, 3_000, 0)


async def raw_handshake(
    server: Server, factory: ClientPerMessageDeflateFactory
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, ClientProtocol]:
    """A client that sees frames as they are on the wire."""
    wire = ClientProtocol(
        parse_uri(f"ws://{server.address}/?api-key={server.demo_key}"),
        subprotocols=[Subprotocol(JSON)],
        extensions=[factory],
    )
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    wire.send_request(wire.connect())
    writer.write(b"".join(wire.data_to_send()))
    wire.receive_data(await reader.readuntil(b"\r\n\r\n"))
    wire.events_received()
    if wire.handshake_exc is not None:
        writer.close()
        raise wire.handshake_exc
    assert wire.state is State.OPEN
    return reader, writer, wire


def compressed_frame(payload: bytes) -> bytes:
    """A client's text message whose payload is compressed already."""
    frame = bytearray(Frame(Opcode.TEXT, payload).serialize(mask=True))
    frame[0] |= 0x40
    return bytes(frame)


@pytest.mark.parametrize(("asked", "answered"), [(None, 12), (15, 12), (12, 12), (11, 11), (9, 9)])
async def test_a_smaller_window_is_kept_to(deflating: Server, asked: int | None, answered: int) -> None:
    factory = ClientPerMessageDeflateFactory(server_max_window_bits=asked, client_max_window_bits=True)
    reader, writer, wire = await raw_handshake(deflating, factory)
    (extension,) = wire.extensions
    assert isinstance(extension, PerMessageDeflate)
    assert extension.remote_max_window_bits == answered
    header = await reader.readexactly(2)
    assert header[0] == 0x80 | 0x40 | Opcode.TEXT, "the welcome is compressed"
    size = int.from_bytes(await reader.readexactly(2)) if header[1] == 126 else header[1]
    payload = await reader.readexactly(size)
    welcome = zlib.decompressobj(wbits=-answered).decompress(payload + b"\x00\x00\xff\xff")
    assert welcome.startswith(b'[{"event":"welcome"')

    wire.send_ping(b"is it plain?")
    writer.write(b"".join(wire.data_to_send()))
    pong = await reader.readexactly(2 + len(b"is it plain?"))
    assert pong == bytes([0x80 | Opcode.PONG, 12]) + b"is it plain?"
    wire.send_close(1000)
    writer.write(b"".join(wire.data_to_send()))
    assert await reader.readexactly(4) == bytes([0x80 | Opcode.CLOSE, 2]) + (1000).to_bytes(2)
    writer.close()


async def test_an_offer_that_zlib_cannot_keep_is_declined(deflating: Server) -> None:
    factory = ClientPerMessageDeflateFactory(server_max_window_bits=8, client_max_window_bits=True)
    _, writer, wire = await raw_handshake(deflating, factory)
    assert not wire.extensions
    writer.close()


@pytest.mark.parametrize("subprotocol", [None, "tradewatch.v1"])
async def test_v1_is_never_compressed(deflating: Server, subprotocol: str | None) -> None:
    options = {"subprotocol": subprotocol} if subprotocol else {}
    async with deflating.stream("/", compression="deflate", **options) as stream:
        assert not stream.protocol.extensions
        assert await stream.recv() == '{"event":"status","symbols":[]}'


@pytest.mark.parametrize("subprotocol", [JSON, MSGPACK])
async def test_it_is_off_unless_it_is_switched_on(serve: Any, subprotocol: str) -> None:
    server = serve("--feed", "none")
    async with client(server, "/", subprotocol, compression="deflate") as one:
        assert window_bits(one) == 0
        assert (await one.ask("ping"))["event"] == "pong"


async def test_a_bomb_is_refused_at_the_size_that_it_would_have(deflating: Server) -> None:
    compressor = zlib.compressobj(9, wbits=-15)
    space = b" " * (1 << 20)
    bomb = b"".join(compressor.compress(space) for _ in range(BOMB_BYTES >> 20))
    bomb += compressor.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 1 << 20, "on the wire it is within the limit"
    reader, writer, _ = await raw_handshake(deflating, ClientPerMessageDeflateFactory())
    async with client(deflating) as other:
        writer.write(compressed_frame(bomb[:-4]))
        received = b""
        async with asyncio.timeout(30):
            while chunk := await reader.read(1_000):
                received += chunk
        _, _, close = received.rpartition(bytes([0x80 | Opcode.CLOSE]))
        assert close[1:3] == (1009).to_bytes(2)
        assert (await other.ask("ping"))["event"] == "pong"
    writer.close()


async def test_what_cannot_be_inflated_ends_the_connection(deflating: Server) -> None:
    reader, writer, _ = await raw_handshake(deflating, ClientPerMessageDeflateFactory())
    writer.write(compressed_frame(b"\xff\xff\xff\xff"))
    received = await asyncio.wait_for(reader.read(), 30)
    _, _, close = received.rpartition(bytes([0x80 | Opcode.CLOSE]))
    assert close[1:3] == (1002).to_bytes(2)
    writer.close()


async def test_long_requests_may_be_compressed_and_fragmented(deflating: Server) -> None:
    async with client(deflating, compression="deflate", max_size=None) as one:
        names = [f"NOBODY{number}" for number in range(5_000)]
        answer = await one.ask("subscribe", symbols=names)
        results = list(answer["results"])
        while len(results) < 5_000:
            results += (await one.event(id="subscribe"))["results"]
        assert [result["symbol"] for result in results] == names
        await one.stream.send(['{"action": "pi', 'ng", "id": "in', ' parts"}'])
        assert (await one.event(id="in parts"))["event"] == "pong"
