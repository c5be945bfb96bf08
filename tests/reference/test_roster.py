"""The roster: always in order, and every list of it says what a look at everything would."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.listing import Listing, Listings
from tradewatch.reference.roster import Entry, Roster

STOCKS, COMMODITIES = AssetClass.STOCKS, AssetClass.COMMODITIES

listings = st.builds(
    Listing,
    asset_class=st.sampled_from([STOCKS, COMMODITIES]),
    symbol=st.text("ABC", min_size=1, max_size=3),
    decimals=st.just(2),
    name=st.sampled_from(["", "Abc", "Big Bank"]),
    type=st.sampled_from(["", "metal", "energy"]),
    country=st.sampled_from(["", "de", "us"]),
)


@given(st.lists(listings), st.lists(listings))
@settings(deadline=None)
def test_each_list_is_what_a_look_at_everything_finds(before: list[Listing], after: list[Listing]) -> None:
    known = Listings([*before, *after])
    catalogue = Catalogue(limit=1_000, listings=known)
    for listing in before:
        catalogue.add(listing.asset_class, listing.symbol, decimals=2)
    roster = Roster(catalogue)
    for listing in after:
        catalogue.add(listing.asset_class, listing.symbol, decimals=2)
    for asset_class in (STOCKS, COMMODITIES):
        mine = sorted(
            (each for each in known if each.asset_class is asset_class), key=lambda each: each.symbol
        )
        for kind in ("", "metal", "energy", "none"):
            for country in ("", "de", "us"):
                found = roster.entries(asset_class, kind=kind, country=country)
                assert [entry.symbol for entry in found] == [
                    each.symbol for each in mine if kind in ("", each.type) and country in ("", each.country)
                ]
        assert roster.types(asset_class) == sorted({each.type for each in mine} - {""})
        assert roster.countries(asset_class) == sorted({each.country for each in mine} - {""})
        found = roster.found("b", asset_class, roster.entries(asset_class))
        assert [entry.symbol for entry in found] == [
            each.symbol for each in mine if "b" in (each.symbol + each.name).lower()
        ]


def test_an_instrument_that_nobody_described_has_an_empty_entry() -> None:
    catalogue = Catalogue(limit=10)
    roster = Roster(catalogue)
    instrument = catalogue.add(STOCKS, "NEW", decimals=2)
    assert list(roster.entries(STOCKS)) == [Entry(instrument)]
    assert roster.entry(instrument) == (instrument, "", "", "")
