"""Calendars: the source's sessions to the minute, days that people remember, and laws of every day."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.reference.calendar import Calendar, Hours, calendar_of
from tradewatch.reference.markets import builtin_markets

GENERATOR = Path(__file__).resolve().parents[2] / "tools" / "markets" / "generate.py"
CALENDARS = sorted({market.calendar for market in builtin_markets().values()})
#: Of every part of the world, among them those with sessions on Sunday, on the evening before, at other hours
#: on other weekdays, with hours that changed, and with an end before the others'.
COMPARED = [
    *("ASEX", "BVMF", "CMES", "IEPA", "XAMS", "XASX", "XBKK", "XBOG", "XBOM", "XCSE", "XETR", "XHKG", "XIST"),
    *("XJSE", "XKRX", "XLON", "XMEX", "XMOS", "XNYS", "XNZE", "XPAR", "XSAU", "XSES", "XSGO", "XSHG", "XSTO"),
    *("XSWX", "XTAE", "XTKS", "XTSE", "XWAR"),
]
FIRST, LAST, BEYOND = date(2000, 1, 1), date(2026, 12, 31), date(2027, 12, 31)


@pytest.fixture(scope="module")
def source() -> ModuleType:
    return pytest.importorskip("exchange_calendars")


@cache
def expected(source: ModuleType, mic: str) -> tuple[dict[date, tuple[datetime, datetime]], set[date]]:
    """The source's sessions in UTC, and those that close early."""
    known = calendar_of(mic)
    # A year more where there is one: the source's rules slip on the last day that it is asked for.
    calendar = source.get_calendar(mic, start=str(max(FIRST, known.first)), end=str(min(BEYOND, known.last)))
    schedule = calendar.schedule[: str(LAST)]
    sessions = zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    return (
        {day.date(): (opens.to_pydatetime(), closes.to_pydatetime()) for day, opens, closes in sessions},
        {day.date() for day in calendar.early_closes if day.date() <= LAST},
    )


def sessions(calendar: Calendar, first: date, last: date) -> dict[date, tuple[datetime, datetime]]:
    return {
        day.date: tuple(calendar.session(day.date, day.hours))
        for day in calendar.days(first, last)
        if day.hours is not None
    }


@pytest.mark.parametrize("mic", COMPARED)
def test_sessions_are_those_of_the_source_to_the_minute(source: ModuleType, mic: str):
    assert sessions(calendar_of(mic), FIRST, LAST) == expected(source, mic)[0]


@pytest.mark.parametrize("mic", sorted(set(COMPARED) - {"XTAE"}))
def test_early_closes_are_those_of_the_source(source: ModuleType, mic: str):
    days = calendar_of(mic).days(FIRST, LAST)
    assert {day.date for day in days if day.is_early_close} == expected(source, mic)[1]


def test_what_closes_early_each_week_is_usual(source: ModuleType):
    """Tel Aviv closes early each Sunday, since 2026 each Friday; the source calls all these early closes."""
    days = {day.date for day in calendar_of("XTAE").days(FIRST, LAST) if day.is_early_close}
    theirs = expected(source, "XTAE")[1]
    weekly = {day for day in theirs - days if day.weekday() == (4 if day >= date(2026, 1, 5) else 6)}
    assert days < theirs
    assert theirs - days == weekly
    assert {day for day in theirs if day.weekday() not in {4, 6}} <= days


def test_generating_again_gives_the_same():
    for package in ("exchange_calendars", "holidays", "pandas"):
        pytest.importorskip(package)
    command = [sys.executable, "-W", "ignore", str(GENERATOR), "--check", "XNYS,XHKG"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    if done.stderr.startswith("missing:"):
        pytest.skip(done.stderr.strip())
    assert (done.stdout, done.returncode) == ("the same\n", 0), done.stderr


def at(mic: str, text: str) -> tuple[str, str] | str:
    """What a calendar knows of a day: local hours, or the name of why there are none."""
    calendar = calendar_of(mic)
    day = calendar.day(date.fromisoformat(text))
    assert day is not None
    if day.hours is None:
        return "weekend" if day.is_weekend else day.name
    zone = ZoneInfo(builtin_markets()[mic].timezone)
    opens, closes = calendar.session(day.date, day.hours)
    return f"{opens.astimezone(zone):%d %H:%M}", f"{closes.astimezone(zone):%d %H:%M}"


@pytest.mark.parametrize(
    ("mic", "day", "known"),
    [
        ("XNYS", "2001-09-10", ("10 09:30", "10 16:00")),
        ("XNYS", "2001-09-11", "Attacks on the World Trade Center"),
        ("XNYS", "2001-09-14", "Attacks on the World Trade Center"),
        ("XNYS", "2001-09-17", ("17 09:30", "17 16:00")),
        ("XNYS", "2012-10-29", "Hurricane Sandy"),
        ("XNYS", "2018-12-05", "National Day of Mourning for former President George H. W. Bush"),
        ("XNYS", "2025-01-09", "National Day of Mourning for former President Jimmy Carter"),
        ("XNYS", "2026-11-26", "Thanksgiving Day"),
        ("XNYS", "2026-11-27", ("27 09:30", "27 13:00")),
        ("XNYS", "2026-11-28", "weekend"),
        ("XHKG", "2011-03-04", ("04 10:00", "04 16:00")),
        ("XHKG", "2011-03-07", ("07 09:30", "07 16:00")),
        ("XHKG", "2026-02-16", ("16 09:30", "16 12:00")),  # the eve of the lunar year
        ("XTKS", "2024-11-04", "Culture Day"),
        ("XTKS", "2024-11-01", ("01 09:00", "01 15:00")),
        ("XTKS", "2024-11-05", ("05 09:00", "05 15:30")),
        ("XTAE", "2025-01-05", ("05 09:59", "05 15:40")),  # a Sunday
        ("XTAE", "2026-01-09", ("09 09:59", "09 13:50")),  # a Friday, of a new week
        ("XTAE", "2026-01-11", "weekend"),
        ("XSAU", "2026-01-11", ("11 10:00", "11 15:00")),
        ("XSAU", "2026-01-09", "weekend"),
        ("XBOM", "2024-01-20", ("20 09:15", "20 15:30")),  # a Saturday on purpose
        ("XBOM", "2025-02-01", ("01 09:15", "01 15:30")),  # the budget, on a Saturday
        ("BVMF", "2026-02-18", ("18 13:00", "18 18:00")),  # Ash Wednesday: opens late
        ("XLON", "2022-09-19", "State Funeral of Queen Elizabeth II"),
        ("CMES", "2026-11-23", ("22 17:00", "23 17:00")),  # opens the evening before
        ("XBOG", "2026-07-06", ("06 08:30", "06 15:00")),  # follows New York, whose clocks are set
        ("XBOG", "2026-12-01", ("01 09:30", "01 16:00")),
        ("XIDX", "2026-03-23", "Eid al-Fitr Joint Holiday"),  # by hand: the source's list ends before
    ],
)
def test_days_that_people_remember(mic: str, day: str, known: tuple[str, str] | str):
    assert at(mic, day) == known


@pytest.mark.parametrize("mic", CALENDARS)
def test_every_calendar_is_sound(mic: str):
    calendar = calendar_of(mic)
    days = list(calendar.days(calendar.first, calendar.last))
    assert len(days) == (calendar.last - calendar.first).days + 1
    assert calendar.last >= LAST
    assert [day for day in days if day.hours is None and not day.is_weekend and not day.name] == []
    opened = [calendar.session(day.date, day.hours) for day in days if day.hours is not None]
    assert [session for session in opened if session.opens >= session.closes] == []
    pauses = [later.opens - earlier.closes for earlier, later in pairwise(opened)]
    assert min(pauses) >= timedelta(0)
    assert max(pauses) < timedelta(days=40)  # Athens, in the summer of 2015


@given(st.sampled_from(CALENDARS), st.dates(date(1990, 1, 1), date(2035, 12, 31)))
@settings(deadline=None, max_examples=300)
def test_laws_of_a_day(mic: str, when: date):
    calendar = calendar_of(mic)
    day = calendar.day(when)
    assert (day is not None) == calendar.knows(when) == (calendar.first <= when <= calendar.last)
    assert list(calendar.days(when, when)) == ([day] if day else [])
    if day is None:
        assert list(calendar.holidays(when, when)) == []
        return
    assert list(calendar.holidays(when, when)) == ([day] if day.is_holiday else [])
    assert day.is_weekend == (calendar.week(when)[when.weekday()] is None)
    if day.hours is None:
        assert not day.is_early_close
        return
    opens, closes = calendar.session(when, day.hours)
    moment = timedelta(microseconds=1)
    assert calendar.open_day(opens) == calendar.open_day(closes - moment) == day
    assert calendar.open_day(opens - moment) != day
    assert calendar.open_day(closes) != day


@given(st.sampled_from(CALENDARS), st.integers(0, 27 * 365 * 24 * 60))
@settings(deadline=None, max_examples=300)
def test_a_market_is_open_when_one_of_its_sessions_runs(mic: str, minute: int):
    calendar, now = calendar_of(mic), datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    around = sessions(calendar, now.date() - timedelta(days=3), now.date() + timedelta(days=3))
    running = [day for day, (opens, closes) in around.items() if opens <= now < closes]
    day = calendar.open_day(now)
    assert ([day.date] if day else []) == running


def test_nothing_is_known_beyond_a_calendar():
    calendar = calendar_of("XSHG")
    assert calendar.last == date(2026, 12, 31)
    assert calendar.day(date(2027, 1, 4)) is None
    assert calendar.open_day(datetime(2027, 1, 4, 3, tzinfo=UTC)) is None
    assert [day.date for day in calendar.days(date(2026, 12, 30), date(2027, 1, 9))] == [
        date(2026, 12, 30),
        date(2026, 12, 31),
    ]
    assert calendar.usual(date(2027, 1, 4)) == Hours(9 * 60 + 30, 15 * 60)


def test_early_closes_near_a_day():
    new_york, tokyo = calendar_of("XNYS"), calendar_of("XTKS")
    assert new_york.early_close(date(2026, 11, 27)).date == date(2026, 11, 27)
    assert new_york.early_close(date(2026, 11, 28)).date == date(2026, 12, 24)
    assert new_york.early_close(date(2040, 1, 1)).date == date(2030, 12, 24)
    assert tokyo.early_close(date(2026, 11, 28)) is None


def test_an_unknown_calendar():
    with pytest.raises(KeyError, match="XXXX"):
        calendar_of("XXXX")
