"""The same stream for programs without an event loop: `with connect(url) as stream`, `for quote in stream`.

A thread of its own runs the loop that reads the socket; quotes cross over in the queue, and the program's own
thread takes them there one by one.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from tradewatch.client.connecting import Connecting
from tradewatch.client.connecting import connect as connect_on_loop
from tradewatch.client.events import Quote, StreamEvent
from tradewatch.client.handover import Handover
from tradewatch.client.inbox import Inbox
from tradewatch.client.ledger import Balance, Ledger
from tradewatch.client.stream import Stream as LoopStream
from tradewatch.errors import StreamClosedError
from tradewatch.protocol.delivery import Delivery
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.v2.events import Result, Status

_Options = ParamSpec("_Options")
_Value = TypeVar("_Value")

_JOIN_S = 10.0


class _Crossing(Handover):
    """A handover from the thread of the loop to another.

    Args:
        inbox: the queue.
        loop: runs in the other thread.
    """

    def __init__(self, inbox: Inbox, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(inbox)
        self._loop = loop
        self._changed = threading.Condition()

    def put(self, events: Sequence[StreamEvent]) -> None:
        """Hand these over."""
        with self._changed:
            super().put(events)
            self._changed.notify()

    def end(self, error: BaseException | None) -> None:
        """Nothing more comes."""
        with self._changed:
            super().end(error)
            self._changed.notify()

    def wait(self) -> StreamEvent | None:
        """The next event, waited for in the reader's thread; None where none comes any more.

        Raises:
            ClientError: the stream ended by itself, and this is why.
        """
        with self._changed:
            was_roomy = self.inbox.roomy
            while (event := self.inbox.pop()) is None:
                if self._ended:
                    if self._error is not None:
                        raise self._error
                    return None
                self._changed.wait()
                was_roomy = self.inbox.roomy
            if not was_roomy and self.inbox.roomy:
                self._loop.call_soon_threadsafe(self.interrupt)
            return event


class _LoopThread:
    """An event loop in a thread of its own, from the beginning on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="tradewatch-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """Run this on the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def stop(self) -> None:
        """End the loop and the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_JOIN_S)
        if not self._thread.is_alive():
            self.loop.close()


class Stream:
    """Quotes and events of one server; made by `connect`, opened by `with`.

    All that `tradewatch.client.Stream` has, without `await`. One thread reads; any thread may subscribe.
    """

    def __init__(self, connecting: Connecting) -> None:
        self._connecting = connecting
        self._thread: _LoopThread | None = None
        self._crossing: _Crossing | None = None
        self._stream: LoopStream | None = None

    def __enter__(self) -> Self:
        self._thread = _LoopThread()
        self._crossing = _Crossing(self._connecting.inbox, self._thread.loop)
        self._stream = self._connecting.build(self._crossing)
        try:
            self._run(self._stream.open())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and the thread with it."""
        if self._thread is not None and self._stream is not None:
            self._run(self._stream.close())
            self._thread.stop()
            self._thread = None

    def __iter__(self) -> Iterator[Quote]:
        """The quotes, as they come; see `tradewatch.client.Stream`."""
        for event in self.events():
            if type(event) is Quote:
                yield event
            elif self._connecting.on_event is not None:
                self._connecting.on_event(event)

    def events(self) -> Iterator[StreamEvent]:
        """Quotes and all other events, in their order; see `tradewatch.client.Stream`."""
        stream, crossing = self._opened()
        while (event := crossing.wait()) is not None:
            stream.account(event)
            yield event

    def subscribe(
        self, *symbols: str, delivery: Delivery | None = None, snapshot: bool = True
    ) -> list[Result]:
        """Hear these from now on; see `tradewatch.client.Stream`."""
        stream, _ = self._opened()
        return self._run(stream.subscribe(*symbols, delivery=delivery, snapshot=snapshot))

    def unsubscribe(self, *symbols: str) -> list[Result]:
        """No longer hear these; see `tradewatch.client.Stream`."""
        stream, _ = self._opened()
        return self._run(stream.unsubscribe(*symbols))

    def status(self) -> Status:
        """What the server has as subscribed."""
        stream, _ = self._opened()
        return self._run(stream.status())

    def ping(self) -> float:
        """The seconds that a message takes to the server and back."""
        stream, _ = self._opened()
        return self._run(stream.ping())

    @property
    def positions(self) -> dict[str, str]:
        """Where each symbol stands, as far as it was handed over; fit to be saved."""
        return self.ledger.positions

    @property
    def ledger(self) -> Ledger:
        """What became of every quote, as far as it was handed over."""
        return self._opened()[0].ledger

    @property
    def balance(self) -> Balance:
        """What became of every quote so far; for the thread that reads."""
        stream, _ = self._opened()

        async def reckon() -> Balance:  # where no message is being taken in
            return stream.balance

        return stream.balance if self._thread is None else self._run(reckon())

    @property
    def limits(self) -> ConnectionLimits:
        """What binds the connection."""
        return self._opened()[0].limits

    @property
    def simulated(self) -> bool:
        """Whether the server says that it invents its prices."""
        return self._opened()[0].simulated

    def _opened(self) -> tuple[LoopStream, _Crossing]:
        if self._stream is None or self._crossing is None:
            raise StreamClosedError("the stream is opened by `with`")
        return self._stream, self._crossing

    def _run(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """Run this on the loop, and wait for it.

        Raises:
            StreamClosedError: the stream is closed.
        """
        if self._thread is None:
            work.close()
            raise StreamClosedError("the stream is closed")
        return self._thread.run(work)


def _without_loop(connect: Callable[_Options, Connecting]) -> Callable[_Options, Stream]:
    """The same options, for a stream that needs no loop."""

    @functools.wraps(connect)
    def connect_in_thread(*args: _Options.args, **options: _Options.kwargs) -> Stream:
        return Stream(connect(*args, **options))

    return connect_in_thread


#: `tradewatch.client.connect`, for `with` instead of `async with`.
connect = _without_loop(connect_on_loop)
