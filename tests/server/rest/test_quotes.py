"""`/<class>/quote` and `/<class>/quotes`: the newest quotes to the last digit."""

import asyncio

import pytest
from tests.server.rest.market import Market, fault, reason

from tradewatch.model.asset_class import AssetClass

CURRENCIES, CRYPTO, STOCKS = AssetClass.CURRENCIES, AssetClass.CRYPTO, AssetClass.STOCKS


@pytest.fixture
def market() -> Market:
    market = Market()
    market.quote(CURRENCIES, "EURUSD", "1.17164", "1.17174")
    market.quote(CURRENCIES, "USDJPY", "150.1", "150.35", ms=1_767_389_239_000)
    market.quote(CRYPTO, "BTCUSD", "61837.63", "61837.64")
    market.catalogue.add(CURRENCIES, "GBPUSD", decimals=5)
    return market


@pytest.mark.parametrize("symbol", ["EURUSD", "eurusd", " EurUsd "])
async def test_a_quote_is_the_public_service_s_to_the_byte(market: Market, symbol: str) -> None:
    answer = await market.get("/currencies/quote", symbol=symbol)
    assert answer.headers["content-type"] == "application/json"
    assert (
        answer.text
        == '{"symbol":"EURUSD","ask":1.17174,"bid":1.17164,"mid":1.17169,"timestamp":1767389239253}'
    )


@pytest.mark.parametrize("asset_class", AssetClass)
async def test_each_class_has_its_own(asset_class: AssetClass) -> None:
    market = Market()
    market.quote(asset_class, "X", "1", "2")
    for path in ("quote?symbol=X", "quotes?symbols=X"):
        assert '"symbol":"X","ask":2,"bid":1,"mid":1.5,' in (await market.get(f"/{asset_class}/{path}")).text
    other = CRYPTO if asset_class is not CRYPTO else STOCKS
    assert reason(await market.get(f"/{other}/quote", symbol="X")) == (404, "unknown_symbol")


async def test_no_digit_is_lost(market: Market) -> None:
    market.quote(CRYPTO, "SHIBUSD", "0.000000000000000000000000000012345", "9007199254740993")
    text = (await market.get("/crypto/quotes", symbols="SHIBUSD,BTCUSD")).text
    assert '"ask":9007199254740993,"bid":0.000000000000000000000000000012345,' in text
    assert '"mid":61837.635,' in text


async def test_the_newest_replaces_what_was_written(market: Market) -> None:
    for bid in ("1.1", "1.2", "1.2"):
        market.quote(CURRENCIES, "EURUSD", bid, "1.3", ms=5)
        answer = await market.get("/currencies/quote", symbol="EURUSD")
        assert f'"bid":{bid},' in answer.text
        assert answer.json()["timestamp"] == 5


async def test_quotes_come_as_asked_for_and_never_quoted_ones_are_left_out(market: Market) -> None:
    answer = await market.get("/currencies/quotes", symbols="usdjpy, EURUSD,,GBPUSD,")
    assert [item["symbol"] for item in answer.json()["items"]] == ["USDJPY", "EURUSD"]
    assert answer.text.startswith(
        '{"items":[{"symbol":"USDJPY","ask":150.35,"bid":150.1,"mid":150.225,"timestamp":1767389239000},{'
    )
    assert (await market.get("/currencies/quotes", symbols="GBPUSD")).json() == {"items": []}
    market.quote(CURRENCIES, "GBPUSD", "1.3", "1.4")
    assert len((await market.get("/currencies/quotes", symbols="GBPUSD")).json()["items"]) == 1


async def test_one_side_is_no_quote_and_the_last_whole_one_stays(market: Market) -> None:
    market.quote(CURRENCIES, "EURUSD", None, "9")
    assert (await market.get("/currencies/quote", symbol="EURUSD")).json()["ask"] == 1.17174
    market.quote(CURRENCIES, "GBPUSD", "1", None)
    assert (await market.get("/currencies/quotes", symbols="GBPUSD,EURUSD")).json()["items"][0][
        "bid"
    ] == 1.17164
    assert reason(await market.get("/currencies/quote", symbol="GBPUSD")) == (404, "never_quoted")


async def test_the_mean_is_rounded_once(market: Market) -> None:
    market.quote(CURRENCIES, "XY", "1.00149", "1.0015")  # the mid on the stream is 1.0015
    assert (await market.get("/currencies/quote", symbol="XY", precision=3)).json()["mid"] == 1.001
    market.quote(CURRENCIES, "XY", "1.38422", "1.38431")
    assert (await market.get("/currencies/quote", symbol="XY")).json()["mid"] == 1.38426
    assert (await market.get("/currencies/quote", symbol="XY", precision=8)).json()["mid"] == 1.384265


@pytest.mark.parametrize(
    ("precision", "prices"),
    [
        (0, '"ask":63,"bid":62,"mid":62,'),
        (1, '"ask":62.5,"bid":61.6,"mid":62.1,'),
        (2, '"ask":62.54,"bid":61.62,"mid":62.08,'),  # 61.625 and 62.0825: half to even
        (36, '"ask":62.54,"bid":61.625,"mid":62.0825,'),
    ],
)
async def test_precision_rounds_half_to_even(market: Market, precision: int, prices: str) -> None:
    market.quote(CURRENCIES, "XY", "61.625", "62.54")
    native = await market.get("/currencies/quote", symbol="XY")
    answer = await market.get("/currencies/quote", symbol="XY", precision=precision)
    assert prices in answer.text
    assert prices in (await market.get("/currencies/quotes", symbols="XY", precision=precision)).text
    assert (await market.get("/currencies/quote", symbol="XY")).text == native.text


async def test_an_unknown_symbol_is_named(market: Market) -> None:
    for path, name in (("quote", "symbol"), ("quotes", "symbols")):
        answer = await market.get(f"/currencies/{path}", **{name: "eurusx"})
        assert reason(answer) == (404, "unknown_symbol")
        assert "'eurusx' in currencies" in answer.json()["error"]["message"]
    assert reason(await market.get("/currencies/quotes", symbols="EURUSD,BTCUSD")) == (404, "unknown_symbol")
    market.quote(CURRENCIES, "EURUSX", "1", "2")  # an unknown one is not remembered as such
    assert (await market.get("/currencies/quotes", symbols="eurusx")).status_code == 200


async def test_a_thousand_symbols_and_no_more(market: Market) -> None:
    for number in range(1_001):
        market.quote(CRYPTO, f"C{number}", f"{number}.5", f"{number}.7")
    symbols = [f"C{number}" for number in range(1_001)]
    items = (await market.get("/crypto/quotes", symbols=",".join(symbols[1:]))).json()["items"]
    assert [(item["symbol"], item["bid"]) for item in items] == [
        (symbol, float(f"{symbol[1:]}.5")) for symbol in symbols[1:]
    ]
    loc, message = fault(await market.get("/crypto/quotes", symbols=",".join(symbols)))
    assert (loc, message[:34]) == (["query", "symbols"], "1,001 symbols are more than 1,000;")


async def test_who_asks_for_the_same_at_the_same_time_gets_their_own_answer(market: Market) -> None:
    """Large answers are written in several turns of the loop, and the last answer to a list is kept."""
    for number in range(1_000):
        market.quote(CRYPTO, f"C{number}", f"{number}.54", f"{number}.54")
        market.quote(CRYPTO, f"C{number}", "7", "7", late=True)
    symbols = ",".join(f"C{number}" for number in range(1_000))
    asked = [
        ("standard", {"precision": 1}),
        ("late", {}),
        ("standard", {}),
        ("standard", {"precision": 0}),
    ] * 2
    answers = await asyncio.gather(
        *(market.get("/crypto/quotes", symbols=symbols, plan=plan, **more) for plan, more in asked)
    )
    first = [answer.json()["items"][0]["bid"] for answer in answers]
    assert first == [0.5, 7, 0.54, 1] * 2
    assert [len({item["symbol"] for item in answer.json()["items"]}) for answer in answers] == [1_000] * 8


@pytest.mark.parametrize(
    ("path", "parameters", "at"),
    [
        ("quote", {}, "symbol"),
        ("quote", {"symbol": " "}, "symbol"),
        ("quotes", {}, "symbols"),
        ("quotes", {"symbols": ", ,"}, "symbols"),
        *(
            ("quote", {"symbol": "EURUSD", "precision": wrong}, "precision")
            for wrong in ("-1", "37", "1.5", "x", "", "9" * 30)
        ),
        ("quotes", {"symbols": "EURUSD", "precision": "37"}, "precision"),
    ],
)
async def test_what_does_not_fit_is_named(
    market: Market, path: str, parameters: dict[str, str], at: str
) -> None:
    loc, message = fault(await market.get(f"/currencies/{path}", **parameters))
    assert loc == ["query", at]
    assert ("from 0 to 36" in message) == (at == "precision")


async def test_who_may_not(market: Market) -> None:
    for path in (
        "/currencies/quote?symbol=EURUSD",
        "/currencies/quotes?symbols=EURUSD",
        "/currencies/quotes",
    ):
        assert reason(await market.get(path, plan="nobody")) == (401, "key_unknown")
        assert reason(await market.get(path, plan="coins")) == (403, "plan_without_class")
        assert reason(await market.get(path, plan="stream")) == (403, "plan_without_rest")
    assert (await market.get("/crypto/quote", symbol="BTCUSD", plan="coins")).status_code == 200
    answers = [await market.get("/crypto/quote", symbol="BTCUSD", plan="few") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 10


async def test_a_late_plan_never_sees_the_present(market: Market) -> None:
    assert (await market.get("/currencies/quotes", symbols="EURUSD", plan="late")).json() == {"items": []}
    market.quote(CURRENCIES, "EURUSD", "1", "2", late=True)
    late = await market.get("/currencies/quote", symbol="EURUSD", plan="late")
    now = await market.get("/currencies/quote", symbol="EURUSD")
    assert (late.json()["bid"], now.json()["bid"]) == (1, 1.17164)


async def test_the_page_of_the_api_describes_them(market: Market) -> None:
    described = (await market.get("/openapi.json")).json()["paths"]
    for asset_class in AssetClass:
        operation = described[f"/{asset_class}/quotes"]["get"]
        assert [(one["name"], one["required"]) for one in operation["parameters"]] == [
            ("symbols", True),
            ("precision", False),
        ]
        assert set(operation["responses"]) == {"200", "304", "401", "403", "404", "422", "429", "503"}
        assert described[f"/{asset_class}/quote"]["get"]["summary"]
