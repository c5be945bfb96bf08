"""Stocks: the leaders by hand, then the members of the indices that the source lists with a home listing."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from zlib import crc32

from pytickersymbols import PyTickerSymbols
from table import HAND, Row, read

#: The indices that are read, most important members first, with what their members roughly cost in the
#: money they are quoted in. Left out are SDAX and CAC Mid 60: the source gives their symbols without a
#: market, some from foreign markets.
_INDICES = {
    "S&P 100": 200,
    "NASDAQ 100": 180,
    "DOW JONES": 200,
    "S&P 500": 120,
    "EURO STOXX 50": 90,
    "FTSE 100": 900,
    "DAX": 80,
    "CAC_40": 80,
    "Switzerland 20": 150,
    "NIKKEI 225": 2800,
    "AEX": 60,
    "IBEX 35": 15,
    "BEL 20": 60,
    "OMX Stockholm 30": 220,
    "OMX Helsinki 25": 20,
    "MDAX": 40,
    "TecDAX": 40,
    "S&P 600": 40,
}


class _Market(NamedTuple):
    """A market outside the United States: its country, and its code in ISO 10383."""

    country: str
    mic: str


#: The markets whose suffix a symbol may bear.
_MARKETS = {
    "AS": _Market("nl", "XAMS"),
    "BR": _Market("be", "XBRU"),
    "DE": _Market("de", "XETR"),
    "HE": _Market("fi", "XHEL"),
    "L": _Market("gb", "XLON"),
    "MC": _Market("es", "XMAD"),
    "MI": _Market("it", "XMIL"),
    "PA": _Market("fr", "XPAR"),
    "ST": _Market("se", "XSTO"),
    "SW": _Market("ch", "XSWX"),
    "T": _Market("jp", "XTKS"),
}
#: How the source writes the markets of the United States.
_US_MICS = {"NYSE": "XNYS", "NASDAQ": "XNAS"}
_DECIMALS = 2
#: A remark in brackets that tells pages of an encyclopaedia apart; share classes stay.
_REMARK = re.compile(r" \((?!Class )[^)]*\)")


class _Listing(NamedTuple):
    """A stock under the symbol of its home listing; `market` is "" for the United States."""

    code: str
    market: str
    name: str
    country: str
    mic: str
    price: Decimal

    @property
    def symbol(self) -> str:
        return f"{self.code}.{self.market}" if self.market else self.code


def stocks(taken: Collection[str]) -> Iterator[Row]:
    """All stocks, most important first.

    Outside the United States a symbol bears its market's suffix only where the bare code is a number, or
    would name something else too: another stock, or one of the symbols `taken` by other classes.
    """
    listings = list(_listings())
    codes = Counter(listing.code for listing in listings)
    for listing in listings:
        ambiguous = codes[listing.code] > 1 or listing.code in taken or listing.code[0].isdigit()
        symbol = listing.symbol if ambiguous else listing.code
        yield Row(symbol, listing.name, _DECIMALS, listing.price, listing.country, listing.mic)


def _listings() -> Iterator[_Listing]:
    """The leaders, then one listing for each other company of the indices."""
    source = PyTickerSymbols()
    members = {
        member["symbol"]: member
        for index in source.get_all_indices()
        for member in source.get_stocks_by_index(index)
        if member.get("symbol")
    }
    leaders = []
    for row in read(HAND / "leaders.csv"):
        code, market = _split(row["symbol"])
        mic = _mic(members.get(row["symbol"], {}), code, market)
        leaders.append(_Listing(code, market, row["name"], row["country"], mic, Decimal(row["price"])))
    yield from leaders
    symbols = {listing.symbol for listing in leaders}
    names = {listing.name for listing in leaders}
    corrections = {row["symbol"]: row for row in read(HAND / "corrections.csv")}
    for index, level in _INDICES.items():
        for member in source.get_stocks_by_index(index):
            symbol, name = member.get("symbol"), _REMARK.sub("", member["name"])
            if not symbol or symbol in symbols:
                continue
            code, market = _split(symbol)
            correction = corrections.get(symbol)
            country = correction["country"] if correction else _country(member.get("isins") or [], market)
            name = correction["name"] if correction else name
            if name in names:  # a second listing of the same company
                continue
            symbols.add(symbol)
            names.add(name)
            mic = _mic(member, code, market)
            yield _Listing(code, market, name, country, mic, _made_up_price(symbol, level))


def _split(symbol: str) -> tuple[str, str]:
    """A symbol's code and market; `BRK.B` is all code."""
    code, _, market = symbol.rpartition(".")
    return (code, market) if code and market in _MARKETS else (symbol, "")


def _country(isins: list[str], market: str) -> str:
    """The company's country.

    The prefix of its ISIN; of several the home market's, else the first that is no certificate of the
    United States for a foreign share; without any the home market.
    """
    home = _MARKETS[market].country if market else "us"
    prefixes = [isin[:2].lower() for isin in isins]
    if not prefixes or home in prefixes:
        return home
    return next((prefix for prefix in prefixes if prefix != "us"), home)


def _mic(member: Mapping[str, Any], code: str, market: str) -> str:
    """The market of a stock's home listing; empty where nobody tells it.

    In the United States it is what was written by hand, else the one that the company itself names with its
    symbol, else the one that the symbol is listed at.
    """
    if market:
        return _MARKETS[market].mic
    if code in _mics_by_hand():
        return _mics_by_hand()[code]
    named = member.get("metadata", {}).get("traded_as", "")
    found = re.search(rf"\b(NYSE|NASDAQ)\b[^:]*: {re.escape(code)}\b", named, re.IGNORECASE)
    if found:
        return _US_MICS[found[1].upper()]
    for listed in member.get("symbols", ()):
        exchange, _, symbol = (listed.get("google") or "").partition(":")
        if symbol == code and exchange in _US_MICS:
            return _US_MICS[exchange]
    return ""


@cache
def _mics_by_hand() -> dict[str, str]:
    """The markets that were written down."""
    return {row["symbol"]: row["mic"] for row in read(HAND / "markets.csv")}


def _made_up_price(symbol: str, level: int) -> Decimal:
    """A price between 0.3 and 2.3 times the level: the same for a symbol each time, different for others."""
    return level * Decimal(3000 + crc32(symbol.encode()) % 20_000) / 10_000
