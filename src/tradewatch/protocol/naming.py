"""What the names in a connection's messages mean, and how its answers write them."""

import sys
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from tradewatch.model.asset_class import AssetClass, asset_class_named
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.codes import ErrorCode
from tradewatch.protocol.rights import EVERYTHING_HEARD, Rights

#: Names are said back no longer than this; every symbol is shorter.
ECHO_CHARS = 64

_ALL_CLASSES = tuple(AssetClass)
#: As plain names: asking the enumeration takes as long as the search for a symbol.
_UNKNOWN, _NOT_INCLUDED = ErrorCode.UNKNOWN_SYMBOL, ErrorCode.SYMBOL_NOT_INCLUDED


class Directory(Protocol):
    """What a connection asks of the catalogue."""

    def get(self, asset_class: AssetClass, symbol: str) -> Instrument | None:
        """The instrument of this class and symbol, in any case."""
        ...

    def named(self, symbol: str) -> list[Instrument]:
        """The instruments of all classes with this bare symbol."""
        ...

    def members(self, asset_class: AssetClass) -> Iterator[Instrument]:
        """All instruments of a class, in the order they came."""
        ...

    def count(self, asset_class: AssetClass) -> int:
        """How many instruments a class has."""
        ...


class Pattern(NamedTuple):
    """All instruments of these classes: of one, or of all five."""

    classes: tuple[AssetClass, ...]


#: Every instrument there is: `*` where all classes share the connection.
EVERYTHING = Pattern(_ALL_CLASSES)

#: What a name in a message means.
Interest = Instrument | Pattern


class Naming:
    """How one connection names things.

    Args:
        directory: finds instruments by name.
        scope: the asset class of the path; None at `/`, where all classes share the connection.
        rights: what the connection may hear.
    """

    __slots__ = ("_classes", "_directory", "_scope", "rights")

    def __init__(self, directory: Directory, *, scope: AssetClass | None, rights: Rights) -> None:
        self._directory = directory
        self._scope = scope
        self._classes = _ALL_CLASSES if scope is None else (scope,)
        self.rights = rights

    def find(self, text: str) -> Interest | ErrorCode | list[Instrument]:
        """What a name means: an instrument, a pattern, several candidates, or what is wrong with it."""
        classes, symbol = self._classes, text
        if ":" in text:
            class_name, _, symbol = text.rpartition(":")
            asset_class = asset_class_named(class_name)
            if asset_class not in classes:
                return _UNKNOWN
            classes = (asset_class,)
        if symbol == "*":
            return self._pattern(classes)
        if len(classes) == 1:
            instrument = self._directory.get(classes[0], symbol)
            if instrument is None:
                return _UNKNOWN
            return instrument if self.includes(instrument) else _NOT_INCLUDED
        found = self._directory.named(symbol)
        if not found:
            return _UNKNOWN
        if self.rights is not EVERYTHING_HEARD and not (found := [*filter(self.includes, found)]):
            return _NOT_INCLUDED
        return found[0] if len(found) == 1 else found

    @property
    def included(self) -> bool:
        """Whether the connection may hear anything at all where it is."""
        return any(asset_class in self.rights.classes for asset_class in self._classes)

    def includes(self, interest: Interest) -> bool:
        """Whether the connection may hear all of this."""
        rights = self.rights
        if rights is EVERYTHING_HEARD:
            return True
        if isinstance(interest, Pattern):
            return rights.wildcard and set(interest.classes) <= set(rights.classes)
        if interest.asset_class not in rights.classes:
            return False
        return rights.allows is None or rights.allows(interest.asset_class, interest.symbol)

    def _pattern(self, classes: tuple[AssetClass, ...]) -> Pattern | ErrorCode:
        """What `*` means over these classes: those of them that the connection may hear."""
        if not self.rights.wildcard:
            return ErrorCode.WILDCARD_NOT_INCLUDED
        included = tuple(asset_class for asset_class in classes if asset_class in self.rights.classes)
        return Pattern(included) if included else _NOT_INCLUDED

    def neighbourhood(self, text: str) -> tuple[str, tuple[AssetClass, ...]]:
        """The symbol in a name that nobody has, and the classes in which it may have been meant."""
        class_name, _, symbol = text.rpartition(":")
        asset_class = asset_class_named(class_name)
        if asset_class is None:
            return symbol, self._classes
        return symbol, (asset_class,) if asset_class in self._classes else ()

    def canonical(self, interest: Interest) -> str:
        """The name as answers write it: with its class at `/`, bare on a class path."""
        if isinstance(interest, Instrument):
            # Interned: many connections keep the name of the same instrument.
            return sys.intern(interest.key) if self._scope is None else interest.symbol
        if self._scope is not None or len(interest.classes) > 1:
            return "*"
        return f"{interest.classes[0].value}:*"

    def weigh(self, interest: Interest) -> int:
        """What an interest counts against the limit: a pattern as many as it has members now."""
        if isinstance(interest, Instrument):
            return 1
        return sum(self._directory.count(asset_class) for asset_class in interest.classes)
