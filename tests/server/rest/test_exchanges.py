"""`GET /crypto/exchanges`: the list as the official client reads it."""

import httpx
import pytest

from tradewatch.access.key import mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.access.rates import Rates
from tradewatch.clock import ManualClock
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.exchanges import exchange_routes
from tradewatch.server.rest.gate import Gate

PLANS = Plans({"shares": {"asset_classes": ["stocks"]}})


async def asked(plan: str) -> httpx.Response:
    clock = ManualClock()
    ring = KeyRing()
    key, secret = mint(name="k", plan=plan, now_ns=clock.now_ns())
    ring.add_memory_key(key)
    permits = Permits(PLANS, ConnectionLimits(symbols=1))
    api = build_api([exchange_routes(Gate(ring, permits=lambda: permits, rates=Rates(), clock=clock))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://here") as client:
        return await client.get("/crypto/exchanges", headers={"api-key": secret})


async def test_all_exchanges():
    answer = await asked("standard")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    items = {item["id"]: item for item in answer.json()["items"]}
    assert len(items) > 100
    assert items["kraken"] == {
        "id": "kraken",
        "name": "Kraken",
        "year_established": 2011,
        "country": "United States",
        "website": "https://www.kraken.com",
    }
    assert (items["binance"]["country"], items["alpaca"]["year_established"]) == (None, None)


async def test_a_plan_without_crypto_does_not_show_them():
    answer = await asked("shares")
    assert answer.status_code == 403
    assert answer.json()["error"]["reason"] == "plan_without_class"


async def test_the_official_client_reads_them():
    types = pytest.importorskip("tradewatch_io.types")
    read = types.CryptoExchangesList.model_validate((await asked("standard")).json())
    assert {item.id: item.year_established for item in read.items}["kraken"] == 2011
