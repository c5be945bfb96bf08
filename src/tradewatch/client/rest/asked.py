"""What is asked of the REST API: names, times and resolutions as people write them, as requests. No I/O."""

import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote

from tradewatch.errors import ProtocolViolationError, UsageError
from tradewatch.model.asset_class import AssetClass, asset_class_named

#: A moment: with its zone or in UTC, a day at its beginning, ISO 8601, or Unix seconds.
Time = datetime | date | str | int

RESOLUTIONS_S = (5, 10, 30, 60, 600, 1_800, 3_600, 14_400, 43_200, 86_400)
#: What servers take in one request.
SYMBOLS_PER_REQUEST = 1_000
SYMBOLS_PER_PAGE = 1_000
TICKS_PER_PAGE = 10_000
CANDLES_PER_REQUEST = 100_000
#: Candles of one answer that are read one by one: as JSON, so fewer.
CANDLES_PER_PAGE = 10_000
#: Requests that one range may take; more is a mistake in its dates, or a job for an export.
MAX_REQUESTS = 10_000

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_RESOLUTION = re.compile(r"(\d{1,5})([smhd])", re.ASCII)


class Request(NamedTuple):
    """A request: where to, and with what; values are not yet escaped."""

    path: str
    parameters: tuple[tuple[str, str], ...] = ()

    def with_cursor(self, cursor: str) -> "Request":
        """The same from a cursor on."""
        kept = tuple(one for one in self.parameters if one[0] != "cursor")
        return Request(self.path, (*kept, ("cursor", cursor)))


class Name(NamedTuple):
    """A symbol and its class."""

    asset_class: AssetClass
    symbol: str

    def __str__(self) -> str:
        """As it is written: `currencies:EURUSD`."""
        return f"{self.asset_class.value}:{self.symbol}"

    def path(self, what: str) -> str:
        """Where something of it is."""
        return f"/{self.asset_class.value}/{quote(self.symbol, safe='')}/{what}"


def name_in(text: str) -> Name:
    """A symbol with its class: `currencies:EURUSD`.

    Raises:
        UsageError: it names no class, or no symbol.
    """
    class_name, colon, symbol = text.partition(":")
    if not colon or not symbol.strip():
        raise UsageError(f"{text!r} is no symbol with its class, such as currencies:EURUSD")
    return Name(asset_class(class_name), symbol.strip())


def asset_class(text: str) -> AssetClass:
    """The class of this name.

    Raises:
        UsageError: there is none.
    """
    found = asset_class_named(text.strip())
    if found is None:
        raise UsageError(f"no class {text!r}; there are {', '.join(AssetClass)}")
    return found


def resolution_s(text: str | int) -> int:
    """The seconds of a resolution: `1m`, `4h`, 60.

    Raises:
        UsageError: there are no such candles.
    """
    seconds = text
    if isinstance(text, str) and (match := _RESOLUTION.fullmatch(text.strip().lower())):
        seconds = int(match[1]) * _UNITS_S[match[2]]
    if seconds not in RESOLUTIONS_S:
        raise UsageError(f"no candles of {text!r}; there are 5s, 10s, 30s, 1m, 10m, 30m, 1h, 4h, 12h and 1d")
    return int(seconds)


class Span(NamedTuple):
    """A range of time in whole Unix seconds: from the first, up to the last and without it."""

    start_s: int
    end_s: int

    @classmethod
    def of(cls, start: Time, end: Time | None, *, now_ns: int) -> "Span":
        """The range between two moments; what is within a second takes the whole of it.

        Args:
            start: its beginning.
            end: its end, which is not in it; None for now.
            now_ns: Unix time in nanoseconds.

        Raises:
            UsageError: one is no time, or the end is not behind the start.
        """
        start_s = math.floor(_seconds(start, "start"))
        end_s = -(-now_ns // 10**9) if end is None else math.ceil(_seconds(end, "end"))
        if end_s <= start_s:
            raise UsageError(f"the end ({end_s}) is not behind the start ({start_s}); both are Unix seconds")
        return cls(start_s, end_s)

    def __str__(self) -> str:
        """As logs write it: `2014-05-08T00:00:00Z to 2014-05-09T00:00:00Z`."""
        return f"{_utc(self.start_s)} to {_utc(self.end_s)}"

    def portions(self, length_s: int, *, step_s: int) -> list["Span"]:
        """The range in parts, cut at multiples of a step only, so that no candle is in two of them.

        Args:
            length_s: the longest part; a multiple of the step.
            step_s: seconds of a candle.

        Raises:
            UsageError: there are more than `MAX_REQUESTS`.
        """
        first_s = self.start_s - self.start_s % step_s
        cuts = range(first_s + length_s, self.end_s, length_s)
        if len(cuts) >= MAX_REQUESTS:
            raise UsageError(f"the range takes {len(cuts) + 1:,} requests; at most {MAX_REQUESTS:,} are made")
        edges = [self.start_s, *cuts, self.end_s]
        return [Span(*pair) for pair in pairwise(edges)]

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """As a request has it."""
        return ("start", str(self.start_s)), ("end", str(self.end_s))


def quotes_requests(class_name: str, symbols: str | Iterable[str]) -> Iterator[Request]:
    """The newest quotes of symbols of one class, in as many requests as they take."""
    path = f"/{asset_class(class_name).value}/quotes"
    names = list(dict.fromkeys([symbols] if isinstance(symbols, str) else symbols))
    for one in names:
        if "," in one or not one.strip():
            raise UsageError(f"{one!r} is no symbol")
    for first in range(0, len(names), SYMBOLS_PER_REQUEST):
        yield Request(path, (("symbols", ",".join(names[first : first + SYMBOLS_PER_REQUEST])),))


def symbols_request(class_name: str, *, search: str | None, kind: str | None, country: str | None) -> Request:
    """The first page of the symbols of a class, chosen by what is not None."""
    asked = {"size": str(SYMBOLS_PER_PAGE), "search": search, "type": kind, "country": country}
    chosen = tuple((key, value) for key, value in asked.items() if value is not None)
    return Request(f"/{asset_class(class_name).value}/symbols", chosen)


def candle_requests(of: Name, resolution: int, span: Span, *, candles_per_request: int) -> list[Request]:
    """Candles of a range."""
    length_s = resolution * candles_per_request
    return [
        Request(of.path("ohlc"), (("resolution", str(resolution)), *part.parameters))
        for part in span.portions(length_s, step_s=resolution)
    ]


def tick_requests(of: Name, span: Span, *, paged: bool) -> list[Request]:
    """Ticks of a range: by pages, or all of them in one answer."""
    limit = (("limit", str(TICKS_PER_PAGE)),) if paged else ()
    return [Request(of.path("ticks"), (*span.parameters, *limit))]


def following(request: Request, cursor: str | None) -> Request | None:
    """The request of the next page; None where there is none.

    Raises:
        ProtocolViolationError: it would be the same again.
    """
    if not cursor:
        return None
    next_one = request.with_cursor(cursor)
    if next_one == request:
        raise ProtocolViolationError("the server's page leads to itself")
    return next_one


def _utc(time_s: int) -> str:
    """A time as people read it; Unix seconds where no calendar has it."""
    try:
        return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(time_s)


def _seconds(time: Time, what: str) -> float:
    """Unix seconds of a moment.

    Raises:
        UsageError: it is none.
    """
    if isinstance(time, bool):
        raise UsageError(f"{what} is no time: {time!r}")
    if isinstance(time, int):
        return time
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
        if not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, AttributeError):
        said = repr(time)[:64]
        raise UsageError(f"{what} is no time, such as 2014-05-08 or 2014-05-08T12:00:00Z: {said}") from None
