"""Calendars, told briefly: the hours of each weekday since when, and the days that are otherwise."""

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import NamedTuple

import exchange_calendars
import pandas as pd
from exchange_calendars import ExchangeCalendar
from exchange_calendars.calendar_utils import global_calendar_dispatcher
from holiday_names import HolidayNames
from tables import HAND, read

CALENDAR_COLUMNS = ("calendar", "clock", "first", "last")
HOURS_COLUMNS = ("calendar", "since", "weekdays", "opens", "closes")
DAYS_COLUMNS = ("calendar", "opens", "closes", "name", "dates")

_FIRST = date(1995, 1, 1)
#: Rules say what will be for ever; exchanges change them. A few years ahead is what may be believed.
_LAST = date(2030, 12, 31)
#: A week of another shape for longer than this is the rule, for a shorter time an exception.
_SPELL = timedelta(days=60)
_MARGIN = timedelta(days=60)
_DAY = timedelta(days=1)

#: Local opening and closing of a day, such as ("17:00-1", "17:00"): opens the day before; None if closed.
Hours = tuple[str, str] | None


class Told(NamedTuple):
    """A calendar as rows of the three tables."""

    calendar: tuple[str, ...]
    hours: list[tuple[str, ...]]
    days: list[tuple[str, ...]]


def told(mic: str, country_code: str) -> Told:
    """What the source knows of a calendar, and what was written by hand."""
    first, last = _known(mic)
    calendar = _calendar(mic, first, last)
    names = HolidayNames(calendar, mic, country_code)
    by_hand = {date.fromisoformat(row["date"]): row["name"] for row in _by_hand("closures.csv", mic)}
    sessions = {day: hours for day, hours in _sessions(calendar).items() if first <= day <= last}
    weeks = _weeks(calendar, sessions, first)
    otherwise: dict[tuple[str, str, str], list[str]] = {}
    for day, regular in _regular_days(weeks, first, last):
        hours = None if day in by_hand else sessions.get(day)
        if hours == regular:
            continue
        name = by_hand.get(day) or names.of(day, closed=hours is None)
        otherwise.setdefault((*(hours or ("", "")), name), []).append(f"{day:%Y%m%d}")
    return Told(
        (mic, str(calendar.tz), str(first), str(last)),
        [row for since, week in weeks.items() for row in _hours_rows(mic, since, week)],
        [(mic, *key, " ".join(dates)) for key, dates in sorted(otherwise.items())],
    )


def _by_hand(file_name: str, mic: str) -> list[dict[str, str]]:
    return [row for row in read(HAND / file_name) if row["calendar"] == mic]


def _known(mic: str) -> tuple[date, date]:
    """The first and the last day of which the calendar is known."""
    lower, upper = _bounds(mic)
    ends = [date.fromisoformat(row["until"]) for row in _by_hand("known_until.csv", mic)]
    return max(_FIRST, lower), min([_LAST, upper, *ends])


def _calendar(mic: str, first: date, last: date) -> ExchangeCalendar:
    """The source's calendar, and some more on either side: its rules slip on the first and the last day."""
    lower, upper = _bounds(mic)
    start, end = max(lower, first - _MARGIN), min(upper, last + _MARGIN)
    return exchange_calendars.get_calendar(mic, start=str(start), end=str(end))


def _bounds(mic: str) -> tuple[date, date]:
    """What the source says it knows."""
    kind = global_calendar_dispatcher._calendar_factories[mic]  # noqa: SLF001 - nothing else tells them
    lower, upper = kind.bound_min(), kind.bound_max()
    return (
        lower.date() if lower is not None else _FIRST - _MARGIN,
        upper.date() if upper is not None else _LAST + _MARGIN,
    )


def _sessions(calendar: ExchangeCalendar) -> dict[date, Hours]:
    """All sessions with their hours on the market's own clock."""
    schedule = calendar.schedule
    opens, closes = (schedule[name].dt.tz_convert(calendar.tz) for name in ("open", "close"))
    return {
        label.date(): (_clock(label, opened), _clock(label, closed))
        for label, opened, closed in zip(schedule.index, opens, closes, strict=True)
    }


def _clock(label: pd.Timestamp, moment: pd.Timestamp) -> str:
    return _text(moment.time(), (moment.date() - label.date()).days)


def _text(clock: time, offset_days: int) -> str:
    return f"{clock:%H:%M}" + (f"{offset_days:+d}" if offset_days else "")


def _weeks(calendar: ExchangeCalendar, sessions: dict[date, Hours], first: date) -> dict[date, list[Hours]]:
    """The regular hours, Monday first, since when."""
    spells = [
        (pd.Timestamp(start or first).date(), end.date(), mask)
        for start, end, mask in getattr(calendar, "special_weekmasks", ())
        if start is None or end - start > _SPELL
    ]
    cuts = {first, *(start for start, _, _ in spells), *(end + _DAY for _, end, _ in spells)}
    for since, _ in (*calendar.open_times, *calendar.close_times):
        cuts |= {since.date()} if since is not None else set()
    begins = sorted(cut for cut in cuts if first <= cut <= max(sessions))
    weeks: dict[date, list[Hours]] = {}
    for since, until in itertools.pairwise([*begins, date.max]):
        mask = next((mask for start, end, mask in spells if start <= since <= end), calendar.weekmask)
        its = [(day.weekday(), hours) for day, hours in sessions.items() if since <= day < until]
        week = [_usual(its, weekday) if mask[weekday] == "1" else None for weekday in range(7)]
        if week != next(reversed(weeks.values()), None):
            weeks[since] = week
    return weeks


def _usual(sessions: list[tuple[int, Hours]], weekday: int) -> Hours:
    """The hours of most sessions of a weekday: some markets close earlier on one of them, each week."""
    return Counter(hours for its, hours in sessions if its == weekday).most_common(1)[0][0]


def _regular_days(weeks: dict[date, list[Hours]], first: date, last: date) -> Iterator[tuple[date, Hours]]:
    """Every day with what it would be by the regular hours."""
    week: list[Hours] = []
    for number in range((last - first).days + 1):
        day = first + number * _DAY
        week = weeks.get(day, week)
        yield day, week[day.weekday()]


def _hours_rows(mic: str, since: date, week: list[Hours]) -> Iterator[tuple[str, ...]]:
    """A row for each set of weekdays with the same hours; weekdays count from Monday, 1."""
    for hours in dict.fromkeys(hours for hours in week if hours):
        weekdays = "".join(str(number) for number, its in enumerate(week, 1) if its == hours)
        yield mic, str(since), weekdays, *hours
