"""`GET /<class>/insights`: pages of what operators said, for those who may read."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tradewatch.access.key import mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.access.rates import Rates
from tradewatch.clock import ManualClock
from tradewatch.insights.insight import Entry, Insight, MetaData
from tradewatch.insights.store import InsightStore
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.cursor import Cursor, Cursors
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.insights import insight_routes

CRYPTO, STOCKS = AssetClass.CRYPTO, AssetClass.STOCKS
PLANS = Plans({"coins": {"asset_classes": ["crypto"]}})


class Site:
    """The routes over a store, and a key of each plan."""

    def __init__(self, store: InsightStore) -> None:
        clock = ManualClock()
        ring = KeyRing()
        self.keys = {}
        for plan in ("standard", "coins"):
            key, self.keys[plan] = mint(name=plan, plan=plan, now_ns=clock.now_ns())
            ring.add_memory_key(key)
        permits = Permits(PLANS, ConnectionLimits(symbols=1))
        gate = Gate(ring, permits=lambda: permits, rates=Rates(), clock=clock)
        self.store = store
        self.cursors = Cursors(b"s" * 32)
        self.api = build_api([insight_routes(store, gate, self.cursors)])

    async def get(self, path: str, *, plan: str = "standard", **parameters: object) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.api), base_url="http://here"
        ) as client:
            return await client.get(path, params=parameters, headers={"api-key": self.keys.get(plan, "")})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with InsightStore.open(tmp_path) as store:
        yield Site(store)


def said(timestamp: int, asset_class: AssetClass = CRYPTO, **tags: tuple[str, ...]) -> Entry:
    insight = Insight(timestamp=timestamp, content=f"at {timestamp}", meta_data=MetaData(**tags))
    return Entry(asset_class, insight)


@pytest.mark.parametrize("asset_class", AssetClass)
async def test_each_class_has_its_own(site: Site, asset_class: AssetClass):
    site.store.add([said(number, each) for number, each in enumerate(AssetClass)])
    answer = await site.get(f"/{asset_class}/insights")
    number = list(AssetClass).index(asset_class)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["items"] == [{"timestamp": number, "content": f"at {number}", "meta_data": {}}]
    assert (body["total"], body["previous_page"], body["next_page"]) == (1, None, None)


async def test_tags_as_clients_read_them(site: Site):
    site.store.add([said(1, tickets=("BTCUSD",), hashtags=("ath", "etf"))])
    (item,) = (await site.get("/crypto/insights")).json()["items"]
    assert item["meta_data"] == {"tickets": ["BTCUSD"], "hashtags": ["ath", "etf"]}


async def test_an_empty_list_is_an_empty_page(site: Site):
    body = (await site.get("/stocks/insights")).json()
    assert (body["items"], body["total"], body["next_page"], body["previous_page"]) == ([], 0, None, None)


async def test_fifty_unless_said_otherwise(site: Site):
    site.store.add([said(number) for number in range(1_001)])
    assert len((await site.get("/crypto/insights")).json()["items"]) == 50
    assert len((await site.get("/crypto/insights", size=1_000)).json()["items"]) == 1_000


async def test_pages_go_on_where_they_were_although_others_come_in(site: Site):
    site.store.add([said(number) for number in range(1, 6)])
    first = (await site.get("/crypto/insights", size=2)).json()
    site.store.add([said(9), said(10)])
    site.store.remove(said(4).id)  # the very one that the cursor stands beside
    second = (await site.get("/crypto/insights", size=2, cursor=first["next_page"])).json()
    assert [item["timestamp"] for item in second["items"]] == [3, 2]
    back = (await site.get("/crypto/insights", size=2, cursor=second["previous_page"])).json()
    assert [item["timestamp"] for item in back["items"]] == [9, 5]
    again = (await site.get("/crypto/insights", size=2, cursor=second["current_page"])).json()
    assert again == second


@pytest.mark.parametrize("cursor", ["AAAA", "no cursor!", "é", "A" * 5_000])
async def test_a_forged_cursor_is_refused(site: Site, cursor: str):
    answer = await site.get("/crypto/insights", cursor=cursor)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert (detail["loc"], detail["msg"]) == (["query", "cursor"], "not a cursor of this list")


async def test_a_cursor_of_another_list_is_refused(site: Site):
    cursor = site.cursors.write("insights/stocks", Cursor(()))
    assert (await site.get("/stocks/insights", cursor=cursor)).status_code == 200
    assert (await site.get("/crypto/insights", cursor=cursor)).status_code == 422


@pytest.mark.parametrize("size", ["0", "1001", "-1", "1.5", "", "many", "9" * 30])
async def test_a_size_out_of_bounds_is_refused(site: Site, size: str):
    answer = await site.get("/crypto/insights", size=size)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert detail["loc"] == ["query", "size"]
    assert detail["msg"].startswith("not a whole number from 1 to 1,000: ")


async def test_who_may_not(site: Site):
    assert (await site.get("/crypto/insights", plan="nobody")).status_code == 401
    assert (await site.get("/crypto/insights", plan="nobody", size=0)).status_code == 401
    assert (await site.get("/crypto/insights", plan="coins")).status_code == 200
    answer = await site.get("/stocks/insights", plan="coins")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "plan_without_class")


async def test_the_page_of_the_api_describes_it(site: Site):
    described = (await site.get("/openapi.json")).json()["paths"]
    assert {f"/{asset_class}/insights" for asset_class in AssetClass} <= set(described)
    operation = described["/crypto/insights"]["get"]
    assert [one["name"] for one in operation["parameters"]] == ["cursor", "size"]
    assert {"200", "401", "403", "422", "429"} <= set(operation["responses"])
    example = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert list(example["items"][0]) == ["timestamp", "content", "meta_data"]
