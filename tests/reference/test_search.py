"""Search: best first, whatever the case and the accents; and fast enough to be asked at every key."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.reference.builtin import builtin_listings
from tradewatch.reference.listing import Listing
from tradewatch.reference.search import Search, folded

STOCKS, CRYPTO = AssetClass.STOCKS, AssetClass.CRYPTO


def listing(symbol: str, name: str = "", asset_class: AssetClass = STOCKS) -> Listing:
    return Listing(asset_class=asset_class, symbol=symbol, decimals=2, name=name)


@pytest.fixture(scope="module")
def builtin() -> Search[Listing]:
    return Search(builtin_listings())


def test_the_best_come_first() -> None:
    inside = listing("X1", "Ogold")
    word = listing("X2", "Barrick Gold")
    begun = listing("GOLDEN", "Something else")
    exact = listing("GOLD", "Gold")
    symbol_inside = listing("XGOLD", "Nothing")
    search = Search([inside, word, begun, symbol_inside, exact, listing("AAPL", "Apple")])

    assert search.find("gold") == [exact, begun, word, inside, symbol_inside]
    assert search.find("gold", limit=2) == [exact, begun]
    assert search.find("silver") == []


def test_equals_keep_their_order_and_classes_theirs() -> None:
    coin, first, second = listing("SOLUSD", "", CRYPTO), listing("SOLV"), listing("SOLS")
    search = Search([first, second])
    search.add(coin)  # later, and of an earlier class

    assert search.find("sol") == [coin, first, second]
    assert search.find("sol", classes=[STOCKS]) == [first, second]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nestle", "Nestlé"),
        ("NESTLÉ", "Nestlé"),
        ("strasse", "Straße AG"),
        ("  dow   jones ", "The Dow Jones"),
    ],
)
def test_case_accents_and_blanks_do_not_matter(text: str, name: str) -> None:
    found = listing("A", name)

    assert Search([found]).find(text) == [found]


def test_an_empty_text_finds_everything(builtin: Search[Listing]) -> None:
    assert builtin.find("") == list(builtin_listings())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("btcusd", "crypto:BTCUSD"),
        ("gold", "commodities:GOLD"),
        ("toyota", "stocks:7203.T"),
        ("hang seng", "indices:HSI"),
        ("swiss franc", "currencies:USDCHF"),
    ],
)
def test_what_people_look_for(builtin: Search[Listing], text: str, first: str) -> None:
    assert builtin.find(text)[0].key == first


def test_instruments_of_a_catalogue_are_found_too() -> None:
    instrument = Instrument(id=1, asset_class=CRYPTO, symbol="NEW", decimals=2)

    assert Search([instrument]).find("ne") == [instrument]


@pytest.mark.parametrize(
    ("text", "key"),
    [("BTCSUD", "crypto:BTCUSD"), ("microsft", "stocks:MSFT"), ("EURUDS", "currencies:EURUSD")],
)
def test_a_slip_of_the_finger_is_answered_with_what_is_alike(
    builtin: Search[Listing], text: str, key: str
) -> None:
    alike = [found.key for found in builtin.alike(text)]

    assert key in alike
    assert len(alike) <= 3
    assert builtin.alike(text, classes=[AssetClass.COMMODITIES]) == []


def test_nothing_is_like_a_long_text(builtin: Search[Listing]) -> None:
    assert builtin.alike("EURUSD" * 6) == []


def naive(text: str, listings: list[Listing]) -> list[Listing]:
    """The definition, letter by letter."""

    def plain(words: str) -> str:
        decomposed = unicodedata.normalize("NFKD", words.casefold())
        return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).lower().split())

    wanted = plain(text)

    def rank(one: Listing) -> int:
        symbol, name = one.symbol.lower(), plain(one.name)
        begins = [at for at in range(len(name) + 1) if name[at : at + len(wanted)] == wanted]
        if symbol == wanted:
            return 0
        if symbol[: len(wanted)] == wanted:
            return 1
        if any(at == 0 or not name[at - 1].isalnum() for at in begins):
            return 2
        return 3 if begins or wanted in symbol else 4

    ordered = sorted(listings, key=lambda one: (rank(one), list(AssetClass).index(one.asset_class)))
    return [one for one in ordered if rank(one) < 4]


_LETTERS = st.text("abAB éÉß-&1.\n", max_size=6)
_LISTINGS = st.builds(
    listing, st.text("AB1.", min_size=1, max_size=4), _LETTERS, st.sampled_from(list(AssetClass))
)


@given(_LETTERS, st.lists(_LISTINGS, max_size=12))
@settings(deadline=None, max_examples=300)
def test_it_finds_what_the_definition_says(text: str, listings: list[Listing]) -> None:
    assert Search(listings).find(text) == naive(text, listings)


@given(st.text())
@settings(deadline=None)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_a_search_takes_less_than_20_ms(builtin: Search[Listing]) -> None:
    def cost_s(text: str) -> float:
        before = time.process_time()
        builtin.find(text)
        return time.process_time() - before

    assert max(min(cost_s(text) for _ in range(5)) for text in ("", "u", "us dollar", "gold", "zzz")) < 0.02
