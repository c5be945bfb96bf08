"""A server's WebSocket endpoint, as the client commands reach it; what goes wrong becomes one line."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import msgspec

import tradewatch
from tradewatch.address import is_loopback
from tradewatch.errors import StreamError, UsageError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.http11 import Response

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_OPEN_TIMEOUT_S = 10
_PING_TIMEOUT_S = 60
_CLOSE_TIMEOUT_S = 2
_MAX_MESSAGE_BYTES = 4 << 20


class _RefusalError(msgspec.Struct):
    """What a refusal says."""

    reason: str
    message: str = ""


class _Refusal(msgspec.Struct):
    """The body of an HTTP answer that refuses."""

    error: _RefusalError


class Connection:
    """An open WebSocket of texts."""

    def __init__(self, socket: "ClientConnection") -> None:
        self._socket = socket

    @property
    def simulated(self) -> bool:
        """Whether the server says that it invents its prices."""
        response = self._socket.response
        return response is not None and response.headers.get("tradewatch-simulated") == "true"

    async def send(self, message: str) -> None:
        """Send a text.

        Raises:
            StreamError: the connection is closed.
        """
        with _closes_named():
            await self._socket.send(message)

    async def receive(self) -> str:
        """The next message, as text.

        Raises:
            StreamError: the connection is closed.
        """
        with _closes_named():
            return await self._socket.recv(decode=True)


class Endpoint:
    """Where a server serves something, and what is shown to it; making one opens nothing.

    Args:
        url: the server, `ws(s)://` or `http(s)://`; a path in front of the server's own is kept.
        path: the path on the server.
        api_key: the key to show, in a header.
        cacert: a file of certificates (PEM) to trust instead of the system's.

    Raises:
        UsageError: `url` or the key cannot be one.
    """

    def __init__(
        self, url: str, path: str, *, api_key: str | None = None, cacert: Path | None = None
    ) -> None:
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise UsageError("the API key holds characters that no key has")
        parts = _server(url)
        self._parts = parts._replace(path=parts.path.rstrip("/") + path)
        self._headers = {"api-key": api_key} if api_key else {}
        self._cacert = cacert

    def __str__(self) -> str:
        """The address, without what may be secret in it."""
        return self._parts._replace(netloc=self._parts.netloc.rpartition("@")[2], query="").geturl()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """A connection, closed at the end of the block.

        Raises:
            StreamError: the server refuses or cannot be reached.
            UsageError: the file of certificates cannot be read.
        """
        async with await self._open() as socket:
            yield Connection(socket)

    async def _open(self) -> "ClientConnection":
        """The opening handshake."""
        from websockets.asyncio.client import connect  # noqa: PLC0415 - only who connects pays for it
        from websockets.exceptions import InvalidStatus, WebSocketException  # noqa: PLC0415

        class Connect(connect):
            """Follows no redirect: the library would show the key to whatever host it is sent to."""

            def process_redirect(self, exc: Exception) -> Exception | str:
                return exc

        try:
            return await Connect(self._parts.geturl(), **self._arguments())
        except InvalidStatus as refusal:
            raise StreamError(_why_refused(refusal.response)) from None
        except OSError as error:
            raise StreamError(f"cannot reach {self}: {_why_unreachable(error)}") from None
        except WebSocketException as error:
            raise StreamError(f"{self} does not speak WebSocket: {error}") from None

    def _arguments(self) -> dict[str, Any]:
        """What `connect` is called with."""
        arguments: dict[str, Any] = {
            "additional_headers": self._headers,
            "user_agent_header": f"tradewatch/{tradewatch.__version__}",
            "compression": None,
            "open_timeout": _OPEN_TIMEOUT_S,
            "ping_timeout": _PING_TIMEOUT_S,
            "close_timeout": _CLOSE_TIMEOUT_S,
            "max_size": _MAX_MESSAGE_BYTES,
        }
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


def _trust(cacert: Path | None) -> ssl.SSLContext:
    """What certificates are trusted."""
    try:
        return ssl.create_default_context(cafile=cacert)
    except OSError as error:
        raise UsageError(f"{cacert} cannot be used as certificates: {error.strerror}") from None


def _why_refused(response: "Response") -> str:
    """The refusal in words: `401 key_unknown: no such key`."""
    try:
        error = msgspec.json.decode(response.body or b"", type=_Refusal).error
        said = f"{response.status_code} {error.reason}: {error.message}"
    except msgspec.DecodeError:
        said = f"the answer is {response.status_code} {response.reason_phrase}, not a stream"
    retry_after = response.headers.get("Retry-After")
    return f"{said} (again in {retry_after} s)" if retry_after else said


def _why_unreachable(error: OSError) -> str:
    """The system's reason, without the addresses it tried."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return error.strerror or str(error) or type(error).__name__


@contextlib.contextmanager
def _closes_named() -> Iterator[None]:
    """Turn a close into an error that names its code and reason."""
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415

    try:
        yield
    except ConnectionClosed as closed:
        frame = closed.rcvd
        if frame is None:
            raise StreamError("the connection to the server is lost") from None
        reason = f" {frame.reason}" if frame.reason else ""
        raise StreamError(f"the server closed the connection: {frame.code}{reason}") from None
