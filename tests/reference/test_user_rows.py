"""One row of a user's file: what it may say of an instrument."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.listing import Listing
from tradewatch.reference.user_rows import COLUMNS, BadCellError, user_row

_KEY = {"asset_class": "stocks", "symbol": "acme"}


def test_a_full_row_is_read_into_one_form() -> None:
    row = user_row(
        {
            "asset_class": " Stocks ",
            "symbol": "acme.b",
            "name": " Acme, Inc. ",
            "decimals": "3",
            "type": "Preferred share",
            "country": "US",
            "mic": "xnys",
        }
    )

    assert row == (
        AssetClass.STOCKS,
        "ACME.B",
        {"name": "Acme, Inc.", "decimals": 3, "type": "preferred share", "country": "us", "mic": "XNYS"},
    )
    Listing(asset_class=row.asset_class, symbol=row.symbol, **row.given)  # the columns are its fields


def test_an_empty_cell_says_nothing() -> None:
    assert user_row({**_KEY, "name": " ", "decimals": ""}) == (AssetClass.STOCKS, "ACME", {})


@pytest.mark.parametrize(
    ("column", "text", "fault"),
    [
        ("asset_class", "bonds", "not one of currencies, crypto, stocks, indices, commodities: 'bonds'"),
        ("asset_class", "", "missing"),
        ("symbol", "", "missing"),
        ("symbol", "A B", "not a symbol: 'A B' (letters, digits and . _ -, at most 32)"),
        ("symbol", "ÄPFEL", "not a symbol: 'ÄPFEL'"),
        ("symbol", "A" * 33, "not a symbol: "),
        ("name", "a" * 201, "not a line of at most 200 visible characters: 'aaa"),
        ("name", "a\x1b[31mb", "not a line of at most 200 visible characters: 'a\\x1b[31mb'"),
        ("decimals", "37", "not a whole number from 0 to 36: '37'"),
        ("decimals", "-1", "not a whole number from 0 to 36: '-1'"),
        ("decimals", "٣", "not a whole number from 0 to 36: '٣'"),
        ("decimals", "2.0", "not a whole number from 0 to 36: '2.0'"),
        ("type", "5%", "not a word or a few, at most 32 letters: '5%'"),
        ("country", "usa", "not a country's two letters (ISO 3166-1): 'usa'"),
        ("mic", "NYSE!", "not a market's four letters or digits (ISO 10383): 'NYSE!'"),
    ],
)
def test_what_does_not_fit_is_named_with_its_column(column: str, text: str, fault: str) -> None:
    with pytest.raises(BadCellError) as refused:
        user_row({**_KEY, column: text})

    assert str(refused.value).startswith(fault)
    assert refused.value.column == column


@given(st.dictionaries(st.sampled_from(list(COLUMNS)), st.text(max_size=40)))
@settings(deadline=None)
def test_any_row_is_taken_or_refused(cells: dict[str, str]) -> None:
    try:
        row = user_row(cells)
    except BadCellError as refused:
        assert refused.column in COLUMNS  # noqa: PT017 - either is right
    else:
        assert row.symbol == row.symbol.upper()
