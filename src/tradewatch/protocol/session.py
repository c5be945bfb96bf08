"""The decisions of one v1 connection: messages in, effects out. No I/O, no catalogue of its own."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from tradewatch.model.asset_class import AssetClass, asset_class_named
from tradewatch.model.instrument import Instrument
from tradewatch.protocol import v1
from tradewatch.protocol.codes import ErrorCode
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.messages import MessageError, Ping, Subscribe, Unsubscribe, decode_message

#: From so many symbols on, the statuses that one read of the socket owes become one.
_COALESCE_ABOVE = 1_000


class Directory(Protocol):
    """What a session asks of the catalogue."""

    def get(self, asset_class: AssetClass, symbol: str) -> Instrument | None:
        """The instrument of this class and symbol, in any case."""
        ...

    def named(self, symbol: str) -> list[Instrument]:
        """The instruments of all classes with this bare symbol."""
        ...

    def count(self, asset_class: AssetClass) -> int:
        """How many instruments a class has."""
        ...


class Pattern(NamedTuple):
    """All instruments of these classes."""

    classes: tuple[AssetClass, ...]


#: What a name in a message means.
Interest = Instrument | Pattern


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
        wildcard: whether patterns are part of the plan.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        scope: AssetClass | None,
        limits: ConnectionLimits,
        wildcard: bool = True,
    ) -> None:
        self._directory = directory
        self._scope = scope
        self._limits = limits
        self._wildcard = wildcard
        self._asked: dict[str, Interest] = {}
        self._weights: dict[str, int] = {}
        self._weight = 0
        self._owed: list[Effect] = []
        self._owes_status = False

    @property
    def names(self) -> list[str]:
        """What is subscribed, as `status` says it."""
        return list(self._asked)

    @property
    def classes(self) -> set[AssetClass]:
        """The classes that subscribed patterns name."""
        patterns = [asked for asked in self._asked.values() if isinstance(asked, Pattern)]
        return {asset_class for pattern in patterns for asset_class in pattern.classes}

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
                    self._subscribe(message, effects)
                case Unsubscribe():
                    if self._owed:  # what was joined may be left now: keep the order of the messages
                        self._settle(effects)
                    self._unsubscribe(message.symbols, effects)
            if self._owes_status and len(self._asked) <= _COALESCE_ABOVE:
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

    def _subscribe(self, message: Subscribe, effects: list[Effect]) -> None:
        self._owes_status = True
        if self._too_many_named(message.symbols, effects):
            return
        named = self._resolve(message.symbols)
        joined: list[Interest] = []
        over: list[str] = []
        for name, interest in named.known.items():
            if name in self._asked:
                continue
            if self._weight + (weight := self._weigh(interest)) > self._limits.symbols:
                over.append(name)
                continue
            self._weight += weight
            self._weights[name] = weight
            self._asked[name] = interest
            joined.append(interest)
        self._say_wrong(named, effects)
        if over:
            text = f"at most {self._limits.symbols:,} symbols on one connection"
            effects.append(Send(v1.error(ErrorCode.TOO_MANY_SYMBOLS, text, over)))
        if joined:
            self._owed.append(Join(joined))
        if message.snapshot:
            self._owed.append(Snapshot([self._asked[name] for name in named.known if name in self._asked]))

    def _unsubscribe(self, symbols: list[str], effects: list[Effect]) -> None:
        self._owes_status = True
        if self._too_many_named(symbols, effects):
            return
        named = self._resolve(symbols)
        left: list[Interest] = []
        for name, interest in named.known.items():
            if name in self._asked:
                del self._asked[name]
                self._weight -= self._weights.pop(name)
                left.append(interest)
            elif self._covered(interest):
                named.wrong.setdefault(ErrorCode.COVERED_BY_PATTERN, []).append(name)
        self._say_wrong(named, effects)
        if left:
            effects.append(Leave(left))

    def _too_many_named(self, symbols: list[str], effects: list[Effect]) -> bool:
        if len(symbols) <= self._limits.symbols_per_message:
            return False
        text = f"{len(symbols):,} symbols in one message; at most {self._limits.symbols_per_message:,}"
        effects.append(Send(v1.error(ErrorCode.TOO_MANY_SYMBOLS, text)))
        return True

    def _resolve(self, symbols: list[str]) -> _Named:
        named = _Named({}, {}, [])
        for text in symbols:
            found = self._find(text)
            if isinstance(found, ErrorCode):
                named.wrong.setdefault(found, []).append(text)
            elif isinstance(found, list):
                named.wrong.setdefault(ErrorCode.AMBIGUOUS_SYMBOL, []).append(text)
                named.candidates.extend(instrument.key for instrument in found)
            else:
                named.known.setdefault(self._canonical(found), found)
        return named

    def _find(self, text: str) -> Interest | ErrorCode | list[Instrument]:
        """What a name means: an instrument, a pattern, several candidates, or what is wrong with it."""
        class_name, colon, symbol = text.rpartition(":")
        if not colon:
            classes = tuple(AssetClass) if self._scope is None else (self._scope,)
            if text == "*":
                return self._pattern(classes)
            if self._scope is None:
                found = self._directory.named(text)
                return found[0] if len(found) == 1 else (found or ErrorCode.UNKNOWN_SYMBOL)
            return self._directory.get(self._scope, text) or ErrorCode.UNKNOWN_SYMBOL
        asset_class = asset_class_named(class_name)
        if asset_class is None or (self._scope is not None and asset_class is not self._scope):
            return ErrorCode.UNKNOWN_SYMBOL
        if symbol == "*":
            return self._pattern((asset_class,))
        return self._directory.get(asset_class, symbol) or ErrorCode.UNKNOWN_SYMBOL

    def _pattern(self, classes: tuple[AssetClass, ...]) -> Pattern | ErrorCode:
        return Pattern(classes) if self._wildcard else ErrorCode.WILDCARD_NOT_INCLUDED

    def _canonical(self, interest: Interest) -> str:
        """The name as `status` says it: canonical at `/`, bare on a class path."""
        if isinstance(interest, Instrument):
            return interest.key if self._scope is None else interest.symbol
        if self._scope is not None or len(interest.classes) > 1:
            return "*"
        return f"{interest.classes[0].value}:*"

    def _weigh(self, interest: Interest) -> int:
        """What an interest counts against the limit; a pattern keeps the count of when it was subscribed."""
        if isinstance(interest, Instrument):
            return 1
        return sum(self._directory.count(asset_class) for asset_class in interest.classes)

    def _covered(self, interest: Interest) -> bool:
        """Whether a pattern that stands would still bring what is to be left."""
        wanted = {interest.asset_class} if isinstance(interest, Instrument) else set(interest.classes)
        return any(
            wanted <= set(asked.classes) for asked in self._asked.values() if isinstance(asked, Pattern)
        )

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
        case _:
            return "unknown symbol" if count == 1 else f"{count:,} unknown symbols"
