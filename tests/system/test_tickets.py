"""One-time tickets on a real server: what web pages get in place of a key."""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.system.server import Server, receive
from tests.system.v2_client import JSON, V2Client, closing


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all of these tests, that logs all it can."""
    started = Server(
        Path(tmp_path_factory.mktemp("tickets")) / "data",
        *("--feed", "simulated?symbols=20&rate=200", "--log-level", "debug"),
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TRADEWATCH_ACCESS_LOG": "true"},
    )
    yield started
    started.kill()


def ask(server: Server, key: str | None = None, **asked: Any) -> httpx.Response:
    headers = {"api-key": server.demo_key if key is None else key}
    return httpx.post(f"{server.http}/account/tickets", json=asked, headers=headers, timeout=10)


def ticket(server: Server, key: str | None = None, **asked: Any) -> str:
    answer = ask(server, key, **asked)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["ticket"])


def shown(server: Server, text: str, path: str = "/", subprotocol: str = JSON, **options: Any) -> connect:
    """A connection that shows a ticket, as a web page does: in the query, with no header of its own."""
    url = f"ws://{server.address}{path}?ticket={text}"
    return connect(url, subprotocols=[Subprotocol(subprotocol)], proxy=None, max_queue=None, **options)


async def refusal(opening: connect) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        await opening
    error = json.loads(refused.value.response.body)["error"]
    return error["code"], error["reason"]


async def test_a_ticket_opens_one_stream_once(server: Server) -> None:
    answer = ask(server, subject="page 7", ttl_s=20)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    text = answer.json().pop("ticket")
    assert text.startswith("twt_")
    assert (answer.json()["expires_in_s"], answer.json()["subject"]) == (20, "page 7")
    async with shown(server, text, origin=server.http) as stream:  # type: ignore[arg-type]
        one = V2Client(stream)
        assert (await one.take())[0]["event"] == "welcome"
        await one.ask("subscribe", symbols=["crypto:*"])
        await one.until_quotes(5)
        assert await refusal(shown(server, text)) == (401, "ticket_expired")
    assert await refusal(shown(server, text)) == (401, "ticket_expired")
    assert await refusal(shown(server, text, "/publish")) == (401, "key_missing")


async def test_v1_pages_and_class_paths_take_tickets_too(server: Server) -> None:
    async with shown(server, ticket(server), "/stocks/quotes", "tradewatch.v1") as stream:
        assert (await receive(stream))[0] == {"event": "status", "symbols": []}


@pytest.mark.parametrize(
    ("asked", "path", "wanted"),
    [
        (
            {"classes": ["crypto"]},
            "/",
            {"crypto:BTCUSD": None, "stocks:AAPL": "symbol_not_included", "crypto:*": None},
        ),
        (
            {"symbols": ["btc*", "AAPL"]},
            "/",
            {
                "crypto:BTCUSD": None,
                "stocks:AAPL": None,
                "crypto:ETHUSD": "symbol_not_included",
                "crypto:*": "wildcard_not_included",
            },
        ),
        (
            {"classes": ["stocks"], "symbols": ["A*"]},
            "/stocks/quotes",
            {"AAPL": None, "MSFT": "symbol_not_included"},
        ),
    ],
)
async def test_classes_and_symbols_narrow_it(
    server: Server, asked: dict[str, Any], path: str, wanted: dict[str, str | None]
) -> None:
    async with shown(server, ticket(server, **asked), path) as stream:
        one = V2Client(stream)
        await one.say("subscribe", symbols=list(wanted), id=1)
        results = (await one.event(id=1))["results"]
        assert [result.get("code") for result in results[: len(wanted)]] == list(wanted.values())


async def test_a_ticket_for_one_class_does_not_open_another(server: Server) -> None:
    text = ticket(server, classes=["crypto"])
    assert await refusal(shown(server, text, "/stocks/quotes")) == (403, "plan_without_class")


async def test_the_connections_of_a_subject_are_limited(server: Server) -> None:
    limited: dict[str, Any] = {"subject": "one tab", "max_connections": 1}
    async with shown(server, ticket(server, **limited)):
        assert await refusal(shown(server, ticket(server, **limited))) == (429, "too_many_connections")
        async with shown(server, ticket(server, **{**limited, "subject": "another"})):
            pass
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(InvalidStatus):
                async with shown(server, ticket(server, **limited)):
                    break


async def test_tickets_end_with_their_key(server: Server) -> None:
    key = server.create_key("shop")
    unused = ticket(server, key)
    async with shown(server, ticket(server, key)) as mine, shown(server, ticket(server)) as others:
        assert await asyncio.to_thread(server.keys, "revoke", "shop") == ""
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(mine.recv(), 5)
        assert closing(closed.value) == (4500, "key_revoked")
        await others.send('{"action": "ping"}')
        await receive(others, 2)
    assert await refusal(shown(server, unused)) == (401, "ticket_expired")
    assert ask(server, key).json()["error"]["reason"] == "key_revoked"


@pytest.mark.parametrize(
    "asked", [{"ttl_s": 31}, {"max_connections": 0}, {"classes": []}, {"symbols": ["a b"]}, {"subject": ""}]
)
def test_what_no_ticket_can_be_is_refused(server: Server, asked: dict[str, Any]) -> None:
    answer = ask(server, **asked)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (422, "invalid_request")


def test_nobody_without_a_key_gets_one(server: Server) -> None:
    assert ask(server, "").json()["error"]["reason"] == "key_missing"
    assert ask(server, "tw_000000000000_" + "x" * 43).json()["error"]["reason"] == "key_unknown"


async def test_a_ticket_is_written_down_nowhere(server: Server) -> None:
    used, unused, misplaced = (ticket(server, subject="page") for _ in range(3))
    async with shown(server, used) as stream:
        await stream.send(json.dumps({"action": used, "ticket": used}))
        await receive(stream, 2)
    await refusal(shown(server, used))
    server.get(f"/nowhere?ticket={misplaced}", headers={"ticket": misplaced})
    await refusal(shown(server, misplaced, "/bonds/quotes"))
    metrics = server.get(f"/metrics?ticket={unused}").text
    readings = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    assert float(readings["tradewatch_tickets_open"]) >= 2
    assert float(readings["tradewatch_tickets_redeemed_total"]) >= 1
    async with asyncio.timeout(5):
        while server.errors.count("/metrics?ticket=***") == 0:
            await asyncio.sleep(0.02)
    assert "?ticket=***" in server.errors
    stored = b"".join(path.read_bytes() for path in server.data_dir.rglob("*") if path.is_file())
    for text in (used, unused, misplaced):
        secret = text.removeprefix("twt_")
        assert secret not in server.errors + server.output + metrics
        assert secret.encode() not in stored
