"""The load client counts what was sent, and nothing else."""

import asyncio
import json
import time
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

_LATE_MS = 40


async def _served(load_client: str, folder: Path, messages: list[str], *options: str) -> dict[str, float]:
    """What the load client counts when each of three connections is sent these messages in its window."""
    subscribed: list[str] = []
    begun = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        subscribed.append(str(await connection.recv()))
        await connection.send('{"event":"status","symbols":[]}')
        await begun.wait()
        for message in messages:
            await connection.send(message)
        await connection.ping()
        await connection.wait_closed()

    lines = [json.dumps({"action": "subscribe", "symbols": [name]}) for name in "ABC"]
    path = folder / "subscriptions"
    path.write_text("\n".join(lines) + "\n")
    async with serve(handle, "127.0.0.1", 0, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        client = await asyncio.create_subprocess_exec(
            load_client,
            f"--port={port}",
            f"--subscriptions={path}",
            "--warm-up-s=0.1",
            "--window-s=0.7",
            *options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert client.stdin
        assert client.stdout
        assert client.stderr
        async with asyncio.timeout(20):
            assert await client.stderr.readline() == b"ready\n"
            assert await client.stderr.readline() == b"begin\n"
            begun.set()
            counts: dict[str, float] = json.loads(await client.stdout.readline())
            assert await client.stderr.readline() == b"end\n"
            client.stdin.close()
            assert await client.wait() == 0
    assert sorted(subscribed) == lines
    return counts


def _quote(padding: int) -> str:
    time_ms = time.time_ns() // 1_000_000 - _LATE_MS
    return f'{{"symbol":"A","timestamp":"{time_ms}","mid":"{"1" * padding}"}}'


async def test_single_quotes_are_counted_and_events_are_not(load_client: str, tmp_path: Path) -> None:
    quotes = [_quote(padding) for padding in (1, 100, 70_000) for _ in range(100)]
    counts = await _served(load_client, tmp_path, ['{"event":"status","symbols":["A"]}', *quotes])
    assert counts["quotes"] == counts["frames"] == 3 * len(quotes)
    assert counts["payload_bytes"] == 3 * sum(map(len, quotes))
    assert counts["samples"] == 3 * len(quotes) // 61
    assert _LATE_MS <= counts["p50_ms"] <= counts["p99_ms"] < 2_000


async def test_quotes_in_arrays_are_counted_each(load_client: str, tmp_path: Path) -> None:
    quote = '{"event":"quote",' + _quote(20)[1:]
    arrays = [f"[{','.join([quote] * count)}]" for count in (1, 2, 500)]
    messages = ['[{"event":"subscribed","results":[{"seq":7}]}]', *arrays]
    counts = await _served(load_client, tmp_path, messages, "--arrays")
    assert counts["quotes"] == 3 * 503
    assert counts["frames"] == 3 * len(arrays)
    assert counts["payload_bytes"] == 3 * sum(map(len, arrays))


async def test_an_age_is_counted_from_the_finest_time_there_is(load_client: str, tmp_path: Path) -> None:
    event_ns = time.time_ns() - _LATE_MS * 1_000_000
    quote = f'{{"event":"quote","timestamp":"{event_ns // 10**6 - 5_000}","event_ns":"{event_ns}"}}'
    counts = await _served(load_client, tmp_path, [f"[{quote}]"] * 100, "--arrays")
    assert counts["samples"] == 3 * 100 // 61
    assert _LATE_MS <= counts["p50_ms"] < 2_000


async def test_a_refused_handshake_is_said(load_client: str, tmp_path: Path) -> None:
    (tmp_path / "subscriptions").write_text("{}\n")

    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no")

    async with serve(lambda _: asyncio.sleep(0), "127.0.0.1", 0, process_request=refuse) as server:
        client = await asyncio.create_subprocess_exec(
            load_client,
            f"--port={server.sockets[0].getsockname()[1]}",
            f"--subscriptions={tmp_path / 'subscriptions'}",
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await client.communicate()
    assert client.returncode == 1
    assert said == b"load: refused: HTTP/1.1 401 Unauthorized\n"
