"""What goes on beside the stream for as long as the server runs."""

import asyncio
import logging

from tradewatch.access.keyring import KeyRing
from tradewatch.access.store import KeyStore
from tradewatch.errors import KeyStoreError
from tradewatch.fanout.hub import Hub
from tradewatch.protocol.codes import CloseCode
from tradewatch.server.stream.registry import Connections
from tradewatch.tape.log import Log

_log = logging.getLogger("tradewatch.upkeep")

#: How soon a created or revoked key takes effect; the promise is a second.
_KEY_POLL_S = 0.25


async def watch_keys(store: KeyStore, ring: KeyRing, connections: Connections) -> None:
    """Follow the key store: new keys open the door, revoked ones lose their connections.

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
        for key_id in ring.replace(keys) if keys is not None else ():
            closed = connections.close_key(key_id, CloseCode.KEY_REVOKED)
            _log.info("key %s is no longer good; %d connections closed", key_id, closed)


async def tick(hub: Hub, *, interval_ms: int) -> None:
    """The one timer of everybody who wants the latest at this interval."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        due_s = max(due_s + interval_ms / 1_000, loop.time())
        await asyncio.sleep(due_s - loop.time())
        hub.tick(interval_ms)


async def sync_log(log: Log, *, interval_s: float) -> None:
    """Sync the log, off the loop, whenever something was appended."""
    synced = log.next_offset
    while True:
        await asyncio.sleep(interval_s)
        if log.next_offset != synced:
            synced = log.next_offset
            await asyncio.to_thread(log.sync)
