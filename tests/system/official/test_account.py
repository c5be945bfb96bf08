"""Usage in the official client: every request of a key counts once, to the byte."""

import time
from datetime import date
from typing import Any

import httpx
import pytest
import tradewatch_io
from tradewatch_io.core.api_error import ApiError

from tests.system.official.conftest import Site

HOUR_S, DAY_S = 3_600, 86_400
#: Usage shows within a second, in a new hour, too; the rest is for a machine that is busy.
SHOWN_S = 5.0
#: What uvicorn adds to an answer; it is on nobody's account.
_ADDED = ("date", "server", "transfer-encoding")


class Wire:
    """Counts what goes over the wire, as the account is to have it."""

    def __init__(self) -> None:
        self.requests = self.bytes_in = self.bytes_out = 0

    def count(self, answer: httpx.Response) -> None:
        """An event hook: the answer, whose body is not read yet."""
        answer.read()
        asked = answer.request
        target = asked.url.raw_path
        self.requests += 1
        self.bytes_in += len(f"{asked.method}  HTTP/1.1\r\n") + len(target) + _bytes(asked.headers.raw)
        headers = [(name, value) for name, value in answer.headers.raw if name.decode() not in _ADDED]
        self.bytes_out += len(f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\r\n")
        self.bytes_out += _bytes(headers) + answer.num_bytes_downloaded


def _bytes(headers: Any) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers) + 2


def total(usage: dict[str, Any]) -> tuple[int, int, int]:
    entries = [
        (each["requests"], each["data"]["request"], each["data"]["response"]) for each in usage.values()
    ]
    requests, bytes_in, bytes_out = map(sum, zip(*entries, strict=True)) if entries else (0, 0, 0)
    return requests, bytes_in, bytes_out


def test_every_request_is_counted_once_and_to_the_byte(site: Site) -> None:
    wire = Wire()
    with httpx.Client(event_hooks={"response": [wire.count]}, timeout=60) as http:
        api = tradewatch_io.TradewatchApi(
            api_key=site.server.create_key("counted"), base_url=site.server.http, httpx_client=http
        )
        before = total(api.account.get_usage(limit=2))
        for _ in range(7):
            api.currencies.get_quote(symbol="EURUSD")
        api.stocks.get_symbols(size=1_000)
        spy = site.recording("stocks")
        start, end = spy.span
        api.stocks.get_historical_ohlc("SPY", resolution="5", start=start, end=end)
        api.stocks.get_historical_ticks("SPY", start=start, end=end, limit=10_000)
        year = {"start": date(2025, 1, 1), "end": date(2025, 12, 31)}
        api.stocks.get_trading_hours(mic="XNYS,XLON,XTKS,XETR,XPAR", **year)  # sent as it is made
        with pytest.raises(ApiError):
            api.crypto.get_quote(symbol="NOBODY")
        with pytest.raises(ApiError):
            api.crypto.convert("BTC", "USDT", precision=37)
        deadline = time.monotonic() + SHOWN_S
        shown: tuple[int, ...] = ()
        wanted: tuple[int, ...] = (0, 0, 0)
        while shown != wanted:
            assert time.monotonic() < deadline, f"{shown} is not {wanted}"
            # The first question about usage is in the second answer, and the second is not.
            wanted = wire.requests, wire.bytes_in, wire.bytes_out
            after = total(api.account.get_usage(limit=2))
            shown = tuple(now - then for now, then in zip(after, before, strict=True))


async def test_hours_and_days_of_usage_add_up(site: Site, async_api: Any) -> None:
    site.api.crypto.get_exchanges()
    now_s = time.time()
    hours = await async_api.account.get_usage(limit=168)
    days = await async_api.account.get_usage(limit=7, interval="1d")
    assert all(int(start) % HOUR_S == 0 and 0 <= now_s - int(start) < 168 * HOUR_S for start in hours)
    assert all(int(start) % DAY_S == 0 and 0 <= now_s - int(start) < 7 * DAY_S for start in days)
    assert total(days)[0] == total(hours)[0] + 1, "the question about hours, too"
    assert set(await async_api.account.get_usage(limit=1)) <= {
        str(int(now_s // HOUR_S + n) * HOUR_S) for n in (0, 1)
    }


def test_another_key_has_an_account_of_its_own(site: Site) -> None:
    api = site.api_of(site.server.create_key("alone"))
    requests = total(api.account.get_usage())[0]
    site.api.crypto.get_exchanges()
    assert total(api.account.get_usage())[0] == requests + 1
