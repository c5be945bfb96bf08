"""The channel of a v1 subscriber: the session decides, the hub fans out."""

from collections.abc import Iterable, Sequence

from tradewatch.access.permit import Permit
from tradewatch.clock import Clock
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.listening import Listening, Members
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol import v1
from tradewatch.protocol.codes import CloseCode, ErrorCode
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.naming import Interest
from tradewatch.protocol.session import Effect, Join, Leave, Send, Session, Snapshot
from tradewatch.server.stream.channel import Connection
from tradewatch.server.stream.hub_channel import HubChannel


class Subscriber(HubChannel):
    """Carries out what a session decides.

    Args:
        session: decides.
        hub: fans out.
        catalogue: knows what a pattern covers.
        dialect: how the client reads quotes.
        permit: what its client may have.
        clock: gives the time of a pong.
    """

    __slots__ = ("_catalogue", "_clock", "_listening", "_session")

    draining_code = CloseCode.GOING_AWAY

    def __init__(
        self,
        session: Session,
        hub: Hub,
        *,
        catalogue: Members,
        dialect: Dialect,
        permit: Permit,
        clock: Clock,
    ) -> None:
        super().__init__(hub, dialect, permit=permit)
        self._session = session
        self._catalogue = catalogue
        self._clock = clock
        self._listening = Listening(hub, self._member, catalogue)

    @property
    def in_use(self) -> bool:
        """Whether anything is subscribed."""
        return bool(self._session.names)

    def opened(self, connection: Connection) -> None:
        """Send the empty status."""
        super().opened(connection)
        self._carry_out(self._session.opening())

    def received(self, messages: Sequence[bytes]) -> None:
        """Let the session decide; what is pending for this client goes out first."""
        self._hub.flush()
        self._carry_out(self._session.receive(messages, now_ns=self._clock.now_ns()))

    def refused(self, code: ErrorCode, message: str) -> None:
        """Tell the client why a message was ignored."""
        self._carry_out([Send(v1.error(code, message))])

    def permitted(self, permit: Permit) -> bool:
        """What it may have has changed; False where it no longer fits that."""
        return self._session.rebind(permit.limits, permit.rights) and super().permitted(permit)

    def appeared(self, instrument: Instrument) -> bool:
        """A pattern has a member more; what is told of it, and whether there is room for it."""
        effects = self._session.appeared(instrument)
        self._carry_out(effects)
        return not effects

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(payload):
                    if self._connection is not None:
                        self._connection.send(payload)
                case Join(interests):
                    instruments, classes = _sorted_out(interests)
                    self._listening.hear(instruments)
                    for asset_class in classes:
                        self._listening.hear_class(asset_class)
                case Leave(interests):
                    self._leave(interests)
                case Snapshot(interests):
                    self._show(interests)

    def _leave(self, interests: Iterable[Interest]) -> None:
        instruments, classes = _sorted_out(interests)
        for asset_class in classes:
            if asset_class not in self._session.classes:
                self._listening.forget_class(asset_class)
        self._listening.forget(instruments)

    def _show(self, interests: Iterable[Interest]) -> None:
        instruments, classes = _sorted_out(interests)
        shown = dict.fromkeys(instrument.id for instrument in instruments)
        for asset_class in classes:
            shown.update(dict.fromkeys(instrument.id for instrument in self._catalogue.members(asset_class)))
        self._hub.show(self._member, shown)


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
