"""Markets in the official client, held against `exchange_calendars`: hours, holidays, what is open now."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd
import pytest

from tests.system.official.conftest import Site, table

#: Market and the calendar it keeps; weekends from Friday and sessions from the evening before are among them.
MARKETS = {
    **{mic: mic for mic in ("XNYS", "XTSE", "XMEX", "BVMF", "XLON", "XETR", "XPAR", "XAMS", "XSWX", "XSTO")},
    **{mic: mic for mic in ("XMIL", "XMAD", "XWAR", "XTKS", "XHKG", "XSHG", "XKRX", "XBOM", "XASX", "XNZE")},
    **{mic: mic for mic in ("XJSE", "XTAE", "XSAU", "CMES")},
    "XNAS": "XNYS",
}
FIRST, LAST = date(2021, 1, 1), date(2025, 12, 31)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Span = tuple[datetime, datetime]


@cache
def calendar_of(mic: str) -> Any:
    return exchange_calendars.get_calendar(MARKETS[mic], start=str(FIRST))


@cache
def zone_of(mic: str) -> ZoneInfo:
    return ZoneInfo(next(row["timezone"] for row in table("markets") if row["mic"] == mic))


@cache
def sessions(mic: str) -> dict[date, Span]:
    """Opening and closing of each session, in UTC."""
    schedule = calendar_of(mic).schedule.loc[str(FIRST) : str(LAST)]
    spans = zip(schedule["open"], schedule["close"], strict=True)
    return {
        day.date(): (opens.to_pydatetime(), closes.to_pydatetime())
        for day, (opens, closes) in zip(schedule.index, spans, strict=True)
    }


def local_times(mic: str, span: Span) -> tuple[str, str]:
    opens, closes = (moment.astimezone(zone_of(mic)) for moment in span)
    return f"{opens:%H:%M}", f"{closes:%H:%M}"


@cache
def early_days(mic: str) -> set[date]:
    """The days that close early, but for those that do every week, as Sundays in Tel Aviv did."""
    closing = {day: local_times(mic, span)[1] for day, span in sessions(mic).items()}
    usual = {
        weekday: max(times, key=times.count)
        for weekday in range(7)
        if (times := [time for day, time in closing.items() if day.weekday() == weekday])
    }
    early = calendar_of(mic).early_closes
    return {
        day for day, closes in closing.items() if pd.Timestamp(day) in early and closes < usual[day.weekday()]
    }


def working(mic: str, day: date) -> bool:
    """Whether the day is one of the market's week."""
    calendar = calendar_of(mic)
    mask = calendar.weekmask
    for since, until, special in getattr(calendar, "special_weekmasks", ()):
        if (since is None or pd.Timestamp(day) >= since) and (until is None or pd.Timestamp(day) <= until):
            mask = special
    return bool(int(mask[day.weekday()]))


@pytest.mark.parametrize("mic", MARKETS)
def test_hours_of_five_years_are_those_of_the_calendar(site: Site, mic: str) -> None:
    shown = site.api.stocks.get_trading_hours(start=FIRST, end=LAST, mic=mic)
    assert {each.mic for each in shown} == {mic}
    days = [date.fromisoformat(each.date) for each in shown]
    assert dict(zip(days, ((each.open_time, each.close_time) for each in shown), strict=True)) == sessions(
        mic
    )
    assert days == sorted(sessions(mic))
    assert [each.day_of_week for each in shown] == [WEEKDAYS[day.weekday()] for day in days]
    assert {day for day, each in zip(days, shown, strict=True) if each.is_early_close} == early_days(mic)
    offsets = {
        (each.open_time.utcoffset(), each.open_time.astimezone(zone_of(mic)).utcoffset()) for each in shown
    }
    assert all(own == meant for own, meant in offsets)


@pytest.mark.parametrize("mic", MARKETS)
async def test_holidays_of_five_years_are_those_of_the_calendar(site: Site, async_api: Any, mic: str) -> None:
    shown = await async_api.stocks.get_market_holidays(start=FIRST, end=LAST, mic=mic)
    assert shown == site.api.stocks.get_market_holidays(start=FIRST, end=LAST, mic=mic.lower())
    row = next(row for row in table("markets") if row["mic"] == mic)
    assert {(each.mic, each.exchange, each.is_weekend) for each in shown} == {(mic, row["exchange"], False)}
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    closed = [day for day in days if day not in sessions(mic) and working(mic, day)]
    assert [date.fromisoformat(each.date) for each in shown if not each.is_business_day] == closed
    for each in shown:
        day = date.fromisoformat(each.date)
        assert each.day_of_week == WEEKDAYS[day.weekday()]
        if each.is_business_day:
            assert (each.open_time, each.close_time) == sessions(mic)[day]
        else:
            assert (each.open_time, each.close_time, each.is_early_close) == (None, None, False)
    early = {date.fromisoformat(each.date) for each in shown if each.is_early_close}
    assert early == {day for day in early_days(mic) if working(mic, day)}


def test_names_of_holidays_are_those_people_know(site: Site) -> None:
    shown = site.api.stocks.get_market_holidays(start=date(2025, 1, 1), end=date(2025, 12, 31), mic="XNYS")
    wanted = {
        "2025-01-01": "New Year's Day",
        "2025-01-09": "Carter",
        "2025-01-20": "Martin Luther King",
        "2025-02-17": "Presidents",
        "2025-04-18": "Good Friday",
        "2025-05-26": "Memorial Day",
        "2025-06-19": "Juneteenth",
        "2025-07-03": "before Independence Day",
        "2025-07-04": "Independence Day",
        "2025-09-01": "Labor Day",
        "2025-11-27": "Thanksgiving",
        "2025-11-28": "Black Friday",
        "2025-12-24": "Christmas Eve",
        "2025-12-25": "Christmas",
    }
    assert [each.date for each in shown] == list(wanted)
    assert all(wanted[each.date] in (each.holiday_name or "") for each in shown)
    assert [each.date for each in shown if each.is_early_close] == ["2025-07-03", "2025-11-28", "2025-12-24"]


def state(mic: str, moment: datetime) -> tuple[bool, bool]:
    """Whether a market is open at a moment, and whether its clocks show a day with a session."""
    calendar = calendar_of(mic)
    day = moment.astimezone(zone_of(mic)).date()
    near = pd.Timestamp(day) - pd.Timedelta(days=5), pd.Timestamp(day) + pd.Timedelta(days=5)
    schedule = calendar.schedule.loc[near[0] : near[1]]
    spans = zip(schedule["open"], schedule["close"], strict=True)
    return any(opens <= moment < closes for opens, closes in spans), pd.Timestamp(day) in schedule.index


async def test_what_is_open_now_is_what_the_calendar_says(site: Site, async_api: Any) -> None:
    asked = {mic: calendar_of(mic) for mic in MARKETS}
    for _ in range(5):  # once more if a bell rang meanwhile
        before = datetime.now(UTC)
        shown = {each.mic: each for each in site.api.stocks.get_market_status(mic=",".join(asked))}
        again = {each.mic: each for each in await async_api.stocks.get_market_status(mic=",".join(asked))}
        after = datetime.now(UTC)
        if all(state(mic, before) == state(mic, after) for mic in shown):
            break
    assert list(shown) == list(asked)
    for mic, each in shown.items():
        is_open, is_session = state(mic, before)
        local = before.astimezone(zone_of(mic))
        assert (each.status, each.is_business_day) == ("Open" if is_open else "Closed", is_session), mic
        assert each.is_weekend == (not working(mic, local.date()))
        assert each.day_of_week == WEEKDAYS[local.weekday()]
        assert before - timedelta(seconds=1) <= each.local_time <= after
        assert each.local_time.utcoffset() == local.utcoffset()
        assert (again[mic].status, again[mic].open_time) == (each.status, each.open_time)
    every = site.api.stocks.get_market_status()
    assert {each.mic for each in every} <= {row["mic"] for row in table("markets")}


def clock_changes(zone: ZoneInfo, now: datetime) -> tuple[date | None, date | None]:
    """The days around now on which clocks are set; None where they are not, both ways, within a year."""
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    hours = [midnight + timedelta(hours=hour) for hour in range(-366 * 24, 366 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    changes = [hours[number] for number in range(1, len(hours)) if offsets[number] != offsets[number - 1]]
    earlier = [each for each in changes if each <= now]
    later = [each for each in changes if each > now]
    if not (earlier and later):
        return None, None
    return earlier[-1].astimezone(zone).date(), later[0].astimezone(zone).date()


async def test_markets_are_those_of_the_table_with_the_clocks_of_today(site: Site, async_api: Any) -> None:
    shown = site.api.stocks.get_markets()
    now = datetime.now(UTC)
    rows = table("markets")
    copied = (
        *("mic", "exchange", "acronym", "lei", "url", "city", "country", "country_code", "currency_name"),
        *("currency_code", "currency_symbol", "region", "timezone"),
    )
    assert [{name: getattr(each, name) for name in copied} for each in shown] == [
        {name: row[name] for name in copied} for row in rows
    ]
    named = await async_api.stocks.get_markets(mic=", ".join(MARKETS))
    assert [each.mic for each in named] == list(MARKETS)
    assert {each.mic: each for each in named} == {each.mic: each for each in shown if each.mic in MARKETS}
    for each in named:
        zone, calendar = zone_of(each.mic), calendar_of(each.mic)
        local = now.astimezone(zone)
        assert each.flag == "".join(chr(ord(letter) + 0x1F1E6 - ord("A")) for letter in each.country_code)
        assert (each.utc_offset, each.timezone_abbr) == (local.isoformat()[-6:], local.tzname())
        assert each.dst == bool(local.dst()), each.mic
        assert (each.previous_dst_transition, each.next_dst_transition) == clock_changes(zone, now), each.mic
        monday = local.date() - timedelta(days=local.weekday())
        week = [monday + timedelta(days=number) for number in range(7)]
        assert each.working_days == [WEEKDAYS[day.weekday()] for day in week if working(each.mic, day)]
        recent = calendar.schedule.loc[: str(LAST)].iloc[-250:]
        times = [
            local_times(each.mic, (opens.to_pydatetime(), closes.to_pydatetime()))
            for opens, closes in zip(recent["open"], recent["close"], strict=True)
        ]
        assert (each.open_time, each.close_time) == max(set(times), key=times.count), each.mic
