"""The send buffer of one connection: how much may wait for the client before it is behind."""

import contextlib
from asyncio import WriteTransport
from collections.abc import Iterator

from tradewatch.protocol.limits import ConnectionLimits

#: More than the answers to a few messages and their snapshots.
_ROOM_BYTES = 64 << 20


class SendBuffer:
    """The bounds of a transport's buffer.

    Args:
        transport: whose.
        limits: what binds the connection.
    """

    __slots__ = ("_limits", "_roomy", "_transport")

    def __init__(self, transport: WriteTransport, limits: ConnectionLimits) -> None:
        self._transport = transport
        self._limits = limits
        self._roomy = False
        self._bound(0)

    @contextlib.contextmanager
    def room(self) -> Iterator[None]:
        """What is written meanwhile may wait besides.

        A long answer and the snapshots that it brings are what a client wanted, and no reason to take it for
        slow. There is room once at a time: as long as the last such answer has not been taken, whatever is
        written counts as usual.
        """
        if self._roomy:
            yield
            return
        self._roomy = True
        self._bound(_ROOM_BYTES)
        try:
            yield
        finally:
            self._bound(self._transport.get_write_buffer_size())
            self.settle()

    def settle(self) -> None:
        """Once a long answer was taken, the usual bounds are back."""
        if self._roomy and self._transport.get_write_buffer_size() <= self._limits.send_buffer_low_bytes:
            self._roomy = False
            self._bound(0)

    def _bound(self, besides_bytes: int) -> None:
        """The client is behind from so many bytes on, besides these."""
        high = self._limits.send_buffer_bytes + besides_bytes
        self._transport.set_write_buffer_limits(high=high, low=self._limits.send_buffer_low_bytes)
