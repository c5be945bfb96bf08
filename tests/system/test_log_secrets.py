"""Whatever comes in at whatever door, with its key wherever a key may stand: no line of the log shows it."""

import os
import re
import socket
from typing import Any
from urllib.parse import quote

from tests.system.server import Server, receive

QUOTES = ("--feed", "simulated?symbols=5")
UNKNOWN = "tw_000000000000_" + "a" * 43


def requests(key: str) -> list[bytes]:
    """Requests, good and bad, that bring a key where it may and where it may not stand."""
    encoded = quote(f"api-key={key}", safe="").replace("a", "%61")
    targets = [
        f"/health/live?api-key={key}",
        f"/crypto/quotes?API-KEY={key}&ticket={key}&session={key}",
        f"/crypto/quotes?{encoded}",
        f"/{key}?%61pi-key={key}",
        f"http://{key}@host/?api-key={key}",
        f"/%zz?api-key={key}",
    ]
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    heads = [
        "",
        f"api-key: {key}\r\ntradewatch-session: {key}\r\nCookie: session={key}\r\n",
        f"{upgrade}Sec-WebSocket-Version: 13\r\n",
        f"{upgrade}Sec-WebSocket-Version: 12\r\napi-key: {key}\r\n",
        f"{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {key}\r\n",
        f"{upgrade}Sec-WebSocket-Version: 13\r\nContent-Length: 5\r\nOrigin: http://{key}\r\n",
        f"Upgrade: h2c\r\nConnection: Upgrade\r\nX-Forwarded-For: {key}\r\n",
        f"api-key: {key}\r\nFlood: {'x' * 40_000}\r\n",
        f"{key}\r\n",
    ]
    made = [
        f"{method} {target} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode()
        for method in ("GET", "POST")
        for target in targets
        for head in heads
    ]
    return [*made, f"GET /?api-key={key} HTTP/9.9\r\n\r\n".encode(), f"{key}\r\n\r\n".encode()]


def answer(address: str, request: bytes) -> bytes:
    """The first bytes of the answer to a request."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(request)
        return client.recv(4096)


async def test_no_key_is_in_the_log_at_any_level(serve: Any) -> None:
    server: Server = serve(
        *QUOTES,
        "--log-level",
        "debug",
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TRADEWATCH_ACCESS_LOG": "true"},
    )
    secret = server.demo_key.rpartition("_")[2]
    statuses = set()
    for key in (server.demo_key, UNKNOWN):
        for request in requests(key):
            statuses.add(answer(server.address, request).split()[1])
    assert {b"101", b"200", b"400", b"401", b"404", b"426", b"431"} <= statuses
    async with server.stream(f"/crypto/quotes?api-key={server.demo_key}", key="") as stream:
        await stream.send(f'{{"action": "{server.demo_key}", "api-key": "{server.demo_key}"}}')
        await stream.send(server.demo_key)
        await receive(stream, 3)
    assert server.publish({"producer": server.demo_key}).status_code == 422
    assert server.stop() == 0
    assert secret not in server.errors
    assert not re.search(UNKNOWN[-10:], server.errors)
