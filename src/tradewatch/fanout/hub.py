"""The hub: the newest quote of every instrument, and who hears it how.

The law it keeps, for every client, symbol and moment: seq = previous + 1 + skipped. A member that is LIVE
stands at the hub's own heads; one that is BEHIND keeps its positions, nothing else, and costs nothing per
quote. One operation, `drain` (for each instrument whose newest is past the position: send it, with what was
skipped between), serves a slow client's return, and by way of `Lane.tick` interval delivery.

Outboxes are filled and emptied within one call of `flush`, so outside of it every cohort is at a boundary and
members may come and go. Whoever falls behind within a flush leaves at its end.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tradewatch.fanout.cohort import Instruments, Keys
from tradewatch.fanout.lane import Lane
from tradewatch.fanout.member import Leg, Listener, Member, Sums
from tradewatch.model.asset_class import CLASS_NUMBERS, AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Flags, Record
from tradewatch.protocol.dialect import Dialect

#: A flush begins early once so many records wait, so that one write stays bounded.
MAX_PENDING = 10_000
#: A drain writes so much at a time, and looks whether the client still takes it.
_DRAIN_QUOTES = 256
_ONE_SIDED = Flags.ONE_SIDED.value

LegName = tuple[int, int]


def pattern_mask(classes: Iterable[AssetClass]) -> int:
    """The bit mask under which a leg or cohort covers these classes."""
    return sum(1 << CLASS_NUMBERS[asset_class] for asset_class in set(classes))


class Hub:
    """Fans records out.

    Args:
        call_soon: runs a callable at the end of this turn of the event loop.
        seed: makes the numbers of instruments in cohort keys; any value serves.

    Attributes:
        quotes_in: records offered.
        flushes: flushes that had something to write.
    """

    def __init__(self, *, call_soon: Callable[[Callable[[], None]], object], seed: int | None = None) -> None:
        self._call_soon = call_soon
        self._keys = Keys(seed)
        self._heads: dict[int, int] = {}
        self._newest: dict[int, Record] = {}
        self._whole: dict[int, Record] = {}
        self._lanes: dict[str, Lane] = {}
        self._pending: list[Record] = []
        self._scheduled = False
        self._busy = False
        self._fallen: list[Member] = []
        self._behind: dict[Leg, None] = {}
        self._members: dict[Member, None] = {}
        self._skipped_by_gone = 0
        self.quotes_in = 0
        self.flushes = 0

    # Quotes in.

    def restore(self, records: Iterable[Record]) -> None:
        """Take in the newest quotes of before the start; nobody is listening yet."""
        for record in records:
            self._heads[record.instrument.id] = record.seq
            self._newest[record.instrument.id] = record

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
        if self._busy or not self._pending:
            return
        pending, self._pending = self._pending, []
        self.flushes += 1
        self.quotes_in += len(pending)
        heads, newest = self._heads, self._newest
        for record in pending:
            instrument_id = record.instrument.id
            heads[instrument_id] = record.seq
            if record.flags & _ONE_SIDED:
                self._keep_whole(newest.get(instrument_id))
            newest[instrument_id] = record
        with self._held():
            for lane in self._lanes.values():
                lane.deal(pending)

    def tick(self, interval_ms: int) -> None:
        """An interval has passed: its cohorts get the newest of what moved."""
        self.flush()
        with self._held():
            for lane in self._lanes.values():
                lane.tick(interval_ms, self._newest.__getitem__)

    def appear(self, instrument: Instrument) -> None:
        """An instrument is new in the catalogue: whoever has a pattern for it hears it from now on."""
        mask = pattern_mask([instrument.asset_class])
        number = self._keys.of([instrument.id])
        with self._held():
            for leg in [leg for leg in self._behind if leg.pattern & mask]:
                if leg.positions is not None and leg.member.listener.appeared(instrument):
                    leg.positions[instrument.id] = 0
                    leg.key ^= number
            for lane in self._lanes.values():
                for cohort in lane.patterns(mask):
                    full = [leg for leg in cohort.members if not leg.member.listener.appeared(instrument)]
                    if len(full) == len(cohort.members):
                        continue
                    for leg in full:
                        lane.stand_apart(leg)
                    lane.grow(cohort, instrument.id, number)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """The membership stands still; whoever falls behind meanwhile leaves at the end."""
        outermost = not self._busy
        self._busy = True
        try:
            yield
        finally:
            if outermost:
                self._busy = False
                fallen, self._fallen = self._fallen, []
                for member in fallen:
                    self._fall_behind(member)

    def head(self, instrument: Instrument) -> int:
        """The seq of the newest record that was flushed; 0 where there is none."""
        return self._heads.get(instrument.id, 0)

    # Members.

    def member(self, listener: Listener, dialect: Dialect) -> Member:
        """A place for a connection; it hears nothing yet."""
        lane = self._lanes.get(dialect.name)
        if lane is None:
            lane = self._lanes[dialect.name] = Lane(dialect)
        member = Member(listener, lane)
        self._members[member] = None
        return member

    def remove(self, member: Member) -> None:
        """The connection is over."""
        for leg in member.legs.values():
            if leg.cohort is not None:
                member.lane.move_out(leg)
            self._behind.pop(leg, None)
            self._skipped_by_gone += leg.skipped
        self._skipped_by_gone += member.skipped
        member.legs.clear()
        self._members.pop(member, None)

    def leg_of(self, member: Member, instrument_id: int) -> LegName | None:
        """The leg by which `member` hears an instrument; None where it does not."""
        for leg_name, leg in member.legs.items():
            if leg.positions is not None:
                if instrument_id in leg.positions:
                    return leg_name
            elif leg.cohort is not None and instrument_id in leg.cohort.instruments:
                return leg_name
        return None

    def lagging(self, member: Member) -> dict[int, int]:
        """The position of `member` in each instrument that it may not have the newest quote of, by id."""
        positions: dict[int, int] = {}
        for leg in member.legs.values():
            if leg.positions is not None:
                positions.update(leg.positions)
            elif leg.cohort is not None:
                at = leg.cohort.positions
                positions.update((instrument_id, at[instrument_id]) for instrument_id in leg.cohort.dirty)
        return positions

    def show(self, member: Member, instrument_ids: Iterable[int]) -> None:
        """Write the newest quotes of these once more, as snapshots; positions stay what they are."""
        lane = member.lane
        newest = (self._newest.get(instrument_id) for instrument_id in instrument_ids)
        records = [self._shown(lane, record) for record in newest if record is not None]
        bodies = [lane.drained(record, skipped=0, snapshot=True) for record in records]
        with self._held():
            lane.write_to(member, [body for body in bodies if body])

    def open(self, member: Member, leg_name: LegName) -> None:
        """`member` has this leg, though it may hear nothing yet: a pattern whose members are to come."""
        self._leg(member, leg_name)

    def join(self, member: Member, leg_name: LegName, positions: Mapping[int, int]) -> None:
        """From here on `member` hears more instruments, each from the position given on.

        A position is the hub's head, or one less where the newest quote is to be sent at once, as a snapshot.

        Args:
            member: hears none of them yet.
            leg_name: the delivery, and the mask of the patterns that bring them (0 for names).
            positions: by instrument id.
        """
        leg = self._leg(member, leg_name)
        leg.base += sum(positions.values())
        if leg.positions is not None:
            leg.positions.update(positions)
            leg.key ^= self._keys.of(positions)
            return
        heads = {instrument_id: self._heads.get(instrument_id, 0) for instrument_id in positions}
        cohort = leg.cohort
        if cohort is not None and not cohort.instruments:
            member.lane.move_out(leg)
            leg.key = self._keys.of(heads)
            member.lane.settle_in(leg, Instruments(heads), heads if leg.interval_ms else {})
        else:
            member.lane.change(leg, added=heads, removed=(), key=leg.key ^ self._keys.of(heads))
        behind_head = {i: position for i, position in positions.items() if position < heads[i]}
        self._write_newest(leg, behind_head, snapshot=True)

    def leave(self, member: Member, leg_name: LegName, instrument_ids: Sequence[int]) -> dict[int, int]:
        """`member` no longer hears these; the position of each at which it left."""
        leg = member.legs[leg_name]
        if leg.positions is None and leg.interval_ms:
            with self._held():
                member.lane.catch_up(leg, instrument_ids, self._newest.__getitem__)
        if leg.positions is not None:
            left = {instrument_id: leg.positions.pop(instrument_id) for instrument_id in instrument_ids}
            leg.key ^= self._keys.of(left)
        else:
            left = {instrument_id: self._heads.get(instrument_id, 0) for instrument_id in instrument_ids}
            member.lane.change(leg, added={}, removed=instrument_ids, key=leg.key ^ self._keys.of(left))
        leg.base -= sum(left.values())
        return left

    def fold(self, member: Member, leg_name: LegName) -> dict[int, int]:
        """`member` gives up a whole leg; the position of each of its instruments at which it left."""
        leg = member.legs[leg_name]
        left = self.leave(member, leg_name, leg.instrument_ids)
        if leg.cohort is not None:
            member.lane.move_out(leg)
        self._behind.pop(leg, None)
        member.delivered += leg.delivered
        member.skipped += leg.skipped
        member.published -= leg.base
        del member.legs[leg_name]
        return left

    def fold_if_empty(self, member: Member, leg_name: LegName) -> None:
        """A leg of names that hears nothing any more is given up."""
        if not leg_name[1] and not member.legs[leg_name].instrument_ids:
            self.fold(member, leg_name)

    def pause(self, member: Member) -> None:
        """The client is behind: from the end of this flush on it gets nothing."""
        if not member.behind:
            member.behind = True
            if self._busy:
                self._fallen.append(member)
            else:
                self._fall_behind(member)

    def resume(self, member: Member) -> None:
        """The client has caught up with its buffer: the newest of what moved, then LIVE again."""
        if not member.behind:
            return
        self.flush()
        member.behind = False
        for leg in member.legs.values():
            positions = leg.positions
            if positions is None:
                continue
            moved = {i: position for i, position in positions.items() if self._heads.get(i, 0) > position}
            if not self._write_newest(leg, moved, snapshot=False):
                break
        if not member.behind:
            self._come_back(member)

    def sums(self, member: Member) -> Sums:
        """The heartbeat of a connection, over its subscriptions since it opened; `flush` first."""
        heads = self._heads
        published, delivered, skipped, pending = member.published, member.delivered, member.skipped, 0
        for leg in member.legs.values():
            leg.settle()
            published += sum(heads.get(i, 0) for i in leg.instrument_ids) - leg.base
            delivered += leg.delivered
            skipped += leg.skipped
            if leg.positions is not None:
                pending += sum(heads.get(i, 0) - position for i, position in leg.positions.items())
            elif leg.cohort is not None:
                pending += sum(heads[i] - leg.cohort.positions[i] for i in leg.cohort.dirty)
        return Sums(published, delivered, skipped, 0, pending)

    @property
    def quotes_out(self) -> int:
        """Quotes written, over all members."""
        return sum(lane.quotes_out for lane in self._lanes.values())

    @property
    def quotes_skipped(self) -> int:
        """Quotes that clients which were behind, or wanted the latest only, never got."""
        total = self._skipped_by_gone
        for member in self._members:
            total += member.skipped
            for leg in member.legs.values():
                leg.settle()
                total += leg.skipped
        return total

    def _leg(self, member: Member, leg_name: LegName) -> Leg:
        leg = member.legs.get(leg_name)
        if leg is None:
            leg = member.legs[leg_name] = Leg(member, leg_name[0], pattern=leg_name[1])
            if member.behind:
                leg.positions = {}
                self._behind[leg] = None
            else:
                member.lane.settle_in(leg, Instruments(), {})
        return leg

    def _fall_behind(self, member: Member) -> None:
        """BEHIND: out of all cohorts, with nothing but the positions."""
        for leg in member.legs.values():
            if leg.cohort is None:
                continue
            instruments, positions, _ = member.lane.move_out(leg)
            if leg.interval_ms:
                leg.positions = positions
            else:
                leg.positions = {i: self._heads.get(i, 0) for i in instruments.ids}
            self._behind[leg] = None

    def _come_back(self, member: Member) -> None:
        """LIVE: every leg stands at the heads, so it may stand in a cohort."""
        for leg in member.legs.values():
            positions, leg.positions = leg.positions, None
            if positions is None:
                continue
            self._behind.pop(leg, None)
            at_heads = {i: self._heads.get(i, 0) for i in positions} if leg.interval_ms else {}
            member.lane.settle_in(leg, Instruments(positions), at_heads)

    def _write_newest(self, leg: Leg, positions: Mapping[int, int], *, snapshot: bool) -> bool:
        """Send the newest quote of each instrument, with what was skipped since its position.

        Whether all were sent: as soon as the client falls behind the rest is left. What was sent is noted in
        the leg's positions where it has any.
        """
        lane, member = leg.member.lane, leg.member
        waiting = list(positions.items())
        for first in range(0, len(waiting), _DRAIN_QUOTES):
            bodies: list[bytes] = []
            chunk = waiting[first : first + _DRAIN_QUOTES]
            for instrument_id, position in chunk:
                record = self._newest[instrument_id]
                leg.delivered += 1
                leg.skipped += record.seq - position - 1
                if leg.positions is not None:
                    leg.positions[instrument_id] = record.seq
                shown = self._shown(lane, record)
                if shown.seq > position:
                    skipped = shown.seq - position - 1
                    bodies.append(lane.drained(shown, skipped=skipped, snapshot=snapshot))
            with self._held():
                lane.write_to(member, [body for body in bodies if body])
            if member.behind and first + _DRAIN_QUOTES < len(waiting):
                return self._left_over(leg, waiting[first + _DRAIN_QUOTES :])
        return not member.behind

    def _shown(self, lane: Lane, record: Record) -> Record:
        """The record; the newest whole one instead where the dialect has no quote for it."""
        return record if lane.bodies.body(record) else self._whole.get(record.instrument.id, record)

    @staticmethod
    def _left_over(leg: Leg, rest: list[tuple[int, int]]) -> bool:
        """What was not sent any more keeps the position it had."""
        if leg.positions is not None:
            leg.positions.update(rest)
        return False

    def _keep_whole(self, record: Record | None) -> None:
        """Before a one-sided quote: the newest that dialects without such quotes can show."""
        if record is not None and not record.flags & _ONE_SIDED:
            self._whole[record.instrument.id] = record
