"""The history of one symbol: candles or ticks, asked for when somebody reads them."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from tradewatch.client.rest.answers import Candle, Reader, Row, Tick, candles_of, ticks_of
from tradewatch.client.rest.asked import (
    CANDLES_PER_PAGE,
    CANDLES_PER_REQUEST,
    Request,
    Span,
    candle_requests,
    following,
    name_in,
    resolution_s,
    tick_requests,
)
from tradewatch.client.rest.frames import Frames, PandasFrames, PolarsFrames, Prices
from tradewatch.client.rest.http import AsyncHttp, Http
from tradewatch.client.rest.site import ARROW

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_Frame = TypeVar("_Frame")


class Asked(NamedTuple, Generic[Row]):
    """What is asked for.

    Attributes:
        pages: the requests whose JSON answers are the rows, page by page.
        frames: the requests whose Arrow answers are the rows.
        read: reads a JSON answer.
        what: what it is, for people.
    """

    pages: Sequence[Request]
    frames: Sequence[Request]
    read: Reader[Row]
    what: str


def candles_asked(name: str, resolution: str | int, span: Span) -> Asked[Candle]:
    """The candles of a symbol."""
    of, seconds = name_in(name), resolution_s(resolution)
    return Asked(
        pages=candle_requests(of, seconds, span, candles_per_request=CANDLES_PER_PAGE),
        frames=candle_requests(of, seconds, span, candles_per_request=CANDLES_PER_REQUEST),
        read=candles_of,
        what=f"candles of {of} in {seconds} s, {span}",
    )


def ticks_asked(name: str, span: Span) -> Asked[Tick]:
    """The ticks of a symbol."""
    of = name_in(name)
    return Asked(
        pages=tick_requests(of, span, paged=True),
        frames=tick_requests(of, span, paged=False),
        read=ticks_of,
        what=f"ticks of {of}, {span}",
    )


class History(Generic[Row]):
    """Rows of one symbol. Nothing is asked for before it is read, and each reading asks anew."""

    def __init__(self, http: Http, asked: Asked[Row]) -> None:
        self._http = http
        self._asked = asked

    def __repr__(self) -> str:
        return f"<{self._asked.what}>"

    def __iter__(self) -> Iterator[Row]:
        """The rows one by one, the oldest first; of the pages only one is held at a time."""
        for first in self._asked.pages:
            request: Request | None = first
            while request is not None:
                page = self._asked.read(self._http.json(request))
                yield from page.items
                request = following(request, page.next_page)

    def to_pandas(self, *, prices: Prices = "float") -> "pd.DataFrame":
        """All rows in a frame of pandas, whose index is the time.

        Args:
            prices: `float` to calculate with them, `decimal` to have them exactly.
        """
        return self._framed(PandasFrames(prices))

    def to_polars(self, *, prices: Prices = "float") -> "pl.DataFrame":
        """All rows in a frame of polars.

        Args:
            prices: `float` to calculate with them, `decimal` to have them exactly.
        """
        return self._framed(PolarsFrames(prices))

    def _framed(self, frames: Frames[_Frame]) -> _Frame:
        for request in self._asked.frames:
            with self._http.answer(request, ARROW) as answer:
                frames.add(io.BufferedReader(_Body(answer.iter_bytes())))
        return frames.joined()


class AsyncHistory(Generic[Row]):
    """The same on an event loop: `async for row in history`, `await history.to_pandas()`."""

    def __init__(self, http: AsyncHttp, asked: Asked[Row]) -> None:
        self._http = http
        self._asked = asked

    def __repr__(self) -> str:
        return f"<{self._asked.what}>"

    async def __aiter__(self) -> AsyncIterator[Row]:
        """The rows one by one; see `History`."""
        for first in self._asked.pages:
            request: Request | None = first
            while request is not None:
                page = self._asked.read(await self._http.json(request))
                for row in page.items:
                    yield row
                request = following(request, page.next_page)

    async def to_pandas(self, *, prices: Prices = "float") -> "pd.DataFrame":
        """All rows in a frame of pandas; see `History`."""
        return await self._framed(PandasFrames(prices))

    async def to_polars(self, *, prices: Prices = "float") -> "pl.DataFrame":
        """All rows in a frame of polars; see `History`."""
        return await self._framed(PolarsFrames(prices))

    async def _framed(self, frames: Frames[_Frame]) -> _Frame:
        for request in self._asked.frames:
            async with self._http.answer(request, ARROW) as answer:
                body = io.BytesIO(b"".join([chunk async for chunk in answer.aiter_bytes()]))
            await asyncio.to_thread(frames.add, body)
        return await asyncio.to_thread(frames.joined)


class _Body(io.RawIOBase):
    """A body that is read while it comes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer with what there is; 0 at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
