"""Members: what the hub knows of one connection, and nothing more than its subscriptions need."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

from tradewatch.fanout.budget import Budget
from tradewatch.model.instrument import Instrument

if TYPE_CHECKING:
    from tradewatch.fanout.cohort import Cohort
    from tradewatch.fanout.lane import Lane


class Listener(Protocol):
    """The connection behind a member."""

    def write(self, frames: bytes) -> None:
        """Take finished frames; never blocks, never raises."""
        ...

    def appeared(self, instrument: Instrument) -> bool:
        """An instrument appears that a pattern covers; False where it is one more than the limit."""
        ...


class _Nobody:
    """What stands in for a connection that is over."""

    def write(self, frames: bytes) -> None:
        """Nobody reads them."""

    def appeared(self, instrument: Instrument) -> bool:
        """Nobody hears it."""
        return False


NOBODY = _Nobody()


class Sums(NamedTuple):
    """published = delivered + skipped + missing + pending, over one connection's subscriptions."""

    published: int
    delivered: int
    skipped: int
    missing: int
    pending: int


class Leg:
    """The part of a connection's subscriptions that shares a delivery: explicit names, or a pattern.

    LIVE it stands in a cohort; BEHIND it has nothing but its positions, copied once.

    Attributes:
        member: whose it is.
        interval_ms: 0 for every quote; otherwise the time between two writes.
        pattern: see `Cohort.pattern`.
        key: the XOR of its instruments' numbers.
        cohort: where it stands while LIVE.
        positions: while BEHIND: the seq of the last quote that the client has, or was told to have skipped.
        base: the sum over its instruments of the positions at which they were subscribed.
        delivered: quotes written, before the present cohort.
        skipped: quotes skipped, before the present cohort.
        delivered_mark: the cohort's count when it entered.
        skipped_mark: likewise.
    """

    __slots__ = (
        "base",
        "cohort",
        "delivered",
        "delivered_mark",
        "interval_ms",
        "key",
        "member",
        "pattern",
        "positions",
        "skipped",
        "skipped_mark",
    )

    def __init__(self, member: "Member", interval_ms: int, *, pattern: int) -> None:
        self.member = member
        self.interval_ms = interval_ms
        self.pattern = pattern
        self.key = 0
        self.cohort: Cohort | None = None
        self.positions: dict[int, int] | None = None
        self.base = 0
        self.delivered = 0
        self.skipped = 0
        self.delivered_mark = 0
        self.skipped_mark = 0

    @property
    def instrument_ids(self) -> list[int]:
        """What it hears."""
        if self.positions is not None:
            return list(self.positions)
        return list(self.cohort.instruments.ids) if self.cohort is not None else []

    def settle(self) -> None:
        """Bring the counts up to what the cohort has done since it entered."""
        if self.cohort is not None:
            self.delivered += self.cohort.delivered - self.delivered_mark
            self.skipped += self.cohort.skipped - self.skipped_mark
            self.delivered_mark, self.skipped_mark = self.cohort.delivered, self.cohort.skipped


class Member:
    """One connection in the hub.

    Attributes:
        listener: the connection.
        write: takes finished frames: the listener's own, or what stands behind that.
        lane: its dialect's lane.
        legs: by delivery and pattern.
        paused: its send buffer is full; nothing is written to it.
        held: it had all the quotes that its budget allows; it gets the newest of what moved as it earns them.
        budget: how many quotes it may have; None for any number.
        delivered: quotes written by legs that are no more.
        skipped: quotes skipped by legs that are no more.
        published: quotes published for instruments of legs that are no more.
    """

    __slots__ = (
        "budget",
        "delivered",
        "held",
        "lane",
        "legs",
        "listener",
        "paused",
        "published",
        "skipped",
        "write",
    )

    def __init__(self, listener: Listener, lane: "Lane") -> None:
        self.listener = listener
        self.write = listener.write
        self.lane = lane
        self.legs: dict[tuple[int, int], Leg] = {}
        self.paused = False
        self.held = False
        self.budget: Budget | None = None
        self.delivered = 0
        self.skipped = 0
        self.published = 0

    @property
    def behind(self) -> bool:
        """Whether it stands in no cohort, for either reason."""
        return self.paused or self.held

    @property
    def tally(self) -> tuple[int, int]:
        """Quotes written to it so far, and quotes skipped."""
        delivered, skipped = self.delivered, self.skipped
        for leg in self.legs.values():
            leg.settle()
            delivered += leg.delivered
            skipped += leg.skipped
        return delivered, skipped
