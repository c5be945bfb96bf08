"""The keep-alive of all connections: one task, no timer and no task of their own."""

import asyncio
from collections.abc import Iterator

from tradewatch.clock import Clock
from tradewatch.server.stream.registry import Connections

_INTERVAL_S = 1.0
_SLICE_CONNECTIONS = 1_000


class KeepAlive:
    """Lets every connection do what is due: pings, closes of the silent and the idle, aborts.

    Args:
        connections: whom to visit.
        clock: tells the time of a visit.
    """

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock

    async def run(self) -> None:
        """Sweep once a second, until cancelled; the loop gets its turn between slices."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            for _ in self._slices(self._clock.monotonic_s()):
                await asyncio.sleep(0)

    def sweep(self, now_s: float) -> None:
        """Visit every connection once, at this time of the monotonic clock."""
        for _ in self._slices(now_s):
            pass

    def _slices(self, now_s: float) -> Iterator[None]:
        for count, member in enumerate(self._connections, 1):
            member.check(now_s)
            if count % _SLICE_CONNECTIONS == 0:
                yield
