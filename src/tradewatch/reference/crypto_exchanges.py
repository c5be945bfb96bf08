"""Crypto exchanges: who they are and where.

`tools/markets/generate.py` writes the table; `data/README.md` names its sources.
"""

import csv
from functools import cache

import msgspec

from tradewatch.reference.packaged import packaged_lines


class CryptoExchange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An exchange of crypto assets.

    Attributes:
        id: a short name, in lower case.
        name: what people call it.
        year_established: the year it began; None where nobody told us.
        country: where it is based, in English; None where nobody told us, or it is nowhere.
        website: its pages.
    """

    id: str
    name: str
    year_established: int | None
    country: str | None
    website: str


@cache
def builtin_crypto_exchanges() -> tuple[CryptoExchange, ...]:
    """All of them by id."""
    return tuple(
        CryptoExchange(
            id=row["id"],
            name=row["name"],
            year_established=int(row["year_established"]) if row["year_established"] else None,
            country=row["country"] or None,
            website=row["website"],
        )
        for row in csv.DictReader(packaged_lines("crypto_exchanges.csv"))
    )
