"""What all channels share that hear quotes: a place in the hub, and the way from there to the client."""

from tradewatch.access.permit import Permit
from tradewatch.access.tickets import Ticket
from tradewatch.fanout.hub import Hub
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.codes import ErrorCode
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.server.stream.channel import Connection


class HubChannel:
    """A connection's place in the hub.

    Args:
        hub: fans out.
        dialect: how the client reads.
        permit: what its client may have; None where it needs none.
    """

    __slots__ = ("_connection", "_hub", "_member", "_permit")

    binary = False

    def __init__(self, hub: Hub, dialect: Dialect, *, permit: Permit | None) -> None:
        self._hub = hub
        self._member = hub.member(self, dialect)
        self._connection: Connection | None = None
        self._permit = permit
        if permit is not None:
            hub.limit(self._member, permit.limits.max_quotes_per_s)

    @property
    def key_id(self) -> str:
        """Id of the API key that opened it; empty where none was needed."""
        return self._permit.key.id if self._permit else ""

    @property
    def ticket(self) -> Ticket | None:
        """The ticket that opened it in the key's place; None where none did."""
        return self._permit.ticket if self._permit else None

    @property
    def messages_per_10_s(self) -> int:
        """How many messages its client may send in 10 seconds."""
        return self._permit.limits.messages_per_10_s if self._permit else ConnectionLimits().messages_per_10_s

    @property
    def tally(self) -> tuple[int, int]:
        """Quotes delivered and quotes skipped, since it was opened."""
        return self._member.tally

    def opened(self, connection: Connection) -> None:
        """Frames may be written now, and go to the connection without a stop here."""
        self._connection = connection
        self._member.write = connection.write

    def write(self, frames: bytes) -> None:
        """What the hub has for it."""
        if self._connection is not None:
            self._connection.write(frames)

    def refused(self, code: ErrorCode, message: str) -> None:
        """There is nothing to be told, unless a dialect says so."""

    def permitted(self, permit: Permit) -> bool:
        """What it may have has changed; False where it no longer fits that."""
        if self._permit is None or permit.limits.delay_s != self._permit.limits.delay_s:
            return False
        self._permit = permit
        self._hub.limit(self._member, permit.limits.max_quotes_per_s)
        return permit.plan.websocket

    def draining(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        """There is nothing to be told, unless a dialect says so."""

    def appeared(self, instrument: Instrument) -> bool:
        """A pattern has a member more; False, as here, where it is not to be heard."""
        return False

    def paused(self) -> None:
        """Nothing more until it has caught up."""
        self._hub.pause(self._member)

    def resumed(self) -> None:
        """The newest of what it missed, and on."""
        self._hub.resume(self._member)

    def beat(self, now_s: float) -> None:
        """Nothing is due."""

    def closed(self) -> None:
        """Leave the hub."""
        self._hub.remove(self._member)
        self._connection = None
