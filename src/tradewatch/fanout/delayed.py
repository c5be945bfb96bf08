"""Delayed data: the tape as it was some time ago, for plans that may not see it sooner.

A cursor stands so far behind the log's end and moves with the time; what it passes goes to a hub of its own,
so positions, snapshots and heartbeats are those of that earlier time, and say so.
"""

from collections import deque

import msgspec

from tradewatch.clock import Clock
from tradewatch.fanout.hub import Hub
from tradewatch.model.position import position_text
from tradewatch.model.record import Flags, Record
from tradewatch.tape.past import Past
from tradewatch.tape.tape import Tape

#: Slots read in one turn of the loop.
_STEP_SLOTS = 1_000
#: So many times within the delay it is noted how far the log is.
_MARKS = 1_000
_ANY_TIME_NS = 2**63 - 1
_DELAYED = Flags.DELAYED.value


class Delayed:
    """A hub that stands behind.

    Args:
        tape: what is shown late.
        past: reads it back.
        hub: hears the delayed quotes, and nobody else's; empty.
        delay_s: how old a quote is when it is shown.
        clock: the time.
    """

    def __init__(self, tape: Tape, past: Past, hub: Hub, *, delay_s: float, clock: Clock) -> None:
        self._tape = tape
        self._past = past
        self._clock = clock
        self._delay_s = delay_s
        self.hub = hub
        self._began_s = clock.monotonic_s()
        self._began_ns = clock.now_ns()
        self._began_offset = tape.log.next_offset
        #: Up to which offset the log reached at which time: this tells the age of a record, and no clock that
        #: may be set does. Of what was there before, its time of receipt is all there is.
        self._reached: deque[tuple[float, int]] = deque([(self._began_s, self._began_offset)])
        self._old_offset = self._began_offset
        until_ns = self._until_ns()
        self._offset = past.offset_at(until_ns)
        newest = tape.all_newest()
        known = [record for record in newest if record.received_ns <= until_ns]
        late = [record.instrument.id for record in newest if record.received_ns > until_ns]
        restored = [_marked(record) for record in (*known, *past.newest_before(self._offset, late))]
        self._heads = {record.instrument.id: record.seq for record in restored}
        hub.restore(restored)

    @property
    def as_of(self) -> str:
        """The point of the tape up to which everything was shown: `<epoch>:<log offset>`."""
        return position_text(self._tape.epoch, self._offset)

    def advance(self) -> bool:
        """Show what has become old enough; whether more waits. To be called often: it takes the time."""
        self._note_time()
        before_start = self._offset < self._began_offset
        end = self._began_offset if before_start else self._old_offset
        if self._offset >= end:
            return False
        limit = min(_STEP_SLOTS, end - self._offset)
        until_ns = self._until_ns() if before_start else _ANY_TIME_NS
        passage = self._past.quotes(self._offset, until_ns=until_ns, limit=limit)
        more = not passage.ended and passage.next_offset > self._offset
        self._offset = passage.next_offset
        quotes = [_marked(record) for record in passage.quotes]
        if self._is_whole(quotes):
            self.hub.offer(quotes)
        else:
            self.hub.offer_past(quotes)
        return more

    def _note_time(self) -> None:
        """Note how far the log is now, and what has become old enough since."""
        now_s = self._clock.monotonic_s()
        passed_s = now_s - self._reached[-1][0]
        if not passed_s:
            self._reached.pop()
        if not passed_s or passed_s >= self._delay_s / _MARKS:
            self._reached.append((now_s, self._tape.log.next_offset))
        while len(self._reached) > 1 and self._reached[1][0] <= now_s - self._delay_s:
            self._reached.popleft()
        reached_s, offset = self._reached[0]
        if reached_s <= now_s - self._delay_s:
            self._old_offset = offset

    def _is_whole(self, quotes: list[Record]) -> bool:
        """Whether each follows the one before it: the log may have lost some, or no longer have them."""
        whole = True
        for record in quotes:
            instrument_id = record.instrument.id
            whole = whole and record.seq == self._heads.get(instrument_id, 0) + 1
            self._heads[instrument_id] = record.seq
        return whole

    def _until_ns(self) -> int:
        """The newest time of receipt that is old enough, by a clock that has not been set since the start."""
        elapsed_s = self._clock.monotonic_s() - self._began_s
        return self._began_ns + round((elapsed_s - self._delay_s) * 1_000_000_000)


def _marked(record: Record) -> Record:
    """The record, which is nobody else's, with a word on its being late; the tape's own is left alone."""
    return msgspec.structs.replace(record, flags=record.flags | _DELAYED)
