"""The catalogue: every instrument this server knows, by class and symbol, by bare symbol, by id."""

from collections.abc import Callable, Iterator

from tradewatch.errors import InvalidInstrumentError
from tradewatch.model.asset_class import CLASS_NUMBERS, AssetClass
from tradewatch.model.instrument import Instrument, canonical_symbol
from tradewatch.reference.listing import Listing, Listings

#: Id of the canary, which no name finds and no pattern matches (see `CANARY`).
CANARY_ID = 0

#: The instrument whose quotes prove that quotes travel. `~` is in no symbol, so nobody can ask for it.
CANARY = Instrument(
    id=CANARY_ID, asset_class=AssetClass.CURRENCIES, symbol="~CANARY", decimals=0, name="canary"
)


class Catalogue:
    """All instruments of one server. Only grows, up to its limit.

    Args:
        limit: how many instruments there may be.
        listings: what is known of some beforehand. It describes an instrument of that class and symbol
            whoever brings it; the tape, for one, remembers no names.
    """

    def __init__(self, *, limit: int, listings: Listings | None = None) -> None:
        self._limit = limit
        self._listings = Listings() if listings is None else listings
        self._by_class: dict[AssetClass, dict[str, Instrument]] = {
            asset_class: {} for asset_class in AssetClass
        }
        self._by_id: dict[int, Instrument] = {CANARY_ID: CANARY}
        self._by_symbol: dict[str, list[Instrument]] = {}
        self._next_id = CANARY_ID + 1
        self._watching: list[Callable[[Instrument], None]] = []

    def add_listed(self) -> None:
        """Take in every instrument of the listings, in their order; those that are in already stay.

        Raises:
            InvalidInstrumentError: the limit is below their number (`too_many_instruments`).
        """
        for listing in self._listings:
            self.add(listing.asset_class, listing.symbol, decimals=listing.decimals, name=listing.name)

    def add(
        self,
        asset_class: AssetClass,
        symbol: str,
        *,
        decimals: int,
        name: str = "",
        instrument_id: int | None = None,
    ) -> Instrument:
        """Take an instrument in, or return the one that has this class and symbol.

        Args:
            asset_class: its class.
            symbol: its symbol, in any case.
            decimals: the digits it is usually quoted with, where no listing says it.
            name: what people call it, where no listing says it.
            instrument_id: the id that the tape remembers for it; the lowest free one where None.

        Raises:
            InvalidInstrumentError: not a symbol, or the catalogue is full (`too_many_instruments`).
        """
        members = self._by_class[asset_class]
        symbol = canonical_symbol(symbol)
        known = members.get(symbol)
        if known is not None:
            return known
        if len(self._by_id) > self._limit:
            raise InvalidInstrumentError(
                f"{asset_class.value}:{symbol} is one more than the {self._limit:,} instruments allowed here",
                code="too_many_instruments",
            )
        if instrument_id is None:
            while self._next_id in self._by_id:
                self._next_id += 1
            instrument_id = self._next_id
        elif instrument_id in self._by_id:
            raise InvalidInstrumentError(
                f"{asset_class.value}:{symbol} cannot have id {instrument_id}:"
                f" {self._by_id[instrument_id].key} has it"
            )
        listing = self._listings.get(asset_class, symbol)
        if listing is not None:
            decimals, name = listing.decimals, listing.name or name
        instrument = Instrument(
            id=instrument_id, asset_class=asset_class, symbol=symbol, decimals=decimals, name=name
        )
        members[symbol] = self._by_id[instrument_id] = instrument
        self._by_symbol.setdefault(symbol, []).append(instrument)
        for told in self._watching:
            told(instrument)
        return instrument

    def watch(self, told: Callable[[Instrument], None]) -> None:
        """Have `told` called with every instrument that is added from now on."""
        self._watching.append(told)

    def unwatch(self, told: Callable[[Instrument], None]) -> None:
        """Have it called no more."""
        self._watching.remove(told)

    def get(self, asset_class: AssetClass, symbol: str) -> Instrument | None:
        """The instrument of this class and symbol (in any case), or None."""
        return self._by_class[asset_class].get(symbol.upper()) if symbol.isascii() else None

    def listing(self, instrument: Instrument) -> Listing | None:
        """What is known of an instrument besides; None where nothing is."""
        return self._listings.get(instrument.asset_class, instrument.symbol)

    def by_id(self, instrument_id: int) -> Instrument:
        """The instrument of an id that was given out; KeyError otherwise."""
        return self._by_id[instrument_id]

    def named(self, symbol: str) -> list[Instrument]:
        """The instruments of all classes that bear this bare symbol, in the order of their classes."""
        if not symbol.isascii():  # an accent could become a plain letter
            return []
        found = self._by_symbol.get(symbol.upper())
        return [] if found is None else sorted(found, key=_class_number)

    def members(self, asset_class: AssetClass) -> Iterator[Instrument]:
        """All instruments of a class, in the order they came."""
        return iter(self._by_class[asset_class].values())

    def count(self, asset_class: AssetClass) -> int:
        """How many instruments a class has."""
        return len(self._by_class[asset_class])

    def __len__(self) -> int:
        return len(self._by_id) - 1


def _class_number(instrument: Instrument) -> int:
    return CLASS_NUMBERS[instrument.asset_class]
