"""The REST API of a server, for programs without an event loop.

api = Api("http://127.0.0.1:8000", api_key=key)
frame = api.candles("currencies:EURUSD", resolution="1m", start="2014-05-08").to_pandas()
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import random as system_random
from typing import Self

from tradewatch.client.rest import asked
from tradewatch.client.rest.answers import Candle, LastQuote, Symbol, Tick, quotes_of, symbols_of
from tradewatch.client.rest.asked import Request, Span, Time
from tradewatch.client.rest.history import History, candles_asked, ticks_asked
from tradewatch.client.rest.http import Http
from tradewatch.client.rest.retry import Retry
from tradewatch.client.rest.site import Site
from tradewatch.clock import Clock, SystemClock

_RETRY = Retry()
_CLOCK = SystemClock()


class Api:
    """What a server answers over HTTP.

    Every method raises `RefusedError` where the server refuses (its class says what kind of refusal it is),
    `UnreachableError` where there is no answer, and `UsageError` where an argument cannot be what it is.
    Connections are kept, so one of these is enough.

    Args:
        url: the server, `http(s)://` or `ws(s)://`.
        api_key: the key to show.
        cacert: a file of certificates (PEM) to trust instead of the system's.
        timeout_s: how long the server may be silent.
        retry: when a request is made again that was refused with 429 or 503.
        clock: the time, where a range has no end.
        sleep: waits so many seconds.
        random: numbers from 0 to 1, for the waits.

    Raises:
        UsageError: an option that cannot be one, or httpx is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        cacert: Path | None = None,
        timeout_s: float = 30.0,
        retry: Retry = _RETRY,
        clock: Clock = _CLOCK,
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = system_random,
    ) -> None:
        site = Site(url, api_key=api_key, cacert=cacert, timeout_s=timeout_s)
        self._http = Http(site, retry, sleep=sleep, random=random)
        self._clock = clock

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._http.site}>"

    @property
    def retries(self) -> int:
        """How many requests were made again so far."""
        return self._http.retries

    def quotes(self, asset_class: str, symbols: str | Iterable[str]) -> list[LastQuote]:
        """The newest quotes of symbols of one class; of those that were never quoted there is none."""
        return [
            quote
            for request in asked.quotes_requests(asset_class, symbols)
            for quote in quotes_of(self._http.json(request), asked.asset_class(asset_class))
        ]

    def symbols(
        self,
        asset_class: str,
        *,
        search: str | None = None,
        kind: str | None = None,
        country: str | None = None,
    ) -> list[Symbol]:
        """The symbols of a class.

        Args:
            asset_class: the class.
            search: a part of their symbol or name.
            kind: of commodities: `metal`, `energy`, `agricultural`.
            country: of stocks: ISO 3166-1, lower case.
        """
        request: Request | None = asked.symbols_request(
            asset_class, search=search, kind=kind, country=country
        )
        found: list[Symbol] = []
        while request is not None:
            page = symbols_of(self._http.json(request))
            found += page.items
            request = asked.following(request, page.next_page)
        return found

    def candles(
        self, name: str, *, resolution: str | int = "1m", start: Time, end: Time | None = None
    ) -> History[Candle]:
        """The candles of a symbol, of a range of any length.

        Args:
            name: the symbol with its class: `currencies:EURUSD`.
            resolution: `5s`, `10s`, `30s`, `1m`, `10m`, `30m`, `1h`, `4h`, `12h`, `1d`, or seconds.
            start: the beginning: a datetime or a date, ISO 8601 or Unix seconds; UTC where it has no zone.
            end: the end, which is not in it; now without.
        """
        return History(self._http, candles_asked(name, resolution, self._span(start, end)))

    def ticks(self, name: str, *, start: Time, end: Time | None = None) -> History[Tick]:
        """The quotes of a symbol in a range; see `candles`."""
        return History(self._http, ticks_asked(name, self._span(start, end)))

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _span(self, start: Time, end: Time | None) -> Span:
        return Span.of(start, end, now_ns=self._clock.now_ns())
