"""The newest quotes as bytes: encoded once per dialect, for everybody who hears them or catches up."""

from array import array
from collections.abc import Iterable

from tradewatch.model.record import Record
from tradewatch.protocol.dialect import Dialect


class QuoteBodies:
    """Bodies of one dialect; the newest of each instrument is kept.

    Attributes:
        encoded: how many quotes were encoded.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._encode = dialect.body
        self._newest: dict[int, tuple[Record, bytes]] = {}
        self.encoded = 0

    def body(self, record: Record) -> bytes:
        """The body of a quote; empty where the dialect has none for it."""
        kept = self._newest.get(record.instrument.id)
        if kept is not None and kept[0] is record:
            return kept[1]
        body = self._encode(record)
        self.encoded += 1
        self._newest[record.instrument.id] = (record, body)
        return body

    def heard(
        self, records: Iterable[Record], hearers: Iterable["array[int] | None"]
    ) -> tuple[list[bytes], list["array[int]"]]:
        """Encode the records of a flush that somebody hears: their bodies, and who hears each.

        Args:
            records: new, in their order.
            hearers: for each the slots that hear it; None for nobody.
        """
        encode, newest = self._encode, self._newest
        bodies: list[bytes] = []
        heard: list[array[int]] = []
        for record, slots in zip(records, hearers, strict=True):
            if slots is not None:
                body = encode(record)
                newest[record.instrument.id] = (record, body)
                self.encoded += 1
                if body:
                    bodies.append(body)
                    heard.append(slots)
        return bodies, heard
