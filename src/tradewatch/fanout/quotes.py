"""Quotes as the bytes that clients get, made once for everybody."""

from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.protocol import v1
from tradewatch.protocol.frame import text_frame


class QuoteFrames:
    """Encodes quotes of dialect v1 into finished frames; what never changes is kept per instrument."""

    def __init__(self) -> None:
        self._prefixes: dict[tuple[int, bool], bytes] = {}

    def frames(self, record: Record, *, scoped: bool) -> bytes:
        """The frame of a quote; empty where the dialect has none for it.

        Args:
            record: a quote.
            scoped: whether the client hears all classes on one connection.
        """
        body = v1.quote_body(record)
        if not body:
            return b""
        return text_frame(self._prefix(record.instrument, scoped) + body)

    def _prefix(self, instrument: Instrument, scoped: bool) -> bytes:
        key = (instrument.id, scoped)
        prefix = self._prefixes.get(key)
        if prefix is None:
            prefix = self._prefixes[key] = v1.quote_prefix(instrument, scoped=scoped)
        return prefix
