"""The REST API of a server, on an event loop.

async with AsyncApi("http://127.0.0.1:8000", api_key=key) as api:
    frame = await api.candles("currencies:EURUSD", resolution="1m", start="2014-05-08").to_pandas()
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from random import random as system_random
from typing import Self

from tradewatch.client.rest import asked
from tradewatch.client.rest.answers import Candle, LastQuote, Symbol, Tick, quotes_of, symbols_of
from tradewatch.client.rest.asked import Request, Span, Time
from tradewatch.client.rest.history import AsyncHistory, candles_asked, ticks_asked
from tradewatch.client.rest.http import AsyncHttp
from tradewatch.client.rest.retry import Retry
from tradewatch.client.rest.site import Site
from tradewatch.clock import Clock, SystemClock

_RETRY = Retry()
_CLOCK = SystemClock()


class AsyncApi:
    """What `Api` has, to be awaited; candles and ticks are awaited when they are read."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        cacert: Path | None = None,
        timeout_s: float = 30.0,
        retry: Retry = _RETRY,
        clock: Clock = _CLOCK,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = system_random,
    ) -> None:
        site = Site(url, api_key=api_key, cacert=cacert, timeout_s=timeout_s)
        self._http = AsyncHttp(site, retry, sleep=sleep, random=random)
        self._clock = clock

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._http.site}>"

    @property
    def retries(self) -> int:
        """How many requests were made again so far."""
        return self._http.retries

    async def quotes(self, asset_class: str, symbols: str | Iterable[str]) -> list[LastQuote]:
        """The newest quotes of symbols of one class; see `Api`."""
        return [
            quote
            for request in asked.quotes_requests(asset_class, symbols)
            for quote in quotes_of(await self._http.json(request), asked.asset_class(asset_class))
        ]

    async def symbols(
        self,
        asset_class: str,
        *,
        search: str | None = None,
        kind: str | None = None,
        country: str | None = None,
    ) -> list[Symbol]:
        """The symbols of a class; see `Api`."""
        request: Request | None = asked.symbols_request(
            asset_class, search=search, kind=kind, country=country
        )
        found: list[Symbol] = []
        while request is not None:
            page = symbols_of(await self._http.json(request))
            found += page.items
            request = asked.following(request, page.next_page)
        return found

    def candles(
        self, name: str, *, resolution: str | int = "1m", start: Time, end: Time | None = None
    ) -> AsyncHistory[Candle]:
        """The candles of a symbol, of a range of any length; see `Api`."""
        return AsyncHistory(self._http, candles_asked(name, resolution, self._span(start, end)))

    def ticks(self, name: str, *, start: Time, end: Time | None = None) -> AsyncHistory[Tick]:
        """The quotes of a symbol in a range; see `Api`."""
        return AsyncHistory(self._http, ticks_asked(name, self._span(start, end)))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _span(self, start: Time, end: Time | None) -> Span:
        return Span.of(start, end, now_ns=self._clock.now_ns())
