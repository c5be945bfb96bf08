"""The key watch: follows the key store, whoever changes it, and tells all that go by keys."""

import asyncio
import logging

from tradewatch.access.key import Key
from tradewatch.access.keyring import KeyRing
from tradewatch.access.store import KeyStore
from tradewatch.access.tickets import Tickets
from tradewatch.errors import KeyStoreError
from tradewatch.protocol.codes import CloseCode
from tradewatch.server.stream.entrance import Entrance
from tradewatch.server.stream.registry import Connections

_log = logging.getLogger("tradewatch.upkeep")

#: How soon a created or revoked key takes effect; the promise is a second.
_POLL_S = 0.25


class KeyWatch:
    """New keys open the door, revoked ones lose their connections and tickets.

    A key on another plan keeps the connections that fit it.

    Args:
        store: the keys on disk.
        ring: the keys that are good now.
        tickets: the open tickets.
        entrance: knows what keys may have.
        connections: all connections.
    """

    def __init__(
        self,
        store: KeyStore,
        ring: KeyRing,
        *,
        tickets: Tickets,
        entrance: Entrance,
        connections: Connections,
    ) -> None:
        self._store = store
        self._ring = ring
        self._tickets = tickets
        self._entrance = entrance
        self._connections = connections
        self._one_at_a_time = asyncio.Lock()  # or what was read first could be taken last

    async def run(self) -> None:
        """Look four times a second, until cancelled.

        While the store does not answer, the keys known stay good, and it is asked again.
        """
        trouble = ""
        while True:
            await asyncio.sleep(_POLL_S)
            try:
                await self.look()
            except KeyStoreError as error:
                if str(error) != trouble:
                    trouble = str(error)
                    _log.error("changes of the API keys are not seen: %s", trouble)
                continue
            if trouble:
                trouble = ""
                _log.warning("changes of the API keys are seen again")

    async def look(self) -> None:
        """What the store holds by now is in force when this comes back.

        Raises:
            KeyStoreError: the store does not answer.
        """
        async with self._one_at_a_time:
            if self._store.changed():
                self._take(await asyncio.to_thread(self._store.load))

    def _take(self, keys: list[Key]) -> None:
        replaced = self._ring.replace(keys)
        for key_id in replaced.gone:
            self._tickets.revoke_key(key_id)
            closed = self._connections.close_key(key_id, CloseCode.KEY_REVOKED)
            _log.info("key %s is no longer good; %d connections closed", key_id, closed)
        for key_id in replaced.changed:
            self._connections.permit_key(key_id, self._entrance.permit_of)
            _log.info("key %s is on another plan", key_id)
