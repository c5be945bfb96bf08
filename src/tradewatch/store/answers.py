"""Answers: from a request to the bytes that a client gets."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tradewatch.errors import HistoryError, ImportFileError
from tradewatch.history.archive import Archive, Reading
from tradewatch.history.candles import NO_CANDLES, Candles, Folding
from tradewatch.history.export import CHUNK_BYTES, arrow_bytes, csv_bytes, parquet_bytes
from tradewatch.history.json_text import json_rows
from tradewatch.history.registry import Stored
from tradewatch.history.request import (
    CandlesRequest,
    Format,
    Head,
    ImportRequest,
    InstrumentsRequest,
    Phase,
    Progress,
    Request,
    StatusRequest,
    TicksRequest,
)
from tradewatch.history.shown import Column, Columns, Form, shown_candles, shown_ticks
from tradewatch.history.span import Span
from tradewatch.history.ticks import NO_TICKS, Ticks
from tradewatch.model.position import position_text
from tradewatch.protocol.cursor import Cursor, Cursors, InvalidCursorError
from tradewatch.store.tick_pages import TickPages
from tradewatch.tape.names import shown_source

#: Rows that an export by position reads at a time.
_STRIDE_ROWS = 100_000
#: Holes that are named to whoever asks how much is missing.
_NAMED_HOLES = 1_000
_TICK_FIELDS = ("time", "ask", "bid", "mid")

Answer = Generator[Head | bytes]


class RefusedRequestError(Exception):
    """A request that cannot be answered with rows; has the head that says why."""

    def __init__(self, head: Head) -> None:
        super().__init__(head.message)
        self.head = head


class Answers:
    """Answers requests, each in a thread of the caller's: first a head, then bytes.

    Args:
        archive: what is recorded.
        cursors: writes and reads places in lists.
        directory: where exports may put files down for a moment.
        recording: tells how the recording goes, as the status shows it.
    """

    def __init__(self, archive: Archive, cursors: Cursors, directory: Path, recording: Any) -> None:
        self._archive = archive
        self._cursors = cursors
        self._directory = directory
        self._recording = recording

    def answer(self, request: Request) -> Answer:
        """The answer, piece by piece.

        Raises:
            HistoryError: it cannot be read.
        """
        try:
            match request:
                case CandlesRequest():
                    yield from self._candles(request)
                case TicksRequest():
                    yield from self._ticks(request)
                case StatusRequest():
                    yield from _whole(msgspec.json.encode(self._status()))
                case InstrumentsRequest():
                    yield from _whole(msgspec.json.encode(self._instruments(request.after)))
                case ImportRequest():
                    yield from self._imported(request)
        except RefusedRequestError as refused:
            yield refused.head

    def _imported(self, request: ImportRequest) -> Answer:
        yield Head()
        steps = self._archive.import_file(
            Path(request.path),
            asset_class=request.asset_class,
            skip_bad_rows=request.skip_bad_rows,
            now_ms=time.time_ns() // 1_000_000,
        )
        try:
            for step in steps:
                yield msgspec.json.encode(step) + b"\n"
        except (ImportFileError, HistoryError) as error:
            yield msgspec.json.encode(Progress(Phase.REFUSED, trouble=str(error))) + b"\n"

    def _candles(self, request: CandlesRequest) -> Answer:
        stored = self._named(request)
        step_s = request.resolution_s
        first_s, end_s = (-(-bound // step_s) * step_s for bound in (request.start_s, request.end_s))
        span = Span(first_s * 1_000, end_s * 1_000, request.received_before_us, prices_only=True)
        with self._archive.reading() as reading:
            # Once, and now that the rows are settled: finer ones may come while these are written.
            show = partial(shown_candles, prices=request.prices, scale=self._archive.scales(stored)[0] + 1)
            windows = reading.windows(stored.number, span) if first_s < end_s else iter(())
            folding = Folding(step_s, mid_decimals=stored.asset_class.mid_decimals)
            shown = map(show, _folded(windows, folding))
            if request.format is not Format.JSON:
                yield from self._exported(shown, request.format)
                return
            items = [row for columns in shown for row in json_rows(columns)]
        text = f'{{"symbol":"{stored.symbol}","resolution":"{step_s}","items":[{",".join(items)}]}}'
        yield from _whole(text.encode())

    def _ticks(self, request: TicksRequest) -> Answer:
        stored = self._named(request)
        with self._archive.reading() as reading:
            try:
                pages = TickPages(self._archive, reading, self._cursors, request, stored.number)
            except InvalidCursorError as error:
                head = Head(status=422, reason="query.cursor", message=str(error))
                raise RefusedRequestError(head) from None
            if request.format is not Format.JSON:
                shown = map(self._showing(stored), self._windows(reading, pages, request, stored))
                yield from self._exported(shown, request.format)
                return
            page = pages.page(request.limit or 0)
            columns = {column.name: column for column in self._showing(stored)(page.ticks)}
        items = json_rows([*(columns[name] for name in _TICK_FIELDS), _positions(columns)])
        cursors = msgspec.json.encode(
            {
                "total": None,
                "current_page": page.current,
                "current_page_backwards": page.current_backwards,
                "previous_page": page.previous,
                "next_page": page.next,
            }
        )
        yield from _whole(b'{"items":[' + ",".join(items).encode() + b"]," + cursors[1:])

    def _windows(
        self, reading: Reading, pages: TickPages, request: TicksRequest, stored: Stored
    ) -> Iterator[Ticks]:
        """The ticks of an export, and at the end none."""
        left = request.limit if request.limit is not None else 2**63
        for ticks in self._stretches(reading, pages, request, stored):
            yield ticks.taken(slice(None, left))
            left -= len(ticks)
            if left <= 0:
                break
        yield NO_TICKS

    @staticmethod
    def _stretches(
        reading: Reading, pages: TickPages, request: TicksRequest, stored: Stored
    ) -> Iterator[Ticks]:
        if not request.by_position:
            yield from reading.windows(stored.number, pages.span)
            return
        cursor = Cursor(())
        while len(ticks := pages.beside(cursor, _STRIDE_ROWS)):
            yield ticks
            cursor = pages.behind(ticks)

    def _showing(self, stored: Stored) -> Callable[[Ticks], Columns]:
        """How the ticks of a reading that has begun are shown, all to the same decimals."""
        scale, size_scale = self._archive.scales(stored)
        return partial(
            shown_ticks,
            scale=scale,
            size_scale=size_scale,
            mid_decimals=stored.asset_class.mid_decimals,
            epoch_ms=self._archive.epoch,
            source=lambda number: shown_source(self._archive.source(number)) or "",
        )

    def _exported(self, windows: Iterable[Columns], form: Format) -> Answer:
        yield Head(media_type=form.value)
        match form:
            case Format.ARROW:
                yield from arrow_bytes(windows)
            case Format.PARQUET:
                yield from parquet_bytes(windows, self._directory)
            case _:
                yield from csv_bytes(windows, self._directory)

    def _named(self, request: CandlesRequest | TicksRequest) -> Stored:
        stored = self._archive.instrument(request.asset_class, request.symbol)
        if stored is None and request.known:
            return Stored(0, request.asset_class, request.symbol)  # which no row is of
        if stored is None:
            text = f"nothing is recorded of {request.asset_class.value}:{request.symbol}"
            raise RefusedRequestError(Head(status=404, reason="unknown_symbol", message=text))
        return stored

    def _status(self) -> dict[str, object]:
        holes = self._archive.holes(_NAMED_HOLES)
        return {
            **self._recording(),
            "totals": self._archive.totals()._asdict(),
            "holes": [
                {
                    "asset_class": hole.instrument.asset_class,
                    "symbol": hole.instrument.symbol,
                    "from": f"{hole.epoch}:{hole.first_seq}",
                    "to": f"{hole.epoch}:{hole.last_seq}",
                    "found_ms": hole.found_ms,
                }
                for hole in holes
            ],
        }

    def _instruments(self, after: int) -> list[dict[str, object]]:
        return [
            {
                "asset_class": stored.asset_class,
                "symbol": stored.symbol,
                "decimals": self._archive.scales(stored)[0],
            }
            for stored in self._archive.instruments()[after:]
        ]


def _folded(windows: Iterable[Ticks], folding: Folding) -> Iterator[Candles]:
    """The candles of some windows, and at the end none: so there always are columns to show."""
    for ticks in windows:
        yield from folding.feed(ticks)
    yield from folding.finish()
    yield NO_CANDLES


def _positions(columns: dict[str, Column]) -> Column:
    """The position of each tick, as clients name it."""
    pairs = zip(columns["epoch"].values.tolist(), columns["seq"].values.tolist(), strict=True)
    texts = [position_text(epoch, seq) for epoch, seq in pairs]
    return Column("position", Form.TEXT, np.array(texts, dtype=object))


def _whole(body: bytes) -> Answer:
    """A body that is there at once."""
    yield Head(length=len(body))
    for begin in range(0, len(body), CHUNK_BYTES):
        yield body[begin : begin + CHUNK_BYTES]
