"""How each instrument is heard: of a name, its class and everything, the most specific decides."""

from collections.abc import Iterable
from typing import NamedTuple

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.delivery import Delivery
from tradewatch.protocol.naming import Interest, Pattern


class Heard(NamedTuple):
    """How an instrument is heard.

    Attributes:
        delivery: every quote, or the latest of each interval.
        via: the canonical name of the pattern that brings it; None where it was asked for by name.
    """

    delivery: Delivery
    via: str | None


class Deliveries:
    """The deliveries of one connection's subscription."""

    __slots__ = ("_by_class", "_by_everything", "_by_instrument", "_left_out")

    def __init__(self) -> None:
        self._by_instrument: dict[int, Heard] = {}
        self._by_class: dict[AssetClass, Heard] = {}
        self._by_everything: dict[AssetClass, Heard] = {}
        self._left_out: dict[AssetClass, set[int]] = {}

    def of(self, instrument: Instrument) -> Heard | None:
        """How the instrument is heard; None where it is not."""
        heard = self._by_instrument.get(instrument.id)
        if heard is None and instrument.id not in self._left_out.get(instrument.asset_class, ()):
            return self.of_class(instrument.asset_class)
        return heard

    def of_class(self, asset_class: AssetClass) -> Heard | None:
        """How the members of a class are heard that were not asked for by name; None where they are not."""
        return self._by_class.get(asset_class) or self._by_everything.get(asset_class)

    def of_classes(self) -> dict[AssetClass, Delivery]:
        """The delivery of each class that a pattern brings."""
        every_class = ((asset_class, self.of_class(asset_class)) for asset_class in AssetClass)
        return {asset_class: heard.delivery for asset_class, heard in every_class if heard is not None}

    def put(self, instruments: Iterable[Instrument], delivery: Delivery) -> None:
        """Hear instruments so, by name, whether they were in here or not."""
        ids = (instrument.id for instrument in instruments)
        self._by_instrument.update(dict.fromkeys(ids, Heard(delivery, None)))

    def put_pattern(self, name: str, pattern: Pattern, delivery: Delivery) -> None:
        """Hear a pattern so, whether it was in here or not."""
        if len(pattern.classes) == 1:
            self._by_class[pattern.classes[0]] = Heard(delivery, name)
        else:
            self._by_everything = dict.fromkeys(pattern.classes, Heard(delivery, name))

    def drop(self, interest: Interest) -> None:
        """Give up an instrument or a pattern that is in here."""
        if isinstance(interest, Instrument):
            del self._by_instrument[interest.id]
            return
        if len(interest.classes) == 1:
            del self._by_class[interest.classes[0]]
        else:
            self._by_everything = {}
        for asset_class in interest.classes:
            if self.of_class(asset_class) is None:
                self._left_out.pop(asset_class, None)

    def leave_out(self, instrument: Instrument) -> None:
        """No pattern brings this one, until there is a time at which none brings its class."""
        self._left_out.setdefault(instrument.asset_class, set()).add(instrument.id)
