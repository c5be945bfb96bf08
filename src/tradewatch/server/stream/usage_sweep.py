"""The account of all connections: one task that looks at each now and then, and at its beginning and end.

Connections count for themselves, in numbers that only grow; what grew since the last look is what their key
used. Nothing is done per quote.

The **lag** of a connection is looked at as often, one sample each time:

* where its client is behind, the time for which it has been;
* otherwise, where it was sent quotes since the last look, the age that the oldest quote of any flush since
  then had when it was written: the time from when we received it. All who are not behind share this;
* none where it was sent nothing.

So the p99 of a key and hour says: in 99 of 100 looks no quote that its clients had just got was later than
this. What an interval of delivery adds was asked for, and is not in it; neither is the way to the client.
"""

import asyncio
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from tradewatch.access.usage import Counts, hour_of
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.clock import Clock

#: Usage shows within a second; the rest of it is for looking and for the store.
_INTERVAL_S = 0.75
_SLICE_CONNECTIONS = 250


class Spent(NamedTuple):
    """What a connection took and gave since it opened; none of it ever shrinks.

    Attributes:
        messages_in: whole messages received.
        bytes_in: bytes received, the handshake included.
        bytes_out: bytes written, likewise.
        delivered: quotes sent.
        skipped: quotes that its client was told to have skipped.
    """

    messages_in: int
    bytes_in: int
    bytes_out: int
    delivered: int
    skipped: int


class Metered(Protocol):
    """A connection, as far as its account goes."""

    @property
    def key_id(self) -> str | None:
        """Id of the API key that opened it; None before that, empty where none was needed."""
        ...

    @property
    def spent(self) -> Spent:
        """What it took and gave so far."""
        ...

    @property
    def behind_since_s(self) -> float | None:
        """When its client fell behind, on the monotonic clock; None where it is not."""
        ...


_NOTHING = Spent(0, 0, 0, 0, 0)


class UsageSweep:
    """Adds what connections use to the account of their keys.

    Args:
        connections: whom to look at: those of now, whenever they are walked.
        meter: keeps the accounts.
        clock: tells hours, and how long a client has been behind.
        live_lag_us: the age, in microseconds, of the oldest quote of all flushes since it was last asked, at
            the time of its flush; None where there was no flush.

    Attributes:
        swept: set whenever all connections were looked at; whoever waits for it clears it.
    """

    def __init__(
        self,
        connections: Iterable[Metered],
        meter: UsageMeter,
        *,
        clock: Clock,
        live_lag_us: Callable[[], int | None],
    ) -> None:
        self._connections = connections
        self._meter = meter
        self._clock = clock
        self._ask_live_lag_us = live_lag_us
        self._live_lag_us: int | None = None
        self._hour_s = -1
        self._seen: dict[Metered, Spent] = {}
        self._open: dict[str, int] = {}
        self._gone: set[Metered] | None = None
        self.swept = asyncio.Event()

    async def run(self) -> None:
        """Sweep about once a second, until cancelled; the loop gets its turn between slices."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            for _ in self._slices():
                await asyncio.sleep(0)

    def sweep(self) -> None:
        """Look at every connection once."""
        for _ in self._slices():
            pass

    def look(self, members: Iterable[Metered]) -> None:
        """Bring the accounts of these up to now, between two sweeps; takes no sample of their lag."""
        for member in members:
            self._account(member)

    def entering(self, member: Metered) -> None:
        """A connection was let in, its `key_id` being known."""
        self._account(member)

    def leaving(self, member: Metered) -> None:
        """A connection is over; call it while `spent` still has the last of what it was sent."""
        self._account(member)
        if self._seen.pop(member, None) is None or not (key_id := member.key_id):
            return
        if self._gone is not None:
            self._gone.add(member)
        self._open[key_id] -= 1
        if not self._open[key_id]:
            del self._open[key_id]

    def _slices(self) -> Iterator[None]:
        now_ns = self._clock.now_ns()
        turned, self._hour_s = hour_of(now_ns) != self._hour_s, hour_of(now_ns)
        self._live_lag_us = self._ask_live_lag_us()
        self._gone = set()
        for count, member in enumerate(self._connections, 1):
            if member not in self._gone:
                self._account(member, sampled=True, unchanged_too=turned)
            if count % _SLICE_CONNECTIONS == 0:
                yield
        self._gone = None
        self.swept.set()

    def _account(self, member: Metered, *, sampled: bool = False, unchanged_too: bool = False) -> None:
        """Add what `member` used since it was last looked at.

        In a new hour those count too that did nothing: they are open in it.
        """
        key_id = member.key_id
        if not key_id:
            return
        spent, before = member.spent, self._seen.get(member)
        opened = before is None
        if before is None:
            before = _NOTHING
            self._open[key_id] = self._open.get(key_id, 0) + 1
        lag_us = self._lag_us(member, heard=spent.delivered != before.delivered) if sampled else None
        if opened or unchanged_too or lag_us is not None or spent != before:
            self._seen[member] = spent
            self._meter.add(
                key_id,
                self._clock.now_ns(),
                Counts(int(opened), *map(operator.sub, spent, before)),
                open_connections=self._open[key_id],
                lag_us=lag_us,
            )

    def _lag_us(self, member: Metered, *, heard: bool) -> int | None:
        """The sample of a connection's lag, if there is one."""
        behind_since_s = member.behind_since_s
        if behind_since_s is not None:
            return round((self._clock.monotonic_s() - behind_since_s) * 1e6)
        return self._live_lag_us if heard else None
