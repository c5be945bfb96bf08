"""What a stream brings, in one order: quotes, gaps, and words about the connection."""

from decimal import Decimal
from typing import Any

import msgspec

from tradewatch.errors import ClientError
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.v2.events import (
    Drain,
    Error,
    Event,
    Heartbeat,
    Lag,
    LimitsChanged,
    Result,
    Subscribed,
    Unsubscribed,
)


def name_of(asset_class: str, symbol: str) -> str:
    """The name of a symbol over all classes: `crypto:BTCUSD`."""
    return f"{asset_class}:{symbol}"


class Quote(Event, frozen=True, kw_only=True, gc=False, tag="quote"):
    """One quote. Prices are kept as the text they came in; `bid`, `ask` and `mid` make decimals of it.

    Attributes:
        asset_class: the class of the symbol.
        symbol: the bare symbol.
        seq: its number among the quotes of its symbol.
        timestamp: when it happened, by its source; Unix milliseconds, as text.
        bid_text: the price one can sell at; None where the side is missing.
        ask_text: the price one can buy at; None where the side is missing.
        mid_text: the mean of both; None where a side is missing.
        bid_size_text: how much is wanted at the bid; None where unknown.
        ask_size_text: how much is offered at the ask; None where unknown.
        event_ns_text: when it happened; Unix nanoseconds, as text.
        received_ns_text: when it reached the server; Unix nanoseconds, as text.
        source: where the server has it from; None where it does not say.
        flags: what else there is to know: `simulated`, `delayed`, `crossed`, ...
        skipped: quotes of this symbol between the one before and this, which do not come.
        snapshot: whether it is the newest one known at a subscribe.
        replay: whether it is repeated from the past.
    """

    asset_class: str
    symbol: str
    seq: int
    timestamp: str
    event_ns_text: str = msgspec.field(name="event_ns")
    received_ns_text: str = msgspec.field(name="received_ns")
    bid_text: str | None = msgspec.field(name="bid")
    ask_text: str | None = msgspec.field(name="ask")
    mid_text: str | None = msgspec.field(name="mid")
    bid_size_text: str | None = msgspec.field(name="bid_size", default=None)
    ask_size_text: str | None = msgspec.field(name="ask_size", default=None)
    source: str | None = None
    flags: tuple[str, ...] = ()
    skipped: int = 0
    snapshot: bool = False
    replay: bool = False

    @property
    def name(self) -> str:
        """`crypto:BTCUSD`."""
        return f"{self.asset_class}:{self.symbol}"

    @property
    def bid(self) -> Decimal | None:
        """The price one can sell at, exactly."""
        return _decimal(self.bid_text)

    @property
    def ask(self) -> Decimal | None:
        """The price one can buy at, exactly."""
        return _decimal(self.ask_text)

    @property
    def mid(self) -> Decimal | None:
        """The mean of both, exactly as the server rounds it."""
        return _decimal(self.mid_text)

    @property
    def bid_size(self) -> Decimal | None:
        """How much is wanted at the bid."""
        return _decimal(self.bid_size_text)

    @property
    def ask_size(self) -> Decimal | None:
        """How much is offered at the ask."""
        return _decimal(self.ask_size_text)

    @property
    def event_ns(self) -> int:
        """When it happened; Unix nanoseconds."""
        return int(self.event_ns_text)

    @property
    def received_ns(self) -> int:
        """When it reached the server; Unix nanoseconds."""
        return int(self.received_ns_text)


class Gap(Event, frozen=True, kw_only=True, gc=False, tag="gap"):
    """Quotes of one symbol that do not come, and why.

    Attributes:
        asset_class: the class of the symbol.
        symbol: the bare symbol.
        epoch: in which they would have stood.
        from_seq: the first of them.
        to_seq: the last of them; None where nobody knows.
        cause: `disconnected` (this client was away), `unexplained` (the server left them out without a
            word), or what the server says: `aged_out`, `restart`, `replay_failed`, `upstream`, ...
        next_epoch: in which the symbol goes on, from seq 1, where that is another one.
        fill: where the server has them, as a path with a query; None where it does not.
        seq: of an upstream loss: its own place, the last of the gap.
        missing: of an upstream loss: how many quotes the source lost; None where nobody knows.
        source: of an upstream loss: who lost them.
    """

    asset_class: str
    symbol: str
    epoch: str
    from_seq: int = msgspec.field(name="from", default=0)
    to_seq: int | None = msgspec.field(name="to", default=None)
    cause: str
    next_epoch: str | None = None
    fill: str | None = None
    seq: int | None = None
    missing: int | None = None
    source: str | None = None

    @property
    def name(self) -> str:
        """`crypto:BTCUSD`."""
        return f"{self.asset_class}:{self.symbol}"


class Connected(Event, frozen=True, kw_only=True, tag="connected"):
    """The server has said welcome; what was subscribed is asked for again.

    Attributes:
        session: the server's name of the connection.
        limits: what binds it.
    """

    session: str
    limits: ConnectionLimits


class Disconnected(Event, frozen=True, kw_only=True, tag="disconnected"):
    """The connection is gone and will be sought again.

    Attributes:
        error: why it ended, or why it could not be made again.
        retry_in_s: when the next attempt is.
    """

    error: ClientError
    retry_in_s: float


class NotRestored(Event, frozen=True, kw_only=True, tag="not_restored"):
    """After a reconnect the server refused what was subscribed before; it is asked for at the next, too."""

    results: list[Result]


class Violation(Event, frozen=True, kw_only=True, tag="violation"):
    """The server broke its own law of positions, or its balance does not add up.

    Attributes:
        message: what is wrong.
        name: the symbol, where one is concerned.
    """

    message: str
    name: str | None = None


class OtherEvent(Event, frozen=True, kw_only=True, tag="other"):
    """An event that this version does not know.

    Attributes:
        name: what the server calls it.
        fields: all of it.
    """

    name: str
    fields: dict[str, Any]


#: What stands in the order of a stream.
StreamEvent = (
    Quote
    | Gap
    | Connected
    | Disconnected
    | NotRestored
    | Subscribed
    | Unsubscribed
    | Heartbeat
    | Lag
    | LimitsChanged
    | Drain
    | Error
    | Violation
    | OtherEvent
)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
