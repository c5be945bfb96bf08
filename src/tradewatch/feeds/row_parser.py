"""How a row of texts becomes a record."""

import msgspec

from tradewatch.errors import InvalidInstrumentError, InvalidPriceError, TradewatchError
from tradewatch.feeds.rows import Row
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import MAX_EVENT_NS, Record, side_flags
from tradewatch.reference.catalogue import Catalogue

_NS_PER_MS = 1_000_000
#: ts_ms as whole milliseconds, up to the year 2286; longer texts take the careful way.
_MS_DIGITS = 13

#: Prices, and pairs of them, remembered per file: a market returns to the same ones, the parser need not. It
#: halves the cost of a row in real files.
_REMEMBERED = 5_000


class BadRowError(TradewatchError):
    """A row that is no quote, and why."""


class _Sides(msgspec.Struct, frozen=True, gc=False):
    """Two prices, what they say of each other, and whether both are above zero."""

    bid: Price | None
    ask: Price | None
    flags: int
    positive: bool


class RowParser:
    """Makes the records of one file; remembers its symbols and its latest prices."""

    def __init__(self, catalogue: Catalogue, asset_class: AssetClass | None) -> None:
        """Begin a file.

        Args:
            catalogue: where instruments are found, and unknown ones added with the decimals of their prices.
            asset_class: the class of all rows; None where each says its own.
        """
        self._catalogue = catalogue
        self._asset_class = asset_class
        self._instruments: dict[tuple[AssetClass, str | None], Instrument] = {}
        self._prices: dict[str, Price] = {}
        self._sides: dict[tuple[str | None, str | None], _Sides] = {}

    def record(self, row: Row) -> Record:
        """The record of a row; `received_ns` is 0 until it is handed over.

        Raises:
            BadRowError: the row is no quote.
        """
        time_text, symbol, bid_text, ask_text, bid_size_text, ask_size_text, class_text = row
        sides = self._sides.get((bid_text, ask_text)) or self._read_sides(bid_text, ask_text)
        asset_class = self._asset_class or _class_named(class_text)
        if not (sides.positive or asset_class.prices_may_fall_below_zero):
            raise BadRowError(f"a price of {asset_class.value} is not above zero: {bid_text}, {ask_text}")
        event_ns = _event_ns(time_text)
        bid_size = _size("bid_size", bid_size_text) if bid_size_text else None
        ask_size = _size("ask_size", ask_size_text) if ask_size_text else None
        instrument = self._instruments.get((asset_class, symbol)) or self._find(asset_class, symbol, sides)
        return Record(
            instrument,
            event_ns,
            0,
            sides.bid,
            sides.ask,
            flags=sides.flags,
            bid_size=bid_size,
            ask_size=ask_size,
        )

    def _read_sides(self, bid_text: str | None, ask_text: str | None) -> _Sides:
        """Both prices of a row, remembered."""
        bid = self._read_price("bid", bid_text) if bid_text else None
        ask = self._read_price("ask", ask_text) if ask_text else None
        if bid is None and ask is None:
            raise BadRowError("neither bid nor ask")
        positive = (bid is None or bid.mantissa > 0) and (ask is None or ask.mantissa > 0)
        sides = _Sides(bid, ask, side_flags(bid, ask), positive)
        if len(self._sides) >= _REMEMBERED:
            self._sides.clear()
        self._sides[bid_text, ask_text] = sides
        return sides

    def _read_price(self, column: str, text: str) -> Price:
        """One price, remembered."""
        price = self._prices.get(text)
        if price is None:
            price = _number(column, text)
            if len(self._prices) >= _REMEMBERED:
                self._prices.clear()
            self._prices[text] = price
        return price

    def _find(self, asset_class: AssetClass, symbol: str | None, sides: _Sides) -> Instrument:
        """The instrument of a symbol not seen before; called last, so that only good rows add one."""
        decimals = max(price.decimals for price in (sides.bid, sides.ask) if price is not None)
        try:
            instrument = self._catalogue.add(asset_class, symbol or "", decimals=decimals)
        except InvalidInstrumentError as error:
            raise BadRowError(f"symbol: {error}") from None
        self._instruments[asset_class, symbol] = instrument
        return instrument


_CLASSES: dict[str | None, AssetClass] = {asset_class.value: asset_class for asset_class in AssetClass}


def _class_named(text: str | None) -> AssetClass:
    """The class that a row names."""
    if text not in _CLASSES:
        raise BadRowError(f"asset_class: no such class: {(text or '')[:40]!r}")
    return _CLASSES[text]


def _number(column: str, text: str) -> Price:
    """An exact decimal of a column."""
    try:
        return Price.parse(text)
    except InvalidPriceError as error:
        raise BadRowError(f"{column}: {error}") from None


def _size(column: str, text: str) -> Price:
    """A size, which is never below zero."""
    size = _number(column, text)
    if size.mantissa < 0:
        raise BadRowError(f"{column}: below zero: {text!r}")
    return size


def _event_ns(text: str | None) -> int:
    """The nanoseconds of `ts_ms`, exactly; what is finer than a nanosecond is cut off."""
    if text and len(text) <= _MS_DIGITS and text.isdigit() and text.isascii():
        event_ns = int(text) * _NS_PER_MS
    else:
        mantissa, exponent = _number("ts_ms", text or "")
        event_ns = mantissa * _NS_PER_MS // 10**-exponent
    if not 0 <= event_ns <= MAX_EVENT_NS:
        raise BadRowError(f"ts_ms: not between the years 1970 and 2200: {text!r}")
    return event_ns
