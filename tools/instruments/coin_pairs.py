"""Crypto pairs: every coin against the dollar, the leading ones against what else they trade for."""

from collections.abc import Iterator
from decimal import Decimal

from table import HAND, Row, decimals_for, read

#: How many of the leading coins are paired with each quote currency; None is all.
_PAIRED: dict[str, int | None] = {"USD": None, "USDT": 60, "EUR": 60, "BTC": 40}
_DIGITS = 6
_FEWEST_DECIMALS = 2


def coin_pairs() -> Iterator[Row]:
    """All pairs, most important first."""
    coins = read(HAND / "coins.csv")
    # Rough values, like everything the simulator starts from.
    usd = {coin["symbol"]: Decimal(coin["price"]) for coin in coins}
    names = {coin["symbol"]: coin["name"] for coin in coins} | {"USD": "US Dollar", "EUR": "Euro"}
    euro = next(Decimal(row["per_usd"]) for row in read(HAND / "rates.csv") if row["currency"] == "EUR")
    quotes = {"USD": Decimal(1), "EUR": 1 / euro, "USDT": usd["USDT"], "BTC": usd["BTC"]}
    for quote, count in _PAIRED.items():
        for coin in list(usd)[:count]:
            # A coin that is worth a dollar has no market in coins that are worth one.
            if coin == quote or (usd[coin] == 1 and quote in {"USDT", "BTC"}):
                continue
            price = usd[coin] / quotes[quote]
            yield Row(
                symbol=coin + quote,
                name=f"{names[coin]} / {names[quote]}",
                decimals=decimals_for(price, digits=_DIGITS, fewest=_FEWEST_DECIMALS),
                price=price,
            )
