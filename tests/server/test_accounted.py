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
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"bc")]})
    await send({"type": "http.response.body", "body": b"o", "more_body": True})
    await send({"type": "http.response.body", "body": b"k"})


@pytest.fixture
def meter() -> UsageMeter:
    return UsageMeter(gateway="0")


#: What every answer of the application begins with.
HEAD = b"HTTP/1.1 200 OK\r\na: bc\r\n\r\n"


async def asked(meter: UsageMeter, path: str, body: bytes = b"") -> int:
    """Ask; how many bytes the request has as HTTP/1.1 writes it."""
    app = AccountedRequests(application, meter, clock=ManualClock())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        request = client.build_request("POST", path, content=body)
        await client.send(request)
    lines = [b"POST " + request.url.raw_path + b" HTTP/1.1", *map(b": ".join, request.headers.raw), b"", body]
    return len(b"\r\n".join(lines))


def counts(meter: UsageMeter, key_id: str) -> Counts:
    for hour_s in meter.hours_to_restore():
        meter.restore(hour_s, [])
    (row,) = meter.rows(key_id)
    return row.usage.counts


async def test_requests_and_bytes_add_up_by_key(meter: UsageMeter):
    sent = await asked(meter, "/one", b"12345")
    sent += await asked(meter, "/one?a=b%20c", b"678")
    answered = len(HEAD + b"ok")
    assert counts(meter, "one") == Counts(requests=2, rest_bytes_in=sent, rest_bytes_out=2 * answered)
    sent = await asked(meter, "/two")
    assert counts(meter, "two") == Counts(requests=1, rest_bytes_in=sent, rest_bytes_out=answered)


async def test_a_request_without_a_key_counts_for_nobody(meter: UsageMeter):
    await asked(meter, "/")
    assert meter.rows("") == []


async def test_a_request_that_fails_counts_too(meter: UsageMeter):
    sent = await asked(meter, "/fault", b"1")
    assert counts(meter, "fault") == Counts(requests=1, rest_bytes_in=sent)
