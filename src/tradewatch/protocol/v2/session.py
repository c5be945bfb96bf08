"""The decisions of one v2 connection: messages in, effects out. No I/O, no catalogue of its own."""

from collections.abc import Iterable
from typing import NamedTuple

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.codes import ErrorCode
from tradewatch.protocol.delivery import Delivery, effective
from tradewatch.protocol.limits import (
    SYMBOL_CHANGES_SPAN_S,
    ConnectionLimits,
    too_many_members,
    too_many_named,
)
from tradewatch.protocol.messages import MessageError
from tradewatch.protocol.naming import Directory, Naming, Pattern
from tradewatch.protocol.rights import EVERYTHING_HEARD, Rights
from tradewatch.protocol.subscription import Subscription
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v2 import effects
from tradewatch.protocol.v2.deliveries import Deliveries, Heard
from tradewatch.protocol.v2.effects import Effect, Send
from tradewatch.protocol.v2.encoding import Encoding
from tradewatch.protocol.v2.events import (
    Error,
    Event,
    Pong,
    Result,
    Status,
    Subscribed,
    Unsubscribed,
    Welcome,
)
from tradewatch.protocol.v2.names import Named, refused, resolve
from tradewatch.protocol.v2.portions import in_parts
from tradewatch.protocol.v2.requests import (
    PingRequest,
    ResumeRequest,
    StatusRequest,
    SubscribeRequest,
    UnsubscribeRequest,
)
from tradewatch.protocol.v2.results import NO_SNAPSHOTS, Positions, Results, Snapshots
from tradewatch.protocol.window import Window


class Appearance(NamedTuple):
    """What a connection makes of a new instrument.

    Attributes:
        heard: whether it hears it, from the first quote on.
        events: what it is told before that quote.
    """

    heard: bool
    events: list[Event]


class V2Session:
    """A v2 connection's subscriptions and its answers.

    Args:
        directory: finds instruments by name.
        positions: knows how far each instrument is; whoever calls `receive` has written all up to there.
        suggestions: finds what an unknown name was meant to be.
        name: of the session.
        epoch: in which positions count.
        scope: the asset class of the path; None at `/`, where all classes share the connection.
        limits: what binds this connection.
        encoding: how it writes.
        heartbeat_s: how often a heartbeat comes.
        rights: what it may hear.
    """

    __slots__ = (
        "_changes",
        "_deliveries",
        "_encoding",
        "_heartbeat_s",
        "_limits",
        "_name",
        "_naming",
        "_results",
        "_subscription",
        "_suggestions",
    )

    def __init__(
        self,
        directory: Directory,
        positions: Positions,
        suggestions: Suggestions,
        *,
        name: str,
        epoch: str,
        scope: AssetClass | None,
        limits: ConnectionLimits,
        encoding: Encoding,
        heartbeat_s: float,
        rights: Rights = EVERYTHING_HEARD,
    ) -> None:
        self._suggestions = suggestions
        self._name = name
        self._limits = limits
        self._encoding = encoding
        self._heartbeat_s = heartbeat_s
        self._naming = Naming(directory, scope=scope, rights=rights)
        self._subscription = Subscription(self._naming, limit=limits.symbols)
        self._changes = Window(limits.symbol_changes_per_10_s, SYMBOL_CHANGES_SPAN_S)
        self._deliveries = Deliveries()
        self._results = Results(directory, positions, self._deliveries, epoch=epoch)

    @property
    def names(self) -> list[str]:
        """What is subscribed, patterns among it."""
        return self._subscription.names

    def delivery_of(self, instrument: Instrument) -> Delivery | None:
        """How the client hears an instrument; None where it does not."""
        heard = self._deliveries.of(instrument)
        return None if heard is None else heard.delivery

    def rebind(self, limits: ConnectionLimits, rights: Rights) -> bool:
        """From now on these bind it; False where what is subscribed does not fit them."""
        self._naming.rights = rights
        self._limits = limits
        self._subscription.bind(limits.symbols)
        self._changes.limit = limits.symbol_changes_per_10_s
        return self._naming.included and self._subscription.fits(limits.symbols)

    def opening(self, *, now_ns: int) -> list[Effect]:
        """What a client hears first."""
        welcome = Welcome(
            session=self._name,
            server_time_ns=str(now_ns),
            heartbeat_s=self._heartbeat_s,
            limits=self._limits,
        )
        return [Send([welcome])]

    def receive(self, messages: Iterable[bytes], *, now_ns: int) -> list[Effect]:
        """All messages that one read brought; the effects are to be carried out in this order."""
        decided: list[Effect] = []
        for message in messages:
            try:
                decided += self._answer(message, now_ns)
            except MessageError as error:
                decided.append(Send([Error(id=error.id, code=error.code.value, message=str(error))]))
        return decided

    def appeared(self, instrument: Instrument) -> Appearance:
        """An instrument is new: to be told before its first quote, and before any later `receive`.

        One more than the limit is left out, and stays so until no pattern brings its class any more.
        """
        heard = self._deliveries.of(instrument)
        if heard is None or heard.via is None:
            return Appearance(heard=heard is not None, events=[])
        if self._subscription.grow(heard.via):
            return Appearance(heard=True, events=[Subscribed(results=[self._results.of(instrument)])])
        self._deliveries.leave_out(instrument)
        text = f"new, and one more than {self._limits.symbols:,} symbols on one connection"
        name = self._naming.canonical(instrument)
        error = Error(code=ErrorCode.TOO_MANY_SYMBOLS.value, message=text, symbols=[name])
        return Appearance(heard=False, events=[error])

    def _answer(self, message: bytes, now_ns: int) -> list[Effect]:
        """What one message brings about.

        Raises:
            MessageError: nothing but an error.
        """
        match self._encoding.read(message):
            case SubscribeRequest() as request:
                return self._subscribe(request, now_ns)
            case UnsubscribeRequest() as request:
                return self._unsubscribe(request, now_ns)
            case StatusRequest() as request:
                return [self._status(request)]
            case PingRequest(own_id):
                return [Send([Pong(id=own_id, timestamp=str(now_ns // 1_000_000))])]
            case ResumeRequest() as request:
                return self._resume(request)

    def _status(self, request: StatusRequest) -> Send:
        asked = self._subscription
        status = Status(id=request.id, patterns=asked.patterns, symbols=asked.symbols)
        return Send([*in_parts(status, "symbols", self._encoding.encode)])

    def _resume(self, request: ResumeRequest) -> list[Effect]:
        """The place of resuming.

        Raises:
            MessageError: always.
        """
        raise MessageError(ErrorCode.UNKNOWN_ACTION, "this server does not resume", request.id)

    def _subscribe(self, request: SubscribeRequest, now_ns: int) -> list[Effect]:
        delivery = effective(request.delivery)
        resolved = self._resolved(request, now_ns)
        named = [each if isinstance(each, Result) else self._admitted(each) for each in resolved]
        before = self._deliveries.of_classes()
        started, changed = self._hear(named, delivery)
        after = self._deliveries.of_classes()
        begun = tuple(each for each in after if each not in before)
        altered = tuple(each for each in before if after[each] != before[each])
        snapshots = NO_SNAPSHOTS
        if request.snapshot:
            snapshots = Snapshots({instrument.id for instrument in started}, begun)
        answer = Subscribed(id=request.id, results=self._results_of(named, delivery, snapshots))
        decided: list[Effect] = []
        if changed:
            decided.append(effects.ChangeDelivery(changed, delivery))
        if altered:
            decided.append(effects.ChangePatternDelivery(altered, delivery))
        decided.append(Send([*in_parts(answer, "results", self._encoding.encode)]))
        if started:
            decided.append(effects.Subscribe(started, delivery, request.snapshot))
        if begun:
            decided.append(effects.SubscribePattern(begun, delivery, request.snapshot))
        return decided

    def _admitted(self, each: Named) -> Named | Result:
        """The name, now part of the subscription, or why it is not."""
        if self._subscription.has(*each) or self._subscription.put(*each):
            return each
        return refused(each.name, ErrorCode.TOO_MANY_SYMBOLS)

    def _hear(
        self, named: list[Named | Result], delivery: Delivery
    ) -> tuple[list[Instrument], list[Instrument]]:
        """Hear all of these so; the instruments not heard before, and those heard otherwise before."""
        asked = [each for each in named if isinstance(each, Named)]
        instruments = [interest for _, interest in asked if isinstance(interest, Instrument)]
        by_name = Heard(delivery, None)
        started: list[Instrument] = []
        changed: list[Instrument] = []
        for instrument in instruments:
            heard = self._deliveries.of(instrument)
            if heard is None:
                started.append(instrument)
            elif heard != by_name:
                changed.append(instrument)
        self._deliveries.put(instruments, delivery)
        for name, interest in asked:
            if isinstance(interest, Pattern):
                self._deliveries.put_pattern(name, interest, delivery)
        return started, changed

    def _unsubscribe(self, request: UnsubscribeRequest, now_ns: int) -> list[Effect]:
        before = self._deliveries.of_classes()
        named = [self._given_up(each) for each in self._resolved(request, now_ns)]
        after = self._deliveries.of_classes()
        ended = tuple(each for each in before if each not in after)
        altered = tuple(each for each in after if after[each] != before[each])
        left = [each.interest for each in named if isinstance(each, Named)]
        instruments = [interest for interest in left if isinstance(interest, Instrument)]
        answer = Unsubscribed(id=request.id, results=self._results_of(named, None, NO_SNAPSHOTS))
        decided: list[Effect] = []
        if ended:
            decided.append(effects.UnsubscribePattern(ended))
        if altered:
            decided.append(effects.ChangePatternDelivery(altered, after[altered[0]]))
        if instruments:
            decided.append(effects.Unsubscribe(instruments))
        decided.append(Send([*in_parts(answer, "results", self._encoding.encode)]))
        return decided

    def _given_up(self, each: Named | Result) -> Named | Result:
        """The name, no longer part of the subscription; a result where it was none."""
        if isinstance(each, Result):
            return each
        name, interest = each
        if name in self._subscription:
            self._subscription.remove(name)
            self._deliveries.drop(interest)
            return each
        if isinstance(interest, Pattern):
            if self._subscription.covers(interest):
                return refused(name, ErrorCode.COVERED_BY_PATTERN)
            return Result(symbol=name, ok=True, matched=0)
        if self._deliveries.of(interest) is not None:
            return refused(name, ErrorCode.COVERED_BY_PATTERN)
        return self._results.of(interest)

    def _resolved(self, request: SubscribeRequest | UnsubscribeRequest, now_ns: int) -> list[Named | Result]:
        """The names of a request.

        Raises:
            MessageError: there are too many.
        """
        if text := too_many_named(len(request.symbols), self._limits, self._changes, now_ns):
            raise MessageError(ErrorCode.TOO_MANY_SYMBOLS, text, request.id)
        return [
            self._charged(each, now_ns) for each in resolve(request.symbols, self._naming, self._suggestions)
        ]

    def _charged(self, each: Named | Result, now_ns: int) -> Named | Result:
        """The name; a pattern is refused whose members are more changes than are left now."""
        if isinstance(each, Result) or not isinstance(each.interest, Pattern):
            return each
        if too_many_members(self._naming.weigh(each.interest), self._changes, now_ns):
            return refused(each.name, ErrorCode.TOO_MANY_SYMBOLS)
        return each

    def _results_of(
        self, named: list[Named | Result], delivery: Delivery | None, snapshots: Snapshots
    ) -> list[Result]:
        """The results of all names, in their order; members stand behind their pattern."""
        results: list[Result] = []
        for each in named:
            if isinstance(each, Result):
                results.append(each)
            elif isinstance(each.interest, Instrument):
                results.append(self._results.of(each.interest, snapshots))
            else:
                results += self._results.of_pattern(each.name, each.interest, delivery, snapshots)
        return results
