"""Daylight saving time: whether clocks are set forward, and when they are set."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

#: Clocks that are set at all are set twice a year.
_REACH = timedelta(days=366)
#: Shorter than any time between two settings.
_STRIDE = timedelta(days=14)
#: So many zones and days are remembered.
_KEPT = 512


class Daylight(NamedTuple):
    """What a time zone does with its clocks around a moment.

    Attributes:
        observed: whether they are set forward now.
        previous: the local date on which they were last set; None where they are not.
        next: the local date on which they will be.
    """

    observed: bool
    previous: date | None
    next: date | None


def daylight(zone: ZoneInfo, moment: datetime) -> Daylight:
    """What a zone does around a moment.

    A zone that changed its time once and for all does not save daylight: clocks are set in both directions
    within a year, or nothing is said.
    """
    around = _settings(zone, moment.astimezone(UTC).date())
    earlier = [setting for setting in around if setting <= moment]
    later = [setting for setting in around if setting > moment]
    if not earlier or not later:
        return Daylight(observed=False, previous=None, next=None)
    offset = moment.astimezone(zone).utcoffset()
    before = (earlier[-1] - timedelta(seconds=1)).astimezone(zone).utcoffset()
    return Daylight(
        observed=offset is not None and before is not None and offset > before,
        previous=earlier[-1].astimezone(zone).date(),
        next=later[0].astimezone(zone).date(),
    )


@lru_cache(_KEPT)
def _settings(zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    """The moments within a year of a day at which a zone's offset changes, by time."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - _REACH
    found: list[datetime] = []
    for _ in range(2 * _REACH // _STRIDE + 1):
        following = moment + _STRIDE
        if _offset(zone, moment) != _offset(zone, following):
            found.append(_setting(zone, moment, following))
        moment = following
    return tuple(found)


def _setting(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first moment with the offset of `after`, to the second."""
    old = _offset(zone, before)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
