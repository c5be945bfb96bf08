"""The link to a server: one task that keeps a connection up, reads it, and asks what is to be asked."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from tradewatch.client.backoff import Backoff
from tradewatch.client.connection import Connection
from tradewatch.client.endpoint import Endpoint
from tradewatch.client.events import Disconnected
from tradewatch.client.handover import Handover
from tradewatch.client.session import ClientAnswer, Session
from tradewatch.clock import Clock
from tradewatch.errors import (
    ClientError,
    ConnectionClosedError,
    ProtocolViolationError,
    RefusedError,
    StreamClosedError,
)

#: A one-time ticket, or what fetches a new one for each connection.
Ticket = str | Callable[[], Awaitable[str]]

#: How long a server may keep a new connection waiting for its welcome, and a first one for a place.
_WELCOME_S = 10.0
_FIRST_S = 30.0


class Link:
    """Moves bytes between a session and a server.

    Args:
        endpoint: where the server is.
        session: decides.
        handover: takes what the stream brings.
        backoff: says when to come back; None where a lost connection ends the stream.
        ticket: shown instead of a key.
        clock: the time.

    Attributes:
        simulated: whether the server says that it invents its prices.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        session: Session,
        handover: Handover,
        *,
        backoff: Backoff | None,
        ticket: Ticket | None,
        clock: Clock,
    ) -> None:
        self._endpoint = endpoint
        self._session = session
        self._handover = handover
        self._backoff = backoff
        self._ticket = ticket
        self._clock = clock
        self._connection: Connection | None = None
        self._connected_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[ClientAnswer]] = {}
        self.simulated = False

    async def open(self) -> None:
        """Connect for the first time, and keep the connection up from then on.

        A server that says when to come back is waited for, within half a minute.

        Raises:
            ClientError: it cannot be had.
        """
        deadline_s = self._clock.monotonic_s() + _FIRST_S
        while True:
            try:
                connection = await self._connect()
                break
            except RefusedError as refusal:
                if self._backoff is None or refusal.retry_after_s is None:
                    raise
                wait_s = self._backoff.next_s(refusal)
                if wait_s is None or self._clock.monotonic_s() + wait_s > deadline_s:
                    raise
            await asyncio.sleep(wait_s)
        self._task = asyncio.create_task(self._keep_up(connection), name=f"tradewatch {self._endpoint}")
        self._task.add_done_callback(self._end)

    async def close(self) -> None:
        """End the stream; what waits may still be read."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def ask(self, request_ids: Sequence[int]) -> list[ClientAnswer]:
        """Send what the session has to say, and wait for the answers to these requests.

        A connection that is lost meanwhile makes it wait for the next one.

        Raises:
            ClientError: the stream has ended, or ends before all are answered.
        """
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done():
            raise self._over(self._task)
        answers = [self._asked.setdefault(each, loop.create_future()) for each in request_ids]
        self._handover.interrupt()
        try:
            if self._connection is not None:
                await self._send(self._connection)
            return await asyncio.gather(*answers)
        finally:
            for each in request_ids:
                self._asked.pop(each, None)
                self._session.forget(each)

    async def _connect(self) -> Connection:
        """A connection that has been welcomed."""
        ticket = self._ticket if isinstance(self._ticket, str | None) else await self._ticket()
        connection = await self._endpoint.open(ticket=ticket)
        try:
            self._session.opened()
            await self._be_welcomed(connection)
            self._connection = connection
            await self._send(connection)
        except BaseException:
            await connection.close()
            raise
        self.simulated = connection.simulated
        self._connected_s = self._clock.monotonic_s()
        return connection

    async def _be_welcomed(self, connection: Connection) -> None:
        """Take the first message.

        Raises:
            ClientError: it does not come, or is no welcome.
        """
        try:
            async with asyncio.timeout(_WELCOME_S):
                self._take(await connection.receive())
        except TimeoutError:
            raise ConnectionClosedError(1006) from None
        if self._session.welcome is None:
            raise ProtocolViolationError("the server did not begin with a welcome")

    async def _keep_up(self, connection: Connection) -> None:
        """Read one connection after another; ends with the error that no other connection helps against."""
        while True:
            try:
                async with connection:
                    await self._read(connection)
            except ClientError as error:
                lost = error
            self._connection = None
            self._session.lost()
            if self._backoff is None:
                raise lost
            self._backoff.lasted(self._clock.monotonic_s() - self._connected_s)
            drain = self._session.drain
            connection = await self._reconnect(
                lost, self._backoff, told_s=None if drain is None else drain.reconnect_in_ms / 1000
            )

    async def _read(self, connection: Connection) -> None:
        """Take messages until the connection ends.

        Raises:
            ClientError: always, in the end.
        """
        session, inbox = self._session, self._handover.inbox
        while True:
            self._take(await connection.receive())
            if session.outgoing:
                await self._send(connection)
            if inbox.full:
                while not (inbox.roomy or session.waiting):
                    await self._handover.room()

    async def _reconnect(self, lost: ClientError, backoff: Backoff, *, told_s: float | None) -> Connection:
        """The next connection, after as many attempts as it takes.

        Raises:
            ClientError: there will be none.
        """
        while True:
            wait_s = backoff.next_s(lost, told_s=told_s)
            if wait_s is None:
                raise lost
            self._handover.put([Disconnected(error=lost, retry_in_s=wait_s)])
            await asyncio.sleep(wait_s)
            told_s = None
            try:
                return await self._connect()
            except ClientError as error:
                lost = error

    def _take(self, message: bytes) -> None:
        """One message of the server."""
        sequence = self._session.receive(message)
        if sequence:
            self._handover.put(sequence)
        if self._session.answered:
            for request_id, answer in self._session.answered:
                waiting = self._asked.get(request_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
            self._session.answered.clear()

    async def _send(self, connection: Connection) -> None:
        """Send what the session has to say; where the connection is lost, the next one will."""
        with contextlib.suppress(ConnectionClosedError):
            while self._session.outgoing:
                await connection.send(self._session.outgoing.popleft())

    def _end(self, task: "asyncio.Task[None]") -> None:
        """The stream is over: tell whoever waits for anything."""
        self._connection = None
        error = self._over(task)
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(error)
        self._handover.end(None if isinstance(error, StreamClosedError) else error)

    @staticmethod
    def _over(task: "asyncio.Task[None] | None") -> BaseException:
        """Why there is no stream: what ended it by itself, or that this side did."""
        if task is None or task.cancelled():
            return StreamClosedError("the stream is closed")
        return task.exception() or StreamClosedError("the stream is closed")
