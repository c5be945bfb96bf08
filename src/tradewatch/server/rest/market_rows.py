"""What is answered of markets: rows made of a market, its calendar and the time."""

from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from tradewatch.reference.calendar import Calendar, Day, Hours
from tradewatch.reference.daylight import daylight
from tradewatch.reference.markets import Market

#: Not `strftime`, which speaks the language of the machine.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class MarketRow(msgspec.Struct, kw_only=True, gc=False):
    """A row of `/stocks/markets`.

    Attributes:
        mic: market identifier code, ISO 10383.
        exchange: its name.
        acronym: what people call it; empty where unknown.
        lei: legal entity identifier; empty where unknown.
        url: its pages; empty where unknown.
        city: where it is.
        country: the same, in English.
        country_code: ISO 3166-1 alpha-2.
        flag: the country's flag as an emoji.
        currency_name: the country's money, in English.
        currency_code: ISO 4217.
        currency_symbol: as it is written before a price.
        region: the continent.
        timezone: IANA's name of its time zone.
        timezone_abbr: what its clocks are called now.
        utc_offset: what they are ahead of UTC now: `-05:00`.
        dst: whether they are set forward now.
        previous_dst_transition: the day on which they were last set; null where they are not.
        next_dst_transition: the day on which they will be.
        working_days: the days of its week.
        open_time: when most sessions open, on its clocks: `09:30`.
        close_time: when they close.
        early_close_time: when the next short session closes, or the last one did; null where there is none.
    """

    mic: str
    exchange: str
    acronym: str
    lei: str
    url: str
    city: str
    country: str
    country_code: str
    flag: str
    currency_name: str
    currency_code: str
    currency_symbol: str
    region: str
    timezone: str
    timezone_abbr: str
    utc_offset: str
    dst: bool
    previous_dst_transition: str | None
    next_dst_transition: str | None
    working_days: list[str]
    open_time: str
    close_time: str
    early_close_time: str | None


class StatusRow(msgspec.Struct, kw_only=True, gc=False):
    """A row of `/stocks/markets/status`.

    Attributes:
        mic: market identifier code, ISO 10383.
        day_of_week: today, on the market's clocks.
        is_weekend: whether today is none of its working days.
        is_business_day: whether there is a session today.
        status: `Open` or `Closed`.
        is_early_close: whether the session that the times are of closes earlier than usual.
        local_time: what its clocks show.
        open_time: when the session opens that runs, else today's; null without one.
        close_time: when it closes.
        holiday_name: why today is not as usual; null where it is, or nobody knows.
    """

    mic: str
    day_of_week: str
    is_weekend: bool
    is_business_day: bool
    status: str
    is_early_close: bool
    local_time: str
    open_time: str | None
    close_time: str | None
    holiday_name: str | None


class HoursRow(msgspec.Struct, kw_only=True, gc=False):
    """A row of `/stocks/markets/hours`.

    Attributes:
        mic: market identifier code, ISO 10383.
        date: the session's day.
        day_of_week: the same in a word.
        is_early_close: whether it closes earlier than usual.
        open_time: when it opens.
        close_time: when it closes.
        holiday_name: why it is not as usual; null where it is, or nobody knows.
    """

    mic: str
    date: str
    day_of_week: str
    is_early_close: bool
    open_time: str
    close_time: str
    holiday_name: str | None


class HolidayRow(msgspec.Struct, kw_only=True, gc=False):
    """A row of `/stocks/markets/holidays`.

    Attributes:
        exchange: the market's name.
        flag: its country's flag as an emoji.
        mic: market identifier code, ISO 10383.
        date: the day.
        day_of_week: the same in a word.
        is_weekend: false: at a weekend nothing needs to close.
        is_business_day: whether there is a session, at other hours than usual.
        holiday_name: why; null where nobody knows.
        is_early_close: whether that session closes earlier than usual.
        open_time: when it opens; null without one.
        close_time: when it closes.
    """

    exchange: str
    flag: str
    mic: str
    date: str
    day_of_week: str
    is_weekend: bool
    is_business_day: bool
    holiday_name: str | None
    is_early_close: bool
    open_time: str | None
    close_time: str | None


def market_row(market: Market, calendar: Calendar, now: datetime) -> MarketRow:
    """A market as it is now: its clocks are, its hours are the usual ones."""
    zone = ZoneInfo(market.timezone)
    local = now.astimezone(zone)
    clocks = daylight(zone, now)
    today = local.date()
    opens, closes = _times(calendar, today, calendar.usual(today), zone)
    early = calendar.early_close(today)
    return MarketRow(
        mic=market.mic,
        exchange=market.exchange,
        acronym=market.acronym,
        lei=market.lei,
        url=market.url,
        city=market.city,
        country=market.country,
        country_code=market.country_code,
        flag=market.flag,
        currency_name=market.currency_name,
        currency_code=market.currency_code,
        currency_symbol=market.currency_symbol,
        region=market.region,
        timezone=market.timezone,
        timezone_abbr=local.tzname() or "",
        utc_offset=local.isoformat()[-6:],
        dst=clocks.observed,
        previous_dst_transition=_text(clocks.previous),
        next_dst_transition=_text(clocks.next),
        working_days=[name for name, hours in zip(_WEEKDAYS, calendar.week(today), strict=True) if hours],
        open_time=opens,
        close_time=closes,
        early_close_time=_times(calendar, early.date, early.hours, zone)[1]
        if early and early.hours
        else None,
    )


def status_row(market: Market, calendar: Calendar, now: datetime) -> StatusRow | None:
    """Whether a market is open; None where its calendar does not know today.

    The day is the one on the market's clocks. The times are those of the session that runs, which may be
    tomorrow's where a market opens the evening before; else those of today's.
    """
    zone = ZoneInfo(market.timezone)
    local = now.astimezone(zone)
    day = calendar.day(local.date())
    if day is None:
        return None
    running = calendar.open_day(now)
    shown = running or day
    opens, closes = _moments(calendar, shown, zone)
    return StatusRow(
        mic=market.mic,
        day_of_week=_WEEKDAYS[day.date.weekday()],
        is_weekend=day.is_weekend,
        is_business_day=day.hours is not None,
        status="Open" if running else "Closed",
        is_early_close=shown.is_early_close,
        local_time=local.isoformat(timespec="seconds"),
        open_time=opens,
        close_time=closes,
        holiday_name=day.name or None,
    )


def hours_row(market: Market, calendar: Calendar, day: Day) -> HoursRow | None:
    """The session of a day; None where there is none."""
    opens, closes = _moments(calendar, day, ZoneInfo(market.timezone))
    if opens is None or closes is None:
        return None
    return HoursRow(
        mic=market.mic,
        date=day.date.isoformat(),
        day_of_week=_WEEKDAYS[day.date.weekday()],
        is_early_close=day.is_early_close,
        open_time=opens,
        close_time=closes,
        holiday_name=day.name or None,
    )


def holiday_row(market: Market, calendar: Calendar, day: Day) -> HolidayRow:
    """A working day on which the market is closed, or has other hours."""
    opens, closes = _moments(calendar, day, ZoneInfo(market.timezone))
    return HolidayRow(
        exchange=market.exchange,
        flag=market.flag,
        mic=market.mic,
        date=day.date.isoformat(),
        day_of_week=_WEEKDAYS[day.date.weekday()],
        is_weekend=day.is_weekend,
        is_business_day=day.hours is not None,
        holiday_name=day.name or None,
        is_early_close=day.is_early_close,
        open_time=opens,
        close_time=closes,
    )


def _moments(calendar: Calendar, day: Day, zone: tzinfo) -> tuple[str, str] | tuple[None, None]:
    """Beginning and end of a day's session, ISO 8601 on the market's clocks; None where there is none."""
    if day.hours is None:
        return None, None
    opens, closes = calendar.session(day.date, day.hours)
    return opens.astimezone(zone).isoformat(), closes.astimezone(zone).isoformat()


def _times(calendar: Calendar, day: date, hours: Hours, zone: tzinfo) -> tuple[str, str]:
    """The same as times of the day: `09:30`."""
    session = calendar.session(day, hours)
    return f"{session.opens.astimezone(zone):%H:%M}", f"{session.closes.astimezone(zone):%H:%M}"


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
