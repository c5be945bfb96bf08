"""Dialect v1 as bytes: the shapes of the public service, one JSON object per message.

Every decimal and every timestamp is a JSON string. What a record's text costs is paid once: the part that
never changes stands ready per instrument, the rest is the same for every client.
"""

from collections.abc import Sequence

import msgspec

from tradewatch.model.instrument import Instrument
from tradewatch.model.price import mid
from tradewatch.model.record import Record
from tradewatch.protocol.codes import ErrorCode

_encode = msgspec.json.encode

#: Longer names than any symbol are cut before they are said back.
_ECHO_CHARS = 64


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
    middle = mid(bid, ask, decimals=record.instrument.asset_class.mid_decimals)
    time_ms = record.event_ns // 1_000_000
    return f'{time_ms}","ask":"{ask.text}","bid":"{bid.text}","mid":"{middle.text}"}}'.encode()


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
        event["symbols"] = [name[:_ECHO_CHARS] for name in names]
    return _encode(event)
