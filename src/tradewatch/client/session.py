"""The client's side of a stream, over all its connections: messages in, events and messages out. No I/O."""

from collections import deque
from collections.abc import Iterable, Mapping

from tradewatch.client.events import Connected, NotRestored, OtherEvent, StreamEvent
from tradewatch.client.intake import Intake, Position
from tradewatch.client.reading import Told, read_events
from tradewatch.client.requests import ClientRequest, Wanted, encode_request, portions
from tradewatch.errors import RequestRefusedError
from tradewatch.protocol.delivery import Delivery
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.v2.events import (
    Drain,
    Error,
    LimitsChanged,
    Pong,
    Status,
    Subscribed,
    Unsubscribed,
    Welcome,
)
from tradewatch.protocol.v2.requests import (
    PingRequest,
    StatusRequest,
    SubscribeRequest,
    UnsubscribeRequest,
)

#: A whole answer; several parts of one are put together.
ClientAnswer = Subscribed | Unsubscribed | Status | Pong | RequestRefusedError

_Part = Subscribed | Unsubscribed | Status


class Session:
    """What is wanted, what was asked and what was answered.

    Args:
        positions: where an earlier stream stood, by name.

    Attributes:
        intake: the positions.
        outgoing: messages to be sent, in their order.
        answered: answers by the id of their request; whoever waits for them takes them out.
        limits: what binds the connection; the defaults before the first welcome.
        welcome: of this connection; None before it came.
        drain: what the server said of its going down, on this connection.
    """

    def __init__(self, positions: Mapping[str, Position] | None = None) -> None:
        self.intake = Intake(positions)
        self.outgoing: deque[bytes] = deque()
        self.answered: list[tuple[int, ClientAnswer]] = []
        self.limits = ConnectionLimits()
        self.welcome: Welcome | None = None
        self.drain: Drain | None = None
        self._wanted = Wanted()
        self._next_id = 1
        self._pending: dict[int, ClientRequest] = {}
        self._restoring: set[int] = set()
        self._parts: dict[int, list[_Part]] = {}

    @property
    def waiting(self) -> bool:
        """Whether an answer is due."""
        return bool(self._pending)

    # What the user wants.

    def subscribe(self, names: Iterable[str], delivery: Delivery, *, snapshot: bool) -> list[int]:
        """Ask for these; the ids under which the answers come."""
        return [
            self._ask(SubscribeRequest(part, self._new_id(), snapshot, delivery))
            for part in portions(names, self.limits.symbols_per_message)
        ]

    def unsubscribe(self, names: Iterable[str]) -> list[int]:
        """Give these up; the ids under which the answers come."""
        return [
            self._ask(UnsubscribeRequest(part, self._new_id()))
            for part in portions(names, self.limits.symbols_per_message)
        ]

    def status(self) -> int:
        """Ask what is subscribed; the id of the answer."""
        return self._ask(StatusRequest(self._new_id()))

    def ping(self) -> int:
        """Ask for a pong; the id of the answer."""
        return self._ask(PingRequest(self._new_id()))

    def forget(self, request_id: int) -> None:
        """Nobody waits for this answer any more; it is not asked for again."""
        self._done(request_id)

    # What the connection brings.

    def opened(self) -> None:
        """A connection is there; nothing is sent on it before its welcome."""
        self.welcome = self.drain = None
        self.outgoing.clear()
        self._parts.clear()
        for request_id in self._restoring:
            self._pending.pop(request_id, None)
        self._restoring.clear()
        self.intake.connected()

    def lost(self) -> None:
        """The connection is gone: requests without an answer wait for the next one."""
        self.welcome = None
        self.outgoing.clear()

    def receive(self, message: bytes) -> list[StreamEvent]:
        """One message; what it brings, in the order of the stream.

        Raises:
            ProtocolViolationError: it is no message of the stream.
        """
        sequence, told = self.intake.take(read_events(message))
        for event in told:
            self._note(event, sequence)
        return sequence

    def _note(self, event: Told | OtherEvent, sequence: list[StreamEvent]) -> None:
        """Take in what is more than a quote."""
        match event:
            case Welcome():
                self._welcomed(event, sequence)
            case Subscribed() | Unsubscribed() | Status():
                self._take_part(event, sequence)
            case Pong(id=int(request_id)):
                self._answer(request_id, event)
            case Error(id=int(request_id)):
                if request_id in self._restoring:
                    sequence.append(event)
                refusal = RequestRefusedError(event.code, event.message, event.symbols or ())
                self._answer(request_id, refusal)
            case LimitsChanged():
                self.limits = event.limits
            case Drain():
                self.drain = event

    def _welcomed(self, welcome: Welcome, sequence: list[StreamEvent]) -> None:
        """Restore what was subscribed, then ask again what was not answered.

        A server that resumes would be given the positions here; until then it is asked as for the first
        time, with snapshots, and the intake says what lies between.
        """
        self.welcome = welcome
        self.limits = welcome.limits
        sequence.append(Connected(session=welcome.session, limits=welcome.limits))
        unanswered = list(self._pending.values())
        for delivery, names in self._wanted.by_delivery().items():
            for part in portions(names, self.limits.symbols_per_message):
                request = SubscribeRequest(part, self._new_id(), delivery=delivery)
                self._restoring.add(self._ask(request))
        self.outgoing.extend(map(encode_request, unanswered))

    def _take_part(self, event: _Part, sequence: list[StreamEvent]) -> None:
        """A part of an answer, or all of it."""
        if isinstance(event, Subscribed):
            self._wanted.subscribed(event.results)
        elif isinstance(event, Unsubscribed):
            self._wanted.unsubscribed(event.results)
        if not isinstance(event.id, int) or event.id not in self._pending:
            return
        parts = self._parts.setdefault(event.id, [])
        parts.append(event)
        if event.part != event.parts:
            return
        whole = _joined(parts)
        if event.id in self._restoring and isinstance(whole, Subscribed):
            refused = [result for result in whole.results if not result.ok]
            if refused:
                sequence.append(NotRestored(results=refused))
        self._answer(event.id, whole)

    def _answer(self, request_id: int, answer: ClientAnswer) -> None:
        if request_id in self._pending:
            if request_id not in self._restoring:
                self.answered.append((request_id, answer))
            self._done(request_id)

    def _done(self, request_id: int) -> None:
        self._pending.pop(request_id, None)
        self._parts.pop(request_id, None)
        self._restoring.discard(request_id)

    def _new_id(self) -> int:
        request_id = self._next_id
        self._next_id += 1
        return request_id

    def _ask(self, request: ClientRequest) -> int:
        request_id = request.id
        if not isinstance(request_id, int):
            raise TypeError("requests are numbered")
        self._pending[request_id] = request
        if self.welcome is not None:
            self.outgoing.append(encode_request(request))
        return request_id


def _joined(parts: list[_Part]) -> _Part:
    """All parts of one answer as one."""
    first = parts[0]
    if isinstance(first, Status):
        symbols = [name for part in parts if isinstance(part, Status) for name in part.symbols]
        return Status(id=first.id, patterns=first.patterns, symbols=symbols)
    results = [result for part in parts if not isinstance(part, Status) for result in part.results]
    return type(first)(id=first.id, results=results)
