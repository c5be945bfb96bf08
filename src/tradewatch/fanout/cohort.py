"""Cohorts: connections that hear the same, in the same dialect and delivery, as one.

What a cohort hears is put together once and written to each of its members. All members of a cohort stand at
the same positions; that is what makes one list serve them all, and why a member comes and goes only where
nothing is half written: between flushes.
"""

import random
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable

from tradewatch.fanout.member import Leg

#: Up to so many changes are made in place; for more the array is made anew.
_FEW = 8


class Instruments:
    """A set of instrument ids as a sorted array: four bytes each, copied by one memory move."""

    __slots__ = ("ids",)

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self.ids = array("I", sorted(ids))

    def copy(self) -> "Instruments":
        """The same set, apart."""
        made = Instruments()
        made.ids = self.ids[:]
        return made

    def add(self, instrument_id: int) -> None:
        """Take an id in that is not there."""
        self.ids.insert(bisect_left(self.ids, instrument_id), instrument_id)

    def update(self, instrument_ids: Collection[int]) -> None:
        """Take ids in that are not there."""
        if len(instrument_ids) <= _FEW:
            for instrument_id in instrument_ids:
                self.add(instrument_id)
        else:
            self.ids = array("I", sorted([*self.ids, *instrument_ids]))

    def difference_update(self, instrument_ids: Collection[int]) -> None:
        """Take ids out that are there."""
        if len(instrument_ids) <= _FEW:
            for instrument_id in instrument_ids:
                del self.ids[bisect_left(self.ids, instrument_id)]
        else:
            self.ids = array("I", sorted(set(self.ids).difference(instrument_ids)))

    def __contains__(self, instrument_id: int) -> bool:
        at = bisect_left(self.ids, instrument_id)
        return at < len(self.ids) and self.ids[at] == instrument_id

    def __len__(self) -> int:
        return len(self.ids)


class Keys:
    """What tells sets of instruments apart: a random number of each, and the XOR of a set's.

    Args:
        seed: makes the numbers; any value serves.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - they are no secrets
        self._numbers: dict[int, int] = {}

    def of(self, instrument_ids: Iterable[int]) -> int:
        """The key of a set; that of two together, where they share nothing, is the XOR of theirs."""
        key = 0
        for instrument_id in instrument_ids:
            number = self._numbers.get(instrument_id)
            if number is None:
                number = self._numbers[instrument_id] = self._random.getrandbits(63)
            key ^= number
        return key


class Cohort:
    """Members of one dialect that hear the same instruments with the same delivery.

    Attributes:
        interval_ms: 0 for every quote; otherwise the time between two of its ticks.
        key: the XOR of its instruments' numbers, kept as they change.
        instruments: what it hears.
        pattern: whether it grows with new instruments of `classes` (a bit mask of class numbers); 0 for none.
        members: the legs of its members.
        slot: for every quote: its number among the routes.
        positions: for an interval: the seq of what each instrument's members have; empty for every quote,
            where it is the hub's own head.
        dirty: for an interval: the instruments that moved since the last tick, in the order they did.
        delivered: quotes written to each member since the cohort was made.
        skipped: quotes each member was told to have skipped.
    """

    __slots__ = (
        "delivered",
        "dirty",
        "instruments",
        "interval_ms",
        "key",
        "members",
        "pattern",
        "positions",
        "skipped",
        "slot",
    )

    def __init__(self, interval_ms: int, *, key: int, instruments: Instruments, pattern: int) -> None:
        self.interval_ms = interval_ms
        self.key = key
        self.instruments = instruments
        self.pattern = pattern
        self.members: dict[Leg, None] = {}
        self.slot = -1
        self.positions: dict[int, int] = {}
        self.dirty: dict[int, None] = {}
        self.delivered = 0
        self.skipped = 0

    @property
    def identity(self) -> tuple[int, int, int, int]:
        """What two cohorts share that could be one."""
        return self.key, len(self.instruments), self.pattern, self.interval_ms

    def enter(self, leg: Leg) -> None:
        """A leg whose positions are the cohort's becomes a member."""
        leg.cohort = self
        leg.delivered_mark = self.delivered
        leg.skipped_mark = self.skipped
        self.members[leg] = None

    def leave(self, leg: Leg) -> None:
        """A leg goes; what it got here is added to its own counts."""
        del self.members[leg]
        leg.settle()
        leg.cohort = None
