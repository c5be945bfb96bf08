"""What is known of an instrument before anybody quotes it: its name, its digits, where it belongs."""

from collections.abc import Iterable, Iterator

import msgspec

from tradewatch.model.asset_class import AssetClass


class Listing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One instrument in the tables that come with the package, or in a file of the user's.

    Attributes:
        asset_class: its class.
        symbol: upper case, unique within the class.
        decimals: the digits its prices are usually quoted with.
        name: what people call it; this and what follows is empty where nobody said.
        type: what kind of its class it is: `metal`.
        country: ISO 3166-1 alpha-2 in lower case: `de`.
        mic: the market it is listed at, ISO 10383: `XETR`.
    """

    asset_class: AssetClass
    symbol: str
    decimals: int
    name: str = ""
    type: str = ""
    country: str = ""
    mic: str = ""

    @property
    def key(self) -> str:
        """The canonical name over all classes: `currencies:EURUSD`."""
        return f"{self.asset_class.value}:{self.symbol}"


class Listings:
    """Listings by class and symbol, in the order they were added."""

    def __init__(self, listings: Iterable[Listing] = ()) -> None:
        self._listings: dict[tuple[AssetClass, str], Listing] = {}
        for listing in listings:
            self.put(listing)

    def put(self, listing: Listing) -> None:
        """Add a listing; one of the same class and symbol is replaced where it stands."""
        self._listings[listing.asset_class, listing.symbol] = listing

    def get(self, asset_class: AssetClass, symbol: str) -> Listing | None:
        """The listing of this class and symbol (in upper case), or None."""
        return self._listings.get((asset_class, symbol))

    def __iter__(self) -> Iterator[Listing]:
        return iter(self._listings.values())

    def __len__(self) -> int:
        return len(self._listings)
