"""What this client asks of the server, and what it wants to hear on every connection."""

from collections.abc import Iterable, Iterator

import msgspec

from tradewatch.client.events import name_of
from tradewatch.protocol.delivery import EVERY, Delivery, Latest
from tradewatch.protocol.v2.events import Result
from tradewatch.protocol.v2.requests import (
    PingRequest,
    StatusRequest,
    SubscribeRequest,
    UnsubscribeRequest,
)

#: Anything that is answered under its id.
ClientRequest = SubscribeRequest | UnsubscribeRequest | StatusRequest | PingRequest

encode_request = msgspec.json.Encoder().encode


def every() -> Delivery:
    """Each quote, as fast as this client takes them."""
    return EVERY


def latest(interval_ms: int) -> Delivery:
    """At most one quote of a symbol in each interval, the newest; `skipped` says what it stands for.

    Args:
        interval_ms: rounded up to one that the server has, 50 to 5000; its answer names that one.

    Raises:
        ValueError: it is not above 0.
    """
    if interval_ms < 1:
        raise ValueError(f"an interval is at least 1 ms, not {interval_ms}")
    return Latest(interval_ms)


def portions(names: Iterable[str], most: int) -> Iterator[list[str]]:
    """Each name once, in lists of at most so many."""
    unique = list(dict.fromkeys(names))
    return (unique[first : first + most] for first in range(0, len(unique), most))


class Wanted:
    """Names and patterns that are subscribed, with their deliveries; asked for again after a reconnect."""

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}

    def __len__(self) -> int:
        return len(self._deliveries)

    def subscribed(self, results: Iterable[Result]) -> None:
        """Take in what was asked for by name and is heard now."""
        for result in results:
            if result.ok and result.via is None and result.delivery is not None:
                self._deliveries[_wanted_name(result)] = result.delivery

    def unsubscribed(self, results: Iterable[Result]) -> None:
        """Give up what was asked for by name and is heard no longer, or by a pattern only."""
        for result in results:
            if result.ok and (result.delivery is None or result.via is not None):
                self._deliveries.pop(_wanted_name(result), None)

    def by_delivery(self) -> dict[Delivery, list[str]]:
        """The names of each delivery, in the order they came."""
        names: dict[Delivery, list[str]] = {}
        for name, delivery in self._deliveries.items():
            names.setdefault(delivery, []).append(name)
        return names


def _wanted_name(result: Result) -> str:
    """The name that asks for it on any path."""
    return result.symbol if result.asset_class is None else name_of(result.asset_class, result.symbol)
