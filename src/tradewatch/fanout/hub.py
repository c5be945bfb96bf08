"""The hub: the newest quote of every instrument, and who hears it how.

The law it keeps, for every client, symbol and moment: seq = previous + 1 + skipped; who stands where is told
by `standing`.

Outboxes are filled and emptied within one call of `flush`, so outside of it every cohort is at a boundary and
members may come and go. Whoever falls behind within a flush leaves at its end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from tradewatch.fanout.cohort import Instruments, Keys
from tradewatch.fanout.flush_watch import FlushWatch
from tradewatch.fanout.lane import Lane
from tradewatch.fanout.member import NOBODY, Leg, Listener, Member, Sums
from tradewatch.fanout.newest import Newest
from tradewatch.fanout.standing import Standing
from tradewatch.model.asset_class import CLASS_NUMBERS, AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.protocol.dialect import Dialect

#: A flush begins early once so many records wait, so that one write stays bounded.
MAX_PENDING = 10_000

LegName = tuple[int, int]


def pattern_mask(classes: Iterable[AssetClass]) -> int:
    """The bit mask under which a leg or cohort covers these classes."""
    return sum(1 << CLASS_NUMBERS[asset_class] for asset_class in set(classes))


class Hub:
    """Fans records out.

    Args:
        call_soon: runs a callable at the end of this turn of the event loop.
        watch: looks at the clock for each flush; None where nobody wants to know.
        seed: makes the numbers of instruments in cohort keys; any value serves.

    Attributes:
        quotes_in: records offered.
        flushes: flushes that had something to write.
    """

    def __init__(
        self,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        watch: FlushWatch | None = None,
        seed: int | None = None,
    ) -> None:
        self._call_soon = call_soon
        self._watch = watch
        self._keys = Keys(seed)
        self._newest = Newest()
        self._standing = Standing(self._newest, flush=self.flush)
        self._lanes: dict[str, Lane] = {}
        self._pending: list[Record] = []
        self._scheduled = False
        self._members: dict[Member, None] = {}
        self._skipped_by_gone = 0
        self.quotes_in = 0
        self.flushes = 0

    # Quotes in.

    def restore(self, records: Iterable[Record]) -> None:
        """Take in the newest quotes of before the start; nobody is listening yet."""
        known = list(records)
        self._newest.take(known, [record.instrument.id for record in known])

    def offer(self, records: Sequence[Record]) -> None:
        """Take in records that the tape has; they are written at the end of this turn."""
        self._pending += records
        if len(self._pending) >= MAX_PENDING:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            self._call_soon(self._flush_soon)

    def offer_past(self, records: Sequence[Record]) -> None:
        """Take in records before which others are missing; everybody is told so, by what was skipped."""
        self.flush()
        with self._standing.aside(self._members):
            self._pending += records
            self.flush()

    def _flush_soon(self) -> None:
        self._scheduled = False
        self.flush()

    def flush(self) -> None:
        """Write what is pending, so that what happens next happens after it."""
        if self._standing.busy or not self._pending:
            return
        if self._watch is not None:
            self._watch.begun()
        pending, self._pending = self._pending, []
        self.flushes += 1
        self.quotes_in += len(pending)
        ids = [record.instrument.id for record in pending]
        self._newest.take(pending, ids)
        with self._standing.still():
            for lane in self._lanes.values():
                lane.deal(pending, ids)
        if self._watch is not None:
            self._watch.ended(pending[0].received_ns)

    def tick(self, interval_ms: int) -> None:
        """An interval has passed: its cohorts get the newest of what moved."""
        self.flush()
        with self._standing.still():
            for lane in self._lanes.values():
                lane.tick(interval_ms, self._newest.record)

    def appear(self, instrument: Instrument) -> None:
        """An instrument is new in the catalogue: whoever has a pattern for it hears it from now on."""
        mask = pattern_mask([instrument.asset_class])
        number = self._keys.of([instrument.id])
        with self._standing.still():
            for leg in [leg for leg in self._standing.behind if leg.pattern & mask]:
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

    def head(self, instrument: Instrument) -> int:
        """The seq of the newest record that was flushed; 0 where there is none."""
        return self._newest.head(instrument.id)

    def quotes(self, instruments: Iterable[Instrument]) -> list[Record]:
        """Of each of these the newest quote with both sides that was flushed, where there is one."""
        return self._newest.quotes(instruments)

    # Members.

    def member(self, listener: Listener, dialect: Dialect) -> Member:
        """A place for a connection; it hears nothing yet, and has no limit of quotes."""
        lane = self._lanes.get(dialect.name)
        if lane is None:
            lane = self._lanes[dialect.name] = Lane(dialect)
        member = Member(listener, lane)
        self._members[member] = None
        return member

    def remove(self, member: Member) -> None:
        """The connection is over."""
        member.delivered, member.skipped = member.tally  # may be asked for later
        self._skipped_by_gone += member.skipped
        self._standing.remove(member)
        member.legs.clear()
        self._members.pop(member, None)
        member.write = NOBODY.write
        member.listener = NOBODY  # which held it: a ring, that would stay until the next collection

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
        records = [self._standing.shown(lane, record) for record in self._newest.of(instrument_ids)]
        bodies = [body for record in records if (body := lane.drained(record, skipped=0, snapshot=True))]
        with self._standing.still():
            lane.write_to(member, bodies)
        member.delivered += len(bodies)
        self._standing.spend(member)

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
        heads = self._newest.heads_of(positions)
        cohort = leg.cohort
        if cohort is not None and not cohort.instruments:
            member.lane.move_out(leg)
            leg.key = self._keys.of(heads)
            member.lane.settle_in(leg, Instruments(heads), heads if leg.interval_ms else {})
        else:
            member.lane.change(leg, added=heads, removed=(), key=leg.key ^ self._keys.of(heads))
        behind_head = {i: position for i, position in positions.items() if position < heads[i]}
        self._standing.drain(leg, behind_head, snapshot=True)

    def leave(self, member: Member, leg_name: LegName, instrument_ids: Sequence[int]) -> dict[int, int]:
        """`member` no longer hears these; the position of each at which it left."""
        leg = member.legs[leg_name]
        if leg.positions is None and leg.interval_ms:
            with self._standing.still():
                member.lane.catch_up(leg, instrument_ids, self._newest.record)
        if leg.positions is not None:
            left = {instrument_id: leg.positions.pop(instrument_id) for instrument_id in instrument_ids}
            leg.key ^= self._keys.of(left)
        else:
            left = self._newest.heads_of(instrument_ids)
            member.lane.change(leg, added={}, removed=instrument_ids, key=leg.key ^ self._keys.of(left))
        leg.base -= sum(left.values())
        return left

    def fold(self, member: Member, leg_name: LegName) -> dict[int, int]:
        """`member` gives up a whole leg; the position of each of its instruments at which it left."""
        leg = member.legs[leg_name]
        left = self.leave(member, leg_name, leg.instrument_ids)
        self._standing.leave(leg)
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
        """See `Standing.pause`."""
        self._standing.pause(member)

    def resume(self, member: Member) -> None:
        """See `Standing.resume`."""
        self._standing.resume(member)

    def limit(self, member: Member, max_quotes_per_s: int | None) -> None:
        """See `Standing.limit`."""
        self._standing.limit(member, max_quotes_per_s)

    def allow(self, now_s: float) -> None:
        """See `Standing.allow`."""
        self._standing.allow(now_s)

    def sums(self, member: Member) -> Sums:
        """The heartbeat of a connection, over its subscriptions since it opened; `flush` first."""
        head = self._newest.head
        delivered, skipped = member.tally
        published, pending = member.published, 0
        for leg in member.legs.values():
            published += sum(map(head, leg.instrument_ids)) - leg.base
            if leg.positions is not None:
                pending += sum(head(i) - position for i, position in leg.positions.items())
            elif leg.cohort is not None:
                pending += sum(head(i) - leg.cohort.positions[i] for i in leg.cohort.dirty)
        return Sums(published, delivered, skipped, 0, pending)

    @property
    def states(self) -> dict[str, int]:
        """How many members are live, behind because they do not read, held back by their budget."""
        paused = sum(member.paused for member in self._members)
        held = sum(member.held and not member.paused for member in self._members)
        return {"live": len(self._members) - paused - held, "behind": paused, "held": held}

    @property
    def quotes_out(self) -> int:
        """Quotes written, over all members."""
        return sum(lane.quotes_out for lane in self._lanes.values())

    @property
    def quotes_skipped(self) -> int:
        """Quotes that clients which were behind, or wanted the latest only, never got."""
        return self._skipped_by_gone + sum(member.tally[1] for member in self._members)

    def _leg(self, member: Member, leg_name: LegName) -> Leg:
        leg = member.legs.get(leg_name)
        if leg is None:
            leg = member.legs[leg_name] = Leg(member, leg_name[0], pattern=leg_name[1])
            self._standing.enter(leg)
        return leg
