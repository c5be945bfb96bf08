"""What the closed days and the short ones are called."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache

import holidays
import pandas as pd
from exchange_calendars import ExchangeCalendar
from exchange_calendars.exchange_calendar import HolidayCalendar
from tables import HAND, read

#: What a day is called that nobody knows the name of.
NAMELESS = "Holiday"

#: What the second source calls the markets that it knows under another code.
_FINANCIAL = {"ASEX": "XATH", "CMES": "XCME", "XCBF": "XNYS", "XEUR": "XETR", "XSTU": "XETR"}
#: "(observed)", "(estimated)", "(markets close at 1:00pm)", and what rules add to tell themselves apart.
_REMARK = re.compile(r"\s*\([^)]*\)| extra (Monday|Friday)$| Observed$| Early Close$")
#: Names that are spelt wrong, or in another language, or say how the rule works.
_SPELT = {row["written"]: row["name"] for row in read(HAND / "names.csv")}


class HolidayNames:
    """Names by date: the calendar's own rules first, then lists of the market, then of its country.

    Args:
        calendar: the calendar.
        mic: its code.
        country_code: its country.
    """

    def __init__(self, calendar: ExchangeCalendar, mic: str, country_code: str) -> None:
        first, last = calendar.first_session - pd.Timedelta(days=14), calendar.last_session
        self._closures = _named([calendar.regular_holidays], first, last + pd.Timedelta(days=14))
        special = [days for _, days in (*calendar.special_closes, *calendar.special_opens)]
        self._special = _named(special, first, last)
        self._mic = _FINANCIAL.get(mic, mic)
        self._country_code = country_code

    def of(self, day: date, *, closed: bool) -> str:
        """The name of a day that is closed, or has hours of its own."""
        own = self._closures if closed else self._special
        known = (own, _of_market(self._mic, day.year), _of_country(self._country_code, day.year))
        return next((names[day] for names in known if names.get(day)), NAMELESS if closed else "")


def _named(
    calendars: Iterable[HolidayCalendar | None], first: pd.Timestamp, last: pd.Timestamp
) -> dict[date, str]:
    """The names that rules give to their days."""
    names: dict[date, str] = {}
    for calendar in calendars:
        if calendar is None or not calendar.rules:
            continue
        # In order, since two rules may name one day.
        for day, name in sorted(calendar.holidays(first, last, return_name=True).items()):
            names.setdefault(day.date(), _clean(str(name)))
    return names


@cache
def _of_market(mic: str, year: int) -> Mapping[date, str]:
    try:
        listed = holidays.financial_holidays(mic, years=year)
    except NotImplementedError:
        return {}
    return _all_categories(type(listed), year)


@cache
def _of_country(country_code: str, year: int) -> Mapping[date, str]:
    return _all_categories(type(holidays.country_holidays(country_code)), year)


def _all_categories(kind: type[holidays.HolidayBase], year: int) -> dict[date, str]:
    """The days of every category that a list has, public ones first, in English where it speaks it."""
    names: dict[date, str] = {}
    categories = sorted(kind.supported_categories, key=lambda category: category != holidays.PUBLIC)
    language = "en_US" if "en_US" in kind.supported_languages else None
    for category in categories:
        for day, name in kind(years=year, categories=(category,), language=language).items():
            names.setdefault(day, _clean(name))
    return names


def _clean(name: str) -> str:
    written = name.strip()
    return _SPELT.get(written) or _REMARK.sub("", written)
