"""A server's WebSocket endpoint: its address, what is shown to it, and the opening handshake."""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Response

import tradewatch
from tradewatch.address import is_loopback
from tradewatch.client.connection import Connection
from tradewatch.client.server import key_headers, refused, server_parts, shown_url, trust, why_unreachable
from tradewatch.errors import ProtocolViolationError, RefusedError, UnreachableError

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_OPEN_TIMEOUT_S = 10
_PING_INTERVAL_S = 10
_CLOSE_TIMEOUT_S = 2
_MAX_MESSAGE_BYTES = 4 << 20
#: Frames that are read before whoever takes messages asks for them.
_FRAMES_AHEAD = 4


class _Connect(connect):
    """Follows no redirect: the library would show the key to whatever host it is sent to."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """What went wrong, as it is."""
        return exc


class Endpoint:
    """Where a server serves something, and what is shown to it; making one opens nothing.

    Args:
        url: the server, `ws(s)://` or `http(s)://`; a path in front of the server's own is kept.
        path: the path on the server; empty where the URL has it.
        api_key: the key to show, in a header.
        cacert: a file of certificates (PEM) to trust instead of the system's.
        subprotocol: the dialect to speak, and no other; empty for the one that servers speak unasked.
        pong_timeout_s: how long the server may leave a ping without an answer.

    Raises:
        UsageError: `url` or the key cannot be one.
    """

    def __init__(
        self,
        url: str,
        path: str = "",
        *,
        api_key: str | None = None,
        cacert: Path | None = None,
        subprotocol: str = "",
        pong_timeout_s: float = 60,
    ) -> None:
        self._headers = key_headers(api_key)
        parts = server_parts(url, _SCHEMES)
        self._parts = parts._replace(path=(parts.path.rstrip("/") + path) or "/")
        self._cacert = cacert
        self._subprotocol = subprotocol
        self._pong_timeout_s = pong_timeout_s

    def __str__(self) -> str:
        """The address, without what may be secret in it."""
        return shown_url(self._parts)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    async def open(self, *, ticket: str | None = None) -> Connection:
        """A new connection.

        Args:
            ticket: a one-time ticket to show instead of a key.

        Raises:
            RefusedError: the server refuses; the class says what kind of refusal it is.
            UnreachableError: nobody who speaks WebSocket can be reached.
            ProtocolViolationError: the server does not speak this dialect.
            UsageError: the file of certificates cannot be read.
        """
        socket = await self._handshake(ticket)
        if (socket.subprotocol or "") != self._subprotocol:
            await socket.close()
            raise ProtocolViolationError(f"{self} does not speak {self._subprotocol}")
        return Connection(socket)

    async def _handshake(self, ticket: str | None) -> ClientConnection:
        parts = self._parts
        if ticket is not None:
            shown = f"ticket={quote(ticket, safe='')}"
            parts = parts._replace(query=f"{parts.query}&{shown}" if parts.query else shown)
        try:
            return await _Connect(parts.geturl(), **self._arguments())
        except InvalidStatus as refusal:
            raise _refused(refusal.response) from None
        except OSError as error:
            raise UnreachableError(f"cannot reach {self}: {why_unreachable(error)}") from None
        except WebSocketException as error:
            raise UnreachableError(f"{self} does not speak WebSocket: {error}") from None

    def _arguments(self) -> dict[str, Any]:
        """What `connect` is called with."""
        arguments: dict[str, Any] = {
            "additional_headers": self._headers,
            "user_agent_header": f"tradewatch/{tradewatch.__version__}",
            "compression": None,
            "open_timeout": _OPEN_TIMEOUT_S,
            "ping_interval": _PING_INTERVAL_S,
            "ping_timeout": self._pong_timeout_s,
            "close_timeout": _CLOSE_TIMEOUT_S,
            "max_size": _MAX_MESSAGE_BYTES,
            "max_queue": _FRAMES_AHEAD,
            "logger": _silent_logger(),
        }
        if self._subprotocol:
            arguments["subprotocols"] = [self._subprotocol]
        if is_loopback(self._parts.hostname or ""):
            arguments["proxy"] = None  # the environment's proxy cannot reach this machine's own loopback
        if self._parts.scheme == "wss":
            arguments["ssl"] = trust(self._cacert)
        return arguments


def _silent_logger() -> logging.Logger:
    """The logger of the library below, which would write the handshake with its key where it may debug."""
    logger = logging.getLogger("tradewatch.client.websocket")
    logger.setLevel(logging.INFO)
    return logger


def _refused(response: Response) -> RefusedError:
    """The refusal of a handshake."""
    status = response.status_code
    unexpected = f"the answer is {status} {response.reason_phrase}, not a stream"
    return refused(status, response.headers, response.body or b"", unexpected=unexpected)
