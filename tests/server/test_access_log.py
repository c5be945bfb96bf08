"""The access log: real requests through uvicorn, each with its line."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, Request, Response

from tradewatch.address import parse_networks
from tradewatch.clock import ManualClock
from tradewatch.server.access_log import NO_CLOSE_CODE, AccessLog, LoggedRequests
from tradewatch.server.rest.api import build_api

KEY = "tw_0123456789ab_" + "S3cret" * 7 + "x"


def fields(record: logging.LogRecord) -> dict[str, Any]:
    plain = {*vars(logging.makeLogRecord({})), "message", "taskName"}
    return {name: value for name, value in vars(record).items() if name not in plain}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def client(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server whose requests are logged, beside all that is not uvicorn at the lowest level."""
    caplog.set_level(logging.WARNING, "uvicorn")  # as `serve` does; see tests/system/test_log_secrets.py
    caplog.set_level(1)
    routes = APIRouter()

    @routes.get("/things/{name}")
    async def thing(request: Request, name: str) -> Response:
        clock.advance(0.0125)
        request.state.key_id = "k1"
        return Response(name.encode())

    @routes.head("/things/{name}")
    async def head() -> Response:
        return Response(b"12345")

    @routes.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("a fault of ours")

    app = LoggedRequests(
        build_api([routes]),
        AccessLog(clock),
        trusted_proxies=parse_networks(["127.0.0.0/8"], setting="trusted_proxies"),
    )
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, http="httptools")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        yield http
    server.should_exit = True
    await serving


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    found = [record for record in caplog.records if record.name == "tradewatch.access"]
    assert {(record.levelname, record.getMessage()) for record in found} <= {("INFO", "request")}
    return [fields(record) for record in found]


async def test_a_request_has_its_line(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    assert (await client.get(f"/things/abc?x=1&API-key={KEY}")).status_code == 200
    assert lines(caplog) == [
        {
            "client": "127.0.0.1",
            "method": "GET",
            "path": "/things/abc?x=1&API-key=***",
            "key": "k1",
            "status": 200,
            "bytes_out": 3,
            "duration_ms": 12.5,
        }
    ]


async def test_a_refused_a_broken_and_a_bodiless_one_too(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await client.get("/nothing")).status_code == 404
    assert (await client.get("/broken")).status_code == 500
    assert (await client.head("/things/a")).status_code == 200
    shown = [(line["method"], line["path"], line["key"], line["status"]) for line in lines(caplog)]
    assert shown == [
        ("GET", "/nothing", "", 404),
        ("GET", "/broken", "", 500),
        ("HEAD", "/things/a", "", 200),
    ]
    assert lines(caplog)[2]["bytes_out"] == 0


async def test_the_client_behind_a_trusted_proxy_is_named(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await client.get("/nothing", headers={"x-forwarded-for": "192.0.2.7\t, 127.0.0.2"})
    assert [line["client"] for line in lines(caplog)] == ["192.0.2.7"]


async def test_no_line_of_the_server_holds_the_key(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/things/a", "/broken", "/nothing", f"/{KEY}"):
        await client.get(f"{path}?api-key={KEY}&ticket={KEY}", headers={"api-key": KEY})
    server = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert len(lines(caplog)) == 4
    assert not [record for record in server if "S3cret" in f"{record.getMessage()}{vars(record)}"]


class TestConnections:
    def test_an_ended_connection_has_its_line(
        self, clock: ManualClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        visit = AccessLog(clock).visit("192.0.2.7", f"/?api-key={KEY}")
        visit.key_id = "k1"
        visit.messages += 2
        visit.bytes_in += 70
        clock.advance(1.5)
        visit.ended(4001, "idle", bytes_out=512)
        (record,) = caplog.records
        assert record.getMessage() == "connection"
        assert fields(record) == {
            "client": "192.0.2.7",
            "method": "GET",
            "path": "/?api-key=***",
            "key": "k1",
            "code": 4001,
            "reason": "idle",
            "messages": 2,
            "bytes_in": 70,
            "bytes_out": 512,
            "duration_ms": 1_500.0,
        }

    def test_a_refused_handshake_is_a_request(
        self, clock: ManualClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        AccessLog(clock).visit("192.0.2.7", "/").answered(401, bytes_out=80)
        (record,) = caplog.records
        assert (record.getMessage(), fields(record)["status"]) == ("request", 401)

    def test_a_lost_one_has_the_code_of_none(self) -> None:
        assert NO_CLOSE_CODE == 1006


def test_nothing_is_logged_that_nobody_wants(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    log = AccessLog(clock, enabled=False)
    log.visit("192.0.2.7", "/").answered(200, bytes_out=0)
    log.visit("192.0.2.8", "/").ended(4001, "idle", bytes_out=0)
    assert caplog.records == []


def test_the_lines_come_whatever_the_level_of_the_log(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    caplog.handler.setLevel(logging.NOTSET)
    AccessLog(clock).visit("192.0.2.7", "/").answered(200, bytes_out=0)
    assert [record.name for record in caplog.records] == ["tradewatch.access"]
