"""What clients meet on a real server beyond the quickstart."""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.system.server import receive

LIMITS = {
    "TRADEWATCH_LIMITS_IDLE_S": "1",
    "TRADEWATCH_LIMITS_PING_INTERVAL_S": "1",
    "TRADEWATCH_LIMITS_PONG_TIMEOUT_S": "2",
}


async def test_5000_symbols_over_all_classes_in_one_message(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5000&rate=20000&prefix=SYM")
    symbols = [f"SYM{number:05}" for number in range(5_000)]
    async with server.stream("/", max_size=None) as stream:
        await receive(stream)
        await stream.send(json.dumps({"action": "subscribe", "symbols": symbols}))
        (status,) = await receive(stream)
        assert [name.partition(":")[2] for name in status["symbols"]] == symbols
        assert len({name.partition(":")[0] for name in status["symbols"]}) == 5
        heard: set[str] = set()
        async with asyncio.timeout(60):
            while len(heard) < 5_000:
                (quote,) = await receive(stream)
                heard.add(quote["symbol"])
        await stream.send(json.dumps({"action": "subscribe", "symbols": ["EURUSD", *symbols]}))
        while "event" not in (message := (await receive(stream))[0]):
            pass
        assert message["code"] == "too_many_symbols"


async def test_a_snapshot_comes_right_after_the_status_also_after_a_restart(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")
    row = {
        "asset_class": "stocks",
        "symbol": "ACME",
        "timestamp": "1767389239253",
        "bid": "10.50",
        "ask": "10.75",
    }
    server.publish({"producer": "p", "batch": 1, "quotes": [row]})
    expected = {
        "symbol": "ACME",
        "timestamp": "1767389239253",
        "ask": "10.75",
        "bid": "10.5",
        "mid": "10.625",
    }
    for _ in range(2):
        async with server.stream("/stocks/quotes") as stream:
            await stream.send('{"action": "subscribe", "symbols": ["ACME"], "snapshot": true}')
            assert (await receive(stream, 3))[1:] == [{"event": "status", "symbols": ["ACME"]}, expected]
        assert server.stop() == 0
        server = serve("--feed", "simulated?symbols=5")


async def test_the_idle_and_the_silent_are_closed_by_name(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5", env={**os.environ, **LIMITS})
    async with server.stream("/crypto/quotes") as idle, server.stream("/crypto/quotes") as used:
        await used.send('{"action": "subscribe", "symbols": ["*"]}')
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(idle.recv(), 10)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "idle")
        await receive(used, 5)

    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(server.handshake("/publish"))
    await reader.readuntil(b"\r\n\r\n")
    received = b""
    async with asyncio.timeout(15):
        while b"pong_timeout" not in received:
            chunk = await reader.read(1_000)
            assert chunk, received
            received += chunk
    assert b"\x0f\xa2pong_timeout" in received, "4002"
    writer.close()


async def test_a_client_that_does_not_read_is_not_waited_for_and_ends_with_the_newest(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")

    def publish(number: int, first: int, count: int) -> None:
        rows = [
            {"asset_class": "crypto", "symbol": "SLOW", "timestamp": "1", "bid": str(n), "ask": str(n + 1)}
            for n in range(first, first + count)
        ]
        assert server.publish({"producer": "p", "batch": number, "quotes": rows}).status_code == 200

    publish(1, 1, 1)
    host, port = server.address.split(":")
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect((host, int(port)))
    async with (
        connect(
            f"ws://{server.address}/crypto/quotes?api-key={server.demo_key}", sock=small, max_queue=1
        ) as slow,
        server.stream("/crypto/quotes") as fast,
    ):
        for stream in (slow, fast):
            await stream.send('{"action": "subscribe", "symbols": ["SLOW"]}')
        await receive(fast, 2)
        heard: list[int] = []
        for number in range(2, 42):
            await asyncio.to_thread(publish, number, (number - 1) * 1_000, 1_000)
            heard += [int(quote["bid"]) for quote in await receive(fast, 1_000)]
        assert heard == list(range(1_000, 41_000)), "the fast one has every quote"
        late: list[int] = []
        async with asyncio.timeout(30):
            while not late or late[-1] != heard[-1]:
                message = (await receive(slow))[0]
                if "bid" in message:
                    late.append(int(message["bid"]))
        assert late == sorted(late), "never out of order"
        assert len(late) < len(heard), "some were skipped"
    skipped = [
        line
        for line in server.get("/metrics").text.splitlines()
        if line.startswith("tradewatch_quotes_skipped_total")
    ]
    assert float(skipped[0].split()[1]) == len(heard) - len(late)


async def test_simulated_prices_say_so_in_the_handshake(serve: Any, shared_data: Path) -> None:
    server = serve("--feed", "simulated?symbols=5")
    async with server.stream("/") as stream:
        assert stream.response.headers["tradewatch-simulated"] == "true"
    assert "SIMULATED" in server.output
    server.stop()
    server = serve("--feed", f"replay:{shared_data / 'indices-ESU4-20240701.csv.gz'}?class=indices")
    async with server.stream("/") as stream:
        assert "tradewatch-simulated" not in stream.response.headers
    assert "SIMULATED" not in server.output


async def test_subprotocols(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")
    async with server.stream("/", subprotocol="tradewatch.v1") as stream:
        assert stream.subprotocol == "tradewatch.v1"
    with pytest.raises(InvalidStatus) as refused:
        await server.stream("/", subprotocol="graphql-ws")
    assert json.loads(refused.value.response.body)["error"]["reason"] == "subprotocol_unknown"


def test_health_is_green_only_while_quotes_travel(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")
    deadline = time.monotonic() + 10
    while server.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline, server.get("/health/ready").text
        time.sleep(0.05)
    assert server.get("/health/ready").json()["status"] == "ready"
    assert server.get("/health/live").json() == {"status": "alive"}


BREAKS_THE_FAN_OUT = """
from tradewatch.fanout.lane import Lane
Lane.deal = lambda self, records, ids: None
from tradewatch.cli.main import run
run()
"""


def test_health_turns_red_when_the_fan_out_delivers_nothing(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5", program=("-c", BREAKS_THE_FAN_OUT))
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:  # a healthy one is green within a second
        response = server.get("/health/ready")
        assert response.status_code == 503
        assert response.json()["trouble"]
        time.sleep(0.1)
    assert server.get("/health/live").status_code == 200


async def test_tls_with_a_given_certificate(serve: Any, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", str(key), "-out", str(cert)],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("openssl is not on this machine")
    server = serve("--feed", "simulated?symbols=5&rate=100", "--tls-cert", str(cert), "--tls-key", str(key))
    trusting = ssl.create_default_context(cafile=str(cert))
    async with server.stream("/crypto/quotes", ssl=trusting) as stream:
        await stream.send('{"action": "subscribe", "symbols": ["*"]}')
        assert "bid" in (await receive(stream, 20))[-1]
    deadline = time.monotonic() + 10
    while server.get("/health/ready", verify=trusting).status_code != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert server.stop() == 0
