"""The live table of a terminal: prices in colour, spread, age and rate of each symbol."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Self

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradewatch.cli.board import Board, Line, Side, Tick
from tradewatch.errors import ProtocolViolationError

#: How often the table is drawn at most.
REDRAW_S = 0.1
_COLOURS = {1: "green", -1: "red", 0: ""}
_ARROWS = {1: " ▲", -1: " ▼", 0: "  "}
#: Lines of the screen that the table itself needs: its head, its end, a word on what is not shown.
_FRAME_LINES = 6


class LiveTable:
    """Draws a board on a terminal.

    Args:
        console: the terminal.
        title: what stands above.
        monotonic_s: a clock that never goes back.
        unix_ms: the time in Unix milliseconds.
    """

    def __init__(
        self,
        console: Console,
        *,
        title: str,
        monotonic_s: Callable[[], float] = time.monotonic,
        unix_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._board = Board()
        self._title = title
        self._monotonic_s = monotonic_s
        self._unix_ms = unix_ms
        self._console = console
        self._drawn_s = 0.0
        self._live = Live(console=console, auto_refresh=False, screen=False, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        self.draw()
        return self

    def __exit__(self, *error: object) -> None:
        self.draw()
        self._live.__exit__(None, None, None)

    def say(self, words: str) -> None:
        """Words that stand above the table."""
        self._live.console.print(words, markup=False, highlight=False)

    def show(self, message: str) -> None:
        """A quote as it was received: a message of v1.

        Raises:
            ProtocolViolationError: it is none.
        """
        try:
            tick = msgspec.json.decode(message, type=Tick)
        except msgspec.DecodeError as error:
            raise ProtocolViolationError(f"the server sent what is no quote: {error}") from None
        self.take(tick)

    def take(self, tick: Tick) -> None:
        """A quote; the table follows within `REDRAW_S`."""
        now_s = self._monotonic_s()
        self._board.take(tick, now_s)
        if now_s - self._drawn_s >= REDRAW_S:
            self.draw()

    def draw(self) -> None:
        """Draw it as it is now; ages go on though no quote comes."""
        self._drawn_s = self._monotonic_s()
        self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        now_s, now_ms = self._drawn_s, self._unix_ms()
        lines = self._board.lines(now_s)
        shown = lines[: max(1, self._console.height - _FRAME_LINES)]
        table = Table(title=self._title, title_justify="left", expand=False)
        table.add_column("symbol", no_wrap=True)
        for heading in ("bid", "ask", "spread", "age", "quotes/s"):
            table.add_column(heading, justify="right", no_wrap=True)
        for line in shown:
            table.add_row(*_cells(line, now_s, now_ms))
        if not lines:
            table.caption = "waiting for the first quote"
        elif len(lines) > len(shown):
            table.caption = f"{len(lines) - len(shown)} more do not fit on this screen"
        return table


def _cells(line: Line, now_s: float, now_ms: int) -> tuple[str | Text, ...]:
    """The cells of a line."""
    age_s = max(0, now_ms - line.event_ms) / 1_000
    return (
        line.name,
        _price(line, line.bid),
        _price(line, line.ask),
        line.spread,
        _age(age_s),
        f"{line.rate(now_s):.1f}",
    )


def _price(line: Line, side: Side) -> Text:
    """A price, and which way it went."""
    text = line.aligned(Decimal(side.text))
    return Text(text + _ARROWS[side.direction], style=_COLOURS[side.direction])


def _age(age_s: float) -> str:
    """An age as a person reads it."""
    if age_s < 60:
        return f"{age_s:.1f} s"
    minutes = int(age_s // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
