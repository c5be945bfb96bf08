"""A server's WebSocket endpoint: its address, what is shown to it, and the opening handshake."""

import logging
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Response

import tradewatch
from tradewatch.address import is_loopback
from tradewatch.client.connection import Connection
from tradewatch.errors import (
    AuthenticationError,
    NotFoundError,
    PlanError,
    ProtocolViolationError,
    RateLimitedError,
    RefusedError,
    ServerDrainingError,
    UnreachableError,
    UsageError,
)

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_OPEN_TIMEOUT_S = 10
_PING_INTERVAL_S = 10
_CLOSE_TIMEOUT_S = 2
_MAX_MESSAGE_BYTES = 4 << 20
#: Frames that are read before whoever takes messages asks for them.
_FRAMES_AHEAD = 4

_REFUSALS: dict[int, type[RefusedError]] = {
    401: AuthenticationError,
    403: PlanError,
    404: NotFoundError,
    429: RateLimitedError,
    503: ServerDrainingError,
}


class _RefusalError(msgspec.Struct):
    """What a refusal says."""

    reason: str
    message: str = ""


class _Refusal(msgspec.Struct):
    """The body of an HTTP answer that refuses."""

    error: _RefusalError


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
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise UsageError("the API key holds characters that no key has")
        parts = _server(url)
        self._parts = parts._replace(path=(parts.path.rstrip("/") + path) or "/")
        self._headers = {"api-key": api_key} if api_key else {}
        self._cacert = cacert
        self._subprotocol = subprotocol
        self._pong_timeout_s = pong_timeout_s

    def __str__(self) -> str:
        """The address, without what may be secret in it."""
        return self._parts._replace(netloc=self._parts.netloc.rpartition("@")[2], query="").geturl()

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
            raise UnreachableError(f"cannot reach {self}: {_why_unreachable(error)}") from None
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
            arguments["ssl"] = _trust(self._cacert)
        return arguments


def _server(url: str) -> SplitResult:
    """The parts of a server's URL, with the scheme of a WebSocket."""
    try:
        parts = urlsplit(url)
        parts = parts._replace(scheme=_SCHEMES[parts.scheme], fragment="")
        if parts.hostname and parts.port != 0:
            return parts
    except (ValueError, KeyError):
        pass
    raise UsageError("the URL of the server must be like ws://127.0.0.1:8000 or https://example.com/prefix")


def _silent_logger() -> logging.Logger:
    """The logger of the library below, which would write the handshake with its key where it may debug."""
    logger = logging.getLogger("tradewatch.client.websocket")
    logger.setLevel(logging.INFO)
    return logger


def _trust(cacert: Path | None) -> ssl.SSLContext:
    """What certificates are trusted."""
    try:
        return ssl.create_default_context(cafile=cacert)
    except OSError as error:
        raise UsageError(f"{cacert} cannot be used as certificates: {error.strerror}") from None


def _refused(response: Response) -> RefusedError:
    """The refusal: `401 key_unknown: no such key`."""
    status = response.status_code
    told = response.headers.get("Retry-After", "")
    retry_after_s = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else None
    try:
        error = msgspec.json.decode(response.body or b"", type=_Refusal).error
        reason, message = error.reason, error.message
    except msgspec.DecodeError:
        reason, message = "", f"the answer is {status} {response.reason_phrase}, not a stream"
    return _REFUSALS.get(status, RefusedError)(status, reason, message, retry_after_s=retry_after_s)


def _why_unreachable(error: OSError) -> str:
    """The system's reason, without the addresses it tried."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return error.strerror or str(error) or type(error).__name__
