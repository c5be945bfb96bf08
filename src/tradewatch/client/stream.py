"""A stream of quotes, for programs that run on asyncio."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TypeVar

from tradewatch.client.backoff import Backoff
from tradewatch.client.endpoint import Endpoint
from tradewatch.client.events import Quote, StreamEvent, Violation
from tradewatch.client.handover import Handover
from tradewatch.client.ledger import Balance, Ledger
from tradewatch.client.link import Link, Ticket
from tradewatch.client.requests import every
from tradewatch.client.session import Session
from tradewatch.clock import Clock
from tradewatch.errors import ProtocolViolationError, RequestRefusedError
from tradewatch.model.position import parse_position
from tradewatch.protocol.delivery import Delivery
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.v2.events import Pong, Result, Status, Subscribed, Unsubscribed

#: After so many quotes in a row the loop has its turn, whatever the reader does with them.
_IN_A_ROW = 64

_Answer = TypeVar("_Answer", Subscribed, Unsubscribed, Status, Pong)


class Stream:
    """Quotes and events of one server, over as many connections as it takes; made by `connect`.

    There is one order of quotes and events, and one reader: `async for quote in stream` hands over the quotes
    and gives everything between them to `on_event`; `async for event in stream.events()` hands over all.

    Args:
        endpoint: where the server is.
        handover: where quotes wait for the reader.
        backoff: says when to come back; None where a lost connection ends the stream.
        ticket: shown instead of a key.
        positions: where an earlier stream stood, `<epoch>:<seq>` by name.
        on_event: called with what is no quote.
        strict: whether a broken law ends the reading.
        clock: the time.

    Raises:
        InvalidPositionError: a position is none.

    Attributes:
        ledger: what became of every quote, as far as it was handed over.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        handover: Handover,
        *,
        backoff: Backoff | None,
        ticket: Ticket | None,
        positions: Mapping[str, str],
        on_event: Callable[[StreamEvent], object] | None,
        strict: bool,
        clock: Clock,
    ) -> None:
        known = {name: parse_position(text) for name, text in positions.items()}
        self._endpoint = endpoint
        self._handover = handover
        self._session = Session(known)
        self._link = Link(endpoint, self._session, handover, backoff=backoff, ticket=ticket, clock=clock)
        self._on_event = on_event
        self._strict = strict
        self._clock = clock
        self.ledger = Ledger(known)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoint}>"

    async def open(self) -> None:
        """Connect; from here on lost connections are sought again.

        Raises:
            ClientError: the server refuses or cannot be reached; the class says which.
        """
        await self._link.open()

    async def close(self) -> None:
        """End it. What was received may still be read; then the reading ends."""
        await self._link.close()

    # What is heard.

    async def subscribe(
        self, *symbols: str, delivery: Delivery | None = None, snapshot: bool = True
    ) -> list[Result]:
        """Hear these from now on; one that is heard already gets another delivery in place.

        Args:
            symbols: `crypto:BTCUSD`, `crypto:*` or `*`; a bare name where only one class has it.
            delivery: `every()`, the default, or `latest(interval_ms)`.
            snapshot: whether the newest quote of each comes at once.

        Returns:
            what became of each name: `ok`, with its position, or a `code` and perhaps `suggestions`. A
            pattern is followed by its members.

        Raises:
            RequestRefusedError: nothing was done.
            ClientError: the stream has ended.
        """
        request_ids = self._session.subscribe(symbols, delivery or every(), snapshot=snapshot)
        return [result for each in await self._ask(request_ids, Subscribed) for result in each.results]

    async def unsubscribe(self, *symbols: str) -> list[Result]:
        """No longer hear these.

        Returns:
            what became of each name, as for `subscribe`.

        Raises:
            RequestRefusedError: nothing was done.
            ClientError: the stream has ended.
        """
        request_ids = self._session.unsubscribe(symbols)
        return [result for each in await self._ask(request_ids, Unsubscribed) for result in each.results]

    async def status(self) -> Status:
        """What the server has as subscribed: patterns, and names.

        Raises:
            ClientError: the stream has ended.
        """
        (answer,) = await self._ask([self._session.status()], Status)
        return answer

    async def ping(self) -> float:
        """The seconds that a message takes to the server and back.

        Raises:
            ClientError: the stream has ended.
        """
        sent_s = self._clock.monotonic_s()
        await self._ask([self._session.ping()], Pong)
        return self._clock.monotonic_s() - sent_s

    async def _ask(self, request_ids: Sequence[int], kind: type[_Answer]) -> list[_Answer]:
        """The answers, all of this kind.

        Raises:
            ClientError: a request was refused, or the stream has ended.
        """
        answers = await self._link.ask(request_ids)
        for answer in answers:
            if isinstance(answer, RequestRefusedError):
                raise answer
        return [answer for answer in answers if isinstance(answer, kind)]

    # What it brings.

    async def __aiter__(self) -> AsyncIterator[Quote]:
        """The quotes, as they come; ends when the stream is closed.

        Raises:
            ClientError: the stream ended by itself and does not come back; the class says why.
        """
        take, account = self._handover.take, self.ledger.take_quote
        in_a_row = 0
        while True:
            event = take()
            if type(event) is Quote:
                account(event)
                yield event
                in_a_row += 1
                if in_a_row == _IN_A_ROW:
                    in_a_row = 0
                    await asyncio.sleep(0)
            elif event is not None:
                self.account(event)
                if self._on_event is not None:
                    self._on_event(event)
            elif not await self._handover.filled():
                return

    async def events(self) -> AsyncIterator[StreamEvent]:
        """Quotes and all other events, in their order; ends when the stream is closed.

        Raises:
            ClientError: the stream ended by itself and does not come back; the class says why.
        """
        take = self._handover.take
        in_a_row = 0
        while True:
            event = take()
            if event is not None:
                self.account(event)
                yield event
                in_a_row += 1
                if in_a_row == _IN_A_ROW:
                    in_a_row = 0
                    await asyncio.sleep(0)
            elif not await self._handover.filled():
                return

    def account(self, event: StreamEvent) -> None:
        """Note in the ledger that this is handed over.

        Raises:
            ProtocolViolationError: the law is broken, and the stream is strict.
        """
        if type(event) is Quote:
            self.ledger.take_quote(event)
            return
        self.ledger.take(event)
        if self._strict and isinstance(event, Violation):
            raise ProtocolViolationError(event.message)

    # What is known of it.

    @property
    def positions(self) -> dict[str, str]:
        """Where each symbol stands as far as it was handed over, `<epoch>:<seq>` by name; fit to be saved."""
        return self.ledger.positions

    @property
    def balance(self) -> Balance:
        """What became of every quote so far, what waits in the queue included."""
        return Balance(
            published=self._session.intake.published,
            delivered=self.ledger.delivered,
            skipped=self.ledger.skipped,
            missing=self.ledger.missing,
            pending=self._handover.inbox.pending,
        )

    @property
    def limits(self) -> ConnectionLimits:
        """What binds the connection."""
        return self._session.limits

    @property
    def simulated(self) -> bool:
        """Whether the server says that it invents its prices."""
        return self._link.simulated

    @property
    def events_left_out(self) -> int:
        """Events, none of them quotes or gaps, for which the queue had no room."""
        return self._handover.inbox.left_out
