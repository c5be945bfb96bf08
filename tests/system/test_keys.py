"""Keys beside a running server: good within a second, gone within a second, and nowhere to be read."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.system.server import receive


async def refusal(server: Any, path: str, key: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        await server.stream(path, key=key)
    return refused.value.response.status_code, json.loads(refused.value.response.body)["error"]["reason"]


async def test_a_key_lives_and_dies_beside_the_server(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")
    key = server.create_key("dashboard")
    publishing_key = server.create_key("feed", "--scope", "publish")
    async with server.stream("/crypto/quotes", key=key) as one, server.stream("/", key=key) as other:
        async with server.stream("/publish", key=publishing_key) as publishing:
            await receive(publishing)
            for stream in (one, other):
                await receive(stream)
            server.keys("revoke", "dashboard")
            revoked_s = time.monotonic()
            for stream in (one, other):
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.wait_for(stream.recv(), 5)
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4500, "key_revoked")
            assert time.monotonic() - revoked_s < 1
            await publishing.send("{}")
            assert (await receive(publishing))[0]["event"] == "error", "another key's connection stays"
    assert await refusal(server, "/crypto/quotes", key) == (401, "key_revoked")


async def test_who_does_not_come_in_is_told_why(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")
    assert await refusal(server, "/crypto/quotes", "") == (401, "key_missing")
    assert await refusal(server, "/crypto/quotes", "tw_000000000000_" + "x" * 43) == (401, "key_unknown")
    assert await refusal(server, "/bonds/quotes", server.demo_key) == (404, "not_found")
    assert await refusal(server, "/health/canary?token=guess", server.demo_key) == (404, "not_found")
    assert await refusal(server, "/publish", server.create_key("reader")) == (403, "scope_missing")
    async with server.stream(f"/crypto/quotes?api-key={server.demo_key}", key="") as stream:
        assert (await receive(stream))[0]["event"] == "status"


async def test_no_secret_is_ever_written_down(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5", "--log-level", "debug")
    keys = [server.create_key("one"), server.create_key("two", "--scope", "admin"), server.demo_key]
    for key in keys:
        async with server.stream(f"/crypto/quotes?api-key={key}") as stream:
            await stream.send("nonsense")
            await receive(stream, 2)
        server.get(f"/nowhere?api-key={key}", headers={"api-key": key})
        server.get("/metrics", headers={"api-key": key})
    server.keys("revoke", "one")
    deadline = time.monotonic() + 5
    while server.publish({}, key=keys[0]).json()["error"]["reason"] != "key_revoked":
        assert time.monotonic() < deadline
    assert await refusal(server, f"/crypto/quotes?api-key={keys[0]}", "") == (401, "key_revoked")
    server.stop()
    written = server.errors + server.output.replace(server.demo_key, "")
    stored = b"".join(path.read_bytes() for path in Path(server.data_dir).rglob("*") if path.is_file())
    for key in keys:
        assert key.rpartition("_")[2] not in written
        assert key.rpartition("_")[2].encode() not in stored


def test_the_demo_key_exists_on_loopback_only(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5", "--host", "0.0.0.0")
    assert server.demo_key == ""
    assert "keys create" in server.output
