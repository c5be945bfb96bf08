"""Currency pairs: the majors among themselves, then each major against everything else that is tender."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import combinations

from babel import Locale
from babel.core import get_global
from babel.numbers import get_territory_currencies
from table import HAND, Row, decimals_for, read

#: By custom the earlier one is the base of a pair.
MAJORS = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY")
#: The pairs with the dollar, most traded first.
LEADING = ("EURUSD", "USDJPY", "GBPUSD", "USDCHF", "AUDUSD", "USDCAD", "NZDUSD")
#: Whose exotics come first.
BASES = ("USD", "EUR", "GBP", "CHF", "AUD", "CAD", "NZD")
#: What is tender depends on the day; a fixed one keeps the output the same.
DAY = date(2026, 1, 1)

_DECIMALS = 5
_DECIMALS_OF_SMALL_UNITS = 3
#: A currency with so many units to the dollar is quoted with fewer decimals, as the yen is.
_SMALL_UNIT_PER_USD = 100
_DIGITS = 4


def currency_pairs() -> Iterator[Row]:
    """All pairs, most important first.

    Raises:
        ValueError: the table of rates does not hold exactly the currencies that are tender.
    """
    # Rough values of 2025. They are where the simulator starts, and nothing else.
    per_usd = {row["currency"]: Decimal(row["per_usd"]) for row in read(HAND / "rates.csv")}
    if difference := per_usd.keys() ^ _tender():
        raise ValueError(f"rates.csv and the currencies in use differ by {sorted(difference)}")
    crosses = [base + quote for base, quote in combinations(MAJORS, 2) if base + quote not in LEADING]
    exotics = [currency for currency in per_usd if currency not in MAJORS]
    pairs = [(pair[:3], pair[3:]) for pair in (*LEADING, *crosses)]
    pairs += [(base, exotic) for base in BASES for exotic in exotics]
    # The yen is quoted as the price of the other currency, whichever that is.
    pairs += [(exotic, "JPY") for exotic in exotics]
    names = Locale("en").currencies
    for base, quote in pairs:
        price = per_usd[quote] / per_usd[base]
        small = per_usd[quote] >= _SMALL_UNIT_PER_USD
        yield Row(
            symbol=base + quote,
            name=f"{names[base]} / {names[quote]}",
            decimals=decimals_for(
                price, digits=_DIGITS, fewest=_DECIMALS_OF_SMALL_UNITS if small else _DECIMALS
            ),
            price=price,
        )


def _tender() -> set[str]:
    """The currencies that some territory pays with."""
    return {
        currency
        for territory in get_global("territory_currencies")
        for currency in get_territory_currencies(territory, DAY, DAY, tender=True)
    }
