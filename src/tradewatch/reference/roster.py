"""The roster: all instruments in the order of their symbols, by class, type and country."""

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.search import Search


class Entry(NamedTuple):
    """An instrument, and what is known of it besides; empty where nobody said.

    Attributes:
        instrument: the instrument.
        kind: the type of its listing: `metal`.
        country: ISO 3166-1 alpha-2 in lower case.
        mic: the market it is listed at.
    """

    instrument: Instrument
    kind: str = ""
    country: str = ""
    mic: str = ""

    @property
    def symbol(self) -> str:
        """The symbol of the instrument."""
        return self.instrument.symbol


class Roster:
    """Grows with the catalogue.

    An entry stands on four lists: all of its class, those of its type, of its country, of both. So no choice
    of type and country has to look at every instrument.

    Args:
        catalogue: has the instruments.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lists: dict[tuple[AssetClass, str, str], list[Entry]] = {}
        self._search: Search[Instrument] = Search()
        for asset_class in AssetClass:
            for instrument in sorted(catalogue.members(asset_class), key=lambda each: each.symbol):
                self._add(instrument)
        catalogue.watch(self._add)

    def entries(self, asset_class: AssetClass, *, kind: str = "", country: str = "") -> Sequence[Entry]:
        """The entries of a class in the order of their symbols, not to be changed.

        Args:
            asset_class: the class.
            kind: only those of this type; empty for all.
            country: only those of this country, ISO 3166-1 alpha-2 in lower case; empty for all.
        """
        return self._lists.get((asset_class, kind, country), ())

    def entry(self, instrument: Instrument) -> Entry:
        """The entry of an instrument."""
        listing = self._catalogue.listing(instrument)
        if listing is None:
            return Entry(instrument)
        return Entry(instrument, listing.type, listing.country, listing.mic)

    def found(self, text: str, asset_class: AssetClass, entries: Sequence[Entry]) -> list[Entry]:
        """Those of these entries of a class whose symbol or name has this text in it, in their order."""
        ids = {instrument.id for instrument in self._search.find(text, classes=(asset_class,))}
        return [entry for entry in entries if entry.instrument.id in ids]

    def types(self, asset_class: AssetClass) -> list[str]:
        """The types that instruments of a class have, in the order of the alphabet."""
        return sorted({kind for each, kind, _ in self._lists if each is asset_class and kind})

    def countries(self, asset_class: AssetClass) -> list[str]:
        """The countries that instruments of a class have, in the order of the alphabet."""
        return sorted({country for each, _, country in self._lists if each is asset_class and country})

    def _add(self, instrument: Instrument) -> None:
        entry = self.entry(instrument)
        for kind in {"", entry.kind}:
            for country in {"", entry.country}:
                entries = self._lists.setdefault((instrument.asset_class, kind, country), [])
                insort(entries, entry, key=lambda each: each.symbol)
        self._search.add(instrument)
