"""What `/docs` says of the routes of markets: parameters, answers with examples, errors."""

from typing import Any

import msgspec

from tradewatch.server.rest.body import schema_of
from tradewatch.server.rest.documented import ERRORS, INVALID, Responses, answered, parameter, refusal
from tradewatch.server.rest.market_rows import HolidayRow, HoursRow, MarketRow, StatusRow

_MIC = parameter(
    "mic",
    "Market identifier codes, comma separated, in upper or lower case; all markets without.",
    {"type": "string"},
    example="XNYS,XLON",
)
_DATE = {"type": "string", "format": "date"}
_RANGE = [
    parameter("start", "The first day.", _DATE, required=True, example="2026-11-01"),
    parameter("end", "The last day, included.", _DATE, required=True, example="2026-12-31"),
    _MIC,
]

_NO_MARKET: Responses = {
    404: refusal(
        "There is no such market.", "not_found", "no market 'XXXX'; /stocks/markets has them all", 404
    )
}
_NOT_KNOWN: Responses = {
    404: refusal(
        "There is no such market, or nothing is known of these days.",
        "not_found",
        "nothing is known of those days; calendars reach so far: XSHG 1995-01-01/2026-12-31",
        404,
    )
}

_NEW_YORK = MarketRow(
    mic="XNYS",
    exchange="New York Stock Exchange",
    acronym="NYSE",
    lei="",
    url="https://www.nyse.com",
    city="New York",
    country="United States",
    country_code="US",
    flag="🇺🇸",
    currency_name="US Dollar",
    currency_code="USD",
    currency_symbol="$",
    region="North America",
    timezone="America/New_York",
    timezone_abbr="EST",
    utc_offset="-05:00",
    dst=False,
    previous_dst_transition="2026-11-01",
    next_dst_transition="2027-03-14",
    working_days=["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
    open_time="09:30",
    close_time="16:00",
    early_close_time="13:00",
)
_AT_WORK = StatusRow(
    mic="XNYS",
    day_of_week="Friday",
    is_weekend=False,
    is_business_day=True,
    status="Open",
    is_early_close=True,
    local_time="2026-11-27T10:15:00-05:00",
    open_time="2026-11-27T09:30:00-05:00",
    close_time="2026-11-27T13:00:00-05:00",
    holiday_name="Black Friday",
)
_SESSION = HoursRow(
    mic="XNYS",
    date="2026-11-27",
    day_of_week="Friday",
    is_early_close=True,
    open_time="2026-11-27T09:30:00-05:00",
    close_time="2026-11-27T13:00:00-05:00",
    holiday_name="Black Friday",
)
_SHORT_DAY = HolidayRow(
    exchange="New York Stock Exchange",
    flag="🇺🇸",
    mic="XNYS",
    date="2026-11-27",
    day_of_week="Friday",
    is_weekend=False,
    is_business_day=True,
    holiday_name="Black Friday",
    is_early_close=True,
    open_time="2026-11-27T09:30:00-05:00",
    close_time="2026-11-27T13:00:00-05:00",
)


def _page(
    summary: str, example: msgspec.Struct, errors: Responses, parameters: list[dict[str, Any]]
) -> dict[str, Any]:
    """What a route that answers a list of such rows takes."""
    schema = {"type": "array", "items": schema_of(type(example))}
    return {
        "summary": summary,
        "responses": {**answered(schema, [msgspec.to_builtins(example)]), **ERRORS, **errors},
        "openapi_extra": {"parameters": parameters},
    }


MARKETS = _page("Stock markets: who they are, where, when they usually trade", _NEW_YORK, _NO_MARKET, [_MIC])
STATUS = _page("Whether stock markets are open now", _AT_WORK, _NOT_KNOWN, [_MIC])
HOURS = _page("The sessions of stock markets, day by day", _SESSION, {**_NOT_KNOWN, **INVALID}, _RANGE)
HOLIDAYS = _page(
    "The days on which stock markets are closed, or have other hours",
    _SHORT_DAY,
    {**_NOT_KNOWN, **INVALID},
    _RANGE,
)
