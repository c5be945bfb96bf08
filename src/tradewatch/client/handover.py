"""The place where a stream changes hands: from the task that reads the socket to whoever reads the stream."""

import asyncio
from collections.abc import Sequence

from tradewatch.client.events import StreamEvent
from tradewatch.client.inbox import Inbox


class Handover:
    """An inbox that both sides can wait for, within one event loop.

    Args:
        inbox: the queue.
    """

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self._filled: asyncio.Future[None] | None = None
        self._roomy: asyncio.Future[None] | None = None
        self._ended = False
        self._error: BaseException | None = None

    # The side of the socket.

    def put(self, events: Sequence[StreamEvent]) -> None:
        """Hand these over."""
        self.inbox.put(events)
        _wake(self._filled)

    def end(self, error: BaseException | None) -> None:
        """Nothing more comes; with an error, whoever has read all of it is told why."""
        self._ended = True
        self._error = error
        _wake(self._filled)

    async def room(self) -> None:
        """Wait until the queue is roomy, or an interrupt."""
        if not self.inbox.roomy:
            self._roomy = asyncio.get_running_loop().create_future()
            await self._roomy

    def interrupt(self) -> None:
        """Whoever waits for room goes on: an answer is due that stands behind what fills the queue."""
        _wake(self._roomy)

    # The side of the reader.

    def take(self) -> StreamEvent | None:
        """The next event, where there is one."""
        event = self.inbox.pop()
        if self._roomy is not None and self.inbox.roomy:
            _wake(self._roomy)
        return event

    async def filled(self) -> bool:
        """Wait for an event; False where none comes any more.

        Raises:
            ClientError: the stream ended by itself, and this is why.
        """
        while not self.inbox:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return False
            self._filled = asyncio.get_running_loop().create_future()
            await self._filled
        return True


def _wake(waiting: "asyncio.Future[None] | None") -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
