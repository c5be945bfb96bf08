"""`GET /stocks/markets` and what is below it: values that people know, at moments that matter."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tradewatch.access.key import mint
from tradewatch.access.keyring import KeyRing
from tradewatch.access.permit import Permits
from tradewatch.access.plan import Plans
from tradewatch.access.rates import Rates
from tradewatch.clock import ManualClock, SystemClock
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.reference.calendar import calendar_of
from tradewatch.reference.markets import builtin_markets
from tradewatch.server.rest.api import build_api
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.markets import market_routes

PLANS = Plans({"coins": {"asset_classes": ["crypto"]}})


class Site:
    """The routes at a moment, and a key of each plan."""

    def __init__(self, moment: str = "2026-11-27T15:15:00") -> None:
        instant = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        clock = ManualClock(now_ns=int(instant.timestamp()) * 1_000_000_000)
        self.ring = KeyRing()
        self.keys = {}
        for plan in ("standard", "coins"):
            key, self.keys[plan] = mint(name=plan, plan=plan, now_ns=clock.now_ns())
            self.ring.add_memory_key(key)
        permits = Permits(PLANS, ConnectionLimits(symbols=1))
        gate = Gate(self.ring, permits=lambda: permits, rates=Rates(), clock=clock)
        self.api = build_api([market_routes(gate, clock=clock)])
        # Answers are made in turns by a clock that goes; those of one turn and of many must be the same.
        self.in_turns = build_api([market_routes(gate, clock=SystemClock())])

    async def get(
        self, path: str, *, plan: str = "standard", in_turns: bool = False, **parameters: object
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.in_turns if in_turns else self.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            headers = {"api-key": self.keys[plan]}
            return await client.get(f"/stocks/markets{path}", params=parameters, headers=headers)

    async def rows(self, path: str, **parameters: object) -> list[dict[str, Any]]:
        answer = await self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        rows: list[dict[str, Any]] = answer.json()
        return rows


async def test_a_market():
    (row,) = await Site().rows("", mic="xlon")
    assert row == {
        "mic": "XLON",
        "exchange": "London Stock Exchange",
        "acronym": "LSE",
        "lei": "213800D1EI4B9WTWWD28",
        "url": "https://www.londonstockexchange.com",
        "city": "London",
        "country": "United Kingdom",
        "country_code": "GB",
        "flag": "🇬🇧",
        "currency_name": "British Pound",
        "currency_code": "GBP",
        "currency_symbol": "£",
        "region": "Europe",
        "timezone": "Europe/London",
        "timezone_abbr": "GMT",
        "utc_offset": "+00:00",
        "dst": False,
        "previous_dst_transition": "2026-10-25",
        "next_dst_transition": "2027-03-28",
        "working_days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
        "open_time": "08:00",
        "close_time": "16:30",
        "early_close_time": "12:30",
    }


async def test_markets_of_other_weeks_and_clocks():
    rows = {row["mic"]: row for row in await Site("2026-07-06T12:00:00").rows("")}
    assert list(rows) == list(builtin_markets())
    riyadh, tel_aviv, new_york = rows["XSAU"], rows["XTAE"], rows["XNYS"]
    assert riyadh["working_days"] == ["Monday", "Tuesday", "Wednesday", "Thursday", "Sunday"]
    assert (riyadh["dst"], riyadh["previous_dst_transition"]) == (False, None)
    assert (tel_aviv["close_time"], tel_aviv["early_close_time"]) == ("17:15", "14:15")
    assert (new_york["dst"], new_york["utc_offset"], new_york["timezone_abbr"]) == (True, "-04:00", "EDT")
    assert (new_york["lei"], rows["XTKS"]["early_close_time"]) == ("", None)
    assert (rows["XBOM"]["utc_offset"], rows["XBOM"]["flag"]) == ("+05:30", "🇮🇳")
    assert (rows["CMES"]["open_time"], rows["CMES"]["close_time"]) == ("17:00", "17:00")
    assert rows["XBOG"]["open_time"] == "08:30"  # New York's half past nine


@pytest.mark.parametrize(
    ("moment", "mic", "said"),
    [
        ("2026-11-27T15:15:00", "XNYS", ("Friday", "Open", True, False, True, "Black Friday")),
        ("2026-11-27T14:29:59", "XNYS", ("Friday", "Closed", True, False, True, "Black Friday")),
        ("2026-11-27T14:30:00", "XNYS", ("Friday", "Open", True, False, True, "Black Friday")),
        ("2026-11-27T18:00:00", "XNYS", ("Friday", "Closed", True, False, True, "Black Friday")),
        ("2026-11-26T15:15:00", "XNYS", ("Thursday", "Closed", False, False, False, "Thanksgiving Day")),
        ("2026-11-28T15:15:00", "XNYS", ("Saturday", "Closed", False, True, False, None)),
        ("2026-11-30T02:00:00", "XNYS", ("Sunday", "Closed", False, True, False, None)),  # still, there
        ("2026-11-30T02:00:00", "XTKS", ("Monday", "Open", True, False, False, None)),
        ("2026-11-22T23:30:00", "CMES", ("Sunday", "Open", False, True, False, None)),
    ],
)
async def test_status(moment: str, mic: str, said: tuple[object, ...]):
    (row,) = await Site(moment).rows("/status", mic=mic)
    names = ("day_of_week", "status", "is_business_day", "is_weekend", "is_early_close", "holiday_name")
    assert tuple(row[name] for name in names) == said


async def test_status_tells_the_times_of_the_session():
    (row,) = await Site().rows("/status", mic="XNYS")
    assert (row["local_time"], row["open_time"], row["close_time"]) == (
        "2026-11-27T10:15:00-05:00",
        "2026-11-27T09:30:00-05:00",
        "2026-11-27T13:00:00-05:00",
    )
    (closed,) = await Site("2026-11-26T15:15:00").rows("/status", mic="XNYS")
    assert (closed["open_time"], closed["close_time"]) == (None, None)
    (evening,) = await Site("2026-11-22T23:30:00").rows("/status", mic="CMES")
    assert (evening["local_time"], evening["open_time"]) == (
        "2026-11-22T17:30:00-06:00",
        "2026-11-22T17:00:00-06:00",
    )


async def test_a_calendar_that_has_ended_says_neither_open_nor_closed():
    site = Site("2027-01-04T03:00:00")
    answer = await site.get("/status", mic="XSHG,XHKG")
    assert [(row["mic"], row["status"]) for row in answer.json()] == [("XHKG", "Open")]
    assert answer.headers["calendars-unknown"] == "XSHG 1995-01-01/2026-12-31"
    alone = await site.get("/status", mic="XSHG")
    assert alone.status_code == 404
    assert "XSHG 1995-01-01/2026-12-31" in alone.json()["error"]["message"]
    everywhere = await site.rows("/status")
    assert {"XSHG", "XSHE", "XBOM"} & {row["mic"] for row in everywhere} == set()
    assert len(everywhere) > 60


async def test_hours_around_a_short_week():
    rows = await Site().rows("/hours", start="2026-11-25", end="2026-11-30", mic="XNYS")
    assert [(row["date"], row["day_of_week"], row["is_early_close"]) for row in rows] == [
        ("2026-11-25", "Wednesday", False),
        ("2026-11-27", "Friday", True),
        ("2026-11-30", "Monday", False),
    ]
    assert rows[1] == {
        "mic": "XNYS",
        "date": "2026-11-27",
        "day_of_week": "Friday",
        "is_early_close": True,
        "open_time": "2026-11-27T09:30:00-05:00",
        "close_time": "2026-11-27T13:00:00-05:00",
        "holiday_name": "Black Friday",
    }


async def test_hours_follow_the_clocks():
    rows = await Site().rows("/hours", start="2026-03-06", end="2026-03-09", mic="XNYS,CMES")
    assert [(row["mic"], row["open_time"]) for row in rows] == [
        ("XNYS", "2026-03-06T09:30:00-05:00"),
        ("XNYS", "2026-03-09T09:30:00-04:00"),
        ("CMES", "2026-03-05T17:00:00-06:00"),
        ("CMES", "2026-03-08T17:00:00-05:00"),
    ]


async def test_holidays():
    rows = await Site().rows("/holidays", start="2026-11-01", end="2026-12-31", mic="XNYS")
    assert [(row["date"], row["holiday_name"], row["is_business_day"]) for row in rows] == [
        ("2026-11-26", "Thanksgiving Day", False),
        ("2026-11-27", "Black Friday", True),
        ("2026-12-24", "Christmas Eve", True),
        ("2026-12-25", "Christmas", False),
    ]
    assert rows[0] == {
        "exchange": "New York Stock Exchange",
        "flag": "🇺🇸",
        "mic": "XNYS",
        "date": "2026-11-26",
        "day_of_week": "Thursday",
        "is_weekend": False,
        "is_business_day": False,
        "holiday_name": "Thanksgiving Day",
        "is_early_close": False,
        "open_time": None,
        "close_time": None,
    }
    assert (rows[1]["is_early_close"], rows[1]["close_time"]) == (True, "2026-11-27T13:00:00-05:00")


async def test_a_late_opening_is_no_usual_day():
    (row,) = await Site().rows("/holidays", start="2026-02-18", end="2026-02-18", mic="BVMF")
    assert (row["holiday_name"], row["is_early_close"], row["open_time"]) == (
        "Ash Wednesday",
        False,
        "2026-02-18T13:00:00-03:00",
    )


async def test_what_lies_beyond_a_calendar_is_left_out_and_named():
    answer = await Site().get("/hours", start="2026-12-30", end="2027-01-05", mic="XSHG,XNYS")
    assert [row["date"] for row in answer.json() if row["mic"] == "XSHG"] == ["2026-12-30", "2026-12-31"]
    assert answer.headers["calendars-unknown"] == "XSHG 1995-01-01/2026-12-31"
    for path in ("/hours", "/holidays"):
        beyond = await Site().get(path, start="2040-01-01", end="2040-01-31", mic="XNYS")
        assert beyond.status_code == 404
        assert "XNYS 1995-01-01/2030-12-31" in beyond.json()["error"]["message"]


async def test_markets_are_named_in_any_case_once_each():
    rows = await Site().rows("/status", mic=" xtks, XNYS,,xnys")
    assert [row["mic"] for row in rows] == ["XTKS", "XNYS"]


@pytest.mark.parametrize("path", ["", "/status", "/hours", "/holidays"])
async def test_an_unknown_market_is_named(path: str):
    answer = await Site().get(path, mic="XNYS,WALL", start="2026-01-01", end="2026-01-02")
    assert answer.status_code == 404
    assert "'WALL'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/hours", "/holidays"])
@pytest.mark.parametrize(
    ("parameters", "name", "word"),
    [
        ({"end": "2026-01-01"}, "start", "needed"),
        ({"start": "2026-01-01"}, "end", "needed"),
        ({"start": "2026-02-30", "end": "2026-03-01"}, "start", "2026-02-30"),
        ({"start": "20260101", "end": "2026-03-01"}, "start", "20260101"),
        ({"start": "2026-01-02", "end": "2026-01-01"}, "end", "before start"),
        ({"start": "1995-01-01", "end": "2030-12-31"}, "end", "more than"),
    ],
)
async def test_wrong_days(path: str, parameters: dict[str, str], name: str, word: str):
    answer = await Site().get(path, **parameters)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert detail["loc"] == ["query", name]
    assert word in detail["msg"]


async def test_limits():
    """A year of all markets, or all that is known of one."""
    site = Site()
    year = await site.rows("/hours", start="2026-01-01", end="2026-12-31")
    assert len({row["mic"] for row in year}) == len(builtin_markets())
    everything = await site.rows("/hours", start="1900-01-01", end="2099-12-31", mic="XNYS")
    calendar = calendar_of("XNYS")
    days = calendar.days(calendar.first, calendar.last)
    assert [row["date"] for row in everything] == [str(day.date) for day in days if day.hours]
    ten_years = await site.get("/holidays", start="2020-01-01", end="2029-12-31")
    assert ten_years.status_code == 200


async def test_what_is_sent_in_many_turns_is_the_same():
    site = Site()
    days = {"start": "2025-12-01", "end": "2026-11-30"}
    at_once = await site.get("/hours", **days)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    in_turns = await site.get("/hours", in_turns=True, **days)
    counting.cancel()
    assert in_turns.content == at_once.content
    assert "content-length" in at_once.headers
    assert "content-length" not in in_turns.headers
    assert turns > 20


async def test_who_may_ask():
    site = Site()
    for path in ("", "/status"):
        assert (await site.get(path, plan="coins")).status_code == 403
    site.keys["nobody"] = ""
    assert (await site.get("", plan="nobody")).status_code == 401


async def test_the_official_client_reads_every_answer():
    types = pytest.importorskip("tradewatch_io.types")
    site = Site()
    days = {"start": "2026-11-20", "end": "2026-12-31"}
    for kind, path, parameters in (
        (types.MarketResponse, "", {}),
        (types.MarketStatusResponse, "/status", {}),
        (types.TradingHoursResponse, "/hours", days),
        (types.MarketHolidayResponse, "/holidays", days),
    ):
        read = [kind.model_validate(row) for row in await site.rows(path, **parameters)]
        assert len(read) > 60
    holiday = next(row for row in read if row.mic == "XNYS" and row.is_early_close)
    assert holiday.close_time.utcoffset() == timedelta(hours=-5)
    assert date.fromisoformat(holiday.date) == holiday.close_time.date()


def test_the_pages_say_what_is_answered():
    pages = Site().api.openapi()["paths"]
    for path in ("", "/status", "/hours", "/holidays"):
        page = pages[f"/stocks/markets{path}"]["get"]
        content = page["responses"]["200"]["content"]["application/json"]
        (example,) = content["example"]
        assert set(content["schema"]["items"]["properties"]) == set(example)
        assert {"401", "403", "404", "429"} <= set(page["responses"])
        assert ("422" in page["responses"]) == (path in {"/hours", "/holidays"})
        assert [each["name"] for each in page["parameters"]][-1] == "mic"
