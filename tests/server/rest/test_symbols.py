"""`/<class>/symbols`, `/commodities/types`, `/stocks/countries`: what there is, page by page."""

from typing import Any

import pytest
from tests.server.rest.market import Market, fault, reason

from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.listing import Listing

COMMODITIES, CRYPTO, STOCKS = AssetClass.COMMODITIES, AssetClass.CRYPTO, AssetClass.STOCKS


def listing(asset_class: AssetClass, symbol: str, **more: str) -> Listing:
    return Listing(asset_class=asset_class, symbol=symbol, decimals=2, **more)


@pytest.fixture
def market() -> Market:
    return Market(
        listing(STOCKS, "SAP", name="SAP SE", country="de", mic="XETR"),
        listing(STOCKS, "AAPL", name="Apple Inc.", country="us", mic="XNAS"),
        listing(STOCKS, "BMW", name="Bayerische Motoren Werke", country="de"),
        listing(STOCKS, "ZZ"),
        listing(COMMODITIES, "GOLD", name="Gold", type="metal"),
        listing(COMMODITIES, "WTI", name="WTI crude oil", type="energy"),
        listing(COMMODITIES, "CATTLE", name="Live cattle", type="livestock"),
        *(listing(CRYPTO, f"C{number:03}USD", name=f"Coin {number}") for number in range(120)),
    )


def symbols(body: dict[str, Any]) -> list[str]:
    return [item["symbol"] for item in body["items"]]


async def test_stocks_say_where_they_are_listed(market: Market) -> None:
    body = (await market.get("/stocks/symbols")).json()
    assert body["items"] == [
        {"symbol": "AAPL", "name": "Apple Inc.", "country": "us", "description": ""},
        {"symbol": "BMW", "name": "Bayerische Motoren Werke", "country": "de", "description": ""},
        {"symbol": "SAP", "name": "SAP SE", "country": "de", "description": ""},
        {"symbol": "ZZ", "name": "", "country": "", "description": ""},
    ]
    assert (body["total"], body["previous_page"], body["next_page"]) == (4, None, None)
    assert list(body) == [
        "items",
        "total",
        "current_page",
        "current_page_backwards",
        "previous_page",
        "next_page",
    ]


async def test_other_classes_have_symbol_and_name_and_base_the_symbol_alone(market: Market) -> None:
    assert (await market.get("/crypto/symbols", size=1)).json()["items"] == [
        {"symbol": "C000USD", "name": "Coin 0"}
    ]
    for asset_class in (CRYPTO, STOCKS):
        (item,) = (await market.get(f"/{asset_class}/symbols", size=1, mode="base")).json()["items"]
        assert item["symbol"]
        assert {value for name, value in item.items() if name != "symbol"} == {""}
    full = (await market.get("/crypto/symbols", mode="FULL")).json()
    assert full == (await market.get("/crypto/symbols")).json()


async def test_fifty_to_a_page_forth_and_back(market: Market) -> None:
    everything = [f"C{number:03}USD" for number in range(120)]
    pages = [(await market.get("/crypto/symbols")).json()]
    while cursor := pages[-1]["next_page"]:
        pages.append((await market.get("/crypto/symbols", cursor=cursor)).json())
    assert [symbols(page) for page in pages] == [everything[:50], everything[50:100], everything[100:]]
    assert {page["total"] for page in pages} == {120}
    back = (await market.get("/crypto/symbols", cursor=pages[2]["previous_page"])).json()
    assert back == pages[1]
    again = (await market.get("/crypto/symbols", cursor=pages[1]["current_page"])).json()
    assert again == pages[1]
    assert (await market.get("/crypto/symbols", size=1_000)).json()["next_page"] is None


async def test_what_comes_between_two_pages_moves_nothing(market: Market) -> None:
    first = (await market.get("/crypto/symbols", size=100)).json()
    for symbol in ("AAAUSD", "C000AUSD", "C099USDX", "ZUSD"):
        market.catalogue.add(CRYPTO, symbol, decimals=2)
    second = (await market.get("/crypto/symbols", size=100, cursor=first["next_page"])).json()
    assert symbols(second) == ["C099USDX", *(f"C{number}USD" for number in range(100, 120)), "ZUSD"]
    assert second["total"] == 124


@pytest.mark.parametrize(
    ("path", "parameters", "found"),
    [
        ("stocks", {"country": "de"}, ["BMW", "SAP"]),
        ("stocks", {"country": "DE"}, ["BMW", "SAP"]),
        ("stocks", {"country": "fr"}, []),
        ("stocks", {"type": "metal"}, []),
        ("stocks", {"search": "motor"}, ["BMW"]),
        ("stocks", {"search": "A"}, ["AAPL", "BMW", "SAP"]),
        ("stocks", {"search": "s", "country": "de"}, ["BMW", "SAP"]),
        ("stocks", {"search": "gold"}, []),
        ("commodities", {"type": "metal"}, ["GOLD"]),
        ("commodities", {"type": "agricultural"}, []),
        ("commodities", {"type": "livestock"}, ["CATTLE"]),
        ("commodities", {"type": "all"}, ["CATTLE", "GOLD", "WTI"]),
        ("commodities", {"type": "metal", "country": "de"}, []),
        ("indices", {}, []),
    ],
)
async def test_what_is_chosen(
    market: Market, path: str, parameters: dict[str, str], found: list[str]
) -> None:
    body = (await market.get(f"/{path}/symbols", **parameters)).json()
    assert (symbols(body), body["total"]) == (found, len(found))


async def test_what_is_chosen_has_pages_too(market: Market) -> None:
    first = (await market.get("/stocks/symbols", country="de", size=1)).json()
    second = (await market.get("/stocks/symbols", country="de", size=1, cursor=first["next_page"])).json()
    assert (symbols(first), symbols(second), second["next_page"]) == (["BMW"], ["SAP"], None)


async def test_a_new_instrument_is_found_at_once(market: Market) -> None:
    market.catalogue.add(STOCKS, "NEW", decimals=2, name="Newest of all")
    assert symbols((await market.get("/stocks/symbols", search="newest")).json()) == ["NEW"]


@pytest.mark.parametrize(
    ("path", "parameters", "at", "message"),
    [
        ("stocks", {"size": "0"}, "size", "not a whole number from 1 to 1,000: '0'"),
        ("stocks", {"size": "1001"}, "size", "not a whole number from 1 to 1,000: '1001'"),
        ("stocks", {"mode": "some"}, "mode", "not one of full, base: 'some'"),
        ("stocks", {"country": "deu"}, "country", "not a country's two letters (ISO 3166-1): 'deu'"),
        (
            "commodities",
            {"type": "metals"},
            "type",
            "not one of agricultural, energy, livestock, metal, all: 'metals'",
        ),
        ("stocks", {"cursor": "AAAA"}, "cursor", "not a cursor of this list"),
        ("stocks", {"search": "x" * 65}, "search", "more than 64 characters"),
    ],
)
async def test_what_does_not_fit_is_named(
    market: Market, path: str, parameters: dict[str, str], at: str, message: str
) -> None:
    assert fault(await market.get(f"/{path}/symbols", **parameters)) == (["query", at], message)


async def test_a_cursor_of_another_class_is_none(market: Market) -> None:
    cursor = (await market.get("/stocks/symbols", size=1)).json()["next_page"]
    assert fault(await market.get("/crypto/symbols", cursor=cursor))[0] == ["query", "cursor"]


async def test_the_short_lists(market: Market) -> None:
    assert (await market.get("/commodities/types")).json() == {
        "items": [{"symbol": name} for name in ("agricultural", "energy", "livestock", "metal")]
    }
    assert (await market.get("/stocks/countries")).json() == {"items": [{"symbol": "de"}, {"symbol": "us"}]}


@pytest.mark.parametrize("path", ["/stocks/symbols", "/commodities/types", "/stocks/countries"])
async def test_who_may_not(market: Market, path: str) -> None:
    assert reason(await market.get(path, plan="nobody")) == (401, "key_unknown")
    assert reason(await market.get(path, plan="coins")) == (403, "plan_without_class")
    assert reason(await market.get(path, plan="stream")) == (403, "plan_without_rest")
