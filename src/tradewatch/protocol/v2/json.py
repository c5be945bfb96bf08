"""Dialect v2 in JSON."""

from collections.abc import Sequence

import msgspec

from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.protocol.frame import Opcode
from tradewatch.protocol.price_text import plain_text, price_texts
from tradewatch.protocol.v2.dialect import QUOTE, V2Dialect

encode_json = msgspec.json.Encoder().encode


class V2Json(V2Dialect):
    """Bodies are objects, messages text."""

    name = "v2.json"
    opcode = Opcode.TEXT

    def body(self, record: Record) -> bytes:
        """A quote; empty for records of another kind."""
        if record.kind != QUOTE:
            return b""
        instrument, bid, ask = record.instrument, record.bid, record.ask
        beginning, mid_decimals = self._beginnings.get(instrument.id) or self._begin(instrument)
        if bid is None or ask is None:
            prices = self._one_sided(bid, ask)
        else:
            bid_text, ask_text, mid_text = price_texts(bid, ask, mid_decimals=mid_decimals)
            prices = f',"bid":"{bid_text}","ask":"{ask_text}","mid":"{mid_text}"'
        if record.bid_size is not None:
            prices += f',"bid_size":"{plain_text(*record.bid_size)}"'
        if record.ask_size is not None:
            prices += f',"ask_size":"{plain_text(*record.ask_size)}"'
        source = self._sources.get(record.source)
        if source is None:
            source = self._say_source(record.source)
        flags = self._flags.get(record.flags)
        if flags is None:
            flags = self._say_flags(record.flags)
        event_ns = record.event_ns
        return (
            f'{beginning}{record.seq},"timestamp":"{event_ns // 1_000_000}","event_ns":"{event_ns}",'
            f'"received_ns":"{record.received_ns}"{prices}{source}{flags}}}'
        ).encode()

    def event(self, event: msgspec.Struct) -> bytes:
        """An event as an object."""
        return encode_json(event)

    def array(self, bodies: Sequence[bytes]) -> bytes:
        """A list."""
        return b"[" + b",".join(bodies) + b"]"

    def field(self, name: str, value: object) -> str:
        """`,"name":value`."""
        return f',"{name}":{encode_json(value).decode()}'

    def beginning(self, instrument: Instrument) -> str:
        """`{"event":"quote","asset_class":...,"symbol":...,"seq":`; no character in them needs escaping."""
        return (
            f'{{"event":"quote","asset_class":"{instrument.asset_class.value}",'
            f'"symbol":"{instrument.symbol}","seq":'
        )

    def extended(self, body: bytes, fields: list[str]) -> bytes:
        """The fields stand before the closing brace."""
        return body[:-1] + "".join(fields).encode() + b"}"
