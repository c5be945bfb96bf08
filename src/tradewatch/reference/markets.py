"""Markets: who they are and where. When they trade, `calendar.py` knows.

`tools/markets/generate.py` writes the table; `data/README.md` names its sources.
"""

import csv
from collections.abc import Mapping
from functools import cache

import msgspec

from tradewatch.reference.packaged import packaged_lines

#: What turns a letter of a country's code into its half of a flag.
_FLAG_LETTER = ord("\N{REGIONAL INDICATOR SYMBOL LETTER A}") - ord("A")


class Market(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A market; what nobody told us of it is empty.

    Attributes:
        mic: its code, ISO 10383: `XNYS`.
        exchange: its name.
        acronym: what people call it: `NYSE`.
        lei: the legal entity identifier of who runs it, ISO 17442.
        url: its pages.
        city: where it is.
        country: the same, in English.
        country_code: the same, ISO 3166-1 alpha-2, in upper case.
        currency_code: its country's money, ISO 4217.
        currency_name: the same, in English.
        currency_symbol: the same, as it is written before a price.
        region: the continent.
        timezone: IANA's name of the time that its clocks show.
        calendar: the MIC whose calendar it keeps; mostly its own.
    """

    mic: str
    exchange: str
    acronym: str
    lei: str
    url: str
    city: str
    country: str
    country_code: str
    currency_code: str
    currency_name: str
    currency_symbol: str
    region: str
    timezone: str
    calendar: str

    @property
    def flag(self) -> str:
        """Its country's flag as an emoji."""
        return "".join(chr(ord(letter) + _FLAG_LETTER) for letter in self.country_code)


@cache
def builtin_markets() -> Mapping[str, Market]:
    """All markets by MIC, in its order."""
    return {row["mic"]: Market(**row) for row in csv.DictReader(packaged_lines("markets.csv"))}
