"""Lanes: all cohorts of one dialect, and the way from a quote to each of them.

A quote costs one encoding per lane and a few tens of nanoseconds per cohort that hears it; a flush costs one
join per cohort that hears any of it and one write per member.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from tradewatch.fanout.bodies import QuoteBodies
from tradewatch.fanout.cohort import Cohort, Instruments
from tradewatch.fanout.member import Leg, Member
from tradewatch.fanout.routes import Routes
from tradewatch.model.record import Record
from tradewatch.protocol.delivery import INTERVALS_MS
from tradewatch.protocol.dialect import Dialect

#: A cohort larger than this is not merged into its twin: moving its routes would hold the loop.
_MERGE_INSTRUMENTS = 512

_Identity = tuple[int, int, int, int]


class Lane:
    """One dialect's cohorts.

    Args:
        dialect: how its clients read quotes.

    Attributes:
        bodies: the newest quotes, encoded.
        quotes_out: quotes written, over all members.
        writes: writes to members.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.bodies = QuoteBodies(dialect)
        self.quotes_out = 0
        self.writes = 0
        self._routes = Routes()
        self._by_slot: dict[int, Cohort] = {}
        self._marks: dict[int, dict[Cohort, None]] = {}
        self._latest: dict[int, dict[Cohort, None]] = {interval_ms: {} for interval_ms in INTERVALS_MS}
        self._known: dict[_Identity, Cohort] = {}
        self._patterns: dict[Cohort, None] = {}

    # What a flush does.

    def deal(self, records: Sequence[Record], ids: Sequence[int]) -> None:
        """Encode each record that is heard, and write to every member what it hears of them.

        Args:
            records: of a flush.
            ids: those of their instruments.
        """
        if self._marks:
            self._mark(ids)
        bodies, heard = self.bodies.heard(records, map(self._routes.heard, ids))
        if not bodies:
            return
        frames, cohorts = self.dialect.frames, self._by_slot
        for slot, picked in self._routes.deal(bodies, heard):
            cohort = cohorts[slot]
            cohort.delivered += len(picked)
            self.quotes_out += len(picked) * len(cohort.members)
            self._write(cohort, frames(picked))

    def _mark(self, ids: Iterable[int]) -> None:
        """Note what moved for cohorts that want the latest at their next tick."""
        marks = self._marks
        for instrument_id in ids:
            for cohort in marks.get(instrument_id, ()):
                cohort.dirty[instrument_id] = None

    def tick(self, interval_ms: int, newest: Callable[[int], Record]) -> None:
        """Write the newest of what moved to every cohort of an interval, then merge those that are alike."""
        cohorts = self._latest[interval_ms]
        for cohort in list(cohorts):
            if cohort.dirty:
                bodies = [self._catch_up(cohort, newest(instrument_id)) for instrument_id in cohort.dirty]
                cohort.dirty.clear()
                cohort.delivered += len(bodies)
                self.quotes_out += len(bodies) * len(cohort.members)
                self._write(cohort, self.dialect.frames(bodies))
        for cohort in list(cohorts):
            self._merge(cohort)

    def _catch_up(self, cohort: Cohort, record: Record) -> bytes:
        """The body of the newest quote for members that stand further back; they stand at it afterwards."""
        instrument_id = record.instrument.id
        skipped = record.seq - cohort.positions[instrument_id] - 1
        cohort.positions[instrument_id] = record.seq
        cohort.skipped += skipped
        return self.drained(record, skipped=skipped, snapshot=False)

    def drained(self, record: Record, *, skipped: int, snapshot: bool) -> bytes:
        """The body of a quote that is not simply the next."""
        return self.dialect.drained(self.bodies.body(record), skipped=skipped, snapshot=snapshot)

    def _write(self, cohort: Cohort, frames: bytes) -> None:
        self.writes += len(cohort.members)
        for leg in cohort.members:
            leg.member.write(frames)

    # How legs come and go; never while `deal` or `tick` runs.

    def settle_in(self, leg: Leg, instruments: Instruments, positions: dict[int, int]) -> None:
        """A LIVE leg stands in a cohort of its instruments: one that is there, or a new one.

        Args:
            leg: stands in no cohort.
            instruments: what it hears; the cohort may keep the array.
            positions: where it stands, for an interval; empty for every quote.
        """
        identity = (leg.key, len(instruments), leg.pattern, leg.interval_ms)
        cohort = self._known.get(identity)
        if cohort is None or leg.interval_ms:
            # Two cohorts of an interval are alike only after a tick; `tick` merges them.
            cohort = Cohort(leg.interval_ms, key=leg.key, instruments=instruments, pattern=leg.pattern)
            cohort.positions = positions
            self._open(cohort)
        cohort.enter(leg)

    def move_out(self, leg: Leg) -> tuple[Instruments, dict[int, int], dict[int, None]]:
        """A leg leaves its cohort; what it hears and, for an interval, its positions and what moved since."""
        cohort = leg.cohort
        if cohort is None:
            raise ValueError("the leg stands in no cohort")
        cohort.leave(leg)
        dirty = dict(cohort.dirty)
        if cohort.members:
            return cohort.instruments.copy(), dict(cohort.positions), dirty
        self._close(cohort)
        return cohort.instruments, cohort.positions, dirty

    def change(self, leg: Leg, *, added: Mapping[int, int], removed: Sequence[int], key: int) -> None:
        """A LIVE leg hears more or less: in its own cohort in place, or apart from those it shared one with.

        Args:
            leg: in a cohort.
            added: ids that it does not hear, with the positions at which it begins.
            removed: ids that it hears.
            key: the key of what it hears afterwards.
        """
        cohort = self.stand_apart(leg)
        self._forget(cohort)
        for instrument_id in removed:
            self._unroute(cohort, instrument_id)
            cohort.positions.pop(instrument_id, None)
        cohort.instruments.difference_update(removed)
        cohort.instruments.update(added)
        if cohort.interval_ms:
            cohort.positions.update(added)
        self._route(cohort, added)
        leg.key = cohort.key = key
        self._merge(cohort)

    def catch_up(self, leg: Leg, instrument_ids: Iterable[int], newest: Callable[[int], Record]) -> None:
        """Write what moved since the last tick for these instruments, before they are changed or left."""
        if leg.cohort is None or not any(i in leg.cohort.dirty for i in instrument_ids):
            return
        cohort = self.stand_apart(leg)
        pending = [i for i in instrument_ids if i in cohort.dirty]
        bodies = [self._catch_up(cohort, newest(instrument_id)) for instrument_id in pending]
        for instrument_id in pending:
            del cohort.dirty[instrument_id]
        cohort.delivered += len(bodies)
        self.quotes_out += len(bodies)
        self._write(cohort, self.dialect.frames(bodies))

    def write_to(self, member: Member, bodies: Sequence[bytes]) -> None:
        """Write bodies to one member alone."""
        if bodies:
            self.quotes_out += len(bodies)
            self.writes += 1
            member.write(self.dialect.frames(bodies))

    def patterns(self, class_mask: int) -> list[Cohort]:
        """The cohorts that grow with a class."""
        return [cohort for cohort in self._patterns if cohort.pattern & class_mask]

    def grow(self, cohort: Cohort, instrument_id: int, number: int) -> None:
        """All members of a cohort hear one more, from its first quote on."""
        self._forget(cohort)
        cohort.instruments.add(instrument_id)
        cohort.key ^= number
        for leg in cohort.members:
            leg.key ^= number
        if cohort.interval_ms:
            cohort.positions[instrument_id] = 0
        self._route(cohort, (instrument_id,))
        self._known.setdefault(cohort.identity, cohort)

    def stand_apart(self, leg: Leg) -> Cohort:
        """The cohort of a leg, which shares it with nobody: its own, or a new one at the same positions."""
        cohort = leg.cohort
        if cohort is None:
            raise ValueError("the leg stands in no cohort")
        if len(cohort.members) == 1:
            return cohort
        instruments, positions, dirty = self.move_out(leg)
        apart = Cohort(leg.interval_ms, key=leg.key, instruments=instruments, pattern=leg.pattern)
        apart.positions, apart.dirty = positions, dirty
        self._open(apart)
        apart.enter(leg)
        return apart

    def _merge(self, cohort: Cohort) -> None:
        """Where a twin is known, its members take these in; otherwise this one becomes known."""
        twin = self._known.setdefault(cohort.identity, cohort)
        if twin is cohort or len(cohort.instruments) > _MERGE_INSTRUMENTS or cohort.dirty or twin.dirty:
            return
        for leg in list(cohort.members):
            cohort.leave(leg)
            twin.enter(leg)
        self._close(cohort)

    def _open(self, cohort: Cohort) -> None:
        if cohort.interval_ms:
            self._latest[cohort.interval_ms][cohort] = None
        else:
            cohort.slot = self._routes.open()
            self._by_slot[cohort.slot] = cohort
        if cohort.pattern:
            self._patterns[cohort] = None
        self._known.setdefault(cohort.identity, cohort)
        self._route(cohort, cohort.instruments.ids)

    def _close(self, cohort: Cohort) -> None:
        self._forget(cohort)
        self._patterns.pop(cohort, None)
        for instrument_id in cohort.instruments.ids:
            self._unroute(cohort, instrument_id)
        if cohort.interval_ms:
            del self._latest[cohort.interval_ms][cohort]
        else:
            del self._by_slot[cohort.slot]
            self._routes.close(cohort.slot)

    def _forget(self, cohort: Cohort) -> None:
        if self._known.get(cohort.identity) is cohort:
            del self._known[cohort.identity]

    def _route(self, cohort: Cohort, instrument_ids: Iterable[int]) -> None:
        if not cohort.interval_ms:
            self._routes.add(instrument_ids, cohort.slot)
            return
        for instrument_id in instrument_ids:
            self._marks.setdefault(instrument_id, {})[cohort] = None

    def _unroute(self, cohort: Cohort, instrument_id: int) -> None:
        if not cohort.interval_ms:
            self._routes.remove(instrument_id, cohort.slot)
            return
        marked = self._marks[instrument_id]
        del marked[cohort]
        if not marked:
            del self._marks[instrument_id]
        cohort.dirty.pop(instrument_id, None)
