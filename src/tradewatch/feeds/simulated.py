"""Invented quotes that look like a market's, at an exact rate."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from itertools import repeat, zip_longest
from typing import NamedTuple

import numpy as np

from tradewatch.clock import Clock
from tradewatch.errors import InvalidInstrumentError
from tradewatch.feeds.character import character_of, usual_decimals
from tradewatch.feeds.option import PREFIX_DIGITS
from tradewatch.feeds.pace import Pace, Sleep
from tradewatch.feeds.source import MAX_BATCH, SourceState
from tradewatch.feeds.spec import SimulatedSpec, spec_error
from tradewatch.feeds.walk import Integers, Walk
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Flags, Record, whole_microseconds
from tradewatch.reference.builtin import reference_price
from tradewatch.reference.catalogue import Catalogue

#: While it keeps its rate, a source makes no batch sooner than this after the last.
BATCH_INTERVAL_NS = 5_000_000

_NS_PER_S = 1_000_000_000


class _Columns(NamedTuple):
    """Quotes, column by column."""

    instruments: list[Instrument]
    bids: list[Price]
    asks: list[Price]


class SimulatedSource:
    """Quotes from a seeded random walk; the same seed and catalogue give the same quotes at any speed."""

    simulated = True

    def __init__(
        self,
        spec: SimulatedSpec,
        catalogue: Catalogue,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
        *,
        reference: Callable[[Instrument], Price | None] = reference_price,
    ) -> None:
        """Choose the instruments.

        Args:
            spec: how many, how fast.
            catalogue: where they are taken from, or added to under a prefix.
            clock: both clocks.
            sleep: waits so many seconds.
            reference: a rough price to start from; None where it knows none.

        Raises:
            FeedSpecError: the catalogue has too few instruments, or no room for those of the feed's own.
        """
        self._spec = spec
        self._clock = clock
        self._sleep = sleep
        self._state = SourceState()
        self._chosen = _chosen(spec, catalogue)
        self._yielded: set[int] = set()
        characters = [character_of(instrument, reference(instrument)) for instrument in self._chosen]
        self._exponents = np.array([character.exponent for character in characters], dtype=np.int64)
        self._walk = Walk(characters, seed=spec.seed)
        self._ready = _Columns([], [], [])

    @property
    def name(self) -> str:
        """The specification it was made from."""
        return self._spec.text

    @property
    def state(self) -> SourceState:
        """How it is."""
        return self._state

    @property
    def yielded(self) -> int:
        """How many instruments it no longer quotes because a real source does."""
        return len(self._yielded)

    def instruments(self) -> Collection[Instrument]:
        """What it quotes."""
        return [instrument for instrument in self._chosen if instrument.id not in self._yielded]

    def yield_instrument(self, instrument: Instrument) -> None:
        """Give way: quote this instrument no more. The others keep their own rates."""
        if any(instrument.id == own.id for own in self._chosen):
            self._yielded.add(instrument.id)

    async def batches(self) -> AsyncGenerator[Sequence[Record], None]:
        """Without end: the n-th quote n / rate seconds after the beginning, or as soon as it can be made."""
        pace = Pace(self.name, self._state, clock=self._clock, sleep=self._sleep)
        rate = self._spec.rate
        given = 0
        while True:
            elapsed_ns = pace.elapsed_ns()
            due = elapsed_ns * rate.numerator // (rate.denominator * _NS_PER_S)
            count = min(due - given, MAX_BATCH)
            if count:
                oldest_due_ns = self._due_ns(given + 1)
                batch = self._batch(given, count, pace)
                given += count
                pace.handed_over(len(batch), due_ns=oldest_due_ns)
                if batch:
                    yield batch
            soonest_ns = elapsed_ns + BATCH_INTERVAL_NS if given == due else 0
            await pace.wait_until(max(self._due_ns(given + 1), soonest_ns))

    def _batch(self, given: int, count: int, pace: Pace) -> list[Record]:
        """The next quotes, those of yielded instruments left out."""
        received_ns = whole_microseconds(self._clock.now_ns())
        times_ns = self._times_ns(pace.wall_ns(0), given, count)
        instruments, bids, asks = self._next_quotes(count)
        flags = repeat(Flags.SIMULATED.value)
        nothing = repeat(0)
        # As `Record(...)` for each, without a loop in Python.
        made = map(Record, instruments, times_ns, repeat(received_ns), bids, asks, nothing, nothing, flags)
        if not self._yielded:
            return list(made)
        return [record for record in made if record.instrument.id not in self._yielded]

    def _times_ns(self, start_ns: int, given: int, count: int) -> list[int]:
        """When the quotes behind the first `given` happened: the n-th n / rate seconds after the start."""
        step, divisor = _NS_PER_S * self._spec.rate.denominator, self._spec.rate.numerator
        given_ns, rest = divmod(given * step, divisor)
        step_ns, step_rest = divmod(step, divisor)
        numbers = np.arange(1, count + 1, dtype=np.int64)
        times_ns: Integers = start_ns + given_ns + numbers * step_ns + (rest + numbers * step_rest) // divisor
        return times_ns.tolist()  # type: ignore[no-any-return]  # numpy's own annotation

    def _due_ns(self, number: int) -> int:
        """When the quote of this number is due, after the beginning."""
        rate = self._spec.rate
        return -(-number * _NS_PER_S * rate.denominator // rate.numerator)

    def _next_quotes(self, count: int) -> _Columns:
        """The next so many quotes of the walk, as instruments and exact prices."""
        ready = self._ready
        while len(ready.instruments) < count:
            chosen, bids, asks = self._walk.block()
            exponents = self._exponents[chosen]
            ready.instruments.extend(map(self._chosen.__getitem__, chosen.tolist()))
            ready.bids.extend(_prices(bids, exponents))
            ready.asks.extend(_prices(asks, exponents))
        taken = _Columns(ready.instruments[:count], ready.bids[:count], ready.asks[:count])
        for column in ready:
            del column[:count]
        return taken


def _prices(mantissas: Integers, exponents: Integers) -> Iterator[Price]:
    """Prices in their shortest form: zeros behind the last decimal are dropped for all of them at once."""
    mantissas, exponents = mantissas.copy(), exponents.copy()
    while True:
        shorter, digit = np.divmod(mantissas, 10)
        longer = (digit == 0) & (exponents < 0)
        if not longer.any():
            # As `Price(mantissa, exponent)`, without a call in Python for each of them.
            return map(tuple.__new__, repeat(Price), zip(mantissas.tolist(), exponents.tolist(), strict=True))
        mantissas[longer] = shorter[longer]
        exponents[longer] += 1


def _chosen(spec: SimulatedSpec, catalogue: Catalogue) -> list[Instrument]:
    """The instruments of a feed, the classes in turn, the most important of each first."""
    classes = [spec.asset_class] if spec.asset_class else list(AssetClass)
    if spec.prefix:
        return _own_instruments(spec, catalogue, classes)
    in_turn = zip_longest(*(catalogue.members(asset_class) for asset_class in classes))
    found = [instrument for group in in_turn for instrument in group if instrument is not None]
    if len(found) < spec.symbols:
        where = spec.asset_class.value if spec.asset_class else "the catalogue"
        raise spec_error(
            spec.text,
            f"symbols: {spec.symbols:,} are wanted and there are {len(found):,} in {where}; "
            "prefix=... makes instruments of its own",
        )
    return found[: spec.symbols]


def _own_instruments(
    spec: SimulatedSpec, catalogue: Catalogue, classes: Sequence[AssetClass]
) -> list[Instrument]:
    """Instruments that exist for this feed alone, the classes in turn."""
    try:
        return [
            catalogue.add(
                asset_class := classes[number % len(classes)],
                f"{spec.prefix}{number:0{PREFIX_DIGITS}d}",
                decimals=usual_decimals(asset_class),
            )
            for number in range(spec.symbols)
        ]
    except InvalidInstrumentError as error:
        raise spec_error(spec.text, f"symbols: {error}") from None
