"""Calendars: on which days a market trades, from when to when, and why not.

A calendar is told in few words: the hours of each weekday since when, and the days that are otherwise. Local
times become moments when they are asked for, by the rules of time zones that this machine has. Nothing is
read before the first question; then one calendar at a time is taken apart.
"""

import csv
import itertools
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tradewatch.reference.packaged import packaged_lines

_DAY = timedelta(days=1)


class Hours(NamedTuple):
    """When a session begins and ends, on the calendar's own clock.

    Attributes:
        opens_min: minutes after the midnight that the session's day begins with; negative on the day before.
        closes_min: the same of its end.
    """

    opens_min: int
    closes_min: int


#: The hours of each weekday, Monday first; None where it is no working day.
Week = tuple[Hours | None, ...]


class Day(NamedTuple):
    """What is known of a day.

    Attributes:
        date: the day on the market's clocks.
        regular: the hours that its weekday usually has; None at a weekend.
        hours: the hours that it has; None where the market is closed.
        name: why it is otherwise; empty where it is not, or nobody knows.
    """

    date: date
    regular: Hours | None
    hours: Hours | None
    name: str = ""

    @property
    def is_weekend(self) -> bool:
        """Whether the weekday is none on which the market works."""
        return self.regular is None

    @property
    def is_early_close(self) -> bool:
        """Whether the session ends before its weekday's usual time."""
        return (
            self.hours is not None
            and self.regular is not None
            and self.hours.closes_min < self.regular.closes_min
        )

    @property
    def is_holiday(self) -> bool:
        """Whether it is a working day on which the market is closed, or has other hours."""
        return self.regular is not None and self.hours != self.regular


class Session(NamedTuple):
    """When a market is open, in UTC: from the first moment up to the second, which is not in it."""

    opens: datetime
    closes: datetime


class Calendar:
    """One market's calendar.

    Args:
        clock: the time zone that its hours are told in.
        first: the first day of which it knows.
        last: the last.
        weeks: the usual hours, since when.
        otherwise: the days that are otherwise: hours (None: closed) and name.

    Attributes:
        first: see above.
        last: see above.
    """

    def __init__(
        self,
        clock: ZoneInfo,
        *,
        first: date,
        last: date,
        weeks: dict[date, Week],
        otherwise: dict[int, tuple[Hours | None, str]],
    ) -> None:
        self.first = first
        self.last = last
        self._clock = clock
        self._begins = sorted(weeks)
        self._weeks = [weeks[since] for since in self._begins]
        self._otherwise = otherwise

    def knows(self, day: date) -> bool:
        """Whether the day is one of those that the calendar was made for."""
        return self.first <= day <= self.last

    def week(self, day: date) -> Week:
        """The usual hours of the time that a day is in; the nearest that are known."""
        return self._weeks[max(0, bisect_right(self._begins, day) - 1)]

    def day(self, day: date) -> Day | None:
        """A day; None where nothing is known of it: the market may be open or closed."""
        return self._day(day) if self.knows(day) else None

    def days(self, start: date, end: date) -> Iterator[Day]:
        """The known days from `start` to `end`, both included."""
        day, end = max(start, self.first), min(end, self.last)
        while day <= end:
            yield self._day(day)
            day += _DAY

    def holidays(self, start: date, end: date) -> Iterator[Day]:
        """Of the same days those that are working days but closed, or have other hours."""
        first, last = _key(max(start, self.first)), _key(min(end, self.last))
        keys = self._keys
        for key in keys[bisect_left(keys, first) : bisect_right(keys, last)]:
            day = self._day(_date(key))
            if day.is_holiday:
                yield day

    def usual(self, day: date) -> Hours:
        """The hours that most working days have, in the time that a day is in."""
        return Counter(hours for hours in self.week(day) if hours).most_common(1)[0][0]

    def early_close(self, day: date) -> Day | None:
        """The next early close from a day on, else the last one before it; None where there is none."""
        here = bisect_left(self._moved, _key(day))
        nearest_first = itertools.chain(self._moved[here:], reversed(self._moved[:here]))
        days = (self._day(_date(key)) for key in nearest_first)
        return next((each for each in days if each.is_early_close), None)

    def session(self, day: date, hours: Hours) -> Session:
        """The moments that hours on a day are."""
        return Session(self._moment(day, hours.opens_min), self._moment(day, hours.closes_min))

    def open_day(self, moment: datetime) -> Day | None:
        """The day whose session runs at a moment: perhaps tomorrow, where markets open the evening before."""
        today = moment.astimezone(self._clock).date()
        for day in self.days(today - _DAY, today + _DAY):
            if day.hours is not None:
                session = self.session(day.date, day.hours)
                if session.opens <= moment < session.closes:
                    return day
        return None

    def _day(self, day: date) -> Day:
        regular = self.week(day)[day.weekday()]
        hours, name = self._otherwise.get(_key(day), (regular, ""))
        return Day(day, regular, hours, name)

    def _moment(self, day: date, minutes: int) -> datetime:
        offset_days, minute = divmod(minutes, 24 * 60)
        shown = day + offset_days * _DAY
        hour, minute = divmod(minute, 60)
        return datetime(shown.year, shown.month, shown.day, hour, minute, tzinfo=self._clock).astimezone(UTC)

    @cached_property
    def _keys(self) -> list[int]:
        """The days that are otherwise."""
        return sorted(self._otherwise)

    @cached_property
    def _moved(self) -> list[int]:
        """Those with a session."""
        return [key for key in self._keys if self._otherwise[key][0] is not None]


@cache
def calendar_of(mic: str) -> Calendar:
    """The calendar that comes with the package under this MIC.

    Raises:
        KeyError: there is none; `Market.calendar` says which one a market keeps.
        zoneinfo.ZoneInfoNotFoundError: the machine has no time zones, and no package `tzdata`.
    """
    ((_, clock, first, last),) = _rows("calendars.csv")[mic]
    weeks: defaultdict[date, list[Hours | None]] = defaultdict(lambda: [None] * 7)
    for _, since, weekdays, opens, closes in _rows("calendar_hours.csv")[mic]:
        for weekday in weekdays:
            weeks[date.fromisoformat(since)][int(weekday) - 1] = Hours(_minutes(opens), _minutes(closes))
    otherwise: dict[int, tuple[Hours | None, str]] = {}
    for _, opens, closes, name, dates in _rows("calendar_days.csv")[mic]:
        hours = Hours(_minutes(opens), _minutes(closes)) if opens else None
        otherwise |= dict.fromkeys(map(int, dates.split()), (hours, name))
    return Calendar(
        ZoneInfo(clock),
        first=date.fromisoformat(first),
        last=date.fromisoformat(last),
        weeks={since: tuple(week) for since, week in weeks.items()},
        otherwise=otherwise,
    )


class _Rows:
    """A table's rows by their first cell, which are read from their lines when they are asked for."""

    def __init__(self, name: str) -> None:
        self._lines: defaultdict[str, list[str]] = defaultdict(list)
        for line in packaged_lines(name)[1:]:
            self._lines[line[: line.index(",")]].append(line)

    def __getitem__(self, mic: str) -> list[list[str]]:
        if mic not in self._lines:
            raise KeyError(mic)
        return list(csv.reader(self._lines[mic]))


_rows = cache(_Rows)


def _minutes(text: str) -> int:
    """Minutes after midnight: `09:30`; `17:00-1` is on the day before."""
    hour, minute, offset_days = int(text[:2]), int(text[3:5]), int(text[5:] or 0)
    return (offset_days * 24 + hour) * 60 + minute


def _key(day: date) -> int:
    """The day as the table writes it: 20260131. Such numbers sort like days and cost little to read."""
    return (day.year * 100 + day.month) * 100 + day.day


def _date(key: int) -> date:
    return date(key // 10_000, key // 100 % 100, key % 100)
