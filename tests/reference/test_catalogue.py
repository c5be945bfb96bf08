"""The catalogue: names find instruments in any case, ids are stable, and there is a limit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.errors import InvalidInstrumentError
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import SYMBOL_PATTERN, Instrument
from tradewatch.reference.catalogue import CANARY, CANARY_ID, Catalogue
from tradewatch.reference.listing import Listing, Listings

CURRENCIES, CRYPTO, STOCKS = AssetClass.CURRENCIES, AssetClass.CRYPTO, AssetClass.STOCKS


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(limit=100)


def test_what_is_added_is_found_in_any_case(catalogue: Catalogue) -> None:
    added = catalogue.add(CURRENCIES, "eurusd", decimals=5, name="Euro / US Dollar")

    assert added == Instrument(
        id=1, asset_class=CURRENCIES, symbol="EURUSD", decimals=5, name="Euro / US Dollar"
    )
    assert catalogue.get(CURRENCIES, "EurUsd") is added
    assert catalogue.by_id(1) is added
    assert catalogue.get(STOCKS, "EURUSD") is None
    assert catalogue.get(CURRENCIES, "EURUS") is None


def test_adding_again_returns_the_first_as_it_was(catalogue: Catalogue) -> None:
    first = catalogue.add(STOCKS, "AAPL", decimals=2, name="Apple")

    assert catalogue.add(STOCKS, "aapl", decimals=4, name="other", instrument_id=9) is first
    assert len(catalogue) == 1
    with pytest.raises(KeyError):
        catalogue.by_id(9)


def test_a_bare_name_finds_every_class_that_has_it(catalogue: Catalogue) -> None:
    stock = catalogue.add(STOCKS, "SOL", decimals=2)
    coin = catalogue.add(CRYPTO, "SOL", decimals=4)
    catalogue.add(CRYPTO, "BTC", decimals=2)

    assert catalogue.named("sol") == [coin, stock]  # in the order of the classes
    assert catalogue.named("SO") == []


def test_members_come_in_the_order_they_were_added(catalogue: Catalogue) -> None:
    for symbol in ("MSFT", "AAPL", "NVDA", "MSFT"):
        catalogue.add(STOCKS, symbol, decimals=2)
    catalogue.add(CRYPTO, "BTCUSD", decimals=2)

    assert [member.symbol for member in catalogue.members(STOCKS)] == ["MSFT", "AAPL", "NVDA"]
    assert (catalogue.count(STOCKS), catalogue.count(CRYPTO), catalogue.count(CURRENCIES)) == (3, 1, 0)
    assert len(catalogue) == 4


@pytest.mark.parametrize("text", ["", ".A", "A B", "~CANARY", "ÄPFEL", "A" * 33, "EUR/USD", "A\n"])
def test_what_is_no_symbol_is_refused_and_not_kept(catalogue: Catalogue, text: str) -> None:
    with pytest.raises(InvalidInstrumentError) as refused:
        catalogue.add(STOCKS, text, decimals=2)

    assert refused.value.code == "invalid_symbol"
    assert len(catalogue) == 0


def test_one_more_than_the_limit_is_refused_by_name() -> None:
    catalogue = Catalogue(limit=2)
    first = catalogue.add(CURRENCIES, "EURUSD", decimals=5)
    catalogue.add(CRYPTO, "BTCUSD", decimals=2)

    with pytest.raises(InvalidInstrumentError, match=r"stocks:AAPL .* 2 instruments") as refused:
        catalogue.add(STOCKS, "AAPL", decimals=2)

    assert refused.value.code == "too_many_instruments"
    assert len(catalogue) == 2
    assert catalogue.get(STOCKS, "AAPL") is None
    # Who is in already is no further instrument.
    assert catalogue.add(CURRENCIES, "EURUSD", decimals=5) is first


def test_remembered_ids_are_kept_and_the_others_get_the_lowest_free(catalogue: Catalogue) -> None:
    catalogue.add(STOCKS, "MSFT", decimals=2, instrument_id=2)
    catalogue.add(STOCKS, "NVDA", decimals=2, instrument_id=4)
    for symbol in ("A", "B", "C", "D"):
        catalogue.add(CRYPTO, symbol, decimals=2)

    ids = {member.symbol: member.id for c in (STOCKS, CRYPTO) for member in catalogue.members(c)}
    assert ids == {"MSFT": 2, "NVDA": 4, "A": 1, "B": 3, "C": 5, "D": 6}


@given(
    remembered=st.dictionaries(
        st.from_regex(SYMBOL_PATTERN, fullmatch=True), st.integers(1, 60), max_size=20
    ).filter(lambda ids: len(set(ids.values())) == len(ids)),
    fresh=st.lists(st.from_regex(SYMBOL_PATTERN, fullmatch=True), max_size=20),
)
@settings(deadline=None)
def test_ids_are_unique_and_without_needless_holes(remembered: dict[str, int], fresh: list[str]) -> None:
    catalogue = Catalogue(limit=100)
    for symbol, instrument_id in remembered.items():
        catalogue.add(STOCKS, symbol, decimals=2, instrument_id=instrument_id)
    for symbol in fresh:
        catalogue.add(STOCKS, symbol, decimals=2)

    members = {member.symbol: member.id for member in catalogue.members(STOCKS)}
    given_out = [members[symbol] for symbol in dict.fromkeys(fresh) if symbol not in remembered]
    free = [number for number in range(1, 101) if number not in remembered.values()]
    assert given_out == free[: len(given_out)]
    assert {symbol: members[symbol] for symbol in remembered} == remembered
    assert all(catalogue.by_id(number).symbol == symbol for symbol, number in members.items())


def test_id_zero_is_the_canarys_and_no_name_finds_it(catalogue: Catalogue) -> None:
    assert CANARY_ID == 0
    assert catalogue.by_id(0) is CANARY
    assert catalogue.get(CANARY.asset_class, CANARY.symbol) is None
    assert catalogue.named(CANARY.symbol) == []
    assert list(catalogue.members(CANARY.asset_class)) == []
    assert len(catalogue) == 0


def test_a_letter_that_only_becomes_one_in_upper_case_finds_nothing() -> None:
    catalogue = Catalogue(limit=10)
    catalogue.add(AssetClass.CRYPTO, "SOL", decimals=2)
    assert catalogue.get(AssetClass.CRYPTO, "\u017fol") is None
    assert catalogue.named("\u017fol") == []


def test_a_listing_describes_an_instrument_whoever_brings_it() -> None:
    listing = Listing(asset_class=STOCKS, symbol="ACME", decimals=3, name="Acme")
    unnamed = Listing(asset_class=STOCKS, symbol="BETA", decimals=4)
    catalogue = Catalogue(limit=3, listings=Listings([listing, unnamed]))

    restored = catalogue.add(STOCKS, "acme", decimals=2, instrument_id=7)  # as the tape does, without a name
    other = catalogue.add(CRYPTO, "ACME", decimals=2, name="of another class")
    assert (restored.decimals, restored.name, restored.id) == (3, "Acme", 7)
    assert (other.decimals, other.name) == (2, "of another class")

    catalogue.add_listed()
    assert catalogue.get(STOCKS, "ACME") is restored
    assert [(one.symbol, one.decimals) for one in catalogue.members(STOCKS)] == [("ACME", 3), ("BETA", 4)]


def test_listings_keep_their_order_and_the_later_word_counts() -> None:
    first = Listing(asset_class=STOCKS, symbol="A", decimals=2)
    second = Listing(asset_class=STOCKS, symbol="B", decimals=2)
    renamed = Listing(asset_class=STOCKS, symbol="A", decimals=2, name="named")
    listings = Listings([first, second])
    listings.put(renamed)

    assert list(listings) == [renamed, second]
    assert len(listings) == 2
    assert listings.get(STOCKS, "A") is renamed
    assert listings.get(CRYPTO, "A") is None
    assert renamed.key == "stocks:A"


def test_what_is_known_of_an_instrument_besides(catalogue: Catalogue) -> None:
    listing = Listing(asset_class=STOCKS, symbol="SAP", decimals=2, country="de")
    listed = Catalogue(limit=10, listings=Listings([listing]))
    assert listed.listing(listed.add(STOCKS, "sap", decimals=5)) is listing
    assert catalogue.listing(catalogue.add(STOCKS, "sap", decimals=5)) is None
