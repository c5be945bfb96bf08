"""`/<class>/convert/{from}/{to}`: amounts reckoned by hand."""

import pytest
from tests.server.rest.market import NOW_MS, Market, fault, reason

from tradewatch.model.asset_class import AssetClass

CURRENCIES, CRYPTO = AssetClass.CURRENCIES, AssetClass.CRYPTO


@pytest.fixture
def market() -> Market:
    market = Market()
    market.quote(CURRENCIES, "EURUSD", "1.17164", "1.17174")  # 1.17169
    market.quote(CURRENCIES, "USDJPY", "150.1", "150.35", ms=NOW_MS - 5_000)  # 150.225
    market.quote(CRYPTO, "BTCUSD", "61837.63", "61837.64", ms=NOW_MS - 1_000)  # 61837.635
    market.quote(CRYPTO, "ETHBTC", "0.05", "0.05002", ms=NOW_MS - 2_000)  # 0.05001
    market.catalogue.add(CURRENCIES, "EURZAR", decimals=5)
    return market


async def test_ten_by_default_to_five_decimals(market: Market) -> None:
    answer = await market.get("/currencies/convert/EUR/USD")
    assert answer.text == (
        '{"info":{"timestamp":1767389239253,"rate":1.17169,"age_ms":747,"path":["EURUSD"]},'
        '"query":{"from":"EUR","to":"USD","amount":10,"precision":5},"result":11.7169}'
    )


async def test_crypto_to_eight_decimals(market: Market) -> None:
    text = (await market.get("/crypto/convert/btc/usd", amount="0.00000003")).text
    assert '"amount":0.00000003,"precision":8},"result":0.00185513}' in text  # 0.00185512905


@pytest.mark.parametrize(
    ("path", "parameters", "rate", "result", "quotes", "age_ms"),
    [
        ("currencies/convert/USD/EUR", {}, "0.8534680675", "8.53468", '["EURUSD"]', 747),
        ("currencies/convert/JPY/USD", {}, "0.006656681644", "0.06657", '["USDJPY"]', 5_000),
        ("currencies/convert/EUR/JPY", {}, "176.01713025", "1760.1713", '["EURUSD","USDJPY"]', 5_000),
        ("currencies/convert/EUR/USD", {"precision": 0}, "1.17169", "12", '["EURUSD"]', 747),
        ("currencies/convert/EUR/USD", {"amount": "1e2"}, "1.17169", "117.169", '["EURUSD"]', 747),
        ("currencies/convert/EUR/EUR", {"amount": "0.01"}, "1", "0.01", "[]", 0),
        (
            "currencies/convert/USD/EUR",
            {"precision": 20, "amount": 1},
            "0.85346806749225477729",
            "0.85346806749225477729",
            '["EURUSD"]',
            747,
        ),
        ("crypto/convert/USD/BTC", {}, "0.00001617138172", "0.00016171", '["BTCUSD"]', 1_000),
        (
            "crypto/convert/ETH/USD",
            {"amount": 1},
            "3092.50012635",
            "3092.50012635",
            '["ETHBTC","BTCUSD"]',
            2_000,
        ),
        (
            "crypto/convert/BTC/EUR",
            {"amount": 1},
            "52776.4468417414",
            "52776.44684174",
            '["BTCUSD","EURUSD"]',
            1_000,
        ),
    ],
)
async def test_by_hand(
    market: Market, path: str, parameters: dict[str, str], rate: str, result: str, quotes: str, age_ms: int
) -> None:
    text = (await market.get(f"/{path}", **parameters)).text
    assert f'"rate":{rate},' in text
    assert text.endswith(f'"result":{result}}}')
    assert f'"age_ms":{age_ms},"path":{quotes}' in text
    assert f'"timestamp":{NOW_MS - age_ms},' in text


@pytest.mark.parametrize(
    ("asset_class", "parameters", "at", "message"),
    [
        ("currencies", {"amount": "0.00999"}, "amount", "less than 0.01: 0.00999"),
        ("currencies", {"amount": "-5"}, "amount", "less than 0.01: -5"),
        ("crypto", {"amount": "0.000000009"}, "amount", "less than 0.00000001: 0.000000009"),
        ("currencies", {"amount": "nan"}, "amount", "not a decimal number: 'nan'"),
        ("currencies", {"amount": ""}, "amount", "not a decimal number: ''"),
        ("currencies", {"amount": "1" * 20}, "amount", f"more digits than a price can hold: {'1' * 20!r}"),
        ("currencies", {"precision": "37"}, "precision", "not a whole number from 0 to 36: '37'"),
        ("currencies", {"precision": "-1"}, "precision", "not a whole number from 0 to 36: '-1'"),
    ],
)
async def test_what_does_not_fit_is_named(
    market: Market, asset_class: str, parameters: dict[str, str], at: str, message: str
) -> None:
    path = f"/{asset_class}/convert/USD/USD"
    assert fault(await market.get(path, **parameters)) == (["query", at], message)


async def test_the_least_amounts(market: Market) -> None:
    assert (await market.get("/currencies/convert/EUR/USD", amount="0.01")).json()["result"] == 0.01172
    assert '"result":0.00061838}' in (await market.get("/crypto/convert/BTC/USD", amount="1e-08")).text


async def test_an_unknown_code_is_named(market: Market) -> None:
    for path in ("XYZ/USD", "USD/XYZ", "xyz/xyz"):
        answer = await market.get(f"/currencies/convert/{path}")
        assert reason(answer) == (404, "unknown_symbol")
        assert "'xyz' in currencies" in answer.json()["error"]["message"].replace("XYZ", "xyz")
    assert reason(await market.get("/currencies/convert/BTC/USD")) == (404, "unknown_symbol")


async def test_no_quotes_no_rate(market: Market) -> None:
    answer = await market.get("/currencies/convert/EUR/ZAR")
    assert reason(answer) == (404, "no_rate")
    assert answer.json()["error"]["message"] == "no quotes lead from EUR to ZAR now"


async def test_a_pair_that_comes_later_counts(market: Market) -> None:
    market.quote(CURRENCIES, "EURZAR", "20", "22")
    market.quote(CURRENCIES, "USDTRY", "40", "40")
    assert (await market.get("/currencies/convert/EUR/ZAR")).json()["result"] == 210
    assert (await market.get("/currencies/convert/TRY/USD")).json()["result"] == 0.25


async def test_money_only_where_the_plan_shows_it(market: Market) -> None:
    assert (await market.get("/crypto/convert/BTC/USD", plan="coins")).status_code == 200
    assert reason(await market.get("/crypto/convert/BTC/EUR", plan="coins")) == (404, "unknown_symbol")
    assert reason(await market.get("/currencies/convert/EUR/USD", plan="coins")) == (
        403,
        "plan_without_class",
    )
    assert reason(await market.get("/crypto/convert/BTC/EUR", plan="nobody")) == (401, "key_unknown")


async def test_a_late_plan_reckons_with_late_quotes(market: Market) -> None:
    assert reason(await market.get("/currencies/convert/EUR/USD", plan="late")) == (404, "no_rate")
    market.quote(CURRENCIES, "EURUSD", "2", "2", late=True)
    assert (await market.get("/currencies/convert/EUR/USD", plan="late")).json()["result"] == 20


async def test_the_page_of_the_api_describes_them(market: Market) -> None:
    described = (await market.get("/openapi.json")).json()["paths"]
    operation = described["/crypto/convert/{from}/{to}"]["get"]
    assert [(one["name"], one["in"]) for one in operation["parameters"]] == [
        ("from", "path"),
        ("to", "path"),
        ("amount", "query"),
        ("precision", "query"),
    ]
    assert operation["parameters"][3]["schema"]["default"] == 8
