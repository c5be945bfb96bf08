"""The Python client: quotes as typed values, over connections that come back by themselves.

    async with connect("ws://127.0.0.1:8000", api_key=key) as stream:
        await stream.subscribe("crypto:BTCUSD")
        async for quote in stream:
            print(quote.name, quote.bid, quote.ask)

`tradewatch.client.sync` has the same for programs without an event loop. `Api` and `AsyncApi` have what is
not streamed: last quotes, symbols, and the history of a symbol, also as a data frame.

    frame = Api("http://127.0.0.1:8000", api_key=key).candles("crypto:BTCUSD", start="2026-01-31").to_pandas()
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
from tradewatch.client.rest.answers import Candle, LastQuote, Symbol, Tick
from tradewatch.client.rest.api import Api
from tradewatch.client.rest.async_api import AsyncApi
from tradewatch.client.rest.history import AsyncHistory, History
from tradewatch.client.rest.retry import Retry
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
    "Api",
    "AsyncApi",
    "AsyncHistory",
    "AuthenticationError",
    "Balance",
    "Candle",
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
    "History",
    "Lag",
    "LastQuote",
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
    "Retry",
    "ServerDrainingError",
    "Status",
    "Stream",
    "StreamClosedError",
    "StreamEvent",
    "Subscribed",
    "Symbol",
    "Tick",
    "UnreachableError",
    "Unsubscribed",
    "Violation",
    "connect",
    "every",
    "latest",
    "sync",
]
