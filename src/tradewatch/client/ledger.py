"""The ledger of a stream: every seq of every symbol is delivered, skipped or missing, and counted so."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tradewatch.client.events import Gap, Quote, StreamEvent, Violation, name_of
from tradewatch.client.intake import Position
from tradewatch.model.position import position_text
from tradewatch.protocol.v2.events import Result, Subscribed, Unsubscribed


class Balance(NamedTuple):
    """What became of all quotes: `published` = `delivered` + `skipped` + `missing` + `pending`.

    Attributes:
        published: places that the symbols went on by, as the server numbers them.
        delivered: quotes handed over.
        skipped: quotes left out for a newer one, by the server or by the queue of this client.
        missing: quotes in gaps.
        pending: what waits in the queue of this client.
    """

    published: int
    delivered: int
    skipped: int
    missing: int
    pending: int

    @property
    def adds_up(self) -> bool:
        """Whether nothing is unaccounted for."""
        return self.published == self.delivered + self.skipped + self.missing + self.pending


class _Account:
    """Where one symbol stands, as far as it was handed over."""

    __slots__ = ("epoch", "seq")

    def __init__(self, epoch: str, seq: int) -> None:
        self.epoch = epoch
        self.seq = seq


class Ledger:
    """Checks the law of positions over what is handed over, in the order in which it is.

    The law: each quote has `seq` = previous + 1 + `skipped`; only a gap moves the position otherwise.

    Args:
        positions: where an earlier stream stood, by name.

    Attributes:
        delivered: quotes handed over.
        skipped: quotes left out for a newer one.
        missing: quotes in gaps whose end is known.
        endless: gaps whose end nobody knew when they were told.
        broken: what did not follow the law; it counts what the server did, and would count this client's
            own faults.
    """

    def __init__(self, positions: Mapping[str, Position] | None = None) -> None:
        self._accounts = {name: _Account(epoch, seq) for name, (epoch, seq) in (positions or {}).items()}
        self.delivered = 0
        self.skipped = 0
        self.missing = 0
        self.endless = 0
        self.broken = 0

    @property
    def positions(self) -> dict[str, str]:
        """Where each symbol stands, `<epoch>:<seq>` by name; fit to be saved."""
        return {name: position_text(account.epoch, account.seq) for name, account in self._accounts.items()}

    def take_quote(self, quote: Quote) -> None:
        """A quote is handed over."""
        skipped = quote.skipped
        self.delivered += 1
        self.skipped += skipped
        account = self._accounts.get(f"{quote.asset_class}:{quote.symbol}")
        if account is None or quote.seq != account.seq + 1 + skipped:
            self.broken += 1
        if account is not None:
            account.seq = quote.seq

    def take(self, event: StreamEvent) -> None:
        """Anything is handed over."""
        match event:
            case Quote():
                self.take_quote(event)
            case Gap():
                self._take_gap(event)
            case Subscribed():
                self._begin(event.results)
            case Unsubscribed():
                for result in event.results:
                    self._accounts.pop(name_of(str(result.asset_class), result.symbol), None)
            case Violation():
                self.broken += 1
            case _:
                pass

    def _begin(self, results: Iterable[Result]) -> None:
        for result in results:
            if result.epoch is not None and result.seq is not None:
                name = name_of(str(result.asset_class), result.symbol)
                self._accounts.setdefault(name, _Account(result.epoch, result.seq))

    def _take_gap(self, gap: Gap) -> None:
        account = self._accounts.get(gap.name)
        if account is None or (account.epoch, account.seq + 1) != (gap.epoch, gap.from_seq):
            self.broken += 1
            return
        if gap.to_seq is None:
            self.endless += 1
        elif gap.to_seq < account.seq:
            self.broken += 1
        else:
            self.missing += gap.to_seq - account.seq
            account.seq = gap.to_seq
        if gap.next_epoch is not None:
            account.epoch = gap.next_epoch
            account.seq = 0
