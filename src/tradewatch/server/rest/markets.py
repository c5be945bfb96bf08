"""`/stocks/markets` and what is below it: stock markets, whether they are open, their hours and holidays."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from tradewatch.clock import Clock
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.reference.calendar import Calendar, calendar_of
from tradewatch.reference.markets import Market, builtin_markets
from tradewatch.server.rest import market_rows as rows
from tradewatch.server.rest.direct import DirectRoute
from tradewatch.server.rest.errors import RefusedError
from tradewatch.server.rest.gate import Gate
from tradewatch.server.rest.market_pages import HOLIDAYS, HOURS, MARKETS, STATUS
from tradewatch.server.rest.parameters import missing_value, wrong_value

#: So many days, of all markets together, may one request for hours look at: a year of all of them.
MOST_DAYS_OF_HOURS = 30_000
#: The same for holidays, of which there are few: ten years of all markets.
MOST_DAYS_OF_HOLIDAYS = 300_000
#: Names in an answer the markets of which something that was asked for is not known, and what is.
UNKNOWN_HEADER = "Calendars-Unknown"

#: For so long rows are made before the loop may turn.
_TURN_S = 0.0005
_SHOWN_CHARS = 40
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JSON = "application/json"


class _Asked(NamedTuple):
    """A market that a request names, and the days that it asks about, both included."""

    market: Market
    calendar: Calendar
    start: date
    end: date

    @property
    def known_days(self) -> int:
        """How many of these days the calendar knows."""
        start, end = max(self.start, self.calendar.first), min(self.end, self.calendar.last)
        return max(0, (end - start).days + 1)

    @property
    def is_known(self) -> bool:
        """Whether it knows all of them."""
        return self.known_days == (self.end - self.start).days + 1


def market_routes(gate: Gate, *, clock: Clock) -> APIRouter:
    """The markets, whose calendars come with the package.

    Args:
        gate: decides who may ask.
        clock: tells what is now.
    """
    routes = APIRouter(route_class=DirectRoute, tags=["stocks"])
    desk = _Desk(clock)

    @routes.get("/stocks/markets", name="stocks_markets", **MARKETS)
    async def markets(request: Request) -> Response:
        """The markets as they are now; their hours are the usual ones, on their own clocks."""
        gate.enter(request, AssetClass.STOCKS)
        named, now = _markets(request), desk.now()
        return await desk.answer(rows.market_row(each, calendar_of(each.calendar), now) for each in named)

    @routes.get("/stocks/markets/status", name="stocks_markets_status", **STATUS)
    async def status(request: Request) -> Response:
        """Whether markets are open now: holidays and short sessions count, halts do not.

        A market whose calendar does not reach to today may be open or closed: it is left out, and the header
        `Calendars-Unknown` names it.
        """
        gate.enter(request, AssetClass.STOCKS)
        named, now = _markets(request), desk.now()
        asked = await desk.asked((each, today := _date_at(each, now), today) for each in named)
        unknown = _unknown(asked)
        made = (rows.status_row(each.market, each.calendar, now) for each in asked if each.is_known)
        return await desk.answer(made, unknown)

    @routes.get("/stocks/markets/hours", name="stocks_markets_hours", **HOURS)
    async def hours(request: Request) -> Response:
        """A row for each session from `start` to `end`, both included, market by market.

        Times are ISO 8601 on the market's own clocks. Days that a calendar does not know are left out, and
        the header `Calendars-Unknown` names the market.
        """
        gate.enter(request, AssetClass.STOCKS)
        start, end = _days(request)
        asked = await desk.asked((each, start, end) for each in _markets(request))
        unknown = _unknown(asked)
        _check_size(asked, MOST_DAYS_OF_HOURS)
        made = (
            rows.hours_row(each.market, each.calendar, day)
            for each in asked
            for day in each.calendar.days(start, end)
        )
        return await desk.answer(made, unknown)

    @routes.get("/stocks/markets/holidays", name="stocks_markets_holidays", **HOLIDAYS)
    async def holidays(request: Request) -> Response:
        """A row for each working day from `start` to `end`, both included, that is not as usual.

        Market by market: days on which it is closed, and with their times days on which it closes early or
        opens late. Days that a calendar does not know are left out, and the header `Calendars-Unknown` names
        the market.
        """
        gate.enter(request, AssetClass.STOCKS)
        start, end = _days(request)
        asked = await desk.asked((each, start, end) for each in _markets(request))
        unknown = _unknown(asked)
        _check_size(asked, MOST_DAYS_OF_HOLIDAYS)
        made = (
            rows.holiday_row(each.market, each.calendar, day)
            for each in asked
            for day in each.calendar.holidays(start, end)
        )
        return await desk.answer(made, unknown)

    return routes


class _Desk:
    """Writes answers, and lets the loop turn meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._encode = msgspec.json.Encoder().encode

    def now(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self._clock.now_ns() // 1_000)

    async def asked(self, spans: Iterable[tuple[Market, date, date]]) -> list[_Asked]:
        """The markets with their calendars, which are read when somebody asks for them first."""
        asked: list[_Asked] = []
        turn_ends_s = self._clock.monotonic_s() + _TURN_S
        for market, start, end in spans:
            asked.append(_Asked(market, calendar_of(market.calendar), start, end))
            if self._clock.monotonic_s() >= turn_ends_s:
                await asyncio.sleep(0)
                turn_ends_s = self._clock.monotonic_s() + _TURN_S
        return asked

    async def answer(
        self, making: Iterable[msgspec.Struct | None], unknown: Iterable[_Asked] = ()
    ) -> Response:
        """The rows; a None among them is none. What takes longer than a turn is sent as it is made."""
        told = ", ".join(map(_reach, unknown))
        headers = {UNKNOWN_HEADER: told} if told else None
        parts = self._parts(making)
        first = next(parts)
        await asyncio.sleep(0)
        second = next(parts, None)
        if second is None:
            return Response(first, media_type=_JSON, headers=headers)
        body = _in_turns(itertools.chain((first, second), parts))
        return StreamingResponse(body, media_type=_JSON, headers=headers)

    def _parts(self, making: Iterable[msgspec.Struct | None]) -> Iterator[bytes]:
        """A JSON array in parts, each of them what is made within a turn; there is one at least."""
        texts: list[bytes] = []
        mark = b"["
        turn_ends_s = self._clock.monotonic_s() + _TURN_S
        for row in making:
            if row is not None:
                texts.append(self._encode(row))
            if texts and self._clock.monotonic_s() >= turn_ends_s:
                yield mark + b",".join(texts)
                texts.clear()
                mark = b","
                turn_ends_s = self._clock.monotonic_s() + _TURN_S
        yield mark + b",".join(texts) + b"]" if texts or mark == b"[" else b"]"


async def _in_turns(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """The parts, one for each turn of the loop."""
    for part in parts:
        yield part
        await asyncio.sleep(0)


def _markets(request: Request) -> list[Market]:
    """The markets that a request names, each once; all of them where it names none."""
    markets = builtin_markets()
    text = request.query_params.get("mic", "")
    names = dict.fromkeys(name for part in text.split(",") if (name := part.strip()))
    for name in names:
        if name.upper() not in markets:
            said = f"no market {name[:_SHOWN_CHARS]!r}; /stocks/markets has them all"
            raise RefusedError(Refusal(404, RefusalReason.NOT_FOUND, said))
    return list(dict.fromkeys(markets[name.upper()] for name in names)) or list(markets.values())


def _date_at(market: Market, moment: datetime) -> date:
    """The day on a market's clocks."""
    return moment.astimezone(ZoneInfo(market.timezone)).date()


def _days(request: Request) -> tuple[date, date]:
    """The first and the last day that a request asks about."""
    start, end = _day(request, "start"), _day(request, "end")
    if start > end:
        raise wrong_value("end", f"{end} is before start, {start}", "range")
    return start, end


def _day(request: Request, name: str) -> date:
    text = request.query_params.get(name)
    if not text:
        raise missing_value(name)
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # the thirtieth of February
    raise wrong_value(name, f"no date like 2026-01-31: {text[:_SHOWN_CHARS]!r}", "date")


def _check_size(asked: list[_Asked], most_days: int) -> None:
    days = sum(each.known_days for each in asked)
    if days > most_days:
        said = f"{days:,} days, of {len(asked)} markets together, are more than {most_days:,}; ask for fewer"
        raise wrong_value("end", said, "too_many_days")


def _unknown(asked: list[_Asked]) -> list[_Asked]:
    """Those whose calendars do not know all of the days.

    Raises:
        RefusedError: 404, nothing at all is known: no row is not the same as no session, or no holiday.
    """
    if not any(each.known_days for each in asked):
        said = f"nothing is known of those days; calendars reach so far: {', '.join(map(_reach, asked))}"
        raise RefusedError(Refusal(404, RefusalReason.NOT_FOUND, said))
    return [each for each in asked if not each.is_known]


def _reach(asked: _Asked) -> str:
    """What is known of a market: `XSHG 1995-01-01/2026-12-31`."""
    return f"{asked.market.mic} {asked.calendar.first}/{asked.calendar.last}"
