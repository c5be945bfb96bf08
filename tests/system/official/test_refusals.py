"""What the official client raises, and what it gets over by itself."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import tradewatch_io
from tradewatch_io import UnprocessableEntityError
from tradewatch_io.core.api_error import ApiError

from tests.system.official.conftest import Site
from tests.system.server import Server

WINDOW_S = 10
ALLOWED = 3


@pytest.mark.parametrize("key", ["", "no", "tw_0123456789ab_" + "A" * 43])
async def test_a_wrong_key(site: Site, key: str) -> None:
    api = site.api_of(key)
    for method in (api.account.get_usage, api.crypto.get_exchanges, api.stocks.get_markets):
        with pytest.raises(ApiError) as refused:
            method()
        assert refused.value.status_code == 401
        assert refused.value.body["error"]["code"] == 401
    async with httpx.AsyncClient() as http:
        async_api = tradewatch_io.AsyncTradewatchApi(
            api_key=key, base_url=site.server.http, httpx_client=http
        )
        with pytest.raises(ApiError) as refused:
            await async_api.stocks.get_historical_ticks("SPY", start=0, end=1)
        assert refused.value.status_code == 401


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.currencies.get_quote(symbol="SPY"),
        lambda api: api.stocks.get_quotes(symbols="SPY,NOBODY"),
        lambda api: api.indices.get_historical_ohlc("NOBODY", resolution="5", start=0, end=5),
        lambda api: api.indices.get_historical_ticks("SPY", start=0, end=5),
        lambda api: api.stocks.get_stock_data("NOBODY"),
        lambda api: api.currencies.convert("EUR", "NOBODY"),
        lambda api: api.crypto.convert("NOBODY", "USD"),
        lambda api: api.stocks.get_market_status(mic="NOBODY"),
        lambda api: api.stocks.get_markets(mic="XNYS,NOBODY"),
    ],
)
def test_an_unknown_name(site: Site, ask: Callable[[Any], Any]) -> None:
    with pytest.raises(ApiError) as refused:
        ask(site.api)
    assert refused.value.status_code == 404
    error = refused.value.body["error"]
    assert error["code"] == 404
    assert "NOBODY" in error["message"] or "SPY" in error["message"]


@pytest.mark.parametrize(
    ("ask", "blamed"),
    [
        (lambda api: api.stocks.get_historical_ohlc("SPY", resolution="7", start=0, end=9), "resolution"),
        (lambda api: api.stocks.get_historical_ohlc("SPY", resolution="5", start=-1, end=9), "start"),
        (lambda api: api.stocks.get_historical_ohlc("SPY", resolution="5", start=0, end=500_006), "end"),
        (lambda api: api.crypto.get_historical_ticks("BTCUSDT", start=0, end=9, limit=10_001), "limit"),
        (lambda api: api.crypto.get_historical_ticks("BTCUSDT", start=0, end=9, limit=0), "limit"),
        (lambda api: api.crypto.get_historical_ticks("BTCUSDT", start=0, end=9, cursor="no"), "cursor"),
        (lambda api: api.crypto.get_quote(symbol="BTCUSDT", precision=-1), "precision"),
        (lambda api: api.crypto.get_quotes(symbols=""), "symbols"),
        (lambda api: api.crypto.get_symbols(size=1_001), "size"),
        (lambda api: api.crypto.get_symbols(cursor="no"), "cursor"),
        (lambda api: api.commodities.get_symbols(type="vegetable"), "type"),
        (lambda api: api.stocks.get_symbols(country="usa"), "country"),
        (lambda api: api.indices.get_insights(size=0), "size"),
        (lambda api: api.currencies.convert("EUR", "USD", amount=0.009), "amount"),
        (lambda api: api.crypto.convert("BTC", "USDT", amount=9e-9), "amount"),
        (lambda api: api.crypto.convert("BTC", "USDT", precision=37), "precision"),
        (lambda api: api.stocks.get_trading_hours(start="2025-02-30", end="2025-03-01"), "start"),
        (lambda api: api.stocks.get_market_holidays(start="2025-03-02", end="2025-03-01"), "end"),
    ],
)
def test_a_wrong_parameter_is_named(site: Site, ask: Callable[[Any], Any], blamed: str) -> None:
    with pytest.raises(UnprocessableEntityError) as refused:
        ask(site.api)
    (detail,) = refused.value.body["detail"]
    assert detail["loc"] == ["query", blamed]
    assert detail["msg"]
    assert detail["type"]


def test_the_account_says_it_its_own_way(site: Site) -> None:
    for options, said in (
        ({"limit": 0}, "limit"),
        ({"limit": 169}, "limit"),
        ({"interval": "1w"}, "interval"),
    ):
        with pytest.raises(UnprocessableEntityError) as refused:
            site.api.account.get_usage(**options)
        assert refused.value.body["error"]["code"] == 422
        assert refused.value.body["error"]["message"].startswith(f"{said}: ")


async def test_beyond_the_rate_it_waits_as_told_and_goes_on(serve: Any, tmp_path: Path) -> None:
    config = tmp_path / "tradewatch.toml"
    config.write_text(f"[plans.demo]\nrequests_per_10_s = {ALLOWED}\n")
    server: Server = serve("--config", str(config), "--feed", "none")
    answers: list[tuple[int, float, str]] = []

    def heard(answer: httpx.Response) -> None:
        answers.append((answer.status_code, time.time(), answer.headers.get("retry-after", "")))

    async def heard_async(answer: httpx.Response) -> None:
        heard(answer)

    with httpx.Client(event_hooks={"response": [heard]}) as http:
        async with httpx.AsyncClient(event_hooks={"response": [heard_async]}) as async_http:
            known = {"api_key": server.demo_key, "base_url": server.http}
            api = tradewatch_io.TradewatchApi(httpx_client=http, **known)
            async_api = tradewatch_io.AsyncTradewatchApi(httpx_client=async_http, **known)
            with pytest.raises(ApiError) as refused:
                for _ in range(2 * ALLOWED + 1):  # a new window may begin among them
                    api.crypto.get_exchanges(request_options={"max_retries": 0})
            assert refused.value.status_code == 429
            assert refused.value.body["error"]["reason"] == "too_many_requests"
            assert 1 <= int(refused.value.headers["retry-after"]) <= WINDOW_S

            answers.clear()
            shown, async_shown = await asyncio.gather(
                asyncio.to_thread(api.crypto.get_exchanges), async_api.crypto.get_exchanges()
            )
    assert shown == async_shown
    assert len(shown.items) > 100
    if answers[0][0] == 429:  # else the window has ended since
        assert sorted(status for status, _, _ in answers) == [200, 200, 429, 429]
        told_at, wait_s = answers[0][1], int(answers[0][2])
        assert answers[-1][1] - told_at >= wait_s - 0.1
        assert answers[-1][1] // WINDOW_S > told_at // WINDOW_S
