"""Everything that is known of instruments from the start: what is built in, and what the user's files say."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from tradewatch.errors import InstrumentFileError
from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.builtin import builtin_listings
from tradewatch.reference.listing import Listing, Listings
from tradewatch.reference.user_files import FileRow, rows_of
from tradewatch.reference.user_rows import BadCellError, UserRow, user_row


class _Place(NamedTuple):
    """Where an instrument was named."""

    path: Path
    line: int


def known_listings(paths: Iterable[Path] = (), *, limit: int) -> Listings:
    """The built-in instruments, and those of the user's files.

    What a file says of a built-in instrument counts instead of what is built in.

    Args:
        paths: the files, `.csv` or `.toml`.
        limit: how many instruments there may be, the built-in ones among them.

    Raises:
        InstrumentFileError: a file cannot be read, or something in it does not fit; names the place.
    """
    listings = Listings(builtin_listings())
    places: dict[tuple[AssetClass, str], _Place] = {}
    for path in paths:
        for row in rows_of(path):
            listing = _listing(path, row, listings)
            key = listing.asset_class, listing.symbol
            if (earlier := places.get(key)) is not None:
                where = f"line {earlier.line}" + (f" of {earlier.path}" if earlier.path != path else "")
                raise InstrumentFileError(path, f"{listing.key} stands in {where} already", line=row.line)
            if listings.get(*key) is None and len(listings) >= limit:
                what = f"{listing.key} is one more than limits.max_instruments allows ({limit:,})"
                raise InstrumentFileError(path, what, line=row.line)
            places[key] = _Place(path, row.line)
            listings.put(listing)
    return listings


def _listing(path: Path, row: FileRow, listings: Listings) -> Listing:
    """The listing of a row."""
    try:
        said = user_row(row.cells)
        return _completed(said, listings.get(said.asset_class, said.symbol))
    except BadCellError as error:
        line = row.lines.get(error.column, row.line)
        raise InstrumentFileError(path, str(error), line=line, column=error.column) from None


def _completed(said: UserRow, known: Listing | None) -> Listing:
    """What a row says, with what is known of the same instrument for the rest."""
    if known is not None:
        return msgspec.structs.replace(known, **said.given)
    if "decimals" not in said.given:
        raise BadCellError("decimals", f"missing, and {said.asset_class}:{said.symbol} is not built in")
    return Listing(asset_class=said.asset_class, symbol=said.symbol, **said.given)
