"""Results: where a client stands with each instrument that its request touched."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.delivery import Delivery
from tradewatch.protocol.naming import Directory, Pattern
from tradewatch.protocol.v2.deliveries import Deliveries
from tradewatch.protocol.v2.events import Result

#: Nobody has judged whether the symbol is alive.
UNKNOWN_STATE = "unknown"


class Positions(Protocol):
    """What a session asks of the hub."""

    def head(self, instrument: Instrument) -> int:
        """The seq of the newest record that was flushed; 0 where there is none."""
        ...


class Snapshots(NamedTuple):
    """Whose newest quotes follow an answer.

    Attributes:
        instrument_ids: of these instruments.
        classes: of the members of these classes that patterns bring.
    """

    instrument_ids: Collection[int]
    classes: Collection[AssetClass]


NO_SNAPSHOTS = Snapshots((), ())


class Results:
    """Writes results from what holds once a request has taken effect.

    Args:
        directory: knows the members of patterns.
        positions: knows how far each instrument is.
        deliveries: knows how each instrument is heard.
        epoch: in which positions count.
    """

    __slots__ = ("_deliveries", "_directory", "_epoch", "_positions")

    def __init__(
        self, directory: Directory, positions: Positions, deliveries: Deliveries, *, epoch: str
    ) -> None:
        self._directory = directory
        self._positions = positions
        self._deliveries = deliveries
        self._epoch = epoch

    def of(self, instrument: Instrument, snapshots: Snapshots = NO_SNAPSHOTS) -> Result:
        """The result of one instrument, heard or no longer heard."""
        heard = self._deliveries.of(instrument)
        delivery, via = (None, None) if heard is None else heard
        seq = self._positions.head(instrument)
        if seq and (
            instrument.id in snapshots.instrument_ids
            or (via is not None and instrument.asset_class in snapshots.classes)
        ):
            seq -= 1
        return Result(
            asset_class=instrument.asset_class,
            symbol=instrument.symbol,
            ok=True,
            via=via,
            epoch=self._epoch,
            seq=seq,
            state=UNKNOWN_STATE,
            delivery=delivery,
        )

    def of_pattern(
        self, name: str, pattern: Pattern, delivery: Delivery | None, snapshots: Snapshots
    ) -> list[Result]:
        """The result of a pattern, and those of its members.

        Args:
            name: as answers write it.
            pattern: what it means.
            delivery: how its members are heard from now on; None where it was given up.
            snapshots: whose newest quotes follow.
        """
        members = [
            self.of(instrument, snapshots)
            for asset_class in pattern.classes
            for instrument in self._directory.members(asset_class)
        ]
        if delivery is not None:  # some may have been left out, as the client was told then
            members = [result for result in members if result.delivery is not None]
        return [Result(symbol=name, ok=True, matched=len(members), delivery=delivery), *members]
