"""How a server ends: nobody new, everybody told, exit 0 in time; and how a second one is refused."""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.system.server import receive, run_command


async def test_sigterm_drains_with_the_port_open_and_exits_0(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=20&rate=2000")
    streams = [await server.stream("/crypto/quotes") for _ in range(8)]
    for stream in streams:
        await stream.send('{"action": "subscribe", "symbols": ["*"]}')
        await receive(stream, 5)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    reasons = []
    for stream in streams:
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(stream.recv(), 10)
        reasons.append((closed.value.rcvd.code, closed.value.rcvd.reason))
    assert reasons == [(1001, "going_away")] * 8
    assert await asyncio.to_thread(server.wait) == 0
    assert time.monotonic() - began < 10
    assert "Traceback" not in server.errors


async def test_while_it_drains_new_ones_are_told_to_come_back(serve: Any) -> None:
    """A client that does not answer its close holds the drain open; others meet an open door that says no."""
    server = serve("--feed", "simulated?symbols=5")
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(server.handshake("/crypto/quotes"))
    await reader.readuntil(b"\r\n\r\n")
    server.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        while True:
            try:
                await (await server.stream("/crypto/quotes")).close()
            except InvalidStatus as error:
                refused = error
                break
            except ConnectionClosed:
                continue
    assert refused.response.status_code == 503
    assert int(refused.response.headers["Retry-After"]) > 0
    assert json.loads(refused.response.body)["error"]["reason"] == "draining"
    assert server.get("/health/ready").status_code == 503
    assert server.get("/health/live").status_code == 200
    server.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait) == 0
    writer.close()


def test_a_second_server_on_one_directory_is_refused_by_the_firsts_name(serve: Any, tmp_path: Path) -> None:
    server = serve("--feed", "simulated?symbols=5")
    second = run_command("serve", "--port", "0", "--data-dir", str(server.data_dir))
    assert second.returncode == 1
    assert second.stdout == ""
    assert str(server.process.pid) in second.stderr
    assert second.stderr.count("\n") == 1
    server.kill()
    assert serve("--feed", "simulated?symbols=5").stop() == 0


def test_a_taken_port_is_named(serve: Any, tmp_path: Path) -> None:
    server = serve("--feed", "simulated?symbols=5")
    port = server.address.rpartition(":")[2]
    second = run_command("serve", "--port", port, "--data-dir", str(tmp_path / "other"))
    assert second.returncode == 1
    assert port in second.stderr
    assert second.stderr.startswith("tradewatch: ")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--feed", "kraken"), "kraken"),
        (("--feed", "replay:nowhere.csv?class=crypto"), "nowhere.csv"),
        (("--feed", "simulated?symbols=many"), "symbols"),
        (("--feed", "simulated?symbols=10", "--feed", "simulated?symbols=10"), "EURUSD"),
        (("--port", "99999"), "port"),
        (("--tls-cert", "cert.pem"), "tls_key"),
    ],
)
def test_what_cannot_be_served_is_one_line_and_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    ended = run_command("serve", "--data-dir", str(tmp_path / "data"), *arguments)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert ended.stderr.count("\n") == 1
