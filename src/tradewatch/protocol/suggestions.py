"""Suggestions: symbols close to one that nobody has, at a bounded price."""

from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice
from operator import itemgetter

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.naming import Directory

_MOST = 3
#: Twice the letters in common over all letters, as difflib reckons them.
_LIKENESS = 0.6
#: Pairs of neighbouring letters that are looked at in one name, and instruments that are kept for one pair.
_PAIRS = 12
_PER_PAIR = 64
#: So many share the most pairs; only they are compared letter by letter.
_COMPARED = 16
_MAX_SYMBOL_CHARS = 32
#: The index takes in so many new instruments of a class at a time.
_GROWTH = 2_000


class Suggestions:
    """Finds instruments whose symbols look like a mistyped one; one for all connections.

    Comparing with every symbol takes milliseconds, so an index by pairs of letters picks the few that are
    worth it. What it misses is missed: a suggestion is a courtesy.

    Args:
        directory: the instruments; ones that come later are taken in as they are found.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._instruments: list[Instrument] = []
        self._taken = dict.fromkeys(AssetClass, 0)
        self._by_pair: dict[tuple[AssetClass, str], list[int]] = {}
        for asset_class in AssetClass:
            self._take(asset_class, directory.count(asset_class))

    def close_to(self, symbol: str, classes: Iterable[AssetClass]) -> list[Instrument]:
        """At most 3 instruments of these classes, the most alike first."""
        if len(symbol) > _MAX_SYMBOL_CHARS:
            return []
        symbol = symbol.upper()
        shared: Counter[int] = Counter()
        for asset_class in classes:
            if self._taken[asset_class] < self._directory.count(asset_class):
                self._take(asset_class, _GROWTH)
            for pair in _pairs(symbol):
                shared.update(self._by_pair.get((asset_class, pair), ()))
        matcher = SequenceMatcher(b=symbol)
        alike: list[tuple[float, Instrument]] = []
        for number, _ in shared.most_common(_COMPARED):
            matcher.set_seq1(self._instruments[number].symbol)
            if matcher.quick_ratio() < _LIKENESS:  # an upper bound, at a fraction of the price
                continue
            if (likeness := matcher.ratio()) >= _LIKENESS:
                alike.append((likeness, self._instruments[number]))
        alike.sort(key=itemgetter(0), reverse=True)
        return [instrument for _, instrument in alike[:_MOST]]

    def _take(self, asset_class: AssetClass, count: int) -> None:
        first = self._taken[asset_class]
        fresh = list(islice(self._directory.members(asset_class), first, first + count))
        for number, instrument in enumerate(fresh, len(self._instruments)):
            for pair in _pairs(instrument.symbol):
                numbers = self._by_pair.setdefault((asset_class, pair), [])
                if len(numbers) < _PER_PAIR:
                    numbers.append(number)
        self._instruments += fresh
        self._taken[asset_class] += len(fresh)


def _pairs(symbol: str) -> dict[str, None]:
    """Its first pairs of neighbouring letters, each once; its beginning is one of them."""
    marked = f" {symbol[:_PAIRS]}"
    return dict.fromkeys(marked[at : at + 2] for at in range(len(marked) - 1))
