"""What goes on beside the stream for as long as the server runs."""

import asyncio

from tradewatch.clock import Clock
from tradewatch.server.stream.views import Views
from tradewatch.tape.log import Log

#: How often a client that had all its quotes of the second gets the newest of what it missed.
_ALLOW_S = 0.25
_FOLLOW_S = 0.05


async def tick(views: Views, *, interval_ms: int) -> None:
    """The one timer of everybody who wants the latest at this interval."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        due_s = max(due_s + interval_ms / 1_000, loop.time())
        await asyncio.sleep(due_s - loop.time())
        for hub in views.hubs:
            hub.tick(interval_ms)


async def allow(views: Views, clock: Clock) -> None:
    """Budgets of quotes earn as time passes."""
    while True:
        await asyncio.sleep(_ALLOW_S)
        for hub in views.hubs:
            hub.allow(clock.monotonic_s())


async def follow(views: Views) -> None:
    """Delayed views move on with the time."""
    while True:
        await asyncio.sleep(_FOLLOW_S)
        for delayed in views.behind():
            while delayed.advance():  # noqa: ASYNC110 - it is this that makes it move
                await asyncio.sleep(0)  # the loop's turn between two steps


async def sync_log(log: Log, *, interval_s: float) -> None:
    """Sync the log, off the loop, whenever something was appended."""
    synced = log.next_offset
    while True:
        await asyncio.sleep(interval_s)
        if log.next_offset != synced:
            synced = log.next_offset
            await asyncio.to_thread(log.sync)
