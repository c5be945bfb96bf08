"""The account of HTTP requests: each counts for the key that made it."""

from collections.abc import Collection
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewatch.access.usage import Counts
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.clock import Clock


class AccountedRequests:
    """An ASGI application whose requests are counted, once they are answered.

    A route that knows the API key says so: `request.state.key_id = key.id`. Bytes are those of heads and
    bodies; what the HTTP server adds (the date, the sizes of chunks) is not in them.

    Args:
        app: the application.
        meter: keeps the accounts.
        clock: tells the hour.
    """

    def __init__(self, app: ASGIApp, meter: UsageMeter, *, clock: Clock) -> None:
        self._app = app
        self._meter = meter
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as the application does, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bytes_in, bytes_out = _request_head_bytes(scope), 0

        async def received() -> Message:
            nonlocal bytes_in
            message = await receive()
            bytes_in += len(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            nonlocal bytes_out
            if message["type"] == "http.response.start":
                bytes_out += _response_head_bytes(message)
            else:
                bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, received, sent)
        finally:
            if key_id := scope.get("state", {}).get("key_id", ""):
                counts = Counts(requests=1, rest_bytes_in=bytes_in, rest_bytes_out=bytes_out)
                self._meter.add(key_id, self._clock.now_ns(), counts)


def _request_head_bytes(scope: Scope) -> int:
    """`GET /usage?limit=1 HTTP/1.1` and what follows it."""
    target_bytes = len(scope["raw_path"]) + len(scope["query_string"]) + bool(scope["query_string"])
    return len(scope["method"]) + target_bytes + len("  HTTP/1.1\r\n") + _headers_bytes(scope["headers"])


def _response_head_bytes(message: Message) -> int:
    """`HTTP/1.1 200 OK` and what follows it."""
    phrase = HTTPStatus(message["status"]).phrase
    return len("HTTP/1.1 200 \r\n") + len(phrase) + _headers_bytes(message.get("headers", ()))


def _headers_bytes(headers: Collection[tuple[bytes, bytes]]) -> int:
    """`name: value`, a line each, and the empty one behind them."""
    text_bytes = sum([len(name) + len(value) for name, value in headers])
    return text_bytes + len(headers) * len(": \r\n") + len("\r\n")
