"""Plans: what a key may have, as a table."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tradewatch.errors import KeyRequestError, SettingError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.refusal import RefusalReason

ALL_CLASSES: frozenset[AssetClass] = frozenset(AssetClass)

#: So many different delays may plans have.
MAX_DELAYS = 16
#: So many plans may there be, the built-in ones included.
MAX_PLANS = 1_000
_MAX_NAME_CHARS = 64
_Positive = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits that all keys of one plan share. Where one is None, the server's own limit binds.

    Attributes:
        name: what `keys create --plan` calls it.
        asset_classes: the classes whose quotes it shows.
        websocket: whether the stream may be opened at all.
        wildcard: whether a subscription may hold patterns.
        connections: connections that one key may have open at a time.
        symbols: symbols that one connection may be subscribed to.
        symbols_per_message: symbols that one message may name.
        messages_per_10_s: messages, control frames among them, that a connection may send in 10 seconds.
        symbol_changes_per_10_s: symbols that a connection may subscribe or leave in 10 seconds.
        max_quotes_per_s: quotes a second beyond which a connection gets the latest of each symbol only.
        delay_s: how old quotes are when they are shown.
        attempts_limited: whether successful handshakes count among the attempts of their address.
        rest: whether quotes and reference data may be asked for over HTTP.
        history: whether candles and ticks may be.
        requests_per_10_s: HTTP requests in ten seconds of the clock.
        requests_per_minute: HTTP requests in a minute of the clock.
        requests_per_day: HTTP requests in a day, from 00:00 UTC.
    """

    name: str
    asset_classes: frozenset[AssetClass] = ALL_CLASSES
    websocket: bool = True
    wildcard: bool = True
    connections: _Positive | None = 10
    symbols: _Positive | None = None
    symbols_per_message: _Positive | None = None
    messages_per_10_s: _Positive | None = None
    symbol_changes_per_10_s: _Positive | None = None
    max_quotes_per_s: _Positive | None = None
    delay_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    attempts_limited: bool = True
    rest: bool = True
    history: bool = True
    requests_per_10_s: _Positive | None = 2_000
    requests_per_minute: _Positive | None = 6_000
    requests_per_day: _Positive | None = 1_000_000

    def binds(self, limits: ConnectionLimits) -> ConnectionLimits:
        """What binds a connection of this plan where `limits` bind every connection."""

        def tighter(own: int | None, common: int) -> int:
            return common if own is None else min(own, common)

        return msgspec.structs.replace(
            limits,
            symbols=tighter(self.symbols, limits.symbols),
            symbols_per_message=tighter(self.symbols_per_message, limits.symbols_per_message),
            messages_per_10_s=tighter(self.messages_per_10_s, limits.messages_per_10_s),
            symbol_changes_per_10_s=tighter(self.symbol_changes_per_10_s, limits.symbol_changes_per_10_s),
            max_quotes_per_s=self.max_quotes_per_s,
            delay_s=self.delay_s,
            wildcard=self.wildcard,
        )

    def beyond(self, other: "Plan") -> list[str]:
        """The limits in which this plan gives more than another one; none where it gives no more in any."""
        limits = msgspec.structs.asdict(self)
        del limits["name"]
        return [limit for limit, own in limits.items() if _gives_more(limit, own, getattr(other, limit))]


#: To be bound by these is to have less.
_BINDING = ("attempts_limited", "delay_s")


def _gives_more(limit: str, own: Any, other: Any) -> bool:
    """Whether the one value of a limit gives more than the other; None is as much as there is."""
    if isinstance(own, frozenset):
        return not own <= other
    if limit in _BINDING:
        return bool(own < other)
    return other is not None and (own is None or own > other)


BUILT_IN: tuple[Plan, ...] = (
    Plan(name="demo"),
    Plan(name="standard"),
    Plan(
        name="unlimited",
        connections=None,
        attempts_limited=False,
        requests_per_10_s=None,
        requests_per_minute=None,
        requests_per_day=None,
    ),
)


def check_delays(delays_s: set[float]) -> None:
    """Each delay is a hub of its own, so there may be only so many.

    Raises:
        SettingError: there are more than `MAX_DELAYS`.
    """
    if len(delays_s - {0.0}) > MAX_DELAYS:
        raise SettingError(f"plans: {len(delays_s - {0.0})} different delay_s are more than {MAX_DELAYS}")


class Plans:
    """All plans of a server, by name: the built-in ones, and those of the settings, which may replace them.

    Args:
        tables: the table `plans` of the settings: by name the fields that differ from `standard`.

    Raises:
        SettingError: a table with a field that does not exist or a value that does not fit; names both.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, object]] | None = None) -> None:
        self._by_name = {plan.name: plan for plan in BUILT_IN}
        for name, table in (tables or {}).items():
            self._by_name[name] = _read(name, table, self._by_name.get(name))
        if len(self._by_name) > MAX_PLANS:
            raise SettingError(f"{len(self._by_name):,} plans are more than {MAX_PLANS:,}")

    def __iter__(self) -> Iterator[Plan]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Plan | None:
        """The plan of this name; None where there is none."""
        return self._by_name.get(name)

    def named(self, name: str) -> Plan:
        """The plan of this name.

        Raises:
            KeyRequestError: there is none; names those there are.
        """
        plan = self._by_name.get(name)
        if plan is None:
            known = ", ".join(self._by_name)
            text = f"no plan is called {name[:_MAX_NAME_CHARS]!r}; the plans are {known}"
            raise KeyRequestError(422, RefusalReason.INVALID_REQUEST, text)
        return plan


def _read(name: str, table: Mapping[str, object], built_in: Plan | None) -> Plan:
    """The plan of a table of the settings; the rest is as in the plan it replaces, or in `standard`."""
    if not 0 < len(name) <= _MAX_NAME_CHARS or not name.isprintable():
        raise SettingError(f"plans: {name[:_MAX_NAME_CHARS]!r} is no name for a plan")
    if "name" in table:
        raise SettingError(f"plans.{name}.name: a plan is called as its table is")
    fields: dict[str, Any] = {
        field: list(value) if isinstance(value, frozenset) else value
        for field, value in (msgspec.structs.asdict(built_in) if built_in else {}).items()
    }
    try:
        return msgspec.convert({**fields, **table, "name": name}, Plan)
    except msgspec.ValidationError as error:
        raise SettingError(f"plans.{name}: {error}") from None
