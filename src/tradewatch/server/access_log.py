"""The access log: a line for each HTTP request, and one for each WebSocket connection when it ends.

The lines carry their values as fields, which the formats of the log write each in its way. No header, no
message and no secret is among them.
"""

import logging
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewatch.address import Networks, client_address
from tradewatch.clock import Clock
from tradewatch.server.shown_target import shown_target

#: The code of a WebSocket that ended without one (RFC 6455, section 7.1.5).
NO_CLOSE_CODE = 1006

_log = logging.getLogger("tradewatch.access")


class AccessLog:
    """Writes the lines where they are wanted, whatever the level of the rest of the log.

    Args:
        clock: measures how long things took.
        enabled: whether there are lines.
    """

    def __init__(self, clock: Clock, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._clock = clock
        self._unlogged = _Unlogged(clock, client="", method="", target="")
        _log.setLevel(logging.INFO if enabled else logging.CRITICAL)

    def visit(self, client: str, target: str, *, method: str = "GET") -> "Visit":
        """A request or a connection begins.

        Args:
            client: the client's address.
            target: as it stands in the request line.
            method: of HTTP.
        """
        if not self.enabled:
            return self._unlogged
        return Visit(self._clock, client=client, method=method, target=target)


class Visit:
    """One request, or one WebSocket connection, from its beginning to its line.

    Attributes:
        client: the client's address.
        key_id: the id of its API key, which is no secret; empty while none is known.
        messages: whole messages received; of a WebSocket only.
        bytes_in: bytes received behind the request; of a WebSocket only.
    """

    __slots__ = ("_begun_s", "_clock", "_method", "_target", "bytes_in", "client", "key_id", "messages")

    def __init__(self, clock: Clock, *, client: str, method: str, target: str) -> None:
        self._clock = clock
        self._begun_s = clock.monotonic_s()
        self.client = client
        self._method = method
        self._target = shown_target(target)
        self.key_id = ""
        self.messages = 0
        self.bytes_in = 0

    def answered(self, status: int, *, bytes_out: int) -> None:
        """Write the line of a request: its answer is complete.

        Args:
            status: of HTTP.
            bytes_out: the size of the answer's body.
        """
        self._write("request", status=int(status), bytes_out=bytes_out)

    def ended(self, code: int, reason: str, *, bytes_out: int) -> None:
        """Write the line of a WebSocket connection.

        Args:
            code: that of the close, or `NO_CLOSE_CODE`.
            reason: its name as the server has it, never a text of the client.
            bytes_out: bytes written.
        """
        self._write(
            "connection",
            code=int(code),
            reason=reason,
            messages=self.messages,
            bytes_in=self.bytes_in,
            bytes_out=bytes_out,
        )

    def _write(self, what: str, **values: object) -> None:
        duration_ms = round((self._clock.monotonic_s() - self._begun_s) * 1_000, 3)
        fields = {
            "client": self.client,
            "method": self._method,
            "path": self._target,
            "key": self.key_id,
            **values,
            "duration_ms": duration_ms,
        }
        _log.info("%s", what, extra=fields)


class _Unlogged(Visit):
    """Stands for every visit where no lines are wanted."""

    __slots__ = ()

    def _write(self, what: str, **values: object) -> None:
        """Nothing."""


class LoggedRequests:
    """An ASGI application whose requests are logged.

    A route that knows the API key says so: `request.state.key_id = key.id`.

    Args:
        app: the application.
        log: where the lines go.
        trusted_proxies: whose word about the client's address is taken.
    """

    def __init__(self, app: ASGIApp, log: AccessLog, *, trusted_proxies: Networks = ()) -> None:
        self._app = app
        self._log = log
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as the application does, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, bytes_out = HTTPStatus.INTERNAL_SERVER_ERROR.value, 0  # what uvicorn says where nobody does
        visit = self._log.visit(self._client(scope), _target(scope), method=scope["method"])

        async def counted(message: Message) -> None:
            nonlocal status, bytes_out
            status = message.get("status", status)
            bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            visit.key_id = scope.get("state", {}).get("key_id", "")
            visit.answered(status, bytes_out=0 if scope["method"] == "HEAD" else bytes_out)

    def _client(self, scope: Scope) -> str:
        peer = scope["client"][0] if scope.get("client") else ""
        forwarded_for = [
            value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
        ]
        return client_address(peer, forwarded_for, self._trusted_proxies)


def _target(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return (path + b"?" + query if query else path).decode("latin-1")
