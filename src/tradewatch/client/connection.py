"""One open WebSocket, as bytes or text; how it ends becomes an error with a code and a reason."""

from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tradewatch.errors import ClientError, ConnectionClosedError, ProtocolViolationError

#: Closes of this side because the other did wrong (RFC 6455, 7.4.1).
_THEIR_FAULTS = frozenset({1002, 1003, 1007, 1009})


class Connection:
    """An open WebSocket; leaving the context closes it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def simulated(self) -> bool:
        """Whether the server says that it invents its prices."""
        response = self._socket.response
        return response is not None and response.headers.get("tradewatch-simulated") == "true"

    async def send(self, message: str | bytes) -> None:
        """Send a text message, given as text or as its UTF-8.

        Raises:
            ConnectionClosedError: the connection is closed.
        """
        try:
            await self._socket.send(message, text=True)
        except ConnectionClosed as closed:
            raise _named(closed) from None

    async def receive(self) -> bytes:
        """The next message; of a text its UTF-8.

        Raises:
            ConnectionClosedError: the connection is closed.
            ProtocolViolationError: it had to be closed, because what came was no WebSocket message.
        """
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed as closed:
            raise _named(closed) from None

    async def receive_text(self) -> str:
        """The next message, as text.

        Raises:
            ConnectionClosedError: the connection is closed.
            ProtocolViolationError: it had to be closed, because what came was no WebSocket message.
        """
        try:
            return await self._socket.recv(decode=True)
        except ConnectionClosed as closed:
            raise _named(closed) from None

    async def close(self) -> None:
        """Close it, within two seconds."""
        await self._socket.close()


def _named(closed: ConnectionClosed) -> ClientError:
    """A close as an error that names its code and reason."""
    if closed.rcvd is not None:
        return ConnectionClosedError(closed.rcvd.code, closed.rcvd.reason)
    if closed.sent is not None and closed.sent.code in _THEIR_FAULTS:
        said = f"{closed.sent.code} {closed.sent.reason}".rstrip()
        return ProtocolViolationError(f"the server sent what is no message: {said}")
    return ConnectionClosedError(1006)
