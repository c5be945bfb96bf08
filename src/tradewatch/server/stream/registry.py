"""All WebSocket connections of this process: how many, whose, and how they are all sent away."""

import asyncio
import contextlib
import math
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.refusal import Refusal, RefusalReason

_CLOSES_PER_S = 1_000
_STEP_S = 0.05
_ABORT_S = 1.0


class Member(Protocol):
    """What is asked of a connection from outside its own socket."""

    def check(self, now_s: float) -> None:
        """Do what the keep-alive rules say is due at this time of the monotonic clock."""
        ...

    def close(self, code: CloseCode) -> None:
        """Begin the closing handshake."""
        ...

    def drain(self) -> None:
        """Close with the code that its channel uses when the server goes down."""
        ...

    def abort(self) -> None:
        """Cut the connection off."""
        ...


class Drained(NamedTuple):
    """How a drain ended.

    Attributes:
        closed: connections that finished the closing handshake.
        aborted: connections that were cut off at the deadline.
    """

    closed: int
    aborted: int


class Connections:
    """The connections that hold a socket, and among them the admitted ones by API key.

    Args:
        max_connections: how many sockets WebSockets may hold at one time.
        retry_after_s: when who finds no room may come again.
    """

    def __init__(self, *, max_connections: int, retry_after_s: int = 5) -> None:
        self.max_connections = max_connections
        self.retry_after_s = retry_after_s
        self.draining = False
        self._members: dict[Member, None] = {}
        self._by_key: dict[str, dict[Member, None]] = {}
        self._none_admitted = asyncio.Event()
        self._none_admitted.set()

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        """A snapshot: whoever walks it may be interrupted by comings and goings."""
        return iter(list(self._members))

    def of_key(self, key_id: str) -> list[Member]:
        """The admitted connections of an API key, the oldest first."""
        return list(self._by_key.get(key_id, ()))

    def add(self, member: Member) -> None:
        """A connection begins its handshake."""
        self._members[member] = None

    def refusal(self) -> Refusal | None:
        """Why a connection that was just added cannot stay, if so."""
        if self.draining:
            return Refusal(503, RefusalReason.DRAINING, "the server is going down", self.retry_after_s)
        if len(self._members) > self.max_connections:
            text = f"the server holds its {self.max_connections:,} connections"
            return Refusal(429, RefusalReason.TOO_MANY_CONNECTIONS, text, self.retry_after_s)
        return None

    def admit(self, member: Member, key_id: str) -> None:
        """A connection was let in with this key, which does not change any more."""
        self._by_key.setdefault(key_id, {})[member] = None
        self._none_admitted.clear()

    def remove(self, member: Member, key_id: str | None) -> None:
        """A connection is gone; `key_id` is None where it was never admitted."""
        self._members.pop(member, None)
        if key_id is None:
            return
        siblings = self._by_key.get(key_id, {})
        siblings.pop(member, None)
        if not siblings:
            self._by_key.pop(key_id, None)
        if not self._by_key:
            self._none_admitted.set()

    def close_key(self, key_id: str, code: CloseCode) -> int:
        """Close the connections of an API key; how many these were."""
        members = self.of_key(key_id)
        for member in members:
            member.close(code)
        return len(members)

    async def drain(self, deadline_s: float, *, retry_after_s: int | None = None) -> Drained:
        """Let nobody in any more, close everybody, and come back when all are gone.

        The closes are spread over a time that grows with their number, so that the clients do not come back
        all at once; whoever is left at the deadline is cut off.
        """
        self.draining = True
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s
        loop = asyncio.get_running_loop()
        end_s = loop.time() + deadline_s
        members = [member for siblings in self._by_key.values() for member in siblings]
        spread_s = min(len(members) / _CLOSES_PER_S, deadline_s / 2)
        per_step = math.ceil(len(members) / max(1, math.ceil(spread_s / _STEP_S)))
        for first in range(0, len(members), per_step or 1):
            if first:
                await asyncio.sleep(_STEP_S)
            for member in members[first : first + per_step]:
                member.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(end_s):
                await self._none_admitted.wait()
        return await self._cut_off(len(members))

    async def _cut_off(self, asked: int) -> Drained:
        left = [member for siblings in self._by_key.values() for member in siblings]
        for member in left:
            member.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ABORT_S):
                await self._none_admitted.wait()
        return Drained(closed=asked - len(left), aborted=len(left))
