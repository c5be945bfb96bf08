"""One WebSocket connection: the shell that moves bytes between transport, state machine and channel."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from uvicorn.server import ServerState
from websockets.protocol import State

from tradewatch.access.permit import Permit
from tradewatch.access.tickets import Ticket
from tradewatch.protocol.codes import CloseCode, ErrorCode
from tradewatch.protocol.frame import PING_FRAME, text_frame
from tradewatch.protocol.refusal import Refusal
from tradewatch.server.access_log import NO_CLOSE_CODE, Visit
from tradewatch.server.stream import kernel
from tradewatch.server.stream.channel import Channel
from tradewatch.server.stream.frames import Frames, let_go
from tradewatch.server.stream.gateway import Gateway
from tradewatch.server.stream.handshake import OWED_HEADERS, decide
from tradewatch.server.stream.inbound import Inbound
from tradewatch.server.stream.pulse import Beat, Pulse
from tradewatch.server.stream.send_buffer import SendBuffer
from tradewatch.server.stream.usage_sweep import Spent

_logger = logging.getLogger("tradewatch.stream")
_numbers = itertools.count(1)
#: So many messages are handed over together: before the next it is looked whether the client still reads.
_TOGETHER = 8
_GOLDEN_RATIO = 0.618034  # consecutive multiples of it, modulo 1, lie far apart


class StreamEdge(asyncio.Protocol):
    """Made by uvicorn for every request that asks for an upgrade; see `Config(ws=...)`.

    Args:
        gateway: decides who may come in.
        config: uvicorn's; unused.
        server_state: uvicorn's; holds the protocols that its shutdown waits for.
        app_state: uvicorn's; unused.
    """

    __slots__ = (
        "_buffer",
        "_bytes_in",
        "_channel",
        "_counters",
        "_gateway",
        "_inbound",
        "_left",
        "_messages_in",
        "_number",
        "_open",
        "_paused",
        "_ping_bytes",
        "_pulse",
        "_reading",
        "_served",
        "_visit",
        "_waiting",
        "_wire",
        "address",
        "behind_since_s",
        "key_id",
        "opened_s",
        "transport",
        "written_bytes",
    )

    transport: asyncio.Transport
    _wire: Frames  # from the handshake on, like the next
    _inbound: Inbound
    _buffer: SendBuffer
    _visit: Visit

    def __init__(
        self,
        gateway: Gateway,
        *,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        self._gateway = gateway
        self._counters = gateway.counters
        self._served: set[Any] = server_state.connections
        self._number = next(_numbers)
        self._pulse = Pulse(gateway.clock.monotonic_s() + gateway.limits.head_s)
        self._channel: Channel | None = None
        self._open = False
        self._left = False
        self._paused = False
        self._reading = True
        self._bytes_in = 0
        self._messages_in = 0
        self._ping_bytes = 0
        self._waiting: list[bytes] = []
        self.key_id: str | None = None
        self.address = ""
        self.opened_s = 0.0
        self.behind_since_s: float | None = None
        self.written_bytes = 0

    # What a channel may do: the port `Connection`.

    @property
    def id(self) -> str:
        """A short name for logs and lists."""
        return f"c{self._number}"

    def send(self, payload: bytes) -> None:
        """Write one text message, unless the closing handshake has begun."""
        self.write(text_frame(payload))

    def write(self, frames: bytes) -> None:
        """Write finished frames, unless the closing handshake has begun."""
        if self._open:  # as `_write`, without the call: this is every client's every flush
            size = len(frames)
            self.written_bytes += size
            self._counters.bytes_out += size
            self.transport.write(frames)

    @property
    def queued_bytes(self) -> int:
        """Bytes written that the peer has not taken, the kernel's send queue included."""
        return max(0, self.written_bytes - self.taken_bytes)

    def close(self, code: CloseCode) -> None:
        """Begin the closing handshake, unless it has begun."""
        if self._open:
            self._wire.send_close(code, code.reason)
            self._settle()

    # What the registry and the keep-alive may do: the ports `Member` and `Link`.

    @property
    def in_use(self) -> bool:
        """Whether anything is subscribed."""
        return self._channel is not None and self._channel.in_use

    @property
    def unsent_bytes(self) -> int:
        """Bytes written that the kernel has not taken."""
        return self.transport.get_write_buffer_size()

    @property
    def taken_bytes(self) -> int:
        """Bytes that the peer took, or that the kernel did where it does not know better."""
        # What the kernel counts is encrypted, where there is TLS, and has our pings in it.
        secure = self.transport.get_extra_info("sslcontext") is not None
        acknowledged = None if secure else kernel.acknowledged_bytes(self.transport)
        if acknowledged is None:
            return self.written_bytes - self.unsent_bytes
        return acknowledged - self._ping_bytes

    @property
    def ticket(self) -> Ticket | None:
        """The ticket that opened it in the key's place; None where none did."""
        return self._channel.ticket if self._channel is not None else None

    @property
    def spent(self) -> Spent:
        """What it took and gave so far."""
        tally = self._channel.tally if self._channel is not None else (0, 0)
        return Spent(self._messages_in, self._bytes_in, self.written_bytes, *tally)

    def permit(self, permit: Permit | None) -> bool:
        """What the client may have has changed; False: the connection does not fit it, and is closed."""
        if self._channel is not None and self._open:
            self._guard(self._permit, permit)
        return self._open

    def announce_drain(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        """Tell the client, where its dialect can, that the server is going down."""
        if self._channel is not None and self._open:
            self._guard(self._channel.draining, deadline_ms, reconnect_in_ms)

    def check(self, now_s: float) -> None:
        """Do what the keep-alive rules say is due."""
        self._guard(self._check, now_s)

    def drain(self) -> None:
        """Close with the code that the channel uses when the server goes down."""
        if self._channel is not None:
            self._guard(lambda channel: self.close(channel.draining_code), self._channel)

    def abort(self) -> None:
        """Cut the connection off."""
        self._open = False
        self._leave()
        self.transport.abort()

    shutdown = drain  # what uvicorn calls

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take the transport over; uvicorn would do so only after the first `data_received`."""
        self.transport = transport
        transport.set_protocol(self)
        self._served.add(self)
        self._gateway.connections.add(self)
        self._buffer = SendBuffer(transport, self._gateway.limits)
        kernel.tune(transport, unsent_bytes=self._gateway.limits.kernel_unsent_bytes)

    def data_received(self, data: bytes) -> None:
        """Feed the state machine; the door hands over the whole request head first, and nothing with it."""
        if self.transport.is_closing():
            return
        self._counters.bytes_in += len(data)
        self._bytes_in += len(data)
        if self._channel is None:
            self._shake_hands(data)
            return
        written_before = self.written_bytes
        self._wire.receive_data(data)
        events = self._wire.events_received()
        if self._wire.state is State.OPEN:
            self._settle()  # pongs, which need not wait for the answers to what came behind their pings
        self._take(events)
        self._settle()
        if self._waiting or (self._paused and self.written_bytes != written_before):
            # A client that does not read, and what it sends makes us write: stop listening to it.
            self._reading = False
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """The send buffer is full."""
        self._paused = True
        self.behind_since_s = self._gateway.clock.monotonic_s()
        if self._channel is not None and not self._left:
            self._guard(self._channel.paused)

    def resume_writing(self) -> None:
        """The send buffer has drained."""
        self._buffer.settle()
        self._paused = False
        self.behind_since_s = None
        if self._channel is not None and not self._left:
            self._guard(self._channel.resumed)
            self._hand_over()
        if not self._reading and not self._waiting:
            self._reading = True
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over, however it came about."""
        self._open = False
        self._served.discard(self)
        self._leave()
        self._gateway.connections.remove(self)
        if self._channel is not None:
            self._channel = None
            self._counters.closed[self._ending()] += 1
            self._visit.messages, self._visit.bytes_in = self._messages_in, self._bytes_in
            self._visit.ended(self._close_code(), self._ending(), bytes_out=self.written_bytes)
            let_go(self._wire)

    # The opening handshake.

    def _shake_hands(self, request_head: bytes) -> None:
        peer = self.transport.get_extra_info("peername")
        address = peer[0] if peer else ""
        target = request_head.split(b" ", 2)[1].decode("latin-1")  # of the line that the door has checked
        visit = self._gateway.access_log.visit(address, target)
        answer, visit.client = decide(self._gateway, request_head, address)
        if isinstance(answer, Refusal):
            visit.answered(answer.status, bytes_out=len(answer.body))
            self._counters.refused[answer.reason] += 1
            self._write(answer.answer(OWED_HEADERS.get(answer.status, ())))
            self.transport.close()
            return
        self._channel, response, self._wire = answer
        self.address = visit.client
        self._inbound = Inbound(
            binary=self._channel.binary, messages_per_10_s=self._channel.messages_per_10_s
        )
        self._visit = visit
        self.key_id = visit.key_id = self._channel.key_id
        self.opened_s = self._gateway.clock.monotonic_s()
        self._gateway.connections.admit(self, self.key_id)
        self._write(response)
        self._open = True
        self._pulse.opened(
            self.opened_s,
            first_ping_s=self._number * _GOLDEN_RATIO % 1 * self._gateway.limits.ping_interval_s,
            written_bytes=self.written_bytes,
        )
        self._counters.opened += 1
        self._guard(self._channel.opened, self)

    def _take(self, events: Sequence[object]) -> None:
        """Hand over the messages that one read completed; a violation ends the connection behind them."""
        read = self._inbound.take(events, self._gateway.clock.monotonic_s())
        if read.ponged:
            self._pulse.heard = True
        if not self._left:
            self._waiting += read.messages
        self._hand_over()
        self._warn(read.warnings)
        if read.violation is not None:
            self._wire.fail(read.violation, read.violation.reason)

    def _hand_over(self) -> None:
        """Give the channel its messages, as long as the client takes the answers."""
        while self._waiting and not self._paused and self._channel is not None and not self._left:
            messages, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            # A client may close right behind its messages: they count, though no answer can be written.
            self._open = self._wire.state is State.OPEN
            self._counters.messages_in += len(messages)
            self._messages_in += len(messages)
            with self._buffer.room():
                self._guard(self._channel.received, messages)

    def _warn(self, warnings: int) -> None:
        """Say so many times that a message was ignored."""
        if self._channel is not None and not self._left:
            for _ in range(warnings):
                self._guard(self._channel.refused, ErrorCode.TOO_MANY_MESSAGES, self._too_many())

    def _too_many(self) -> str:
        most = self._inbound.messages_per_10_s
        return f"this message was ignored: more than {most:,} in 10 seconds; the connection may be closed"

    def _permit(self, permit: Permit | None) -> None:
        if permit is None or self._channel is None or not self._channel.permitted(permit):
            self.close(CloseCode.PLAN_CHANGED)
        else:
            self._inbound.messages_per_10_s = self._channel.messages_per_10_s

    def _leave(self) -> None:
        """Nothing can be written any more: whoever writes it need not know this connection."""
        if self._channel is not None and not self._left:
            self._left = True
            self._waiting.clear()
            self._guard(self._channel.closed)

    def _settle(self) -> None:
        """Write what the state machine has to say, and note where it stands."""
        chunks = self._wire.data_to_send()
        if frames := b"".join(chunks):
            self._write(frames)
        self._open = self._wire.state is State.OPEN
        if not self._open:
            self._leave()
            self._pulse.ending(self._gateway.clock.monotonic_s() + self._gateway.limits.head_s)
        if chunks and not chunks[-1]:  # the end of the stream
            self._half_close()

    def _half_close(self) -> None:
        """End our side and listen on: a close with bytes unread resets what the peer has yet to read."""
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _check(self, now_s: float) -> None:
        self._buffer.settle()
        if self._channel is not None and self._open:
            self._channel.beat(now_s)
        due = self._pulse.check(now_s, self._gateway.limits, self)
        if isinstance(due, CloseCode):
            self.close(due)
        elif due is Beat.ABORT:
            self.abort()
        elif due is Beat.PING and not self._paused:
            self._counters.bytes_out += len(PING_FRAME)
            self._ping_bytes += len(PING_FRAME)
            self.transport.write(PING_FRAME)

    def _write(self, data: bytes) -> None:
        self.written_bytes += len(data)
        self._counters.bytes_out += len(data)
        self.transport.write(data)

    def _guard(self, call: Callable[..., None], *arguments: Any) -> None:
        """A fault of one channel closes its connection, and nothing else."""
        try:
            call(*arguments)
        except Exception:
            _logger.exception("connection %s: its channel failed", self.id)
            self.close(CloseCode.INTERNAL_ERROR)

    def _close_code(self) -> int:
        """The code of the close frame that ended it."""
        closes = self._wire.close_rcvd if self._wire.close_rcvd_then_sent else self._wire.close_sent
        return NO_CLOSE_CODE if closes is None else closes.code

    def _ending(self) -> str:
        """Why the connection ended, for the counters."""
        if self._wire.close_sent is None:
            return "lost"
        if self._wire.close_rcvd_then_sent:
            return "client"
        return CloseCode(self._wire.close_sent.code).reason
