"""Standing: who is LIVE and who is BEHIND, and every way from one to the other.

A member that is LIVE stands in cohorts, at the hub's own heads; one that is BEHIND stands in none, keeps its
positions, nothing else, and costs nothing per quote. It is behind while its client does not take what is
written, or has had all the quotes that its budget allows. One operation, the drain (for each instrument whose
newest is past the position: send it, with what was skipped between), brings it on, and back.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from tradewatch.fanout.budget import Budget
from tradewatch.fanout.cohort import Instruments
from tradewatch.fanout.lane import Lane
from tradewatch.fanout.member import Leg, Member
from tradewatch.fanout.newest import Newest
from tradewatch.model.record import Record

#: A drain writes so much at a time, and looks whether the client still takes it.
_DRAIN_QUOTES = 256


class Standing:
    """Moves members between their cohorts and their own positions.

    Args:
        newest: what a drain sends.
        flush: writes what is pending, so that what happens next happens after it.

    Attributes:
        behind: the legs that stand in no cohort.
    """

    def __init__(self, newest: Newest, *, flush: Callable[[], None]) -> None:
        self._newest = newest
        self._flush = flush
        self._busy = False
        self._fallen: list[Member] = []
        self._metered: dict[Member, None] = {}
        self.behind: dict[Leg, None] = {}

    @property
    def busy(self) -> bool:
        """Whether the membership stands still at present."""
        return self._busy

    @contextlib.contextmanager
    def still(self) -> Iterator[None]:
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

    def enter(self, leg: Leg) -> None:
        """A new leg, which hears nothing yet, stands as its member does."""
        if leg.member.behind:
            leg.positions = {}
            self.behind[leg] = None
        else:
            leg.member.lane.settle_in(leg, Instruments(), {})

    def leave(self, leg: Leg) -> None:
        """A leg is given up."""
        if leg.cohort is not None:
            leg.member.lane.move_out(leg)
        self.behind.pop(leg, None)

    def remove(self, member: Member) -> None:
        """The connection is over."""
        for leg in member.legs.values():
            self.leave(leg)
        self._metered.pop(member, None)

    # A full buffer.

    def pause(self, member: Member) -> None:
        """The client's buffer is full: from the end of this flush on it gets nothing."""
        if not member.paused:
            was_behind, member.paused = member.behind, True
            if not was_behind:
                self._fall(member)

    def resume(self, member: Member) -> None:
        """The client has caught up with its buffer: the newest of what moved, then LIVE again."""
        if member.paused:
            member.paused = False
            if not member.held:
                self._return(member)

    # A budget that is used up.

    def limit(self, member: Member, max_quotes_per_s: int | None) -> None:
        """From now on `member` gets at most so many quotes a second; None for no limit.

        As long as more come it gets the newest of each instrument.
        """
        if max_quotes_per_s is None:
            member.budget = None
            self._metered.pop(member, None)
            self._release(member)
        elif member.budget is None or member.budget.quotes_per_s != max_quotes_per_s:
            member.budget = Budget(max_quotes_per_s, delivered=member.tally[0])
            self._metered[member] = None

    @contextlib.contextmanager
    def aside(self, members: Iterable[Member]) -> Iterator[None]:
        """Meanwhile these are BEHIND; afterwards each gets the newest of what moved, and stands as before."""
        moved_aside = [member for member in members if not member.held]
        for member in moved_aside:
            self._hold(member)
        try:
            yield
        finally:
            for member in moved_aside:
                self._release(member)

    def allow(self, now_s: float) -> None:
        """Time has passed for budgets, to this point of the monotonic clock.

        Who used one up is held; who earned something gets the newest of what moved, first what it waited
        longest for.
        """
        for member in list(self._metered):
            if (budget := member.budget) is None:
                continue
            budget.earn(now_s)
            if not member.held:
                self.spend(member)
            elif budget.full:
                self._release(member)
            elif not member.paused:
                for leg in self._in_turn(member):
                    if leg.positions is not None:
                        moved = dict(islice(self._newest.moved(leg.positions), budget.left))
                        self.drain(leg, moved)

    def spend(self, member: Member) -> None:
        """Count what was written to `member`; it is held where that was all that it may have."""
        if member.budget is not None and member.budget.count(member.tally[0]) and not member.held:
            self._hold(member)

    def _hold(self, member: Member) -> None:
        was_behind, member.held = member.behind, True
        if not was_behind:
            self._fall(member)

    def _release(self, member: Member) -> None:
        """The budget is no reason to be behind any more."""
        if member.held:
            member.held = False
            if not member.paused:
                self._return(member)

    # From LIVE to BEHIND and back.

    @staticmethod
    def _in_turn(member: Member) -> list[Leg]:
        """Its legs; the one that comes first now is last the next time, so that none waits for ever."""
        legs = list(member.legs.items())
        if len(legs) > 1:
            first, leg = legs[0]
            del member.legs[first]
            member.legs[first] = leg
        return [leg for _, leg in legs]

    def _fall(self, member: Member) -> None:
        """BEHIND from the end of this flush on, or from now where there is none."""
        if self._busy:
            self._fallen.append(member)
        else:
            self._fall_behind(member)

    def _fall_behind(self, member: Member) -> None:
        """Out of all cohorts, with nothing but the positions."""
        for leg in member.legs.values():
            if leg.cohort is None:
                continue
            instruments, positions, _ = member.lane.move_out(leg)
            leg.positions = positions if leg.interval_ms else self._newest.heads_of(instruments.ids)
            self.behind[leg] = None

    def _return(self, member: Member) -> None:
        """From BEHIND to LIVE, unless the newest of what moved is more than the client may have or takes."""
        self._flush()
        for leg in self._in_turn(member):
            if leg.positions is not None and not self.drain(leg, dict(self._newest.moved(leg.positions))):
                return
        self._come_back(member)

    def _come_back(self, member: Member) -> None:
        """LIVE: every leg stands at the heads, so it may stand in a cohort."""
        for leg in member.legs.values():
            positions, leg.positions = leg.positions, None
            if positions is None:
                continue
            self.behind.pop(leg, None)
            at_heads = self._newest.heads_of(positions) if leg.interval_ms else {}
            member.lane.settle_in(leg, Instruments(positions), at_heads)

    # The drain.

    def drain(self, leg: Leg, positions: Mapping[int, int], *, snapshot: bool = False) -> bool:
        """Send the newest quote of each instrument, with what was skipped since its position.

        Whether the client is LIVE or may be: as soon as it takes no more, or may have no more, the rest is
        left. What was sent is noted in the leg's positions where it has any, and goes to their end: whoever
        cannot have everything gets something of each.
        """
        lane, member = leg.member.lane, leg.member
        before = member.paused, member.held
        waiting = list(positions.items())
        at_once = _DRAIN_QUOTES
        if member.budget is not None:
            at_once = max(1, min(at_once, member.budget.left))
        for first in range(0, len(waiting), at_once):
            bodies: list[bytes] = []
            for instrument_id, position in waiting[first : first + at_once]:
                record = self._newest.record(instrument_id)
                leg.delivered += 1
                leg.skipped += record.seq - position - 1
                if leg.positions is not None:
                    del leg.positions[instrument_id]
                    leg.positions[instrument_id] = record.seq
                shown = self.shown(lane, record)
                if shown.seq > position:
                    skipped = shown.seq - position - 1
                    bodies.append(lane.drained(shown, skipped=skipped, snapshot=snapshot))
            with self.still():
                lane.write_to(member, [body for body in bodies if body])
            self.spend(member)
            if (member.paused, member.held) != before:
                return self._left_over(leg, waiting[first + at_once :])
        return not member.behind

    def shown(self, lane: Lane, record: Record) -> Record:
        """The record; the newest whole one instead where the dialect has no quote for it."""
        return record if lane.bodies.body(record) else self._newest.whole(record)

    @staticmethod
    def _left_over(leg: Leg, rest: list[tuple[int, int]]) -> bool:
        """What was not sent any more keeps the position it had."""
        if leg.positions is not None:
            leg.positions.update(rest)
        return False
