"""Plans: what a key may have, as a table."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from tradewatch.errors import KeyStoreError
from tradewatch.model.asset_class import AssetClass

ALL_CLASSES: frozenset[AssetClass] = frozenset(AssetClass)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that all keys of one plan share.

    Attributes:
        name: what `keys create --plan` calls it.
        asset_classes: the classes whose quotes it shows.
        wildcard: whether a subscription may hold patterns.
        websocket: whether the stream may be opened at all.
        connections: connections that one key may have open at a time; None: no limit of the key's own.
        symbols: symbols that one connection may be subscribed to.
        attempts_limited: whether successful handshakes count among the attempts of their address.
    """

    name: str
    asset_classes: frozenset[AssetClass] = ALL_CLASSES
    wildcard: bool = True
    websocket: bool = True
    connections: int | None = 10
    symbols: int = 10_000
    attempts_limited: bool = True


PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan(name="demo"),
            Plan(name="standard"),
            Plan(name="unlimited", connections=None, attempts_limited=False),
        )
    }
)


def plan_named(name: str) -> Plan:
    """The plan of this name.

    Raises:
        KeyStoreError: there is none; names those there are.
    """
    plan = PLANS.get(name)
    if plan is None:
        raise KeyStoreError(f"no plan is called {name[:64]!r}; the plans are {', '.join(PLANS)}")
    return plan
