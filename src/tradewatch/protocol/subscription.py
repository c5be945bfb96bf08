"""What one connection asked for: names and patterns, weighed against its limit."""

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.naming import Interest, Naming, Pattern


class Subscription:
    """The set of names and patterns of one connection, by canonical name, in the order requested.

    Args:
        naming: knows what a pattern weighs.
        limit: symbols that all of it may weigh.
    """

    __slots__ = ("_asked", "_limit", "_naming", "_patterns", "_weight", "_weights")

    def __init__(self, naming: Naming, *, limit: int) -> None:
        self._naming = naming
        self._limit = limit
        self._asked: dict[str, Interest] = {}
        self._patterns: dict[str, Pattern] = {}
        self._weights: dict[str, int] = {}  # of patterns; what is none weighs 1
        self._weight = 0

    def __contains__(self, name: str) -> bool:
        return name in self._asked

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def names(self) -> list[str]:
        """All of it, as answers write it."""
        return list(self._asked)

    @property
    def patterns(self) -> list[str]:
        """The patterns in it."""
        return list(self._patterns)

    @property
    def symbols(self) -> list[str]:
        """The names in it that are no patterns."""
        return [name for name in self._asked if name not in self._patterns]

    @property
    def classes(self) -> set[AssetClass]:
        """The classes that its patterns name."""
        return {asset_class for pattern in self._patterns.values() for asset_class in pattern.classes}

    def fits(self, limit: int) -> bool:
        """Whether it could be had, all of it, with the present rights and within this limit."""
        return self._weight <= limit and all(map(self._naming.includes, self._asked.values()))

    def bind(self, limit: int) -> None:
        """From now on this is its limit."""
        self._limit = limit

    def add(self, name: str, interest: Interest) -> bool:
        """Take in what is not in it yet; False, and nothing changes, where that is past the limit."""
        weight = self._naming.weigh(interest)
        if self._weight + weight > self._limit:
            return False
        self._asked[name] = interest
        if isinstance(interest, Pattern):
            self._patterns[name] = interest
            self._weights[name] = weight
        self._weight += weight
        return True

    def has(self, name: str, interest: Interest) -> bool:
        """Whether this very interest is in it by this name: `*` may have come to mean more classes."""
        return name in self._asked and (
            not isinstance(interest, Pattern) or self._patterns.get(name) == interest
        )

    def put(self, name: str, interest: Interest) -> bool:
        """Take it in, in the place of what has its name; False, and nothing changes, past the limit."""
        before = self._asked.get(name)
        if before is None:
            return self.add(name, interest)
        self.remove(name)
        if self.add(name, interest):
            return True
        self.add(name, before)
        return False

    def pattern_for(self, instrument: Instrument) -> str | None:
        """One of its patterns that brings this instrument; None where none does."""
        covering = (
            name for name, pattern in self._patterns.items() if instrument.asset_class in pattern.classes
        )
        return next(covering, None)

    def grow(self, name: str) -> bool:
        """A pattern in it has one member more; False, and nothing changes, where that is past the limit."""
        if self._weight >= self._limit:
            return False
        self._weights[name] += 1
        self._weight += 1
        return True

    def remove(self, name: str) -> None:
        """Give up what is in it."""
        del self._asked[name]
        self._patterns.pop(name, None)
        self._weight -= self._weights.pop(name, 1)

    def covers(self, interest: Interest) -> bool:
        """Whether one of its patterns brings all of this."""
        wanted = {interest.asset_class} if isinstance(interest, Instrument) else set(interest.classes)
        return any(wanted <= set(pattern.classes) for pattern in self._patterns.values())
