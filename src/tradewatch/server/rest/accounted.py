"""The account of HTTP requests: each counts for the key that made it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewatch.access.usage import Counts
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.clock import Clock


class AccountedRequests:
    """An ASGI application whose requests are counted, once they are answered.

    A route that knows the API key says so: `request.state.key_id = key.id`. Bytes are those of bodies.

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
        bytes_in = bytes_out = 0

        async def received() -> Message:
            nonlocal bytes_in
            message = await receive()
            bytes_in += len(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            nonlocal bytes_out
            bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, received, sent)
        finally:
            if key_id := scope.get("state", {}).get("key_id", ""):
                counts = Counts(requests=1, rest_bytes_in=bytes_in, rest_bytes_out=bytes_out)
                self._meter.add(key_id, self._clock.now_ns(), counts)
