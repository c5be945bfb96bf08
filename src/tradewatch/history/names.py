"""What every archive says of its names and numbers, whatever it keeps its rows in."""

from tradewatch.history.registry import Registry, Stored
from tradewatch.model.asset_class import AssetClass


class Names:
    """The part of `Archive` that a registry answers.

    An adapter sets `_registry` before anybody asks, and keeps it in step with its rows.
    """

    _registry: Registry

    def instrument(self, asset_class: AssetClass, symbol: str) -> Stored | None:
        """The instrument of this class and symbol (upper case), where any of it was recorded."""
        return self._registry.get(asset_class, symbol)

    def scales(self, stored: Stored) -> tuple[int, int]:
        """The most decimals that prices, and that sizes, of an instrument were seen with."""
        number = stored.number
        return int(self._registry.scales[number]), int(self._registry.size_scales[number])

    def instruments(self) -> list[Stored]:
        """All of them, in the order they came."""
        return list(self._registry.instruments)

    def epoch(self, number: int) -> int:
        """The Unix millisecond in which an epoch of the store began."""
        return self._registry.epochs[number - 1]

    def epochs(self) -> list[int]:
        """The Unix milliseconds of all epochs, by number from 1 on."""
        return list(self._registry.epochs)

    def epoch_number(self, epoch_ms: int) -> int | None:
        """The store's number of an epoch; None where nothing was recorded in it."""
        return self._registry.known_epoch(epoch_ms)

    def source(self, number: int) -> str:
        """The name of a source; empty for number 0."""
        return self._registry.sources[number - 1] if number else ""
