"""The usage meter: what each key uses, in memory, on its way to the store.

What it gives the store are whole hours so far, which replace what stands there. So nothing is counted twice,
whether a write came through, failed, or came through and was lost sight of. The price: before the first row
of an hour is written, what the store has of that hour already (the server was started again, the clock was
set back) must have been `restore`d; `hours_to_restore` names such hours, and until then they are held back.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from tradewatch.access.usage import Counts, Usage, UsageRow, hour_of

#: Every key of a full store in two hours; more wait for the store only where it does not answer.
MAX_WAITING = 200_000


class _Hour:
    """One hour: what each key used in it, and of which the store has not seen the newest."""

    __slots__ = ("changed", "restored", "usage")

    def __init__(self) -> None:
        self.usage: dict[str, Usage] = {}
        self.changed: dict[str, None] = {}
        self.restored = False


class UsageMeter:
    """Adds up what keys use. Called from one thread only.

    Args:
        gateway: the name of this server process; no other that runs at this time may have it.
        max_waiting: how many pairs of key and hour are held in memory.

    Attributes:
        lost: pairs of key and hour whose newest counts were given up because the store did not take them.
        uncounted: additions for which there was no room.
    """

    def __init__(self, *, gateway: str, max_waiting: int = MAX_WAITING) -> None:
        self.gateway = gateway
        self.lost = 0
        self.uncounted = 0
        self._max_waiting = max_waiting
        self._hours: dict[int, _Hour] = {}
        self._waiting = 0
        self._running_s = -1
        self._running = _Hour()
        self._taken: Sequence[UsageRow] = ()

    def add(
        self,
        key_id: str,
        now_ns: int,
        counts: Counts,
        *,
        open_connections: int = 0,
        lag_us: int | None = None,
    ) -> bool:
        """A key used more, at this Unix time; False where there is no room for one more key.

        Room is made by giving up the oldest hour that could not be written.
        """
        hour_s = hour_of(now_ns)
        if hour_s != self._running_s:
            self._running_s = hour_s
            self._running = self._hours.setdefault(hour_s, _Hour())
        running = self._running
        usage = running.usage.get(key_id)
        if usage is None:
            if self._waiting >= self._max_waiting and not self._give_up_oldest():
                self.uncounted += 1
                return False
            usage = running.usage[key_id] = Usage()
            self._waiting += 1
        usage.count(counts, open_connections=open_connections, lag_us=lag_us)
        running.changed[key_id] = None
        return True

    def rows(self, key_id: str) -> list[UsageRow]:
        """What is in memory of one key, the oldest hour first."""
        return [
            self._row(hour_s, key_id)
            for hour_s, hour in sorted(self._hours.items())
            if hour.restored and key_id in hour.usage
        ]

    # On the way to the store.

    def hours_to_restore(self) -> list[int]:
        """The hours of which nobody has said yet what the store has of them."""
        return [hour_s for hour_s, hour in self._hours.items() if not hour.restored]

    def restore(self, hour_s: int, rows: Iterable[UsageRow]) -> None:
        """What the store has of an hour at this gateway; what was added since comes on top.

        Nothing happens where that is known already: what the store has is then in here.
        """
        hour = self._hours.setdefault(hour_s, _Hour())
        if hour.restored:
            return
        hour.restored = True
        for row in rows:
            if row.key_id not in hour.usage:
                hour.usage[row.key_id] = Usage()
                self._waiting += 1
            hour.usage[row.key_id].include(row.usage)

    def take(self, limit: int) -> Sequence[UsageRow]:
        """At most so many rows for the store; then `written` or `put_back` must come before the next.

        Raises:
            RuntimeError: neither has come.
        """
        if self._taken:
            raise RuntimeError("the rows taken before were neither written nor put back")
        self._drop_finished()
        taken: list[UsageRow] = []
        for hour_s, hour in self._hours.items():
            if hour.restored:
                keys = list(islice(hour.changed, limit - len(taken)))
                for key_id in keys:
                    del hour.changed[key_id]
                taken += [self._row(hour_s, key_id) for key_id in keys]
        self._taken = taken
        return taken

    def written(self) -> None:
        """The store has what was taken."""
        self._taken = ()

    def put_back(self) -> None:
        """The store may not have what was taken."""
        for row in self._taken:
            if (hour := self._hours.get(row.hour_s)) is not None and row.key_id in hour.usage:
                hour.changed[row.key_id] = None
        self._taken = ()

    def _row(self, hour_s: int, key_id: str) -> UsageRow:
        return UsageRow(key_id, hour_s, self.gateway, self._hours[hour_s].usage[key_id].copy())

    def _drop_finished(self) -> None:
        """What the store has of hours that are over is not held any longer."""
        for hour_s, hour in list(self._hours.items()):
            if hour_s != self._running_s and not hour.changed:
                self._drop(hour_s)

    def _give_up_oldest(self) -> bool:
        """Make room; whether there was an hour, not the running one, to give up."""
        oldest_s = min((hour_s for hour_s in self._hours if hour_s != self._running_s), default=None)
        if oldest_s is None:
            return False
        waiting = {row.key_id for row in self._taken if row.hour_s == oldest_s}
        self.lost += len(waiting.union(self._hours[oldest_s].changed))
        self._drop(oldest_s)
        return True

    def _drop(self, hour_s: int) -> None:
        self._waiting -= len(self._hours.pop(hour_s).usage)
