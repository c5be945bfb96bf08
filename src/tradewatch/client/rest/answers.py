"""What the REST API answers, as typed values; numbers are read as the decimals they are. No I/O."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from tradewatch.client.events import name_of
from tradewatch.errors import ProtocolViolationError
from tradewatch.model.asset_class import AssetClass

_Answer = TypeVar("_Answer")


class LastQuote(msgspec.Struct, frozen=True, kw_only=True):
    """The newest quote of a symbol.

    Attributes:
        symbol: the bare symbol.
        bid: the price one can sell at; None where the side is missing.
        ask: the price one can buy at; None where the side is missing.
        mid: the mean of both; None where a side is missing.
        timestamp: when it happened; Unix milliseconds.
        asset_class: the class of the symbol.
    """

    symbol: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    mid: Decimal | None = None
    timestamp: int
    asset_class: str = ""

    @property
    def name(self) -> str:
        """`crypto:BTCUSD`."""
        return name_of(self.asset_class, self.symbol)

    @property
    def time(self) -> datetime:
        """When it happened."""
        return datetime.fromtimestamp(self.timestamp / 1_000, UTC)


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to ask for.

    Attributes:
        symbol: the bare symbol.
        name: what people call it.
        country: of a stock: ISO 3166-1, lower case; None where it has none.
        description: of a stock; None where there is none.
    """

    symbol: str
    name: str = ""
    country: str | None = None
    description: str | None = None


class Candle(msgspec.Struct, frozen=True, kw_only=True):
    """What the prices of a symbol did in a span of time; a side that had none is None.

    Attributes:
        time: when it begins; Unix seconds.
        open_bid: the first bid.
        high_bid: the highest bid.
        low_bid: the lowest bid.
        close_bid: the last bid.
        open_ask: the first ask.
        high_ask: the highest ask.
        low_ask: the lowest ask.
        close_ask: the last ask.
    """

    time: int
    open_bid: Decimal | None = None
    high_bid: Decimal | None = None
    low_bid: Decimal | None = None
    close_bid: Decimal | None = None
    open_ask: Decimal | None = None
    high_ask: Decimal | None = None
    low_ask: Decimal | None = None
    close_ask: Decimal | None = None


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """One quote of the past; what else there is to know of it stands in frames.

    Attributes:
        time_text: when it happened, to the nanosecond: ISO 8601.
        bid: the price one could sell at; None where the side was missing.
        ask: the price one could buy at; None where the side was missing.
        mid: the mean of both; None where a side was missing.
        position: its epoch and number, as in the stream.
    """

    time_text: str = msgspec.field(name="time")
    bid: Decimal | None = None
    ask: Decimal | None = None
    mid: Decimal | None = None
    position: str

    @property
    def time(self) -> datetime:
        """When it happened, to the microsecond."""
        return datetime.fromisoformat(self.time_text)


Row = TypeVar("Row")


class Items(msgspec.Struct, Generic[Row], frozen=True):
    """A page, or all there is.

    Attributes:
        items: what stands on it.
        next_page: the cursor of the next one; None where there is none.
    """

    items: list[Row]
    next_page: str | None = None


#: Of one answer: its page.
Reader = Callable[[bytes], Items[Row]]

_quotes = msgspec.json.Decoder(Items[LastQuote])
_symbols = msgspec.json.Decoder(Items[Symbol])
_candles = msgspec.json.Decoder(Items[Candle])
_ticks = msgspec.json.Decoder(Items[Tick])


def quotes_of(body: bytes, asset_class: AssetClass) -> list[LastQuote]:
    """The quotes of an answer, with the class they are of."""
    items = _decoded(_quotes, body).items
    return [msgspec.structs.replace(quote, asset_class=asset_class.value) for quote in items]


def symbols_of(body: bytes) -> Items[Symbol]:
    """A page of symbols."""
    return _decoded(_symbols, body)


def candles_of(body: bytes) -> Items[Candle]:
    """All candles of a part of a range."""
    return _decoded(_candles, body)


def ticks_of(body: bytes) -> Items[Tick]:
    """A page of ticks."""
    return _decoded(_ticks, body)


def _decoded(decoder: msgspec.json.Decoder[_Answer], body: bytes) -> _Answer:
    """The answer.

    Raises:
        ProtocolViolationError: it is none.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolViolationError(f"the server's answer is none of this API: {error}") from None
