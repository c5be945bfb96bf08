"""Crypto exchanges: those that ccxt knows how to reach."""

from collections.abc import Iterator

import ccxt
from babel import Locale
from tables import HAND, read

COLUMNS = ("id", "name", "year_established", "country", "website")

_TERRITORIES = Locale("en").territories
#: What the source writes in place of a country's code; the European Union is none.
_CODES = {"UK": "GB", "LX": "LU", "pt-BR": "BR", "EU": ""}
_COUNTRIES = {"HK": "Hong Kong"}


def crypto_exchanges() -> Iterator[tuple[str, ...]]:
    """Their rows, by id; the year is known of those that `crypto_years.csv` names."""
    years = {row["id"]: row["year_established"] for row in read(HAND / "crypto_years.csv")}
    for identifier in ccxt.exchanges:
        exchange = getattr(ccxt, identifier)()
        codes = [_CODES.get(code, code) for code in exchange.countries]
        code = next(filter(None, codes), "")
        country = _COUNTRIES.get(code) or (_TERRITORIES[code] if code else "")
        yield (identifier, exchange.name, years.get(identifier, ""), country, exchange.urls["www"])
