"""Dialect v1 as bytes: the shapes of the public service, one JSON object per message.

Every decimal and every timestamp is a JSON string. What a record's text costs is paid once: the part that
never changes stands ready per instrument, the rest is the same for every client.
"""

from collections.abc import Sequence

import msgspec

from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.protocol.codes import ErrorCode
from tradewatch.protocol.frame import text_frame
from tradewatch.protocol.naming import ECHO_CHARS
from tradewatch.protocol.price_text import price_texts

_encode = msgspec.json.encode


def quote_prefix(instrument: Instrument, *, scoped: bool) -> bytes:
    """The part of a quote that is the same for every quote of an instrument.

    Args:
        instrument: whose quotes.
        scoped: whether the client hears all classes on one connection, so that the class comes first.
    """
    scope = f'"asset_class":"{instrument.asset_class.value}",' if scoped else ""
    return f'{{{scope}"symbol":"{instrument.symbol}","timestamp":"'.encode()


def quote_body(record: Record) -> bytes:
    """The rest of a quote: `prefix + body` is the message. Empty for a one-sided quote, which v1 has not."""
    bid, ask = record.bid, record.ask
    if bid is None or ask is None:
        return b""
    bid_text, ask_text, mid_text = price_texts(
        bid, ask, mid_decimals=record.instrument.asset_class.mid_decimals
    )
    time_ms = record.event_ns // 1_000_000
    return f'{time_ms}","ask":"{ask_text}","bid":"{bid_text}","mid":"{mid_text}"}}'.encode()


def status(names: Sequence[str]) -> bytes:
    """`{"event": "status", "symbols": [...]}`: the whole current list, in the order requested."""
    return _encode({"event": "status", "symbols": names})


def pong(now_ns: int) -> bytes:
    """`{"event": "pong", "timestamp": "1704067261000"}`."""
    return _encode({"event": "pong", "timestamp": str(now_ns // 1_000_000)})


def error(code: ErrorCode, message: str, names: Sequence[str] | None = None) -> bytes:
    """`{"event": "error", "code", "message", "symbols"}`; `symbols` only where names are at fault."""
    event: dict[str, object] = {"event": "error", "code": code.value, "message": message}
    if names is not None:
        event["symbols"] = [name[:ECHO_CHARS] for name in names]
    return _encode(event)


class V1:
    """The dialect: a body is a whole frame, because every quote is a message of its own.

    Args:
        scoped: whether the client hears all classes on one connection, so that each quote says its class.
    """

    def __init__(self, *, scoped: bool) -> None:
        self._scoped = scoped
        self._prefixes: dict[int, bytes] = {}
        self.name = "v1.scoped" if scoped else "v1"

    def body(self, record: Record) -> bytes:
        """A quote as a finished frame; empty where a side is missing."""
        rest = quote_body(record)
        if not rest:
            return b""
        instrument = record.instrument
        prefix = self._prefixes.get(instrument.id)
        if prefix is None:
            prefix = self._prefixes[instrument.id] = quote_prefix(instrument, scoped=self._scoped)
        return text_frame(prefix + rest)

    def drained(self, body: bytes, *, skipped: int, snapshot: bool, replay: bool = False) -> bytes:
        """The body as it is: nothing of this can be said on v1."""
        return body

    def event(self, event: msgspec.Struct) -> bytes:
        """An event as a finished frame."""
        return text_frame(_encode(event))

    def frames(self, bodies: Sequence[bytes]) -> bytes:
        """One text frame for each body."""
        return b"".join(bodies)
