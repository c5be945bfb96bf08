"""The server in C speaks the protocol, at the length and the rate it was told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bench.process import ServerProcess
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol


@asynccontextmanager
async def _stream(server: str, *options: str) -> AsyncIterator[tuple[ServerProcess, ClientConnection]]:
    """A client of a server with four symbols, which asked for two of them."""
    command = [server, "--symbols=4", "--rate=2000", *options]
    with ServerProcess(command, core=0) as process:
        url = f"ws://127.0.0.1:{process.port}/"
        protocols = [Subprotocol("tradewatch.v1")]
        async with connect(url, subprotocols=protocols, proxy=None, compression=None) as stream:
            assert stream.subprotocol == "tradewatch.v1"
            await stream.send(json.dumps({"action": "subscribe", "symbols": ["SYM00001", "SYM00003"]}))
            assert json.loads(await stream.recv()) == {"event": "status"}
            async with asyncio.timeout(20):
                yield process, stream


@pytest.mark.parametrize("payload_bytes", [100, 125, 126, 400])
async def test_quotes_have_the_length_asked_for(limit_server: str, payload_bytes: int) -> None:
    async with _stream(limit_server, f"--payload-bytes={payload_bytes}") as (process, stream):
        texts = [str(await stream.recv()) for _ in range(200)]
        counters = await asyncio.to_thread(process.counters)
    assert {len(text) for text in texts} == {payload_bytes}
    quotes = [json.loads(text) for text in texts]
    assert {quote["symbol"] for quote in quotes} == {"SYM00001", "SYM00003"}
    assert all(quote["bid"] < quote["mid"] < quote["ask"] for quote in quotes)
    times = [int(quote["timestamp"]) for quote in quotes]
    assert times == sorted(times)
    assert counters["quotes_out_total"] >= len(quotes)
    assert counters["quotes_skipped_total"] == 0


async def test_arrays_hold_what_one_flush_has(limit_server: str) -> None:
    async with _stream(limit_server, "--payload-bytes=180", "--arrays") as (_, stream):
        arrays = [json.loads(await stream.recv()) for _ in range(20)]
    quotes = [quote for array in arrays for quote in array]
    assert len(quotes) > len(arrays)
    for name in ("SYM00001", "SYM00003"):
        numbers = [quote["seq"] for quote in quotes if quote["symbol"] == name]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_length_that_no_quote_has_is_refused(limit_server: str) -> None:
    process = await asyncio.create_subprocess_exec(
        limit_server, "--payload-bytes=50", stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"not 50" in said
