"""What goes on beside the stream for as long as the server runs."""

import asyncio
import logging

from tradewatch.access.keyring import KeyRing
from tradewatch.access.store import KeyStore
from tradewatch.access.tickets import Tickets
from tradewatch.clock import Clock
from tradewatch.errors import KeyStoreError
from tradewatch.protocol.codes import CloseCode
from tradewatch.server.stream.entrance import Entrance
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.views import Views
from tradewatch.tape.log import Log

_log = logging.getLogger("tradewatch.upkeep")

#: How soon a created or revoked key takes effect; the promise is a second.
_KEY_POLL_S = 0.25
#: How often a client that had all its quotes of the second gets the newest of what it missed.
_ALLOW_S = 0.25
_FOLLOW_S = 0.05


async def watch_keys(
    store: KeyStore, ring: KeyRing, tickets: Tickets, entrance: Entrance, connections: Connections
) -> None:
    """Follow the key store: new keys open the door, revoked ones lose their connections and tickets.

    A key on another plan keeps the connections that fit it.

    While the store does not answer, the keys known stay good, and it is asked again.
    """
    trouble = ""
    while True:
        await asyncio.sleep(_KEY_POLL_S)
        try:
            keys = await asyncio.to_thread(store.load) if store.changed() else None
        except KeyStoreError as error:
            if str(error) != trouble:
                trouble = str(error)
                _log.error("changes of the API keys are not seen: %s", trouble)
            continue
        if trouble:
            trouble = ""
            _log.warning("changes of the API keys are seen again")
        if keys is None:
            continue
        replaced = ring.replace(keys)
        for key_id in replaced.gone:
            tickets.revoke_key(key_id)
            closed = connections.close_key(key_id, CloseCode.KEY_REVOKED)
            _log.info("key %s is no longer good; %d connections closed", key_id, closed)
        for key_id in replaced.changed:
            connections.permit_key(key_id, entrance.permit_of)
            _log.info("key %s is on another plan", key_id)


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
