"""The board: what a live table shows of each symbol, kept from quote to quote."""

from collections import deque
from decimal import Decimal

import msgspec

#: The rate of a symbol is what came within so many seconds.
RATE_SPAN_S = 10.0
#: A price that moved stays marked for so long.
MARKED_S = 1.0
#: More moments are not remembered per symbol: a rate beyond is shown as at least this.
_MOST_MOMENTS = 2_000


class Tick(msgspec.Struct):
    """A quote of v1, as far as the board needs it."""

    symbol: str
    timestamp: str
    bid: str
    ask: str
    asset_class: str = ""


class Side:
    """One price and where it went last.

    Attributes:
        text: as it was received; empty before the first.
        direction: 1 up, -1 down, 0 where it has not moved lately.
    """

    __slots__ = ("_moved_s", "direction", "text")

    def __init__(self) -> None:
        self.text = ""
        self.direction = 0
        self._moved_s = 0.0

    def take(self, text: str, now_s: float) -> None:
        """A new price."""
        if self.text and text != self.text:
            self.direction = 1 if Decimal(text) > Decimal(self.text) else -1
            self._moved_s = now_s
        self.text = text

    def settle(self, now_s: float) -> None:
        """Time has passed; a mark is taken back."""
        if now_s - self._moved_s > MARKED_S:
            self.direction = 0


class Line:
    """One symbol's line.

    Attributes:
        name: as the server writes it.
        bid: the price one can sell at.
        ask: the price one can buy at.
        event_ms: when the newest quote happened; Unix milliseconds.
    """

    __slots__ = ("_decimals", "_moments", "ask", "bid", "event_ms", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.bid = Side()
        self.ask = Side()
        self.event_ms = 0
        self._decimals = 0
        self._moments: deque[float] = deque(maxlen=_MOST_MOMENTS)

    @property
    def spread(self) -> str:
        """What lies between both prices, exactly."""
        return self.aligned(Decimal(self.ask.text) - Decimal(self.bid.text))

    def aligned(self, price: Decimal) -> str:
        """A price with as many decimals as any of the symbol has had, so that digits stand below digits."""
        return f"{price:.{self._decimals}f}"

    def rate(self, now_s: float) -> float:
        """Quotes a second, over the last seconds."""
        while self._moments and now_s - self._moments[0] > RATE_SPAN_S:
            self._moments.popleft()
        if len(self._moments) == _MOST_MOMENTS:  # they do not reach back as far
            return _MOST_MOMENTS / max(now_s - self._moments[0], 0.001)
        return len(self._moments) / RATE_SPAN_S

    def take(self, tick: Tick, now_s: float) -> None:
        """A quote of it."""
        self.bid.take(tick.bid, now_s)
        self.ask.take(tick.ask, now_s)
        self.event_ms = int(tick.timestamp)
        for text in (tick.bid, tick.ask):
            self._decimals = max(self._decimals, len(text.partition(".")[2]))
        self._moments.append(now_s)


class Board:
    """The lines, in the order in which their symbols were first heard."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self.quotes = 0

    def take(self, tick: Tick, now_s: float) -> None:
        """A quote, at this time of the monotonic clock."""
        name = f"{tick.asset_class}:{tick.symbol}" if tick.asset_class else tick.symbol
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = Line(name)
        line.take(tick, now_s)
        self.quotes += 1

    def lines(self, now_s: float) -> list[Line]:
        """All lines as they are to be shown now."""
        for line in self._lines.values():
            line.bid.settle(now_s)
            line.ask.settle(now_s)
        return list(self._lines.values())
