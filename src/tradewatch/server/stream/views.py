"""Views: the hub that a plan hears, by how far it stands behind."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tradewatch.access.plan import check_delays
from tradewatch.fanout.delayed import Delayed
from tradewatch.fanout.hub import Hub


class View(NamedTuple):
    """What a connection hears.

    Attributes:
        hub: fans it out.
        as_of: the point of the tape up to which it was shown: `<epoch>:<log offset>`.
    """

    hub: Hub
    as_of: Callable[[], str]


class Views:
    """The live view, and one for each delay that a plan has.

    Args:
        live: without delay.
        delayed: makes what stands so many seconds behind.
        close: told of each that is wanted no more.
    """

    def __init__(
        self,
        live: View,
        *,
        delayed: Callable[[float], Delayed],
        close: Callable[[Delayed], None] = lambda delayed: None,
    ) -> None:
        self._live = live
        self._make = delayed
        self._close = close
        self._delayed: dict[float, Delayed] = {}

    def open(self, delays_s: set[float]) -> None:
        """There are views for these delays from now on, and for no others; those that were there stay.

        Raises:
            SettingError: these are more than `MAX_DELAYS`; nothing changes then.
        """
        check_delays(delays_s)
        for delay_s in self._delayed.keys() - delays_s:
            self._close(self._delayed.pop(delay_s))
        for delay_s in sorted(delays_s - self._delayed.keys() - {0.0}):
            self._delayed[delay_s] = self._make(delay_s)

    def of(self, delay_s: float) -> View:
        """The view with this delay, which was opened."""
        if not delay_s:
            return self._live
        delayed = self._delayed[delay_s]
        return View(delayed.hub, lambda: delayed.as_of)

    @property
    def hubs(self) -> list[Hub]:
        """The hubs of all views, the live one first."""
        return [self._live.hub, *(delayed.hub for delayed in self._delayed.values())]

    def behind(self) -> Iterator[Delayed]:
        """The views that have to be moved on."""
        return iter(list(self._delayed.values()))
