"""Requests count for the key that made them."""

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from tradewatch.access.usage import Counts
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.clock import ManualClock
from tradewatch.server.rest.accounted import AccountedRequests


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers `ok` in two parts; the path is the key's id; `/fault` fails."""
    while (await receive()).get("more_body"):
        pass
    scope.setdefault("state", {})["key_id"] = scope["path"].strip("/")
    if scope["path"] == "/fault":
        raise RuntimeError("a fault")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"o", "more_body": True})
    await send({"type": "http.response.body", "body": b"k"})


@pytest.fixture
def meter() -> UsageMeter:
    return UsageMeter(gateway="0")


async def asked(meter: UsageMeter, path: str, body: bytes = b"") -> None:
    app = AccountedRequests(application, meter, clock=ManualClock())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        await client.post(path, content=body)


def counts(meter: UsageMeter, key_id: str) -> Counts:
    for hour_s in meter.hours_to_restore():
        meter.restore(hour_s, [])
    (row,) = meter.rows(key_id)
    return row.usage.counts


async def test_requests_and_bytes_add_up_by_key(meter: UsageMeter):
    await asked(meter, "/one", b"12345")
    await asked(meter, "/one", b"678")
    await asked(meter, "/two")
    assert counts(meter, "one") == Counts(requests=2, rest_bytes_in=8, rest_bytes_out=4)
    assert counts(meter, "two") == Counts(requests=1, rest_bytes_out=2)


async def test_a_request_without_a_key_counts_for_nobody(meter: UsageMeter):
    await asked(meter, "/")
    assert meter.rows("") == []


async def test_a_request_that_fails_counts_too(meter: UsageMeter):
    await asked(meter, "/fault", b"1")
    assert counts(meter, "fault") == Counts(requests=1, rest_bytes_in=1)
