"""An instrument: what is quoted, under the name that the stream knows it by."""

import re

import msgspec

from tradewatch.errors import InvalidInstrumentError
from tradewatch.model.asset_class import AssetClass

#: Symbols of the stream (docs/reference/protocol.md, "Paths"); matched without regard to case.
SYMBOL_PATTERN = r"[A-Z0-9][A-Z0-9._-]{0,31}"
_SYMBOL = re.compile(SYMBOL_PATTERN, re.ASCII)


class Instrument(msgspec.Struct, frozen=True, gc=False):
    """One quoted thing.

    Attributes:
        id: a small integer, stable for the life of a tape; it stands for the instrument in every record.
        asset_class: its class.
        symbol: upper case, unique within the class.
        decimals: the digits its prices are usually quoted with.
        name: what a person calls it; empty where nobody said.
    """

    id: int
    asset_class: AssetClass
    symbol: str
    decimals: int
    name: str = ""

    @property
    def key(self) -> str:
        """The canonical name over all classes: `currencies:EURUSD`."""
        return f"{self.asset_class.value}:{self.symbol}"


def canonical_symbol(text: str) -> str:
    """The symbol in the form that the catalogue keys by: upper case.

    Raises:
        InvalidInstrumentError: `text` is no symbol.
    """
    symbol = text.upper()
    if not (text.isascii() and _SYMBOL.fullmatch(symbol)):
        raise InvalidInstrumentError(f"not a symbol: {text[:40]!r} (letters, digits and . _ -, at most 32)")
    return symbol
