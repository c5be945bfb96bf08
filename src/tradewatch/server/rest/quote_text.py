"""Quotes as REST shows them: JSON numbers with exactly the digits of the source."""

from collections.abc import Iterable
from typing import NamedTuple

from tradewatch.model.price import nearest, rounded
from tradewatch.model.record import Record
from tradewatch.protocol.price_text import price_texts


class Prices(NamedTuple):
    """The prices of a quote with both sides, as the text of JSON numbers."""

    bid: str
    ask: str
    mid: str


def prices_of(record: Record, precision: int | None = None) -> Prices:
    """The prices of a quote with both sides.

    Args:
        record: the quote.
        precision: the decimals to round bid, ask and their mean to, half to even; None for the digits that
            the stream shows.

    Raises:
        ValueError: a side is missing.
    """
    if record.bid is None or record.ask is None:
        raise ValueError("a side is missing")
    bid, ask = record.bid, record.ask
    if precision is None:
        return Prices(*price_texts(bid, ask, mid_decimals=record.instrument.asset_class.mid_decimals))
    mean = nearest((bid.fraction + ask.fraction) / 2, precision)  # not the mid, which was rounded once
    return Prices(rounded(bid, precision).text, rounded(ask, precision).text, mean.text)


def timestamp_ms(record: Record) -> int:
    """When a quote happened, in Unix milliseconds."""
    return record.event_ns // 1_000_000


def quote_text(record: Record, precision: int | None = None) -> str:
    """The JSON of a quote with both sides; its fields are those of the public service, in their order."""
    bid, ask, middle = prices_of(record, precision)
    return (  # a symbol has no character that JSON would escape
        f'{{"symbol":"{record.instrument.symbol}","ask":{ask},"bid":{bid},"mid":{middle}'
        f',"timestamp":{timestamp_ms(record)}}}'
    )


class QuoteTexts:
    """The JSON of quotes; that of the last one of each instrument is kept for whoever asks next."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Record, int | None, str]] = {}

    def of(self, records: Iterable[Record], precision: int | None = None) -> list[str]:
        """`{"symbol": ..., "ask": ..., "bid": ..., "mid": ..., "timestamp": ...}` of each of these.

        Args:
            records: quotes with both sides.
            precision: the decimals of their prices; None for those they have.
        """
        texts: list[str] = []
        for record in records:
            number = record.instrument.id
            kept = self._kept.get(number)
            if kept is None or kept[0] is not record or kept[1] != precision:
                kept = self._kept[number] = record, precision, quote_text(record, precision)
            texts.append(kept[2])
        return texts
