"""The front door: what a stream is asked for with, and what opens it."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from random import random as system_random
from types import TracebackType
from typing import Literal

from tradewatch.client.backoff import Backoff, Reconnect
from tradewatch.client.endpoint import Endpoint
from tradewatch.client.events import StreamEvent
from tradewatch.client.handover import Handover
from tradewatch.client.inbox import Inbox
from tradewatch.client.link import Ticket
from tradewatch.client.stream import Stream
from tradewatch.clock import Clock, SystemClock
from tradewatch.errors import UsageError

#: What becomes of quotes when the queue is full.
Policy = Literal["newest", "block"]

_SUBPROTOCOL = "tradewatch.v2"
#: By policy. A reader that blocks leaves pongs unread; the server closes after 30 s without a byte taken.
_PONG_S = {"newest": 20.0, "block": 60.0}

_RECONNECT = Reconnect()
_CLOCK = SystemClock()


class Connecting:
    """A stream that is not open yet: `async with` opens and closes it, `await` opens it.

    Attributes:
        build: makes the stream around what hands quotes over.
        inbox: the queue.
        on_event: called with what is no quote.
    """

    def __init__(
        self,
        build: Callable[[Handover], Stream],
        inbox: Inbox,
        on_event: Callable[[StreamEvent], object] | None,
    ) -> None:
        self.build = build
        self.inbox = inbox
        self.on_event = on_event
        self._stream: Stream | None = None

    async def __aenter__(self) -> Stream:
        self._stream = await self._open()
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()

    def __await__(self) -> Generator[object, None, Stream]:
        return self._open().__await__()

    async def _open(self) -> Stream:
        stream = self.build(Handover(self.inbox))
        await stream.open()
        return stream


def connect(
    url: str,
    *,
    api_key: str | None = None,
    ticket: Ticket | None = None,
    policy: Policy = "newest",
    queue: int = 10_000,
    reconnect: Reconnect | None = _RECONNECT,
    positions: Mapping[str, str] | None = None,
    on_event: Callable[[StreamEvent], object] | None = None,
    strict: bool = False,
    cacert: Path | None = None,
    clock: Clock = _CLOCK,
    random: Callable[[], float] = system_random,
) -> Connecting:
    """Ask for a stream of a server's quotes, to be opened by `async with`.

    Args:
        url: `ws(s)://` or `http(s)://`. Without a path it carries all asset classes, with
            `/crypto/quotes` one.
        api_key: the key to show.
        ticket: a one-time ticket instead of a key, or what fetches a new one for each connection.
        policy: when the queue is full, `newest` lets a quote give way to the next of its symbol, which counts
            it as skipped; `block` reads no more from the server, which then skips by itself and says so.
        queue: events that may wait for the reader; with `newest` there is one quote of each symbol where
            there are more symbols, with `block` one message of the server may come on top.
        reconnect: when a lost connection is sought again; None ends the stream instead.
        positions: where an earlier stream stood (`stream.positions`); what it did not get is told as gaps.
        on_event: called with all that is no quote, in its place between them, by `async for quote in stream`.
        strict: raise `ProtocolViolationError` where the server breaks the law of positions; it is an event
            else.
        cacert: a file of certificates (PEM) to trust instead of the system's.
        clock: the time.
        random: numbers from 0 to 1, for the waits before reconnects.

    Raises:
        UsageError: an option that cannot be one; nothing was opened.
    """
    if policy not in _PONG_S:
        raise UsageError(f"no policy {policy!r}; there are {' and '.join(_PONG_S)}")
    if queue < 1:
        raise UsageError(f"a queue holds at least one event, not {queue}")
    endpoint = Endpoint(
        url, api_key=api_key, cacert=cacert, subprotocol=_SUBPROTOCOL, pong_timeout_s=_PONG_S[policy]
    )

    def build(handover: Handover) -> Stream:
        return Stream(
            endpoint,
            handover,
            backoff=None if reconnect is None else Backoff(reconnect, random),
            ticket=ticket,
            positions=positions or {},
            on_event=on_event,
            strict=strict,
            clock=clock,
        )

    return Connecting(build, Inbox(limit=queue, conflate=policy == "newest"), on_event)
