"""Dialect v2 in MessagePack: https://github.com/msgpack/msgpack/blob/master/spec.md."""

from collections.abc import Sequence

import msgspec

from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.protocol.frame import Opcode
from tradewatch.protocol.price_text import plain_text, price_texts
from tradewatch.protocol.v2.dialect import QUOTE, V2Dialect

encode_msgpack = msgspec.msgpack.Encoder().encode

_MAP16 = b"\xde"
_MAP16_TEXT = "\xde\0"
_ARRAY16 = b"\xdc"
_ARRAY32 = b"\xdd"
_HEADER_BYTES = 3


def _bytes_as_text(value: object) -> str:
    """A value whose bytes are written as the characters of the same numbers.

    Bodies are put together as text, which is faster than joining bytes, and encoded as Latin-1 at the end.
    """
    return encode_msgpack(value).decode("latin-1")


#: The header of a text by its length: prices, sizes and times are ASCII and never longer.
_TEXT = [chr(0xA0 + size) if size < 32 else f"\xd9{chr(size)}" for size in range(256)]

_TIMESTAMP, _EVENT_NS, _RECEIVED_NS = map(_bytes_as_text, ("timestamp", "event_ns", "received_ns"))
_BID, _ASK, _MID = map(_bytes_as_text, ("bid", "ask", "mid"))
_BID_SIZE, _ASK_SIZE = map(_bytes_as_text, ("bid_size", "ask_size"))
#: The fields of every quote: event, asset class, symbol, seq, three times, three prices.
_FIELDS = 10


class V2Msgpack(V2Dialect):
    """Bodies are maps with a header of 16 bits, so that fields can be added behind; messages are binary."""

    name = "v2.msgpack"
    opcode = Opcode.BINARY

    def body(self, record: Record) -> bytes:
        """A quote; empty for records of another kind."""
        if record.kind != QUOTE:
            return b""
        instrument, bid, ask = record.instrument, record.bid, record.ask
        beginning, mid_decimals = self._beginnings.get(instrument.id) or self._begin(instrument)
        if bid is None or ask is None:
            prices = self._one_sided(bid, ask)
        else:
            b, a, m = price_texts(bid, ask, mid_decimals=mid_decimals)
            prices = f"{_BID}{_TEXT[len(b)]}{b}{_ASK}{_TEXT[len(a)]}{a}{_MID}{_TEXT[len(m)]}{m}"
        count = _FIELDS
        if record.bid_size is not None:
            size = plain_text(*record.bid_size)
            prices += f"{_BID_SIZE}{_TEXT[len(size)]}{size}"
            count += 1
        if record.ask_size is not None:
            size = plain_text(*record.ask_size)
            prices += f"{_ASK_SIZE}{_TEXT[len(size)]}{size}"
            count += 1
        source = self._sources.get(record.source)
        if source is None:
            source = self._say_source(record.source)
        flags = self._flags.get(record.flags)
        if flags is None:
            flags = self._say_flags(record.flags)
        count += (source != "") + (flags != "")
        time, event, received = (
            str(record.event_ns // 1_000_000),
            str(record.event_ns),
            str(record.received_ns),
        )
        return (
            f"{_MAP16_TEXT}{chr(count)}{beginning}{_bytes_as_text(record.seq)}"
            f"{_TIMESTAMP}{_TEXT[len(time)]}{time}{_EVENT_NS}{_TEXT[len(event)]}{event}"
            f"{_RECEIVED_NS}{_TEXT[len(received)]}{received}{prices}{source}{flags}"
        ).encode("latin-1")

    def event(self, event: msgspec.Struct) -> bytes:
        """An event as a map."""
        return encode_msgpack(event)

    def array(self, bodies: Sequence[bytes]) -> bytes:
        """An array with a header of 16 or 32 bits."""
        count = len(bodies)
        header = _ARRAY16 + count.to_bytes(2) if count < 1 << 16 else _ARRAY32 + count.to_bytes(4)
        return header + b"".join(bodies)

    def field(self, name: str, value: object) -> str:
        """A key and its value."""
        return _bytes_as_text(name) + _bytes_as_text(value)

    def beginning(self, instrument: Instrument) -> str:
        """Event, class and symbol, and the key of seq."""
        return (
            self.field("event", "quote")
            + self.field("asset_class", instrument.asset_class.value)
            + self.field("symbol", instrument.symbol)
            + _bytes_as_text("seq")
        )

    def extended(self, body: bytes, fields: list[str]) -> bytes:
        """The fields stand at the end, and the header counts them."""
        count = int.from_bytes(body[1:_HEADER_BYTES]) + len(fields)
        return _MAP16 + count.to_bytes(2) + body[_HEADER_BYTES:] + "".join(fields).encode("latin-1")
