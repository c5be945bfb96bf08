"""A made day: quotes of many symbols as slots of a tape, in the order of arrival, the same at each run.

`python -m bench.day QUOTES SYMBOLS` writes them to stdout. What is made, and after what: bench/README.md.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bench.scenario import SYMBOLS, symbol
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.tape import layout

#: 2026-01-08, a Thursday.
START_S = 1_767_830_400
END_S = START_S + 86_400
#: Decimals of every price, of which a record drops the zeros at the end.
DECIMALS = 5
#: What a recorder takes at a time: the slots of one mebibyte.
BATCH_RECORDS = (1 << 20) // layout.SLOT_BYTES

#: Share of the quotes that repeat the one before, as in recordings of these classes (two of indices differ).
_REPEATS = {
    AssetClass.CURRENCIES: 0.0,
    AssetClass.CRYPTO: 0.9,
    AssetClass.STOCKS: 0.74,
    AssetClass.INDICES: 0.5,
    AssetClass.COMMODITIES: 0.0,
}
_SEED = 20_140_508
_CHUNK_RECORDS = 50 * BATCH_RECORDS
#: Quotes arrive from here to there; the last of a Poisson process is not quite where it is expected.
_FIRST_US, _LAST_US = 100_000, 86_300_000_000
_SOURCE = 1


def instruments(symbols: int = SYMBOLS) -> list[Instrument]:
    """The symbols of the day, the classes in turn."""
    classes = list(AssetClass)
    return [
        Instrument(number + 1, classes[number % len(classes)], symbol(number), DECIMALS)
        for number in range(symbols)
    ]


def definitions(symbols: int = SYMBOLS) -> bytes:
    """The slots that define them, and their source."""
    return b"".join(
        [layout.pack_source(_SOURCE, "feed/day"), *map(layout.pack_instrument, instruments(symbols))]
    )


def chunks(quotes: int, *, symbols: int = SYMBOLS) -> Iterator[np.ndarray]:
    """All quotes as arrays of `SLOT_DTYPE`, some hundred thousand at a time.

    They arrive by a Poisson process, every symbol as often as any other; each was on its way for as long as
    its symbol's quotes are, one to eight milliseconds, and some tenths more. Prices walk by some points, both
    sides at once, and the spread changes with them.
    """
    chance = np.random.default_rng(_SEED)
    members = instruments(symbols)
    walks = _Walks(chance, members)
    delay_us = chance.integers(1_000, 8_000, symbols)
    blank = layout.slots(layout.pack_record(Record(members[0], 0, 0, None, None, source=_SOURCE)))[0]
    mean_us = (_LAST_US - _FIRST_US) / quotes
    reached_us = START_S * 1_000_000.0 + _FIRST_US
    for first in range(0, quotes, _CHUNK_RECORDS):
        count = min(_CHUNK_RECORDS, quotes - first)
        arrived_us = reached_us + np.cumsum(chance.exponential(mean_us, count))
        reached_us = float(arrived_us[-1])
        received_us = np.minimum(arrived_us, END_S * 1e6 - 1).astype(np.int64)
        chosen = chance.integers(0, symbols, count, dtype=np.uint16)
        happened_us = received_us - delay_us[chosen] - chance.exponential(700, count).astype(np.int64)
        slots = np.full(count, blank, dtype=layout.SLOT_DTYPE)
        slots["instrument"] = chosen + 1
        slots["received_ns"] = received_us * 1_000
        slots["event_ns"] = happened_us // 1_000 * 1_000_000
        walks.walk(chosen, slots)
        yield slots


@contextmanager
def batches(quotes: int, *, symbols: int = SYMBOLS) -> Iterator[Iterator[bytes]]:
    """The same from a process of its own, in batches of `BATCH_RECORDS`."""
    command = [sys.executable, "-m", "bench.day", str(quotes), str(symbols)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as made:
        stdout = made.stdout
        assert stdout
        try:
            yield iter(lambda: stdout.read(BATCH_RECORDS * layout.SLOT_BYTES), b"")
        finally:
            made.kill()


class _Walks:
    """The price of each symbol, from chunk to chunk."""

    def __init__(self, chance: np.random.Generator, members: list[Instrument]) -> None:
        count = len(members)
        self._chance = chance
        self._repeats = np.array([_REPEATS[member.asset_class] for member in members])
        self._step = chance.uniform(1, 5, count)
        self._spread = chance.integers(5, 40, count)
        self._bid = chance.integers(100_000, 20_000_000, count)
        self._wider = np.zeros(count, dtype=np.int64)
        self._seq = np.zeros(count, dtype=np.int64)

    def walk(self, chosen: np.ndarray, slots: np.ndarray) -> None:
        """Write seqs and prices of the next quotes of these symbols."""
        order = np.argsort(chosen, kind="stable")
        own = chosen[order]  # each symbol's quotes lie together from here on
        counts = np.bincount(own, minlength=len(self._seq))
        begins = np.cumsum(counts) - counts
        place = np.arange(len(own))
        rank = place - begins[own]
        moves = self._chance.random(len(own)) >= self._repeats[own]
        steps = np.where(moves, np.rint(self._chance.normal(0, self._step[own])), 0).astype(np.int64)
        total = np.cumsum(steps)
        bid = self._bid[own] + total - (total - steps)[begins[own]]
        moved = np.maximum.accumulate(np.where(moves, place, -1))
        wider = np.where(moved >= begins[own], self._chance.integers(0, 5, len(own))[moved], self._wider[own])
        ask = bid + self._spread[own] + wider
        slots["seq"][order] = self._seq[own] + rank + 1
        for side, (name, prices) in enumerate((("bid", bid), ("ask", ask))):
            mantissas, exponents = _shortest(prices)
            slots[name][order] = mantissas
            slots["exponents"][order, side] = exponents
        ends = (begins + counts - 1)[counts > 0]
        present = own[ends]
        self._seq += counts
        self._bid[present], self._wider[present] = bid[ends], wider[ends]


def _shortest(prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prices in points as records have them: no zeros behind the last decimal."""
    mantissas, exponents = prices.copy(), np.full(len(prices), -DECIMALS, dtype=np.int8)
    for _ in range(DECIMALS):
        rows = np.flatnonzero((mantissas % 10 == 0) & (exponents < 0))
        if not rows.size:
            break
        mantissas[rows] //= 10
        exponents[rows] += 1
    return mantissas, exponents


def points(slots: np.ndarray, side: str) -> np.ndarray:
    """The bids or asks of slots as integers of `DECIMALS` decimals."""
    exponents = slots["exponents"][:, ("bid", "ask").index(side)].astype(np.int64)
    prices: np.ndarray = slots[side] * 10 ** (exponents + DECIMALS)
    return prices


def main() -> None:
    """Write the day."""
    quotes, symbols = map(int, sys.argv[1:])
    for slots in chunks(quotes, symbols=symbols):
        try:
            sys.stdout.buffer.write(slots.data)
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
