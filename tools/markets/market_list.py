"""Markets: who they are and where, by ISO 10383, with what was written by hand laid over it."""

from collections.abc import Iterator
from datetime import date

import exchange_calendars
from babel import Locale
from babel.numbers import get_territory_currencies
from iso10383 import MIC
from tables import HAND, read

COLUMNS = (
    "mic",
    "exchange",
    "acronym",
    "lei",
    "url",
    "city",
    "country",
    "country_code",
    "currency_code",
    "currency_name",
    "currency_symbol",
    "region",
    "timezone",
    "calendar",
)

_ENGLISH = Locale("en")
_TENDER_ON = date(2026, 1, 1)
#: Where the source's keys do not spell the name.
_CITIES = {
    "bogota": "Bogotá",
    "duesseldorf": "Düsseldorf",
    "nicosia_lefkosia": "Nicosia",
    "pasig_city": "Pasig",
    "reykjavik": "Reykjavík",
    "sao_paulo": "São Paulo",
    "zurich": "Zürich",
}
_COUNTRIES = {"HK": "Hong Kong"}
#: The source gives them the identifier of another company.
_WRONG_LEI = {"XMOS", "XPRA"}


def markets() -> Iterator[tuple[str, ...]]:
    """The rows of all markets, by MIC."""
    regions = {row["country_code"]: row["region"] for row in read(HAND / "regions.csv")}
    for by_hand in read(HAND / "markets.csv"):
        mic = by_hand["mic"]
        listed = MIC[mic.lower()].value
        calendar = by_hand["calendar"] or mic
        country_code = listed.iso_country_code.name.strip("_").upper()
        (currency,) = get_territory_currencies(country_code, start_date=_TENDER_ON, tender=True)
        yield (
            mic,
            by_hand["exchange"],
            by_hand["acronym"] or listed.acronym or "",
            "" if mic in _WRONG_LEI else listed.legal_entity_identifier or "",
            by_hand["url"] or _url(listed.website or ""),
            by_hand["city"] or _city(listed.city.name),
            _COUNTRIES.get(country_code) or _ENGLISH.territories[country_code],
            country_code,
            currency,
            _ENGLISH.currencies[currency],
            _ENGLISH.currency_symbols.get(currency, currency),
            regions[country_code],
            by_hand["timezone"] or str(exchange_calendars.get_calendar(calendar).tz),
            calendar,
        )


def _url(website: str) -> str:
    """The address with its scheme."""
    return website if not website or "://" in website else f"https://{website}"


def _city(key: str) -> str:
    return _CITIES.get(key) or key.replace("_", " ").title()
