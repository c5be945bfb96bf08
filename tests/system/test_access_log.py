"""`access_log = true`: each request and each connection leaves its line."""

import json
import os
import socket
from typing import Any

from tests.system.server import Server, receive

QUOTES = ("--feed", "simulated?symbols=5", "--log-format", "json")


def access_lines(server: Server) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in server.errors.splitlines()]
    return [line for line in found if line["logger"] == "tradewatch.access"]


async def test_each_request_and_each_connection_has_its_line(serve: Any) -> None:
    server: Server = serve(
        *QUOTES, "--log-level", "error", env={**os.environ, "TRADEWATCH_ACCESS_LOG": "true"}
    )
    key_id = server.demo_key.split("_")[1]
    async with server.stream(f"/crypto/quotes?%61pi-key={server.demo_key}", key="") as stream:
        await stream.send('{"action": "ping"}')
        await receive(stream, 2)
    assert server.get("/nothing?x=1").status_code == 404
    assert server.publish({}).status_code == 422
    with socket.create_connection(server.address.split(":")) as client:
        client.sendall(b"GET /?ticket=secret HTTP/9.9\r\n\r\n")
        assert client.recv(1_024).startswith(b"HTTP/1.1 400 ")
    assert server.stop() == 0
    lines = [line for line in access_lines(server) if "/health/canary" not in line["path"]]
    assert [(line["message"], line["path"], line["key"]) for line in lines] == [
        ("connection", "/crypto/quotes?%61pi-key=***", key_id),
        ("request", "/nothing?x=1", ""),
        ("request", "/publish", key_id),
        ("request", "/?ticket=***", ""),
    ]
    connection, nothing, publish, malformed = lines
    assert (connection["code"], connection["reason"], connection["messages"]) == (1000, "client", 1)
    assert connection["bytes_in"] > 18
    assert (nothing["status"], publish["status"]) == (404, 422)
    assert malformed["status"] == 400
    assert {line["client"] for line in lines} == {"127.0.0.1"}


async def test_without_it_there_is_none(serve: Any) -> None:
    server: Server = serve(*QUOTES)
    assert server.get("/nothing").status_code == 404
    assert server.stop() == 0
    assert access_lines(server) == []
