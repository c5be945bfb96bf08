"""The door: what stands between an accepted socket and a request, plain or an upgrade.

uvicorn and httptools set no limit to the time or the size of a request head, drop what follows an upgrade in
the same segment, and upgrade behind an answer that is still being written. The door does not.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tradewatch.protocol.refusal import Refusal, RefusalReason
from tradewatch.server.access_log import AccessLog
from tradewatch.server.stream.counters import StreamCounters


class DoorLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What binds a connection while it speaks HTTP.

    Attributes:
        head_s: the time for a request head, from the first chance to send it.
        head_bytes: the size of a request head, its address included.
        headers: how many a request may have.
        body_s: the time for a request body.
        stalled_s: how long a client may take nothing of an answer that waits.
        linger_s: how long a refused client may take to read its answer and close.
        pipelined: requests that may wait behind the one that is being answered.
    """

    head_s: float = 10.0
    head_bytes: int = 32 << 10
    headers: int = 100
    body_s: float = 30.0
    stalled_s: float = 60.0
    linger_s: float = 2.0
    pipelined: int = 16


_MALFORMED = Refusal(400, RefusalReason.BAD_REQUEST, "this is no HTTP/1.1 request")
_TOO_DEEP = Refusal(400, RefusalReason.BAD_REQUEST, "too many requests before their answers")
_BEHIND_REQUEST = Refusal(400, RefusalReason.BAD_REQUEST, "an upgrade may not follow an unanswered request")
_WITH_BODY = Refusal(400, RefusalReason.BAD_REQUEST, "an upgrade has no body")
_OLD_HTTP = Refusal(400, RefusalReason.BAD_REQUEST, "an upgrade needs HTTP/1.1")
_HEAD_TOO_LARGE = Refusal(431, RefusalReason.HEAD_TOO_LARGE, "the request head is too large")
_FULL = Refusal(503, RefusalReason.TOO_MANY_CONNECTIONS, "the server has no socket left for this", 5)
_HEAD_LATE = Refusal(408, RefusalReason.REQUEST_TIMEOUT, "the request head did not come in time")
_BODY_LATE = Refusal(408, RefusalReason.REQUEST_TIMEOUT, "the request body did not come in time")


class _HeadRefusedError(Exception):
    """Leaves the parser with what is to be answered."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class Door(HttpToolsProtocol):
    """uvicorn's HTTP protocol with deadlines and limits; see `Config(http=...)`.

    Args:
        limits: what binds a connection here.
        counters: where refusals are counted.
        access_log: where they leave a line.
        has_room: whether the process may hold the sockets it has now, the one just accepted included.
        uvicorn: what uvicorn makes its protocols with.
    """

    def __init__(
        self,
        limits: DoorLimits,
        counters: StreamCounters,
        access_log: AccessLog,
        has_room: Callable[[], bool],
        **uvicorn: Any,
    ) -> None:
        super().__init__(**uvicorn)
        self._limits = limits
        self._counters = counters
        self._access_log = access_log
        self._has_room = has_room
        self._inside = False
        self.url = b""  # uvicorn's, which has none before the first request begins
        self._refusal: Refusal | None = None
        self._answered = False
        self._unparsed_bytes = 0
        self._read_deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """The first head is due from now on."""
        super().connection_made(transport)
        self._counters.http_open += 1
        self._inside = True
        if not self._has_room():
            # Sockets are what everybody shares: who comes beyond them is told so at once, and not waited for.
            self._counters.refused[_FULL.reason] += 1
            self.transport.write(_FULL.answer())
            self.transport.close()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._expect_nothing()
        self._expect_no_taking()
        self._go_in()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, as long as nothing was refused."""
        if self._refusal is not None or self.transport.is_closing():
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
            self._expect_head()
        self._unparsed_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.refusal if isinstance(cause, _HeadRefusedError) else _MALFORMED)
        else:
            if self._unparsed_bytes > self._limits.head_bytes:
                self._refuse(_HEAD_TOO_LARGE)

    def pause_writing(self) -> None:
        """The client does not take its answer."""
        super().pause_writing()
        self._expect_taking(self._limits.stalled_s)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._expect_no_taking()
        if self._answered:
            self._expect_taking(self._limits.linger_s)

    # What the parser tells. Bytes that complete nothing are a head (or a trailer) that does not end.

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if self._read_deadline is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """The head is here; what is wrong with it is known before anything is done about it."""
        if refusal := self._objection():
            raise _HeadRefusedError(refusal)
        self._unparsed_bytes = 0
        self._expect(self._limits.body_s, self._body_is_late)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is here."""
        self._unparsed_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here."""
        self._unparsed_bytes = 0
        self._expect_nothing()
        super().on_message_complete()

    # What uvicorn tells.

    def on_response_complete(self) -> None:
        """An answer was written; a refusal that had to wait for its turn may follow."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_taking(self._limits.stalled_s)
        elif self._refusal is not None and self.cycle.response_complete:
            self._answer(self._refusal)

    def timeout_keep_alive_handler(self) -> None:
        """The client sent nothing after its answer."""
        super().timeout_keep_alive_handler()
        self._expect_taking(self._limits.stalled_s)

    # Decisions.

    def _objection(self) -> Refusal | None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.head_bytes or len(self.headers) > self._limits.headers:
            return _HEAD_TOO_LARGE
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            return _MALFORMED
        if len(self.pipeline) >= self._limits.pipelined:
            return _TOO_DEEP
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            return None
        if self._answering():
            return _BEHIND_REQUEST
        if version != "1.1":
            return _OLD_HTTP
        sizes = {value for name, value in self.headers if name == b"content-length"}
        if sizes - {b"0"} or any(name == b"transfer-encoding" for name, _ in self.headers):
            return _WITH_BODY
        return None

    def _go_in(self) -> None:
        """The socket is here no more: it became a WebSocket, or is gone."""
        if self._inside:
            self._inside = False
            self._counters.http_open -= 1

    def _answering(self) -> bool:
        """Whether a response is owed or on its way; `cycle` is the newest of them."""
        if self.cycle is None:
            return False  # type: ignore[unreachable]  # uvicorn's None of before the first request is untyped
        return not self.cycle.response_complete

    def _upgrade(self, rest: bytes) -> None:
        if not self._should_upgrade():  # to something else: an offer that may be ignored (RFC 9110, 7.8)
            if rest:
                self.data_received(rest)
            return
        self._expect_nothing()
        self._go_in()
        self.handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # parser and door hold each other
        if rest and not self.transport.is_closing():
            successor = self.transport.get_protocol()
            if isinstance(successor, asyncio.Protocol):
                successor.data_received(rest)

    def _refuse(self, refusal: Refusal) -> None:
        """Read nothing more, and say why once everything before it has its answer."""
        self._expect_nothing()
        self._counters.refused[refusal.reason] += 1
        client = self.client[0] if self.client else ""
        visit = self._access_log.visit(client, self.url.decode("latin-1"), method="")
        visit.answered(refusal.status, bytes_out=len(refusal.body))
        self._refusal = refusal
        if self._answering() and self.cycle.more_body:  # the fault is in the body of the newest request
            if self.pipeline or self.cycle.response_started:
                self.transport.abort()
                return
            self.cycle.disconnected = self.cycle.response_complete = True
            self.cycle.message_event.set()
        if not self._answering():
            self._answer(refusal)

    def _answer(self, refusal: Refusal) -> None:
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        self._answered = True
        self.transport.write(refusal.answer())
        # A close with bytes unread resets the connection, and the answer with it: end our side, listen on.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
        self._expect_taking(self._limits.linger_s)

    # Deadlines: one for what the client sends, one for what it takes.

    def _expect_head(self) -> None:
        self._expect(self._limits.head_s, self._head_is_late)

    def _head_is_late(self) -> None:
        if self.flow.read_paused:  # it is we who do not read
            self._expect_head()
        else:
            self._refuse(_HEAD_LATE)

    def _body_is_late(self) -> None:
        if self.flow.read_paused:
            self._expect(self._limits.body_s, self._body_is_late)
        else:
            self._refuse(_BODY_LATE)

    def _expect(self, seconds: float, otherwise: Callable[[], None]) -> None:
        self._expect_nothing()
        self._read_deadline = self.loop.call_later(seconds, otherwise)

    def _expect_nothing(self) -> None:
        if self._read_deadline is not None:
            self._read_deadline.cancel()
            self._read_deadline = None

    def _expect_taking(self, seconds: float) -> None:
        """Cut the connection off, unless what waits for the client has become less by then."""
        self._expect_no_taking()
        unsent_bytes = self.transport.get_write_buffer_size()
        self._write_deadline = self.loop.call_later(seconds, self._is_stalled, seconds, unsent_bytes)

    def _is_stalled(self, seconds: float, unsent_bytes: int) -> None:
        if self.transport.get_write_buffer_size() < unsent_bytes:
            self._expect_taking(seconds)
        else:
            self.transport.abort()

    def _expect_no_taking(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None
