"""The account over HTTP, on a real server: rates, usage, keys and connections, while streams are open."""

import asyncio
import contextlib
import importlib
import importlib.util
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.system.server import Server, receive, run_command

DEADLINE_S = 10.0
HAS_CLIENT = importlib.util.find_spec("tradewatch_io") is not None


def ask(server: Server, method: str, path: str, key: str, **options: Any) -> httpx.Response:
    return httpx.request(method, server.http + path, headers={"api-key": key}, timeout=10, **options)


def until(holds: Callable[[], bool]) -> None:
    """Come back once this holds; fail where that is not soon."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


async def closed_with(stream: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(DEADLINE_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await stream.recv()
    assert stream.protocol.close_rcvd is not None
    return stream.protocol.close_rcvd.code, stream.protocol.close_rcvd.reason


def requests_on_disk(server: Server, name: str) -> int:
    answer = run_command("usage", name, "--json", "--data-dir", str(server.data_dir))
    return sum(json.loads(line)["requests"] for line in answer.stdout.splitlines())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that do not end it."""
    started = Server(
        Path(tmp_path_factory.mktemp("account")) / "data", "--feed", "simulated?symbols=20&rate=50"
    )
    yield started
    started.kill()


@pytest.fixture(scope="module")
def admin(server: Server) -> str:
    return server.create_key("admin", "--scope", "admin", "--scope", "publish")


def test_a_rate_is_kept_and_its_day_outlives_a_kill(serve: Any, tmp_path: Path) -> None:
    config = tmp_path / "plans.toml"
    config.write_text(
        "[plans.few]\nrequests_per_10_s = 500\nrequests_per_minute = 500\nrequests_per_day = 12\n"
    )
    server: Server = serve("--feed", "none", "--config", str(config))
    key = server.keys("create", "--name", "few", "--plan", "few", "--config", str(config)).splitlines()[-1]
    until(lambda: ask(server, "GET", "/usage", key).status_code == 200)
    remaining = [ask(server, "GET", "/usage", key).headers["ratelimit-remaining"] for _ in range(4)]
    assert remaining == ["10", "9", "8", "7"]
    until(lambda: requests_on_disk(server, "few") == 5)
    server.kill()
    server = serve("--feed", "none", "--config", str(config))
    answers = [ask(server, "GET", "/usage", key) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 7 + [429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == list("65432100")
    assert answers[-1].headers["ratelimit-policy"] == "500;w=10, 500;w=60, 12;w=86400"
    assert answers[-1].headers["retry-after"] == answers[-1].headers["ratelimit-reset"]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 86_400
    assert answers[-1].json()["error"]["reason"] == "too_many_requests"


def sums(used: dict[str, Any]) -> tuple[int, int, int]:
    """Requests, bytes in and bytes out, over all intervals of an answer."""
    assert all(int(start) % 3_600 == 0 for start in used)
    entries = used.values()
    return (
        sum(entry["requests"] for entry in entries),
        sum(entry["data"]["request"] for entry in entries),
        sum(entry["data"]["response"] for entry in entries),
    )


async def test_usage_has_requests_and_streams_as_they_happen(server: Server) -> None:
    key = await asyncio.to_thread(server.create_key, "counted")
    until(lambda: bool(ask(server, "GET", "/account/usage", key).json()))
    before = ask(server, "GET", "/account/usage", key)
    async with server.stream("/crypto/quotes", key=key) as stream:
        await receive(stream)
        for _ in range(3):
            await stream.send('{"action": "ping"}')
        await receive(stream, 3)
        after = ask(server, "GET", "/account/usage", key)
    requests, bytes_in, bytes_out = (
        new - old for new, old in zip(sums(after.json()), sums(before.json()), strict=True)
    )
    assert requests == 1 + 1 + 3, "the first look, a connection, three messages"
    assert bytes_in > 3 * len('{"action": "ping"}')
    assert bytes_out > 3 * len('{"event": "pong", "timestamp": "1704067261000"}') + len(before.content)


async def test_usage_of_requests_is_what_went_over_the_wire(server: Server) -> None:
    key = await asyncio.to_thread(server.create_key, "exact")
    until(lambda: bool(ask(server, "GET", "/usage", key).json()))
    request = f"GET /usage?limit=2&interval=1d HTTP/1.1\r\nHost: here\r\napi-key: {key}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    answers = []
    for _ in range(2):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head)
        assert size
        answers.append((head, await reader.readexactly(int(size[1]))))
    writer.close()
    first, second = (sums(json.loads(body)) for _, body in answers)
    date = re.search(rb"date: .*\r\n", answers[0][0])
    assert date, "which the HTTP server adds by itself"
    answered = len(b"".join(answers[0])) - len(date[0])
    assert second == (first[0] + 1, first[1] + len(request), first[2] + answered)


async def test_a_key_made_over_http_opens_a_stream_at_once_and_ends_it_when_revoked(
    server: Server, admin: str
) -> None:
    asked = {"name": "guest", "scopes": ["publish"], "publish": {"classes": ["crypto"]}}
    made = ask(server, "POST", "/account/keys", admin, json=asked)
    assert made.status_code == 201
    key = made.json()["key"]
    async with server.stream("/crypto/quotes", key=key) as stream:
        await receive(stream)
        refused = ask(server, "POST", "/account/keys", key, json={"name": "more"})
        assert (refused.status_code, refused.json()["error"]["reason"]) == (403, "scope_missing")
        listed = ask(server, "GET", "/account/keys", admin)
        assert [item["name"] for item in listed.json()["items"] if item["id"] == made.json()["id"]] == [
            "guest"
        ]
        assert "guest" in await asyncio.to_thread(server.keys, "list")
        assert ask(server, "DELETE", "/account/keys/guest", admin).status_code == 204
        assert await closed_with(stream) == (4500, "key_revoked")
    assert ask(server, "GET", "/usage", key).json()["error"]["reason"] == "key_revoked"
    assert key not in server.output + server.errors


async def test_many_keys_made_at_once_are_all_good(server: Server, admin: str) -> None:
    """Each is in force when its answer comes, whoever reads the store meanwhile."""
    async with httpx.AsyncClient(base_url=server.http, timeout=30) as client:

        async def one(number: int) -> int:
            made = await client.post(
                "/account/keys", json={"name": f"many {number}"}, headers={"api-key": admin}
            )
            answer = await client.get("/usage", headers={"api-key": made.json()["key"]})
            return answer.status_code

        assert await asyncio.gather(*map(one, range(20))) == [200] * 20


async def test_a_key_lists_its_connections_and_closes_one(server: Server) -> None:
    key = await asyncio.to_thread(server.create_key, "desk")
    ticket = ask(server, "POST", "/account/tickets", key, json={"subject": "page 7"}).json()["ticket"]
    async with (
        server.stream("/crypto/quotes", key=key) as one,
        server.stream(f"/?ticket={ticket}", key="") as two,
    ):
        await receive(one)
        await receive(two)
        listed = ask(server, "GET", "/account/connections", key).json()
        assert [item["subject"] for item in listed["items"]] == [None, "page 7"]
        assert [item["address"] for item in listed["items"]] == ["127.0.0.1"] * 2
        assert listed["total"] == 2
        path = f"/account/connections/{listed['items'][1]['id']}"
        assert ask(server, "DELETE", path, server.demo_key).status_code == 404
        assert ask(server, "DELETE", path, key).status_code == 204
        assert await closed_with(two) == (4503, "closed_by_owner")
        until(lambda: ask(server, "GET", "/account/connections", key).json()["total"] == 1)
        await one.send('{"action": "ping"}')
        assert (await receive(one))[0]["event"] == "pong"


@pytest.mark.skipif(not HAS_CLIENT, reason="tradewatch_io, the public service's own client, is not installed")
def test_the_client_of_the_public_service_reads_usage(server: Server) -> None:
    client = importlib.import_module("tradewatch_io")
    api = client.TradewatchApi(api_key=server.demo_key, base_url=server.http)
    ask(server, "GET", "/usage", server.demo_key)
    until(lambda: bool(api.account.get_usage(limit=24, interval="1h")))
    used = api.account.get_usage()
    assert all(set(entry) == {"requests", "data"} for entry in used.values())
    with pytest.raises(client.UnprocessableEntityError) as refused:
        api.account.get_usage(limit=169)
    assert refused.value.body["error"]["code"] == 422


def test_the_pages_describe_the_account(server: Server) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    described = {
        path: sorted(methods) for path, methods in paths.items() if "account" in path or "usage" in path
    }
    assert described == {
        "/account/connections": ["get"],
        "/account/connections/{connection_id}": ["delete"],
        "/account/keys": ["get", "post"],
        "/account/keys/{name_or_id}": ["delete", "get"],
        "/account/tickets": ["post"],
        "/account/usage": ["get"],
        "/usage": ["get"],
    }
    for path in described:
        for operation in paths[path].values():
            assert {"401", "403", "429"} <= set(operation["responses"])
            assert operation["summary"]
