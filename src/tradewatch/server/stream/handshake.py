"""The opening handshake: what a request asks for, what may be granted, and how a no is put."""

import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import (
    InvalidHeader,
    InvalidMethod,
    InvalidUpgrade,
    NegotiationError,
    SecurityError,
)
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.stream.channel import Channel, Head
from tradewatch.server.stream.frames import Frames, let_go
from tradewatch.server.stream.gateway import Gateway

_logger = logging.getLogger("tradewatch.stream.handshake")
_logger.setLevel(logging.WARNING)  # the parser reports every open and close at INFO, once per connection

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BAD_TARGET = Refusal(
    400, RefusalReason.BAD_REQUEST, "the address is no address, or not percent-encoded UTF-8"
)
_FAULT = Refusal(500, RefusalReason.INTERNAL_ERROR, "the server failed; its log says why")

#: Headers that a status owes the client (RFC 9110, sections 15.5.6 and 15.5.22; RFC 6455, section 4.4).
OWED_HEADERS: dict[int, list[tuple[str, str]]] = {
    405: [("Allow", "GET")],
    426: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
}


#: Every message is compressed by itself, so that the bytes serve all connections that hear the same; a small
#: window costs little memory on both sides.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=12
)


class Wire(ServerProtocol):
    """RFC 6455's state machine of a handshake, which takes a client that offers no subprotocol for one of v1.

    Args:
        known: our subprotocols.
        deflated: those of them whose messages may be compressed.
        message_bytes: the size of an inbound message, over all its fragments, once it is inflated.
    """

    def __init__(self, known: Sequence[str], *, deflated: Sequence[str], message_bytes: int) -> None:
        super().__init__(max_size=message_bytes, logger=_logger, extensions=[_DEFLATE])
        self._known = known
        self._deflated = deflated

    @property
    def window_bits(self) -> int:
        """The base-2 logarithm of the window in which our messages are compressed; 0 where they are not."""
        agreed = (each for each in self.extensions if isinstance(each, PerMessageDeflate))
        return next((each.local_max_window_bits for each in agreed), 0)

    def successor(self) -> Frames:
        """The state machine of the open connection, which has read nothing yet."""
        return Frames(message_bytes=self.max_message_size, extensions=self.extensions)

    def process_extensions(self, headers: Headers) -> tuple[str | None, list[Extension]]:
        """Compression, where the client offers it and the subprotocol has it.

        Raises:
            NegotiationError: see `select_subprotocol`.
        """
        if self.process_subprotocol(headers) not in self._deflated:
            return None, []
        return super().process_extensions(headers)

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """The client's first choice among ours; none where it offers none.

        Raises:
            NegotiationError: it offers some, and we know none of them.
        """
        if not subprotocols:
            return None
        for offered in subprotocols:
            if offered in self._known:
                return offered
        raise NegotiationError(f"known subprotocols: {', '.join(self._known)}")


class Welcome(NamedTuple):
    """A yes.

    Attributes:
        channel: of the connection.
        response: the head that the client waits for.
        frames: the state machine for all that follows; nothing of the request is kept in it.
    """

    channel: Channel
    response: bytes
    frames: Frames


def decide(gateway: Gateway, request_head: bytes, peer: str) -> tuple[Welcome | Refusal, str]:
    """The answer to a whole request head, and the client's address, as far as trusted proxies tell."""
    message_bytes = gateway.limits.message_bytes
    wire = Wire(gateway.subprotocols, deflated=gateway.deflated, message_bytes=message_bytes)
    try:
        wire.receive_data(request_head)
        request = next(iter(wire.events_received()), None)
        if not isinstance(request, Request):
            return gateway.knock(peer) or refusal_for(wire.handshake_exc), peer
        address = gateway.address_of(peer, request.headers.get_all("X-Forwarded-For"))
        return _answer(gateway, wire, request, address), address
    finally:
        let_go(wire)


def _answer(gateway: Gateway, wire: Wire, request: Request, address: str) -> Welcome | Refusal:
    response = wire.accept(request)
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        return gateway.knock(address) or refusal_for(wire.handshake_exc)
    head = read_head(request, wire, address)
    if isinstance(head, Refusal):
        return gateway.knock(address) or head
    if refusal := gateway.connections.refusal():
        return refusal
    try:
        admitted = gateway.admit(head)
    except Exception:
        _logger.exception("the admission of a client at %s failed", address)
        return _FAULT
    if isinstance(admitted, Refusal):
        return admitted
    for name, value in gateway.response_headers:
        response.headers[name] = value
    wire.send_response(response)
    return Welcome(admitted, b"".join(wire.data_to_send()), wire.successor())


def read_head(request: Request, wire: Wire, address: str) -> Head | Refusal:
    """What an admission needs to know of a request; a refusal where the target cannot be decoded."""
    target = request.path
    if not target.startswith("/"):  # absolute form, which a server has to take (RFC 9112, section 3.2.2)
        try:
            parts = urlsplit(target)
        except ValueError:  # half a host: `http://[`
            return _BAD_TARGET
        target = f"{parts.path or '/'}?{parts.query}"
    if _BROKEN_ESCAPE.search(target):
        return _BAD_TARGET
    path, _, query = target.partition("?")
    try:
        return Head(
            path=unquote(path, errors="strict"),
            query=dict(parse_qsl(query, keep_blank_values=True, errors="strict")),
            headers={name.lower(): value for name, value in request.headers.raw_items()},
            address=address,
            subprotocol=wire.subprotocol or "",
            window_bits=wire.window_bits,
        )
    except UnicodeDecodeError:
        return _BAD_TARGET


def refusal_for(error: Exception | None) -> Refusal:
    """Our answer to a request that the state machine does not take."""
    match error:
        case NegotiationError():
            return Refusal(400, RefusalReason.SUBPROTOCOL_UNKNOWN, str(error))
        case SecurityError():
            return Refusal(431, RefusalReason.HEAD_TOO_LARGE, "a line of the request head is too long")
        case InvalidMethod():
            return Refusal(405, RefusalReason.METHOD_NOT_ALLOWED, "a WebSocket handshake is a GET")
        case InvalidUpgrade():
            return Refusal(426, RefusalReason.UPGRADE_REQUIRED, "no upgrade to WebSocket was asked for")
        case InvalidHeader(name="Sec-WebSocket-Version"):
            return Refusal(426, RefusalReason.UPGRADE_REQUIRED, "only version 13 of the protocol is spoken")
        case InvalidHeader():
            return Refusal(400, RefusalReason.BAD_REQUEST, f"missing or invalid header {error.name}")
        case _:
            return Refusal(400, RefusalReason.BAD_REQUEST, "this is no WebSocket handshake")
