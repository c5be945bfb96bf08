"""What options take: the words and the reader agree."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewatch.feeds.option import ASSET_CLASS, UnfitValueError, choice, integer, number
from tradewatch.model.asset_class import AssetClass


def test_the_words_say_what_is_taken() -> None:
    assert integer(1, 100_000).takes == "a whole number from 1 to 100,000"
    assert number(Fraction(1, 1_000), Fraction(1_000)).takes == "a number between 0.001 and 1,000"
    assert number(Fraction(1), Fraction(9), words={"max": None}).takes == "a number between 1 and 9 or max"
    assert choice({"true": True, "false": False}).takes == "true or false"
    assert ASSET_CLASS.takes == "currencies, crypto, stocks, indices or commodities"
    assert ASSET_CLASS.read("crypto") is AssetClass.CRYPTO


@given(st.integers(-50, 50), st.integers(0, 20), st.integers(0, 20))
def test_whole_numbers_are_read_within_their_bounds(value: int, lowest: int, more: int) -> None:
    reader = integer(lowest, lowest + more)
    if lowest <= value <= lowest + more:
        assert reader.read(str(value)) == value
    else:
        with pytest.raises(UnfitValueError):
            reader.read(str(value))


def test_a_word_stands_for_its_value_beside_numbers() -> None:
    reader = number(Fraction(1, 2), Fraction(10), words={"max": None})
    assert reader.read("max") is None
    assert reader.read("2.5") == Fraction(5, 2)
    with pytest.raises(UnfitValueError, match=r"not between 0\.5 and 10: '11' \(or: max\)"):
        reader.read("11")
