"""The channel of a v2 subscriber: positions, heartbeats, and a word on how far it lags."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from tradewatch.access.permit import Permit
from tradewatch.clock import Clock
from tradewatch.fanout.hub import Hub
from tradewatch.fanout.listening import Listening
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.codes import CloseCode, ErrorCode
from tradewatch.protocol.delivery import Delivery, Latest
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.naming import Directory
from tradewatch.protocol.v2 import effects
from tradewatch.protocol.v2.effects import Effect
from tradewatch.protocol.v2.events import (
    Drain,
    Error,
    Event,
    Heartbeat,
    Lag,
    LimitsChanged,
    Result,
    Subscribed,
    Unsubscribed,
)
from tradewatch.protocol.v2.session import V2Session
from tradewatch.server.stream.channel import Connection
from tradewatch.server.stream.hub_channel import HubChannel

#: How often a heartbeat comes.
HEARTBEAT_S = 5.0
_LAG_S = 1.0


class V2Subscriber(HubChannel):
    """Carries out what a session decides, and keeps the client's balance.

    Args:
        session: decides.
        hub: fans out.
        catalogue: knows what a pattern covers, and finds instruments by name.
        dialect: how the client reads.
        binary: whether its messages are binary.
        permit: what its client may have.
        as_of: the point of the tape up to which everything was flushed.
        clock: the time.
    """

    __slots__ = (
        "_as_of",
        "_behind_since_s",
        "_catalogue",
        "_clock",
        "_dialect",
        "_heartbeat_at_s",
        "_lag_at_s",
        "_listening",
        "_session",
        "_skipped_before",
        "binary",
    )

    draining_code = CloseCode.DRAINING

    def __init__(
        self,
        session: V2Session,
        hub: Hub,
        *,
        catalogue: Directory,
        dialect: Dialect,
        binary: bool,
        permit: Permit,
        as_of: Callable[[], str],
        clock: Clock,
    ) -> None:
        super().__init__(hub, dialect, permit=permit)
        self._session = session
        self._catalogue = catalogue
        self._dialect = dialect
        self._as_of = as_of
        self._clock = clock
        self._listening = Listening(hub, self._member, catalogue)
        self._heartbeat_at_s = clock.monotonic_s() + HEARTBEAT_S
        self._behind_since_s = 0.0
        self._lag_at_s = 0.0
        self._skipped_before = 0
        self.binary = binary

    @property
    def in_use(self) -> bool:
        """Whether anything is subscribed."""
        return bool(self._session.names)

    def opened(self, connection: Connection) -> None:
        """Say welcome."""
        super().opened(connection)
        self._carry_out(self._session.opening(now_ns=self._clock.now_ns()))

    def received(self, messages: Sequence[bytes]) -> None:
        """Let the session decide, message by message; what is pending for this client goes out first."""
        self._hub.flush()
        for message in messages:
            self._carry_out(self._session.receive([message], now_ns=self._clock.now_ns()))

    def refused(self, code: ErrorCode, message: str) -> None:
        """Tell the client why a message was ignored."""
        self._send([Error(code=code, message=message)])

    def permitted(self, permit: Permit) -> bool:
        """What it may have has changed, and the client is told; False where it no longer fits that."""
        before = self._permit
        if not (self._session.rebind(permit.limits, permit.rights) and super().permitted(permit)):
            return False
        if before is None or permit.limits != before.limits:
            self._send([LimitsChanged(limits=permit.limits)])
        return True

    def draining(self, deadline_ms: int, reconnect_in_ms: int) -> None:
        """Tell the client when the server closes, and when to come back."""
        self._send([Drain(deadline_ms=deadline_ms, reconnect_in_ms=reconnect_in_ms)])

    def appeared(self, instrument: Instrument) -> bool:
        """A pattern has a member more; what is told of it, and whether there is room for it."""
        appearance = self._session.appeared(instrument)
        self._send(appearance.events)
        return appearance.heard

    def paused(self) -> None:
        """Nothing more until it has caught up."""
        self._behind_since_s = self._clock.monotonic_s()
        self._lag_at_s = self._behind_since_s + _LAG_S
        self._skipped_before = self._hub.sums(self._member).skipped
        super().paused()

    def resumed(self) -> None:
        """The newest of what it missed, what that was, and on."""
        skipped_before = self._skipped_before
        super().resumed()
        if self._member.paused:
            # What was caught up with filled the buffer again: there will be one word on it all.
            self._skipped_before = skipped_before
        else:
            skipped = self._hub.sums(self._member).skipped - self._skipped_before
            self._send([Lag(queued_bytes=0, oldest_ms=0, skipped=skipped)])

    def beat(self, now_s: float) -> None:
        """A heartbeat, or how far it lags, where one is due."""
        if self._member.paused:
            if now_s >= self._lag_at_s:
                self._lag_at_s = now_s + _LAG_S
                self._say_lag(now_s)
        elif now_s >= self._heartbeat_at_s:
            self._heartbeat_at_s = now_s + HEARTBEAT_S
            self.heartbeat()

    def heartbeat(self) -> None:
        """The balance of this connection, now."""
        self._hub.flush()
        sums = self._hub.sums(self._member)
        now_ms = str(self._clock.now_ns() // 1_000_000)
        self._send([Heartbeat(timestamp=now_ms, as_of=self._as_of(), **sums._asdict())])

    def _say_lag(self, now_s: float) -> None:
        if self._connection is not None:
            sums = self._hub.sums(self._member)
            lag = Lag(
                queued_bytes=self._connection.queued_bytes,
                oldest_ms=round((now_s - self._behind_since_s) * 1_000),
                skipped=sums.skipped - self._skipped_before + sums.pending,
            )
            self._send([lag])

    def _send(self, events: Sequence[Event]) -> None:
        if self._connection is not None and events:
            self._connection.write(self._dialect.frames([self._dialect.event(event) for event in events]))

    def _placed(self, events: list[Event]) -> list[Event]:
        """The events; what a client hears already and is not level with stands where the client does."""
        lagging = self._hub.lagging(self._member)
        if not lagging:
            return events
        return [
            msgspec.structs.replace(event, results=[self._at(result, lagging) for result in event.results])
            if isinstance(event, Subscribed | Unsubscribed)
            else event
            for event in events
        ]

    def _at(self, result: Result, positions: Mapping[int, int]) -> Result:
        if result.delivery is None or result.asset_class is None:
            return result
        instrument = self._catalogue.get(result.asset_class, result.symbol)
        if instrument is None or instrument.id not in positions:
            return result
        return msgspec.structs.replace(result, seq=positions[instrument.id])

    def _carry_out(self, decided: Iterable[Effect]) -> None:
        listening = self._listening
        for effect in decided:
            match effect:
                case effects.Send(events):
                    self._send(self._placed(events))
                case effects.Subscribe(instruments, delivery, snapshot):
                    listening.hear(instruments, interval_ms=_interval_ms(delivery), snapshot=snapshot)
                case effects.SubscribePattern(classes, delivery, snapshot):
                    for asset_class in classes:
                        listening.hear_class(
                            asset_class, interval_ms=_interval_ms(delivery), snapshot=snapshot
                        )
                case effects.ChangeDelivery(instruments, delivery):
                    listening.hear(instruments, interval_ms=_interval_ms(delivery))
                case effects.ChangePatternDelivery(classes, delivery):
                    for asset_class in classes:
                        listening.change_class(asset_class, interval_ms=_interval_ms(delivery))
                case effects.Unsubscribe(instruments):
                    unheard = (each for each in instruments if self._session.delivery_of(each) is None)
                    listening.forget(instruments, left_out={each.id for each in unheard})
                case effects.UnsubscribePattern(classes):
                    for asset_class in classes:
                        listening.forget_class(asset_class)


def _interval_ms(delivery: Delivery) -> int:
    """The interval of a delivery; 0 for every quote."""
    return delivery.interval_ms if isinstance(delivery, Latest) else 0
