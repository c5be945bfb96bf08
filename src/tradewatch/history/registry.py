"""What the store calls things: its own numbers of instruments, sources and epochs, and those of the tape.

The tape's numbers are good for the life of a tape only; a history outlives it, and takes in files besides.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tradewatch.model.asset_class import AssetClass
from tradewatch.tape import layout


class Stored(NamedTuple):
    """An instrument of the store.

    Attributes:
        number: the store's own.
        asset_class: its class.
        symbol: upper case.
    """

    number: int
    asset_class: AssetClass
    symbol: str


class Registry:
    """All names and numbers, and how far each instrument is recorded in the epoch that runs.

    Numbers begin at 1 and are never given twice; 0 stands for what is not known.

    Attributes:
        instruments: in the order of their numbers.
        sources: names, likewise.
        epochs: Unix milliseconds, likewise.
        scales: by an instrument's number the decimals that its prices are brought to; they only grow.
        size_scales: likewise for its sizes.
        heads: by an instrument's number its last seq in the epoch that runs.
        heads_epoch: the number of that epoch.
    """

    def __init__(self) -> None:
        self.instruments: list[Stored] = []
        self.sources: list[str] = []
        self.epochs: list[int] = []
        self._by_name: dict[tuple[AssetClass, str], int] = {}
        self._source_numbers: dict[str, int] = {}
        self._epoch_numbers: dict[int, int] = {}
        self._numbers_of_ids = np.zeros(64, dtype=np.int32)
        self._numbers_of_sources = np.zeros(64, dtype=np.int32)
        self.scales = np.zeros(64, dtype=np.int8)
        self.size_scales = np.zeros(64, dtype=np.int8)
        self.heads = np.zeros(64, dtype=np.int64)
        self.heads_epoch = 0

    def get(self, asset_class: AssetClass, symbol: str) -> Stored | None:
        """The instrument of this class and symbol (upper case); None where there is none."""
        number = self._by_name.get((asset_class, symbol))
        return None if number is None else self.instruments[number - 1]

    def add(self, asset_class: AssetClass, symbol: str, *, scale: int, size_scale: int = 0) -> Stored:
        """The instrument of this class and symbol, which is made where there is none."""
        known = self.get(asset_class, symbol)
        if known is not None:
            return known
        stored = Stored(len(self.instruments) + 1, asset_class, symbol)
        self.instruments.append(stored)
        self._by_name[asset_class, symbol] = stored.number
        self.heads = _reaching(self.heads, stored.number)
        self.scales = _reaching(self.scales, stored.number)
        self.size_scales = _reaching(self.size_scales, stored.number)
        self.scales[stored.number], self.size_scales[stored.number] = scale, size_scale
        return stored

    def widen(self, asset_class: AssetClass, symbol: str, *, scale: int, size_scale: int) -> None:
        """Have an instrument of this class and symbol, with at least so many decimals."""
        number = self.add(asset_class, symbol, scale=scale, size_scale=size_scale).number
        self.scales[number] = max(self.scales[number], scale)
        self.size_scales[number] = max(self.size_scales[number], size_scale)

    def source(self, name: str) -> int:
        """The number of a source of this name."""
        number = self._source_numbers.get(name)
        if number is None:
            self.sources.append(name)
            number = self._source_numbers[name] = len(self.sources)
        return number

    def epoch(self, epoch_ms: int) -> int:
        """The number of an epoch."""
        number = self._epoch_numbers.get(epoch_ms)
        if number is None:
            self.epochs.append(epoch_ms)
            number = self._epoch_numbers[epoch_ms] = len(self.epochs)
        return number

    def known_epoch(self, epoch_ms: int) -> int | None:
        """The number of an epoch; None where nothing was recorded in it."""
        return self._epoch_numbers.get(epoch_ms)

    def call_instrument(self, tape_id: int, number: int) -> None:
        """From here on the tape means this instrument by that id."""
        self._numbers_of_ids = _reaching(self._numbers_of_ids, tape_id)
        self._numbers_of_ids[tape_id] = number

    def call_source(self, tape_source: int, number: int) -> None:
        """From here on the tape means this source by that number."""
        self._numbers_of_sources = _reaching(self._numbers_of_sources, tape_source)
        self._numbers_of_sources[tape_source] = number

    def learn(self, definitions: Iterable[bytes]) -> None:
        """Take in slots of the tape that define instruments and sources; others are passed over."""
        for slot in definitions:
            if slot[0] == layout.DEFINE_INSTRUMENT:
                defined = layout.unpack_instrument(slot)
                stored = self.add(defined.asset_class, defined.symbol, scale=defined.decimals)
                self.call_instrument(defined.id, stored.number)
            elif slot[0] == layout.DEFINE_SOURCE:
                number, name = layout.unpack_source(slot)
                self.call_source(number, self.source(name))

    def numbers(self, tape_ids: np.ndarray) -> np.ndarray:
        """The store's numbers of instruments that the tape calls so; 0 where it never said which."""
        return _looked_up(self._numbers_of_ids, tape_ids)

    def source_numbers(self, tape_sources: np.ndarray) -> np.ndarray:
        """The store's numbers of sources that the tape calls so; 0 where it never said which."""
        return _looked_up(self._numbers_of_sources, tape_sources)


def _looked_up(table: np.ndarray, keys: np.ndarray) -> np.ndarray:
    inside = keys < len(table)
    found: np.ndarray = np.where(inside, table[np.where(inside, keys, 0)], 0)
    return found


def _reaching(table: np.ndarray, index: int) -> np.ndarray:
    """The table, long enough to hold an index."""
    if index < len(table):
        return table
    longer = np.zeros(max(index + 1, 2 * len(table)), dtype=table.dtype)
    longer[: len(table)] = table
    return longer
