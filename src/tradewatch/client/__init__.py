"""The Python client: quotes as typed values, over connections that come back by themselves.

    async with connect("ws://127.0.0.1:8000", api_key=key) as stream:
        await stream.subscribe("crypto:BTCUSD")
        async for quote in stream:
            print(quote.name, quote.bid, quote.ask)

`tradewatch.client.sync` has the same for programs without an event loop.
"""

from tradewatch.client import sync
from tradewatch.client.backoff import Reconnect
from tradewatch.client.connecting import Connecting, connect
from tradewatch.client.events import (
    Connected,
    Disconnected,
    Gap,
    NotRestored,
    OtherEvent,
    Quote,
    StreamEvent,
    Violation,
)
from tradewatch.client.ledger import Balance, Ledger
from tradewatch.client.requests import every, latest
from tradewatch.client.stream import Stream
from tradewatch.errors import (
    AuthenticationError,
    ClientError,
    ConnectionClosedError,
    NotFoundError,
    PlanError,
    ProtocolViolationError,
    RateLimitedError,
    RefusedError,
    RequestRefusedError,
    ServerDrainingError,
    StreamClosedError,
    UnreachableError,
)
from tradewatch.protocol.delivery import Delivery
from tradewatch.protocol.v2.events import (
    Drain,
    Error,
    Heartbeat,
    Lag,
    LimitsChanged,
    Result,
    Status,
    Subscribed,
    Unsubscribed,
)

__all__ = [
    "AuthenticationError",
    "Balance",
    "ClientError",
    "Connected",
    "Connecting",
    "ConnectionClosedError",
    "Delivery",
    "Disconnected",
    "Drain",
    "Error",
    "Gap",
    "Heartbeat",
    "Lag",
    "Ledger",
    "LimitsChanged",
    "NotFoundError",
    "NotRestored",
    "OtherEvent",
    "PlanError",
    "ProtocolViolationError",
    "Quote",
    "RateLimitedError",
    "Reconnect",
    "RefusedError",
    "RequestRefusedError",
    "Result",
    "ServerDrainingError",
    "Status",
    "Stream",
    "StreamClosedError",
    "StreamEvent",
    "Subscribed",
    "UnreachableError",
    "Unsubscribed",
    "Violation",
    "connect",
    "every",
    "latest",
    "sync",
]
