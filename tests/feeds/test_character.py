import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewatch.feeds.character import Character, character_of
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price


def _instrument(asset_class: AssetClass, symbol: str, decimals: int) -> Instrument:
    return Instrument(id=1, asset_class=asset_class, symbol=symbol, decimals=decimals)


def test_a_major_pair_moves_in_tenths_of_a_pip() -> None:
    instrument = _instrument(AssetClass.CURRENCIES, "EURUSD", 5)
    assert character_of(instrument, Price.parse("1.08")) == Character(-5, 108_000, 6, 2)


def test_a_name_without_a_price_has_always_the_same_plausible_one() -> None:
    instrument = _instrument(AssetClass.STOCKS, "SYM00001", 2)
    character = character_of(instrument, None)
    assert character == character_of(instrument, None)
    assert character.exponent == -2
    assert 1_000 <= character.base_ticks < 40_000
    assert (
        character.base_ticks != character_of(_instrument(AssetClass.STOCKS, "SYM00002", 2), None).base_ticks
    )


@pytest.mark.parametrize(
    ("price", "decimals", "exponent", "ticks"),
    [
        ("0.0000000001", 10, -12, 100),
        ("60000", 18, -7, 600_000_000_000),
        ("5.4321", 2, -2, 543),
        ("0", 2, -2, None),
    ],
)
def test_a_tick_is_fine_enough_to_move_in_and_coarse_enough_to_count(
    price: str, decimals: int, exponent: int, ticks: int | None
) -> None:
    character = character_of(_instrument(AssetClass.CRYPTO, "A", decimals), Price.parse(price))
    assert character.exponent == exponent
    assert ticks is None or character.base_ticks == ticks


@given(
    st.sampled_from(AssetClass),
    st.integers(0, 36),
    st.builds(Price.of, st.integers(0, 2**63 - 1), st.integers(-36, 0)),
)
def test_a_character_always_fits_its_numbers(asset_class: AssetClass, decimals: int, price: Price) -> None:
    character = character_of(_instrument(asset_class, "A", decimals), price)
    assert -36 <= character.exponent <= 0
    assert 100 <= character.base_ticks <= 10**12
    assert 1 <= character.spread_ticks < character.base_ticks / 10
    assert 1 <= character.step_ticks < character.base_ticks / 10
