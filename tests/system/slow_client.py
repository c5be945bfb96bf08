"""A client that takes its bytes as slowly as a test says, from a socket that holds few."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Self

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from tests.system.server import Server

_SIP_S = 0.25


class SlowClient:
    """One connection without a task of its own: nothing is read but by `read`.

    Attributes:
        closed: code and reason of the server's close frame; None before it came.
    """

    def __init__(self, server: Server, path: str, *, subprotocol: str, received_bytes: int = 4096) -> None:
        uri = parse_uri(f"ws://{server.address}{path}?api-key={server.demo_key}")
        self._wire = ClientProtocol(uri, subprotocols=[Subprotocol(subprotocol)])
        self._address = (uri.host, uri.port)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received_bytes)
        self._socket.setblocking(False)
        self._arrived: list[Frame] = []
        self.closed: tuple[int, str] | None = None

    async def __aenter__(self) -> Self:
        await asyncio.get_running_loop().sock_connect(self._socket, self._address)
        self._wire.send_request(self._wire.connect())
        await self._send()
        while self._wire.state is not State.OPEN:
            assert await self._receive(256), "no answer to the handshake"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._socket.close()

    async def say(self, message: bytes) -> None:
        """Send a text message."""
        self._wire.send_text(message)
        await self._send()

    async def messages(self, *, bytes_per_s: int | None = None, pong: bool = True) -> AsyncIterator[bytes]:
        """The messages as they come, until the server closes; b"" now and then where none is complete.

        Args:
            bytes_per_s: how fast bytes are taken; None for as fast as they come.
            pong: whether pings are answered.
        """
        while self.closed is None:
            if bytes_per_s is not None:
                await asyncio.sleep(_SIP_S)
            if not await self._receive(1 << 16 if bytes_per_s is None else int(bytes_per_s * _SIP_S)):
                return
            complete, self._arrived = self._arrived, []
            for frame in complete:
                if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
                    yield bytes(frame.data)
            if self._wire.close_rcvd is not None:
                self.closed = (self._wire.close_rcvd.code, self._wire.close_rcvd.reason)
            if pong:
                await self._send()
            if not complete:
                yield b""

    def hurry(self) -> None:
        """Give the socket room, so that what waits comes quickly."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    async def _receive(self, most_bytes: int) -> int:
        """Take bytes, and the frames that they complete; how many there were, 0 at the end."""
        data = await asyncio.get_running_loop().sock_recv(self._socket, most_bytes)
        if data:
            self._wire.receive_data(data)
            self._arrived += (event for event in self._wire.events_received() if isinstance(event, Frame))
        return len(data)

    async def _send(self) -> None:
        for data in self._wire.data_to_send():
            if data:
                await asyncio.get_running_loop().sock_sendall(self._socket, data)
