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
        self._beginnings: dict[int, tuple[str, int]] = {}
        self.name = "v1.scoped" if scoped else "v1"

    def body(self, record: Record) -> bytes:
        """A quote as a finished frame; empty where a side is missing."""
        bid, ask, instrument = record.bid, record.ask, record.instrument
        if bid is None or ask is None:
            return b""
        beginning, mid_decimals = self._beginnings.get(instrument.id) or self._begin(instrument)
        bid_text, ask_text, mid_text = price_texts(bid, ask, mid_decimals=mid_decimals)
        time_ms = record.event_ns // 1_000_000
        return text_frame(
            f'{beginning}{time_ms}","ask":"{ask_text}","bid":"{bid_text}","mid":"{mid_text}"}}'.encode()
        )

    def _begin(self, instrument: Instrument) -> tuple[str, int]:
        """The part that all quotes of an instrument share, and the fewest decimals of their mid."""
        scope = f'"asset_class":"{instrument.asset_class.value}",' if self._scoped else ""
        begun = f'{{{scope}"symbol":"{instrument.symbol}","timestamp":"', instrument.asset_class.mid_decimals
        self._beginnings[instrument.id] = begun
        return begun

    def drained(self, body: bytes, *, skipped: int, snapshot: bool, replay: bool = False) -> bytes:
        """The body as it is: nothing of this can be said on v1."""
        return body

    def event(self, event: msgspec.Struct) -> bytes:
        """An event as a finished frame."""
        return text_frame(_encode(event))

    def frames(self, bodies: Sequence[bytes]) -> bytes:
        """One text frame for each body."""
        return b"".join(bodies)
