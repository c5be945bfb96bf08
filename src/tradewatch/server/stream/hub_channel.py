"""What all channels share that hear quotes: a place in the hub, and the way from there to the client."""

from tradewatch.fanout.hub import Hub
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.dialect import Dialect
from tradewatch.server.stream.channel import Connection


class HubChannel:
    """A connection's place in the hub.

    Args:
        hub: fans out.
        dialect: how the client reads.
        key_id: id of the API key that opened it; empty where none was needed.
    """

    __slots__ = ("_connection", "_hub", "_member", "key_id")

    binary = False

    def __init__(self, hub: Hub, dialect: Dialect, *, key_id: str) -> None:
        self._hub = hub
        self._member = hub.member(self, dialect)
        self._connection: Connection | None = None
        self.key_id = key_id

    def opened(self, connection: Connection) -> None:
        """Frames may be written now."""
        self._connection = connection

    def write(self, frames: bytes) -> None:
        """What the hub has for it."""
        if self._connection is not None:
            self._connection.write(frames)

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
