"""What one row of a user's file of instruments says, and what is wrong with it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tradewatch.errors import InvalidInstrumentError
from tradewatch.model.asset_class import AssetClass, asset_class_named
from tradewatch.model.instrument import canonical_symbol
from tradewatch.model.price import MAX_DECIMALS

MAX_NAME_CHARS = 200

_SHOWN_CHARS = 40
_TYPE = re.compile(r"[a-z][a-z0-9 _-]{0,31}")
_COUNTRY = re.compile(r"[a-z]{2}")
_MIC = re.compile(r"[A-Z0-9]{4}")


class BadCellError(Exception):
    """What is wrong with a row, and in which column."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(what)
        self.column = column


class UserRow(NamedTuple):
    """A row that is sound.

    Attributes:
        asset_class: of the instrument that is meant.
        symbol: likewise, upper case.
        given: what else the row says, by the name of the listing's field.
    """

    asset_class: AssetClass
    symbol: str
    given: dict[str, Any]


def user_row(cells: Mapping[str, str]) -> UserRow:
    """Understand a row by its columns, all of which are in `COLUMNS`; an empty cell says nothing.

    Raises:
        BadCellError: a value does not fit, or there is no class or no symbol.
    """
    given: dict[str, Any] = {}
    for column, text in cells.items():
        if text := text.strip():
            try:
                given[column] = COLUMNS[column](text)
            except (ValueError, InvalidInstrumentError) as error:
                raise BadCellError(column, str(error)) from None
    for column in REQUIRED:
        if column not in given:
            raise BadCellError(column, "missing")
    return UserRow(given.pop("asset_class"), given.pop("symbol"), given)


def _asset_class(text: str) -> AssetClass:
    found = asset_class_named(text)
    if found is None:
        raise ValueError(f"not one of {', '.join(AssetClass)}: {text[:_SHOWN_CHARS]!r}")
    return found


def _decimals(text: str) -> int:
    if not re.fullmatch(r"\d{1,2}", text, re.ASCII) or int(text) > MAX_DECIMALS:
        raise ValueError(f"not a whole number from 0 to {MAX_DECIMALS}: {text[:_SHOWN_CHARS]!r}")
    return int(text)


def _name(text: str) -> str:
    if len(text) > MAX_NAME_CHARS or not text.isprintable():
        raise ValueError(
            f"not a line of at most {MAX_NAME_CHARS} visible characters: {text[:_SHOWN_CHARS]!r}"
        )
    return text


def _type(text: str) -> str:
    return _matching(_TYPE, text.lower(), "not a word or a few, at most 32 letters")


def _country(text: str) -> str:
    return _matching(_COUNTRY, text.lower(), "not a country's two letters (ISO 3166-1)")


def _mic(text: str) -> str:
    return _matching(_MIC, text.upper(), "not a market's four letters or digits (ISO 10383)")


def _matching(pattern: re.Pattern[str], text: str, otherwise: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{otherwise}: {text[:_SHOWN_CHARS]!r}")
    return text


#: Each column, and what reads it; the names are those of the listing's fields.
COLUMNS: dict[str, Callable[[str], object]] = {
    "asset_class": _asset_class,
    "symbol": canonical_symbol,
    "name": _name,
    "decimals": _decimals,
    "type": _type,
    "country": _country,
    "mic": _mic,
}
REQUIRED = ("asset_class", "symbol")
