"""The hub: who hears what, and one write per connection and flush.

Everything that arrives in one turn of the event loop leaves in one flush at its end. A seat that is behind
gets nothing and costs a count; when it has caught up it gets the newest quote of each of its instruments that
moved meanwhile, so the last thing every client holds is the newest quote.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from tradewatch.fanout.quotes import QuoteFrames
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Kind, Record
from tradewatch.reference.catalogue import CANARY_ID

#: A flush begins early once so many quotes wait, so that one write stays bounded.
MAX_PENDING = 10_000


class Listener(Protocol):
    """Where a seat's frames go."""

    def write(self, frames: bytes) -> None:
        """Take finished frames; never blocks, never raises."""
        ...


class Seat:
    """One connection's place in the hub.

    Attributes:
        listener: where its frames go.
        scoped: whether it hears all classes on one connection.
        instruments: ids of the instruments it asked for by name.
        classes: the classes that it asked for whole.
        behind: whether its client is behind.
    """

    __slots__ = ("behind", "classes", "instruments", "listener", "mark", "outbox", "scoped")

    def __init__(self, listener: Listener, *, scoped: bool) -> None:
        self.listener = listener
        self.scoped = scoped
        self.instruments: set[int] = set()
        self.classes: set[AssetClass] = set()
        self.behind = False
        self.mark = 0
        self.outbox: list[bytes] = []


class Hub:
    """Fans quotes out to seats.

    Args:
        call_soon: runs a callable at the end of this turn of the event loop.

    Attributes:
        quotes_in: quotes offered.
        quotes_out: quotes written, over all seats.
        quotes_skipped: quotes that seats which were behind never got.
        flushes: flushes that had something to write.
    """

    def __init__(self, *, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._frames = QuoteFrames()
        self._by_instrument: dict[int, dict[Seat, None]] = {}
        self._by_class: dict[AssetClass, dict[Seat, None]] = {asset_class: {} for asset_class in AssetClass}
        self._newest: dict[int, tuple[int, Record]] = {}
        self._of_class: dict[AssetClass, dict[int, None]] = {asset_class: {} for asset_class in AssetClass}
        self._pending: list[Record] = []
        self._scheduled = False
        self.quotes_in = 0
        self.quotes_out = 0
        self.quotes_skipped = 0
        self.flushes = 0

    def restore(self, records: Iterable[Record]) -> None:
        """Take in the newest quotes of before the start; nobody is listening yet."""
        for record in records:
            self._keep(record)

    def offer(self, records: Sequence[Record]) -> None:
        """Take in records that the tape has; they are written at the end of this turn."""
        self._pending += records
        if len(self._pending) >= MAX_PENDING:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            self._call_soon(self._flush_soon)

    def _flush_soon(self) -> None:
        self._scheduled = False
        self.flush()

    def flush(self) -> None:
        """Write what is pending, so that what happens next happens after it."""
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        self.flushes += 1
        touched: list[Seat] = []
        for record in pending:
            if record.kind == Kind.QUOTE:
                self._keep(record)
                self._deal(record, touched)
        for seat in touched:
            seat.listener.write(b"".join(seat.outbox))
            seat.outbox.clear()

    def join(self, seat: Seat, instruments: Iterable[Instrument]) -> None:
        """From the next quote on, `seat` hears these instruments."""
        self.flush()
        for instrument in instruments:
            seat.instruments.add(instrument.id)
            self._by_instrument.setdefault(instrument.id, {})[seat] = None

    def leave(self, seat: Seat, instruments: Iterable[Instrument]) -> None:
        """After what is pending, `seat` no longer hears these instruments by name."""
        self.flush()
        for instrument in instruments:
            seat.instruments.discard(instrument.id)
            self._forget(seat, instrument.id)

    def join_classes(self, seat: Seat, classes: Iterable[AssetClass]) -> None:
        """From the next quote on, `seat` hears every instrument of these classes, present and to come."""
        self.flush()
        for asset_class in classes:
            seat.classes.add(asset_class)
            self._by_class[asset_class][seat] = None

    def leave_classes(self, seat: Seat, classes: Iterable[AssetClass]) -> None:
        """After what is pending, `seat` hears only what it asked for by name in these classes."""
        self.flush()
        for asset_class in classes:
            seat.classes.discard(asset_class)
            self._by_class[asset_class].pop(seat, None)

    def remove(self, seat: Seat) -> None:
        """The connection is over."""
        for instrument_id in seat.instruments:
            self._forget(seat, instrument_id)
        for asset_class in seat.classes:
            self._by_class[asset_class].pop(seat, None)
        seat.instruments.clear()
        seat.classes.clear()

    def snapshot(self, seat: Seat, instruments: Iterable[Instrument]) -> None:
        """Write the newest quote of each instrument that was ever quoted."""
        self.flush()
        self._write_newest(seat, (instrument.id for instrument in instruments), since=0)

    def snapshot_classes(self, seat: Seat, classes: Iterable[AssetClass]) -> None:
        """Write the newest quote of every instrument of these classes that was ever quoted."""
        self.flush()
        for asset_class in classes:
            self._write_newest(seat, self._of_class[asset_class], since=0)

    def pause(self, seat: Seat) -> None:
        """The client is behind: from here on it gets nothing."""
        if not seat.behind:
            seat.behind = True
            seat.mark = self.quotes_in

    def resume(self, seat: Seat) -> None:
        """The client has caught up: it gets the newest quote of each of its instruments that moved."""
        if not seat.behind:
            return
        self.flush()
        seat.behind = False
        wanted = set(seat.instruments)
        for asset_class in seat.classes:
            wanted.update(self._of_class[asset_class])
        self.quotes_skipped -= self._write_newest(seat, wanted, since=seat.mark)

    def _keep(self, record: Record) -> None:
        """Remember the newest quote, and when it came among all quotes."""
        self.quotes_in += 1
        if record.bid is None or record.ask is None:
            return  # not sent on v1, where the newest is the one before
        instrument = record.instrument
        if instrument.id not in self._newest and instrument.id != CANARY_ID:
            self._of_class[instrument.asset_class][instrument.id] = None
        self._newest[instrument.id] = (self.quotes_in, record)

    def _deal(self, record: Record, touched: list[Seat]) -> None:
        """Put a quote into the outbox of every seat that hears it."""
        instrument = record.instrument
        frames: dict[bool, bytes] = {}
        for seat in self._by_instrument.get(instrument.id, ()):
            self._put(seat, record, frames, touched)
        if instrument.id != CANARY_ID:
            for seat in self._by_class[instrument.asset_class]:
                if instrument.id not in seat.instruments:
                    self._put(seat, record, frames, touched)

    def _put(self, seat: Seat, record: Record, frames: dict[bool, bytes], touched: list[Seat]) -> None:
        if seat.behind:
            self.quotes_skipped += 1
            return
        frame = frames.get(seat.scoped)
        if frame is None:
            frame = frames[seat.scoped] = self._frames.frames(record, scoped=seat.scoped)
        if not frame:
            return
        if not seat.outbox:
            touched.append(seat)
        seat.outbox.append(frame)
        self.quotes_out += 1

    def _write_newest(self, seat: Seat, instrument_ids: Iterable[int], *, since: int) -> int:
        """Write the newest quote of each instrument if it came after `since`; how many that were."""
        newest = [
            self._newest[instrument_id] for instrument_id in instrument_ids if instrument_id in self._newest
        ]
        if since:
            newest = sorted((item for item in newest if item[0] > since), key=lambda item: item[0])
        frames = [frame for _, record in newest if (frame := self._frames.frames(record, scoped=seat.scoped))]
        if frames:
            seat.listener.write(b"".join(frames))
        self.quotes_out += len(frames)
        return len(frames)

    def _forget(self, seat: Seat, instrument_id: int) -> None:
        seats = self._by_instrument.get(instrument_id)
        if seats is not None:
            seats.pop(seat, None)
            if not seats:
                del self._by_instrument[instrument_id]
