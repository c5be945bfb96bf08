"""Daylight saving time: settings to the day, and zones that do not save any."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tradewatch.reference.daylight import Daylight, daylight

NONE = Daylight(observed=False, previous=None, next=None)


@pytest.mark.parametrize(
    ("zone", "moment", "known"),
    [
        ("America/New_York", "2026-03-08T06:59:59", (False, "2025-11-02", "2026-03-08")),
        ("America/New_York", "2026-03-08T07:00:00", (True, "2026-03-08", "2026-11-01")),
        ("Europe/London", "2026-07-01T00:00:00", (True, "2026-03-29", "2026-10-25")),
        ("Europe/Dublin", "2026-07-01T00:00:00", (True, "2026-03-29", "2026-10-25")),  # winter is its DST
        ("Europe/Dublin", "2026-12-01T00:00:00", (False, "2026-10-25", "2027-03-28")),
        ("Australia/Sydney", "2026-12-01T00:00:00", (True, "2026-10-04", "2027-04-04")),
    ],
)
def test_settings(zone: str, moment: str, known: tuple[bool, str, str]):
    observed, previous, following = known
    assert daylight(ZoneInfo(zone), datetime.fromisoformat(moment).replace(tzinfo=UTC)) == Daylight(
        observed, date.fromisoformat(previous), date.fromisoformat(following)
    )


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("Asia/Tokyo", "2026-07-01"),
        ("Asia/Almaty", "2024-02-01"),  # a month before its time changed for ever
        ("Asia/Almaty", "2024-04-01"),
        ("America/Mexico_City", "2023-01-01"),  # which saved daylight until 2022
        ("UTC", "2026-07-01"),
    ],
)
def test_zones_that_save_none(zone: str, moment: str):
    assert daylight(ZoneInfo(zone), datetime.fromisoformat(moment).replace(tzinfo=UTC)) == NONE
