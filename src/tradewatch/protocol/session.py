"""The decisions of one v1 connection: messages in, effects out. No I/O, no catalogue of its own."""

from collections.abc import Iterable
from typing import NamedTuple

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol import v1
from tradewatch.protocol.codes import ErrorCode
from tradewatch.protocol.limits import (
    SYMBOL_CHANGES_SPAN_S,
    ConnectionLimits,
    too_many_members,
    too_many_named,
)
from tradewatch.protocol.messages import MessageError, Ping, Subscribe, Unsubscribe, decode_message
from tradewatch.protocol.naming import Directory, Interest, Naming, Pattern
from tradewatch.protocol.rights import EVERYTHING_HEARD, Rights
from tradewatch.protocol.subscription import Subscription
from tradewatch.protocol.window import Window

#: From so many symbols on, the statuses that one read of the socket owes become one.
_COALESCE_ABOVE = 1_000


class Send(NamedTuple):
    """Write this message."""

    payload: bytes


class Join(NamedTuple):
    """From here on the connection hears these."""

    interests: list[Interest]


class Leave(NamedTuple):
    """From here on the connection no longer hears these."""

    interests: list[Interest]


class Snapshot(NamedTuple):
    """Write the last known quote of each of these."""

    interests: list[Interest]


Effect = Send | Join | Leave | Snapshot


class _Named(NamedTuple):
    """The names of one message, sorted by what they turned out to be; each canonical name once, in order."""

    known: dict[str, Interest]
    wrong: dict[ErrorCode, list[str]]
    candidates: list[str]


class Session:
    """A v1 connection's subscriptions and its answers.

    Args:
        directory: finds instruments by name.
        scope: the asset class of the path; None at `/`, where all classes share the connection.
        limits: what binds this connection.
        rights: what it may hear.
    """

    __slots__ = ("_changes", "_limits", "_naming", "_owed", "_owes_status", "_subscription")

    def __init__(
        self,
        directory: Directory,
        *,
        scope: AssetClass | None,
        limits: ConnectionLimits,
        rights: Rights = EVERYTHING_HEARD,
    ) -> None:
        self._limits = limits
        self._naming = Naming(directory, scope=scope, rights=rights)
        self._subscription = Subscription(self._naming, limit=limits.symbols)
        self._changes = Window(limits.symbol_changes_per_10_s, SYMBOL_CHANGES_SPAN_S)
        self._owed: list[Effect] = []
        self._owes_status = False

    @property
    def names(self) -> list[str]:
        """What is subscribed, as `status` says it."""
        return self._subscription.names

    @property
    def classes(self) -> set[AssetClass]:
        """The classes that subscribed patterns name."""
        return self._subscription.classes

    def appeared(self, instrument: Instrument) -> list[Effect]:
        """A pattern has a member more; an error, and no room, where that is past the limit."""
        via = self._subscription.pattern_for(instrument)
        if via is None or self._subscription.grow(via):
            return []
        text = f"new, and one more than {self._limits.symbols:,} symbols on one connection"
        return [Send(v1.error(ErrorCode.TOO_MANY_SYMBOLS, text, [self._naming.canonical(instrument)]))]

    def rebind(self, limits: ConnectionLimits, rights: Rights) -> bool:
        """From now on these bind it; False where what is subscribed does not fit them."""
        self._naming.rights = rights
        self._limits = limits
        self._subscription.bind(limits.symbols)
        self._changes.limit = limits.symbol_changes_per_10_s
        return self._naming.included and self._subscription.fits(limits.symbols)

    def opening(self) -> list[Effect]:
        """What a client hears first: the empty status."""
        return [Send(v1.status([]))]

    def receive(self, texts: Iterable[bytes], *, now_ns: int) -> list[Effect]:
        """All messages that one read brought; the effects are to be carried out in this order."""
        effects: list[Effect] = []
        for text in texts:
            try:
                message = decode_message(text)
            except MessageError as error:
                effects.append(Send(v1.error(error.code, str(error))))
                continue
            match message:
                case Ping():
                    effects.append(Send(v1.pong(now_ns)))
                case Subscribe():
                    self._subscribe(message, effects, now_ns)
                case Unsubscribe():
                    if self._owed:  # what was joined may be left now: keep the order of the messages
                        self._settle(effects)
                    self._unsubscribe(message.symbols, effects, now_ns)
            if self._owes_status and len(self._subscription) <= _COALESCE_ABOVE:
                self._settle(effects)
        if self._owes_status:
            self._settle(effects)
        return effects

    def _settle(self, effects: list[Effect]) -> None:
        """The status first, then what may follow it: joins and snapshots."""
        effects.append(Send(v1.status(self.names)))
        effects += self._owed
        self._owed = []
        self._owes_status = False

    def _subscribe(self, message: Subscribe, effects: list[Effect], now_ns: int) -> None:
        self._owes_status = True
        if self._too_many_named(message.symbols, effects, now_ns):
            return
        named = self._charged(self._resolve(message.symbols), now_ns)
        joined: list[Interest] = []
        over: list[str] = []
        for name, interest in named.known.items():
            if self._subscription.has(name, interest):
                continue
            if self._subscription.put(name, interest):
                joined.append(interest)
            else:
                over.append(name)
        self._say_wrong(named, effects)
        if over:
            text = f"at most {self._limits.symbols:,} symbols on one connection"
            effects.append(Send(v1.error(ErrorCode.TOO_MANY_SYMBOLS, text, over)))
        if joined:
            self._owed.append(Join(joined))
        if message.snapshot:
            heard = [interest for name, interest in named.known.items() if name in self._subscription]
            self._owed.append(Snapshot(heard))

    def _unsubscribe(self, symbols: list[str], effects: list[Effect], now_ns: int) -> None:
        self._owes_status = True
        if self._too_many_named(symbols, effects, now_ns):
            return
        named = self._charged(self._resolve(symbols), now_ns)
        left: list[Interest] = []
        for name, interest in named.known.items():
            if name in self._subscription:
                self._subscription.remove(name)
                left.append(interest)
            elif self._subscription.covers(interest):
                named.wrong.setdefault(ErrorCode.COVERED_BY_PATTERN, []).append(name)
        self._say_wrong(named, effects)
        if left:
            effects.append(Leave(left))

    def _too_many_named(self, symbols: list[str], effects: list[Effect], now_ns: int) -> bool:
        text = too_many_named(len(symbols), self._limits, self._changes, now_ns)
        if text:
            effects.append(Send(v1.error(ErrorCode.TOO_MANY_SYMBOLS, text)))
        return bool(text)

    def _resolve(self, symbols: list[str]) -> _Named:
        named = _Named({}, {}, [])
        for text in dict.fromkeys(symbols):
            found = self._naming.find(text)
            if isinstance(found, ErrorCode):
                named.wrong.setdefault(found, []).append(text)
            elif isinstance(found, list):
                named.wrong.setdefault(ErrorCode.AMBIGUOUS_SYMBOL, []).append(text)
                named.candidates.extend(instrument.key for instrument in found)
            else:
                named.known.setdefault(self._naming.canonical(found), found)
        return named

    def _charged(self, named: _Named, now_ns: int) -> _Named:
        """The names, without the patterns whose members are more changes than are left now."""
        for name, interest in list(named.known.items()):
            if isinstance(interest, Pattern) and too_many_members(
                self._naming.weigh(interest), self._changes, now_ns
            ):
                del named.known[name]
                named.wrong.setdefault(ErrorCode.TOO_MANY_SYMBOLS, []).append(name)
        return named

    def _say_wrong(self, named: _Named, effects: list[Effect]) -> None:
        for code, names in named.wrong.items():
            effects.append(Send(v1.error(code, _explain(code, named), names)))


def _explain(code: ErrorCode, named: _Named) -> str:
    """A line for a person about the names of one code."""
    count = len(named.wrong[code])
    match code:
        case ErrorCode.AMBIGUOUS_SYMBOL:
            return f"in more than one asset class; say which: {', '.join(named.candidates[:20])}"
        case ErrorCode.COVERED_BY_PATTERN:
            return "still covered by a subscribed pattern; unsubscribe the pattern"
        case ErrorCode.WILDCARD_NOT_INCLUDED:
            return "patterns are not part of this key's plan"
        case ErrorCode.TOO_MANY_SYMBOLS:
            return "more symbol changes than are left for these 10 seconds"
        case ErrorCode.SYMBOL_NOT_INCLUDED:
            return "not part of what this key may hear"
        case _:
            return "unknown symbol" if count == 1 else f"{count:,} unknown symbols"
