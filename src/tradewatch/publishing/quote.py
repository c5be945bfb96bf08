"""One published quote: what makes it a record, or why it is none."""

import re
from typing import Protocol

from tradewatch.errors import InvalidInstrumentError, InvalidPriceError
from tradewatch.fanout.claims import Claims
from tradewatch.model.asset_class import AssetClass, asset_class_named
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import MAX_EVENT_NS, Record, side_flags
from tradewatch.protocol.codes import PublishCode
from tradewatch.protocol.publish import PublishedQuote
from tradewatch.reference.catalogue import Catalogue

_MILLISECONDS = re.compile(r"\d{1,14}", re.ASCII)


class Grant(Protocol):
    """What a key may publish."""

    @property
    def may_create(self) -> bool:
        """Whether it may bring in instruments that nobody knows."""
        ...

    def allows(self, asset_class: AssetClass, symbol: str) -> bool:
        """Whether it may quote this."""
        ...


class QuoteReader:
    """Turns published quotes into records.

    Args:
        catalogue: finds the instruments, and takes in new ones.
        claims: says which instruments belong to a feed.
    """

    def __init__(self, catalogue: Catalogue, claims: Claims) -> None:
        self._catalogue = catalogue
        self._claims = claims

    def read(
        self, quote: PublishedQuote, grant: Grant, *, source: int, received_ns: int
    ) -> Record | PublishCode:
        """The record of a quote, or the code that says what is wrong with it."""
        prices = _read_prices(quote)
        if isinstance(prices, PublishCode):
            return prices
        bid, ask, bid_size, ask_size = prices
        event_ns = received_ns if quote.timestamp is None else _read_time(quote.timestamp)
        if event_ns is None:
            return PublishCode.INVALID_TIMESTAMP
        asset_class = _read_class(quote.asset_class)
        if asset_class is None:
            return PublishCode.INVALID_ASSET_CLASS
        if not asset_class.prices_may_fall_below_zero and _below_or_at_zero(bid, ask):
            return PublishCode.INVALID_PRICE
        instrument = self._instrument(quote.symbol, asset_class, grant, bid, ask)
        if isinstance(instrument, PublishCode):
            return instrument
        return Record(
            instrument=instrument,
            event_ns=event_ns,
            received_ns=received_ns,
            bid=bid,
            ask=ask,
            source=source,
            flags=side_flags(bid, ask),
            bid_size=bid_size,
            ask_size=ask_size,
        )

    def _instrument(
        self, symbol: object, asset_class: AssetClass, grant: Grant, bid: Price | None, ask: Price | None
    ) -> Instrument | PublishCode:
        if not isinstance(symbol, str):
            return PublishCode.INVALID_SYMBOL
        if not grant.allows(asset_class, symbol.upper()):
            return PublishCode.NOT_ALLOWED
        instrument = self._catalogue.get(asset_class, symbol)
        if instrument is None:
            if not grant.may_create:
                return PublishCode.UNKNOWN_SYMBOL
            decimals = max(side.decimals for side in (bid, ask) if side is not None)
            try:
                return self._catalogue.add(asset_class, symbol, decimals=decimals)
            except InvalidInstrumentError as error:
                return PublishCode(error.code)
        if self._claims.owner(instrument) is not None:
            return PublishCode.SYMBOL_TAKEN
        self._claims.give_way(instrument)
        return instrument


def _read_prices(
    quote: PublishedQuote,
) -> tuple[Price | None, Price | None, Price | None, Price | None] | PublishCode:
    """Both prices and both sizes; at least one side has a price."""
    try:
        bid, ask = _read_number(quote.bid), _read_number(quote.ask)
    except InvalidPriceError:
        return PublishCode.INVALID_PRICE
    if bid is None and ask is None:
        return PublishCode.INVALID_PRICE
    try:
        bid_size, ask_size = _read_number(quote.bid_size), _read_number(quote.ask_size)
    except InvalidPriceError:
        return PublishCode.INVALID_SIZE
    if any(size is not None and size.mantissa < 0 for size in (bid_size, ask_size)):
        return PublishCode.INVALID_SIZE
    return bid, ask, bid_size, ask_size


def _read_number(value: object) -> Price | None:
    """A decimal as text, or an integer; null is a side that is missing."""
    if value is None:
        return None
    if isinstance(value, str):
        return Price.parse(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Price.of(value, 0)
    raise InvalidPriceError("neither a number nor a decimal text")


def _read_time(value: object) -> int | None:
    """Unix milliseconds, as text or integer, in nanoseconds; None where it is neither."""
    if isinstance(value, str) and _MILLISECONDS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    event_ns = value * 1_000_000
    return event_ns if 0 <= event_ns <= MAX_EVENT_NS else None


def _read_class(value: object) -> AssetClass | None:
    return asset_class_named(value) if isinstance(value, str) else None


def _below_or_at_zero(bid: Price | None, ask: Price | None) -> bool:
    return any(side is not None and side.mantissa <= 0 for side in (bid, ask))
