"""What is known from the start: the built-in instruments, and what the user's files say."""

from pathlib import Path

import pytest

from tradewatch.errors import InstrumentFileError
from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.builtin import builtin_listings
from tradewatch.reference.known import known_listings
from tradewatch.reference.listing import Listing

STOCKS, CRYPTO = AssetClass.STOCKS, AssetClass.CRYPTO
LIMIT = 100_000
HEADER = "asset_class,symbol,name,decimals,country\n"


def write(path: Path, rows: str) -> Path:
    path.write_text(HEADER + rows, encoding="utf-8")
    return path


def test_without_files_it_is_what_is_built_in() -> None:
    assert list(known_listings(limit=LIMIT)) == list(builtin_listings())


def test_own_instruments_come_last_and_built_in_ones_keep_what_is_not_said(tmp_path: Path) -> None:
    built_in = list(builtin_listings())
    csv = write(tmp_path / "own.csv", "stocks,acme,Acme,3,us\ncrypto,btcusd,Bitcoin!,,\n")
    toml = tmp_path / "own.toml"
    toml.write_text('[[instrument]]\nasset_class = "stocks"\nsymbol = "AAPL"\ndecimals = 4\n')

    known = known_listings([csv, toml], limit=LIMIT)

    acme = Listing(asset_class=STOCKS, symbol="ACME", decimals=3, name="Acme", country="us")
    bitcoin = Listing(asset_class=CRYPTO, symbol="BTCUSD", decimals=2, name="Bitcoin!")
    apple = Listing(
        asset_class=STOCKS, symbol="AAPL", decimals=4, name="Apple Inc.", country="us", mic="XNAS"
    )
    changed = {(CRYPTO, "BTCUSD"): bitcoin, (STOCKS, "AAPL"): apple}
    assert list(known) == [
        *(changed.get((listing.asset_class, listing.symbol), listing) for listing in built_in),
        acme,
    ]


def test_the_same_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", "stocks,A,,2,\nstocks,B,,2,\nstocks,a,,2,\n")
    with pytest.raises(InstrumentFileError) as refused:
        known_listings([one], limit=LIMIT)
    assert str(refused.value) == f"{one}, line 4: stocks:A stands in line 2 already"

    first, second = write(tmp_path / "a.csv", "stocks,A,,2,\n"), write(tmp_path / "b.csv", "\nstocks,A,,2,\n")
    with pytest.raises(InstrumentFileError) as refused:
        known_listings([first, second], limit=LIMIT)
    assert str(refused.value) == f"{second}, line 3: stocks:A stands in line 2 of {first} already"


@pytest.mark.parametrize(
    ("rows", "line", "fault"),
    [
        ("stocks,NEW,New,,\n", 2, "missing, and stocks:NEW is not built in"),
        ("stocks,A,,2,\nstocks,B,,x,\n", 3, "not a whole number from 0 to 36: 'x'"),
    ],
)
def test_a_row_that_does_not_fit_is_named_with_its_place(
    tmp_path: Path, rows: str, line: int, fault: str
) -> None:
    path = write(tmp_path / "own.csv", rows)

    with pytest.raises(InstrumentFileError) as refused:
        known_listings([path], limit=LIMIT)

    assert str(refused.value) == f"{path}, line {line}, column 'decimals': {fault}"
    assert (refused.value.line, refused.value.column) == (line, "decimals")


def test_a_value_in_toml_is_named_with_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[[instrument]]\nasset_class = "stocks"\nsymbol = "A"\n\nmic = "?"\n')

    with pytest.raises(InstrumentFileError, match=r"own\.toml, line 5, column 'mic': "):
        known_listings([path], limit=LIMIT)


def test_one_more_than_the_limit_is_named_and_a_known_one_is_no_more(tmp_path: Path) -> None:
    limit = len(list(builtin_listings())) + 1
    path = write(tmp_path / "own.csv", "crypto,BTCUSD,,4,\nstocks,NEW1,,2,\nstocks,NEW2,,2,\n")

    with pytest.raises(InstrumentFileError) as refused:
        known_listings([path], limit=limit)

    assert str(refused.value) == (
        f"{path}, line 4: stocks:NEW2 is one more than limits.max_instruments allows ({limit:,})"
    )
