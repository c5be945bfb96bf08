"""How a simulated instrument behaves, in whole ticks: where its price starts, how wide, how lively it is."""

from collections.abc import Mapping
from typing import NamedTuple
from zlib import crc32

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import MAX_DECIMALS, Price

#: Ticks that a price is at least and at most worth: room to move, and room in 64 bits. Outside of them the
#: tick is finer or coarser than the instrument's own.
_TICKS_RANGE = (100, 10**12)


class Character(NamedTuple):
    """The constants of one instrument.

    Attributes:
        exponent: the power of ten that one tick is worth.
        base_ticks: the price that the instrument returns to.
        spread_ticks: the narrowest distance between bid and ask.
        step_ticks: the farthest that a quote moves from the one before.
    """

    exponent: int
    base_ticks: int
    spread_ticks: int
    step_ticks: int


class _Temper(NamedTuple):
    """What the instruments of a class have in common; `ppm` is in millionths of the price."""

    decimals: int
    cheapest_cents: int
    dearest_cents: int
    spread_ppm: int
    step_ppm: int


_TEMPERS: Mapping[AssetClass, _Temper] = {
    AssetClass.CURRENCIES: _Temper(5, 50, 200, 60, 20),
    AssetClass.CRYPTO: _Temper(2, 1_000, 100_000, 10, 60),
    AssetClass.STOCKS: _Temper(2, 1_000, 40_000, 100, 80),
    AssetClass.INDICES: _Temper(2, 100_000, 3_000_000, 80, 20),
    AssetClass.COMMODITIES: _Temper(2, 2_000, 200_000, 120, 60),
}


def usual_decimals(asset_class: AssetClass) -> int:
    """The digits that instruments of a class are mostly quoted with."""
    return _TEMPERS[asset_class].decimals


def character_of(instrument: Instrument, reference: Price | None) -> Character:
    """The character of an instrument, always the same.

    Args:
        instrument: what is to be simulated.
        reference: a rough price to start from; None where nobody knows one, then the name decides.
    """
    temper = _TEMPERS[instrument.asset_class]
    if reference is None or reference.mantissa <= 0:
        reference = _price_from_name(instrument, temper)
    decimals = instrument.decimals
    ticks = _ticks(reference, decimals)
    fewest, most = _TICKS_RANGE
    while ticks < fewest and decimals < MAX_DECIMALS:
        decimals += 1
        ticks = _ticks(reference, decimals)
    while ticks > most and decimals > 0:
        decimals -= 1
        ticks = _ticks(reference, decimals)
    ticks = min(max(ticks, fewest), most)
    return Character(
        exponent=-decimals,
        base_ticks=ticks,
        spread_ticks=max(1, ticks * temper.spread_ppm // 1_000_000),
        step_ticks=max(1, ticks * temper.step_ppm // 1_000_000),
    )


def _price_from_name(instrument: Instrument, temper: _Temper) -> Price:
    """A price that is plausible for the class."""
    choices = temper.dearest_cents - temper.cheapest_cents
    return Price.of(temper.cheapest_cents + crc32(instrument.key.encode()) % choices, -2)


def _ticks(price: Price, decimals: int) -> int:
    """How many ticks of 10 ** -`decimals` a price is worth, cut to whole ones."""
    shift = decimals + price.exponent
    return price.mantissa * 10**shift if shift >= 0 else int(price.mantissa // 10**-shift)
