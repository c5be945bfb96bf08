"""A transport without a network: it keeps what is written, and is read as slowly as a test likes."""

import asyncio
from typing import Any

_PEER = ("192.0.2.1", 40_000)


class StubSocket:
    """As much of a socket as the edge and uvicorn ask for."""

    family = 2

    def getpeername(self) -> tuple[str, int]:
        return _PEER

    def getsockname(self) -> tuple[str, int]:
        return ("192.0.2.2", 8000)

    def setsockopt(self, *_: Any) -> None:
        """Taken, and of no effect."""

    def getsockopt(self, *_: Any) -> bytes:
        raise OSError("no kernel here")


class FakeTransport(asyncio.Transport):
    """What a protocol writes to, and where it is told what the peer does.

    Args:
        reading: whether the peer takes what is written at once.
    """

    def __init__(self, protocol: asyncio.Protocol, *, reading: bool = True) -> None:
        super().__init__({"peername": _PEER, "sockname": ("192.0.2.2", 8000), "socket": StubSocket()})
        self.written = bytearray()
        self.half_closed = False
        self.lost = False
        self._protocol: Any = protocol
        self._reading = reading
        self._unsent = 0
        self._high, self._low = 64 << 10, 16 << 10
        self._paused = False
        self._listening = True
        self._closing = False
        self._waiting: list[bytes] = []
        protocol.connection_made(self)

    # What the test does.

    def feed(self, data: bytes) -> None:
        """Octets arrive; they wait while the protocol does not listen."""
        if not (self._closing or self.lost) and data:
            self._waiting.append(data)
            self._deliver()

    def read(self) -> None:
        """The peer takes everything, and goes on doing so."""
        self._reading = True
        self._unsent = 0
        if self._paused:
            self._paused = False
            self._protocol.resume_writing()
        self._deliver()
        if self._closing:
            self.lose()

    def lose(self, error: Exception | None = None) -> None:
        """The connection is over."""
        if not self.lost:
            self.lost = self._closing = True
            self._protocol.connection_lost(error)
            self._protocol = None  # as real ones do

    def _deliver(self) -> None:
        while self._waiting and self._listening and not self._closing:
            self._protocol.data_received(self._waiting.pop(0))

    # What the protocol does.

    def write(self, data: Any) -> None:
        if self._closing or self.half_closed:
            return
        self.written += data
        if not self._reading:
            self._unsent += len(data)
            if not self._paused and self._unsent > self._high:
                self._paused = True
                self._protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high, self._low = high or self._high, low or self._low

    def get_write_buffer_size(self) -> int:
        return self._unsent

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def pause_reading(self) -> None:
        self._listening = False

    def resume_reading(self) -> None:
        self._listening = True

    def is_reading(self) -> bool:
        return self._listening

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    def abort(self) -> None:
        self._closing = True
