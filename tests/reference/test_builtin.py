"""The built-in instruments: sound rows, the best-known first, tables as the generator writes them."""

import csv
import re
import subprocess
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import pytest

from tradewatch.errors import InvalidInstrumentError
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import SYMBOL_PATTERN, Instrument
from tradewatch.model.price import Price
from tradewatch.reference.builtin import builtin_listings, reference_price
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.listing import Listings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "src" / "tradewatch" / "reference" / "data"
GENERATOR = ROOT / "tools" / "instruments"
CLASSES = list(AssetClass)


def rows(asset_class: AssetClass) -> list[dict[str, str]]:
    with (DATA / f"{asset_class.value}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    catalogue = Catalogue(limit=10_000, listings=Listings(builtin_listings()))
    catalogue.add_listed()
    return catalogue


@pytest.mark.parametrize("asset_class", CLASSES)
def test_every_row_is_sound(asset_class: AssetClass) -> None:
    for row in rows(asset_class):
        assert None not in row, row
        assert None not in row.values(), row
        assert re.fullmatch(SYMBOL_PATTERN, row["symbol"], re.ASCII), row
        assert row["name"].strip() == row["name"] != "", row
        assert 0 <= int(row["decimals"]) <= 10, row
        price = Price.parse(row["price"])
        assert price.mantissa > 0, row
        assert price.text == row["price"], row
        assert price.decimals <= int(row["decimals"]), row


@pytest.mark.parametrize("asset_class", CLASSES)
@pytest.mark.parametrize("column", ["symbol", "name"])
def test_symbols_and_names_are_unique_in_a_class(asset_class: AssetClass, column: str) -> None:
    counts = Counter(row[column] for row in rows(asset_class))

    assert [value for value, count in counts.items() if count > 1] == []


def test_no_bare_symbol_names_two_things() -> None:
    counts = Counter(row["symbol"] for asset_class in CLASSES for row in rows(asset_class))

    assert [symbol for symbol, count in counts.items() if count > 1] == []


def test_stocks_say_their_country_and_commodities_their_type() -> None:
    assert [r for r in rows(AssetClass.STOCKS) if not re.fullmatch("[a-z]{2}", r["country"])] == []
    assert {row["type"] for row in rows(AssetClass.COMMODITIES)} == {"agricultural", "energy", "metal"}


def test_stocks_say_their_market_but_for_some_small_ones() -> None:
    stocks = rows(AssetClass.STOCKS)
    assert [r for r in stocks if not re.fullmatch("[A-Z]{4}|", r["mic"])] == []
    assert [r["symbol"] for r in stocks[:600] if not r["mic"]] == []
    without = [r for r in stocks if not r["mic"]]
    assert len(without) < len(stocks) / 7
    assert {r["country"] for r in without} <= {
        "us",
        "ie",
        "bm",
        "je",
        "ca",
        "ky",
        "gb",
        "lu",
        "im",
        "gg",
        "pa",
    }
    markets = {r["symbol"]: r["mic"] for r in stocks}
    assert [markets[s] for s in ("AAPL", "JPM", "SPY", "SHEL", "7203.T", "SAP")] == [
        "XNAS",
        "XNYS",
        "ARCX",
        "XLON",
        "XTKS",
        "XETR",
    ]


def test_listings_hold_every_column_but_the_price() -> None:
    listed = list(builtin_listings())
    expected = [(asset_class, row) for asset_class in CLASSES for row in rows(asset_class)]
    assert len(listed) == len(expected)
    for listing, (asset_class, row) in zip(listed, expected, strict=True):
        said = {"type": "", "country": "", "mic": "", **row}
        del said["price"]
        assert {**msgspec.structs.asdict(listing), "decimals": str(listing.decimals)} == {
            **said,
            "asset_class": asset_class,
        }


def test_the_majors_meet_every_currency_in_use() -> None:
    """Of ISO 4217 are missing what nobody pays with: units of account, funds, metals, test codes."""
    majors = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY")
    pairs = {row["symbol"] for row in rows(AssetClass.CURRENCIES)}
    currencies = {pair[:3] for pair in pairs} | {pair[3:] for pair in pairs}
    missing = {
        frozenset((major, currency))
        for major in majors
        for currency in currencies - {major}
        if not pairs & {major + currency, currency + major}
    }
    assert missing == set()
    assert len(currencies) == 154
    in_use = (
        "AED ARS BRL CLP CNY COP CZK DKK EGP HKD HUF IDR ILS INR KES KRW KWD MAD MXN MYR NGN NOK PEN PHP PKR"
    )
    assert set(in_use.split()) <= currencies


def test_the_catalogue_holds_all_rows_in_the_files_order(catalogue: Catalogue) -> None:
    for asset_class in CLASSES:
        expected = [(row["symbol"], row["name"], int(row["decimals"])) for row in rows(asset_class)]
        members = catalogue.members(asset_class)
        assert [(member.symbol, member.name, member.decimals) for member in members] == expected


@pytest.mark.parametrize(
    ("asset_class", "fewest"),
    [
        (AssetClass.CURRENCIES, 1_000),
        (AssetClass.CRYPTO, 300),
        (AssetClass.STOCKS, 1_000),
        (AssetClass.INDICES, 30),
        (AssetClass.COMMODITIES, 30),
    ],
)
def test_every_class_has_its_share(catalogue: Catalogue, asset_class: AssetClass, fewest: int) -> None:
    assert len(list(catalogue.members(asset_class))) >= fewest


def test_there_are_more_than_two_thousand(catalogue: Catalogue) -> None:
    assert len(catalogue) == sum(len(rows(asset_class)) for asset_class in CLASSES)
    assert len(catalogue) >= 2_000


@pytest.mark.parametrize(
    ("asset_class", "first"),
    [
        (AssetClass.CURRENCIES, "EURUSD USDJPY GBPUSD USDCHF AUDUSD USDCAD NZDUSD"),
        (AssetClass.CRYPTO, "BTCUSD ETHUSD"),
        (AssetClass.STOCKS, "AAPL MSFT NVDA AMZN GOOGL META TSLA"),
        (AssetClass.INDICES, "DJI SPX NDX"),
        (AssetClass.COMMODITIES, "GOLD SILVER BRENT WTI NATGAS XAUUSD XAGUSD"),
    ],
)
def test_the_most_important_come_first(catalogue: Catalogue, asset_class: AssetClass, first: str) -> None:
    symbols = [member.symbol for member in catalogue.members(asset_class)]

    assert symbols[: len(first.split())] == first.split()


def test_currency_pairs_follow_the_markets_custom(catalogue: Catalogue) -> None:
    for pair in ("EURGBP", "GBPJPY", "AUDNZD", "CADCHF", "USDTRY", "EURTRY", "GBPTRY", "ZARJPY"):
        assert catalogue.get(AssetClass.CURRENCIES, pair), pair
    for pair in ("USDEUR", "GBPEUR", "JPYUSD", "TRYUSD", "JPYZAR", "USDUSD"):
        assert catalogue.get(AssetClass.CURRENCIES, pair) is None, pair


@pytest.mark.parametrize(
    ("symbol", "asset_class", "decimals", "name"),
    [
        ("EURUSD", AssetClass.CURRENCIES, 5, "Euro / US Dollar"),
        ("USDJPY", AssetClass.CURRENCIES, 3, "US Dollar / Japanese Yen"),
        ("EURHUF", AssetClass.CURRENCIES, 3, "Euro / Hungarian Forint"),
        ("USDKRW", AssetClass.CURRENCIES, 3, "US Dollar / South Korean Won"),
        ("BTCUSD", AssetClass.CRYPTO, 2, "Bitcoin / US Dollar"),
        ("AAPL", AssetClass.STOCKS, 2, "Apple Inc."),
        ("DE", AssetClass.STOCKS, 2, "Deere & Company"),  # a code that is spelt like a market's suffix
        ("7203.T", AssetClass.STOCKS, 2, "Toyota"),
        ("AIR.PA", AssetClass.STOCKS, 2, "Airbus"),  # AIR alone is another company in New York
    ],
)
def test_decimals_and_names(
    catalogue: Catalogue, symbol: str, asset_class: AssetClass, decimals: int, name: str
) -> None:
    (instrument,) = catalogue.named(symbol)

    assert (instrument.asset_class, instrument.decimals, instrument.name) == (asset_class, decimals, name)


def test_ids_that_the_tape_remembers_survive_the_loading() -> None:
    catalogue = Catalogue(limit=10_000, listings=Listings(builtin_listings()))
    remembered = catalogue.add(AssetClass.STOCKS, "AAPL", decimals=4, instrument_id=1)

    catalogue.add_listed()

    assert catalogue.get(AssetClass.STOCKS, "AAPL") is remembered
    first = catalogue.get(AssetClass.CURRENCIES, "EURUSD")
    assert first is not None
    assert first.id == 2


def test_a_catalogue_too_small_for_them_says_so() -> None:
    with pytest.raises(InvalidInstrumentError) as refused:
        Catalogue(limit=1_000, listings=Listings(builtin_listings())).add_listed()

    assert refused.value.code == "too_many_instruments"


def test_reference_prices_are_those_of_the_tables(catalogue: Catalogue) -> None:
    for asset_class in CLASSES:
        prices = [reference_price(member) for member in catalogue.members(asset_class)]
        assert prices == [Price.parse(row["price"]) for row in rows(asset_class)]


def test_crosses_agree_with_the_pairs_they_are_made_of(catalogue: Catalogue) -> None:
    def price(symbol: str) -> float:
        instrument = catalogue.get(AssetClass.CURRENCIES, symbol)
        assert instrument is not None
        found = reference_price(instrument)
        assert found is not None
        return float(found.text)

    assert price("EURJPY") == pytest.approx(price("EURUSD") * price("USDJPY"), rel=1e-3)
    assert price("EURGBP") == pytest.approx(price("EURUSD") / price("GBPUSD"), rel=1e-3)
    assert price("TRYJPY") == pytest.approx(price("USDJPY") / price("USDTRY"), rel=1e-3)


def test_an_instrument_of_the_users_own_has_no_reference_price() -> None:
    own = Instrument(id=5, asset_class=AssetClass.CRYPTO, symbol="SYM00000", decimals=2)

    assert reference_price(own) is None


def test_generating_again_gives_the_same_bytes(tmp_path: Path) -> None:
    for source in (GENERATOR / "sources.txt").read_text().split():
        name, _, pinned = source.partition("==")
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "none"
        if installed != pinned:
            pytest.skip(f"the generator's source {source} is not installed (there is: {installed})")

    command: list[str | Path] = [sys.executable, GENERATOR / "generate.py", "--output", tmp_path]
    subprocess.run(command, check=True, capture_output=True, timeout=60)

    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {name: (DATA / name).read_bytes() for name in written}
    assert written.keys() == {"currencies.csv", "crypto.csv", "stocks.csv"}
