"""All WebSocket connections of this process: how many, whose, and how they are all sent away."""

import asyncio
import contextlib
import heapq
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from tradewatch.access.permit import Permit
from tradewatch.access.tickets import Ticket
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.stream.usage_sweep import Metered

_CLOSES_PER_S = 1_000
#: Over at least so long clients are asked to spread their coming back; a millisecond for each of them.
_LEAST_RETURN_MS = 1_000
_STEP_S = 0.05
_ABORT_S = 1.0


class Member(Metered, Protocol):
    """What is asked of a connection from outside its own socket."""

    @property
    def id(self) -> str:
        """A short name for logs and lists; no secret."""
        ...

    @property
    def address(self) -> str:
        """The client's IP address, once it was let in."""
        ...

    @property
    def opened_s(self) -> float:
        """When it was let in, on the monotonic clock."""
        ...

    @property
    def ticket(self) -> Ticket | None:
        """The ticket that opened it in the key's place; None where none did."""
        ...

    @property
    def queued_bytes(self) -> int:
        """Bytes written that the peer has not taken, the kernel's send queue included."""
        ...

    def permit(self, permit: Permit | None) -> bool:
        """What its client may have has changed, None: to nothing; whether it fits and is not closed."""
        ...

    def announce_drain(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        """Tell its client, where its dialect can, that the server is going down."""
        ...

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


class Account(Protocol):
    """Keeps account of connections."""

    def entering(self, member: Metered) -> None:
        """A connection was let in, its `key_id` being known."""
        ...

    def leaving(self, member: Metered) -> None:
        """A connection is over; `spent` has the last of what it was sent."""
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
        self._account: Account | None = None
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

    def watch(self, account: Account) -> None:
        """From now on `account` hears who comes and goes; to be called before anybody does."""
        self._account = account

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
        if self._account is not None:
            self._account.entering(member)

    def remove(self, member: Member) -> None:
        """A connection is gone."""
        self._members.pop(member, None)
        key_id = member.key_id
        if key_id is None:
            return
        if self._account is not None:
            self._account.leaving(member)
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

    def permit_key(self, key_id: str, permit_of: Callable[[Member], Permit | None]) -> None:
        """What a key lets have has changed; the newest connections go where these are too many now."""
        kept = 0
        for member in self.of_key(key_id):
            permit = permit_of(member)
            most = permit.plan.connections if permit is not None else None
            kept += member.permit(permit if most is None or kept < most else None)

    def slowest(self, count: int) -> list[Member]:
        """Those that have been behind longest, at most so many."""
        behind = [member for member in self._members if member.behind_since_s is not None]
        return heapq.nsmallest(count, behind, key=lambda member: member.behind_since_s or 0.0)

    def queued_bytes(self) -> int:
        """Bytes that wait for all that are behind."""
        return sum(member.queued_bytes for member in self.slowest(len(self._members)))

    @property
    def keys(self) -> list[str]:
        """The ids of the keys that have connections; those that needed no key are nobody's."""
        return [key_id for key_id in self._by_key if key_id]

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
        spread_ms = max(len(members), _LEAST_RETURN_MS)
        for number, member in enumerate(members):
            member.announce_drain(round(deadline_s * 1_000), number * spread_ms // len(members))
        per_step = math.ceil(len(members) / max(1, math.ceil(spread_s / _STEP_S)))
        for first in range(0, len(members), per_step or 1):
            if self._none_admitted.is_set():
                break
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
