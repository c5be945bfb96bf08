"""The channel of a v1 subscriber: the session decides, the hub fans out."""

from collections.abc import Iterable, Sequence

from tradewatch.clock import Clock
from tradewatch.fanout.hub import Hub, Seat
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.codes import CloseCode
from tradewatch.protocol.session import Effect, Interest, Join, Leave, Send, Session, Snapshot
from tradewatch.server.stream.channel import Connection


class Subscriber:
    """Carries out what a session decides.

    Args:
        session: decides.
        hub: fans out.
        scoped: whether the connection hears all classes.
        key_id: id of the API key that opened it.
        clock: gives the time of a pong.
    """

    draining_code = CloseCode.GOING_AWAY

    def __init__(self, session: Session, hub: Hub, *, scoped: bool, key_id: str, clock: Clock) -> None:
        self._session = session
        self._hub = hub
        self._scoped = scoped
        self._clock = clock
        self._connection: Connection | None = None
        self._seat: Seat | None = None
        self.key_id = key_id

    @property
    def in_use(self) -> bool:
        """Whether anything is subscribed."""
        return bool(self._session.names)

    def opened(self, connection: Connection) -> None:
        """Take a seat and send the empty status."""
        self._connection = connection
        self._seat = Seat(connection, scoped=self._scoped)
        self._carry_out(self._session.opening(), connection, self._seat)

    def received(self, messages: Sequence[bytes]) -> None:
        """Let the session decide; what is pending for this client goes out first."""
        if self._connection is None or self._seat is None:
            return
        self._hub.flush()
        self._carry_out(
            self._session.receive(messages, now_ns=self._clock.now_ns()), self._connection, self._seat
        )

    def paused(self) -> None:
        """Nothing more until it has caught up."""
        if self._seat is not None:
            self._hub.pause(self._seat)

    def resumed(self) -> None:
        """The newest of what it missed, and on."""
        if self._seat is not None:
            self._hub.resume(self._seat)

    def closed(self) -> None:
        """Leave the seat."""
        if self._seat is not None:
            self._hub.remove(self._seat)
        self._connection = self._seat = None

    def _carry_out(self, effects: Iterable[Effect], connection: Connection, seat: Seat) -> None:
        for effect in effects:
            match effect:
                case Send(payload):
                    connection.send(payload)
                case Join(interests):
                    instruments, classes = _sorted_out(interests)
                    self._hub.join(seat, instruments)
                    self._hub.join_classes(seat, classes)
                case Leave(interests):
                    instruments, classes = _sorted_out(interests)
                    self._hub.leave(seat, instruments)
                    self._hub.leave_classes(seat, self._no_longer_wanted(classes))
                case Snapshot(interests):
                    instruments, classes = _sorted_out(interests)
                    self._hub.snapshot(seat, instruments)
                    self._hub.snapshot_classes(seat, classes)

    def _no_longer_wanted(self, classes: Iterable[AssetClass]) -> list[AssetClass]:
        """Of the classes left, those that no pattern which stands still names."""
        kept = self._session.classes
        return [asset_class for asset_class in classes if asset_class not in kept]


def _sorted_out(interests: Iterable[Interest]) -> tuple[list[Instrument], list[AssetClass]]:
    """Instruments and whole classes apart."""
    instruments: list[Instrument] = []
    classes: dict[AssetClass, None] = {}
    for interest in interests:
        if isinstance(interest, Instrument):
            instruments.append(interest)
        else:
            classes.update(dict.fromkeys(interest.classes))
    return instruments, list(classes)
